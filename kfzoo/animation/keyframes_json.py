"""Reads the JSON that `generate` and `estimate` write (`KeyframesJson`) as the animation that it was."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.animation.curves import resample_at
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.data.json_lines import Fields
from kfzoo.data.vector import named_vector
from kfzoo.errors import InputError
from kfzoo.json_text import decode_json
from kfzoo.recordings.take import usual_rate
from kfzoo.recordings.text_lines import read_text

FIRST_PART = 65536
"""Bytes by which a kind of file is told."""

_FORMAT = re.compile(r"\"format\"\s*:\s*\"kfzoo-keyframes-1\"")


def first_part(file: Path) -> str:
    """Returns the beginning of a file as text; nothing where it cannot be read, which its reader then reports."""
    try:
        with file.open("rb") as opened:
            return opened.read(FIRST_PART).decode("utf-8-sig", errors="ignore")
    except OSError:
        return ""


def is_keyframes_json(text: str) -> bool:
    """Tells by the beginning of a file's text whether it is one of these."""
    return bool(_FORMAT.search(text))


def read_keyframes_json(file: Path, hold: float = 0.5, ease: float = 0.4) -> FaceAnimation:
    """Reads a file: keyframes with words are interpolated; those of a clip, which have none, are its frames.

    Args:
        file: The JSON.
        hold: Seconds that keyframes are held, see `interpolate`.
        ease: Seconds from neutral and back, see `interpolate`.

    Raises:
        InputError: For everything wrong in the file.
    """
    try:
        values = decode_json(read_text(file))
    except ValueError as error:
        raise InputError(file, f"is not JSON ({error})", "write it again") from None
    document = Fields(str(file), values)
    rows = [
        Fields(str(file), row, key=f"keyframes[{number}]") for number, row in enumerate(document.items("keyframes"))
    ]
    times, faces = [row.number("time") for row in rows], np.stack([_face(row) for row in rows])
    text = document.text("text", "")
    try:
        if any("text" in row for row in rows) or len(rows) == 1:
            texts = [row.text("text", "") for row in rows] if "text" in rows[0] else []
            fps = document.number("fps")
            return FaceAnimation.of_keyframes(times, faces, fps=fps, hold=hold, ease=ease, texts=texts, text=text)
        seconds = np.array(times) - times[0]
        rate = usual_rate(seconds)
        return FaceAnimation(seconds, faces, resample_at(seconds, faces, rate), rate, text)
    except InputError as error:
        raise error if str(error).startswith(str(file)) else InputError(file, str(error)) from error


def _face(row: Fields) -> Any:
    values = row.get("coefficients")
    if not isinstance(values, dict):
        raise row.fault("coefficients", "is no object", "expected 61 values by name")
    face, problems = named_vector(list(values.items()))
    if face is None:
        raise row.fault("coefficients", f"is wrong: {problems[0]}")
    return face
