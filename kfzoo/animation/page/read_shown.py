"""Reads a file of any kind that holds faces over time: recordings, keyframes in JSON, scripts in JSON Lines."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.page.shown_take import ShownTake, usual_rate
from kfzoo.data.json_lines import Fields
from kfzoo.data.script import Script
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.data.vector import named_vector
from kfzoo.errors import InputError
from kfzoo.json_text import decode_json
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.text_lines import read_text

_FIRST_PART = 65536  # Bytes by which a kind is told.
_KEYFRAMES = re.compile(r"\"format\"\s*:\s*\"kfzoo-keyframes-1\"")
_SCRIPTS = re.compile(r"\A\s*\{(?=[^\n]*\"id\")[^\n]*\"keyframes\"\s*:\s*\[")


def read_shown(
    path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS, *, hold: float = 0.5, ease: float = 0.4
) -> list[ShownTake]:
    """Reads the takes of a file, whose kind is told by its content.

    Args:
        path: A recording that `read_take` reads, keyframes as `generate` and `estimate` write them in JSON, or scripts
            in JSON Lines.
        options: What a recording leaves open.
        hold: Seconds that keyframes are held, see `interpolate`.
        ease: Seconds from neutral and back, see `interpolate`.

    Returns:
        One take, or one for each script; titles are the file's name or the scripts' ids.

    Raises:
        InputError: For a file of no known kind, everything wrong in it, and keyframes without coefficients.
    """
    file = Path(path)
    first = _first_part(file)
    if _KEYFRAMES.search(first):
        return [_of_json(file, hold, ease)]
    if _SCRIPTS.match(first):
        scripts = list(ScriptsJsonl(file))
        return [
            _of_script(file, script, file.stem if len(scripts) == 1 else script.id, hold, ease) for script in scripts
        ]
    return [ShownTake.of_recording(read_take(file, options), file.stem)]


def with_different_titles(takes: Sequence[tuple[Path, ShownTake]]) -> list[ShownTake]:
    """Returns takes whose titles tell them apart: by their folder where they have one name, else by a number."""
    names = [take.title for _, take in takes]
    longer = [
        f"{path.resolve().parent.name}/{name}" if names.count(name) > 1 else name
        for (path, _), name in zip(takes, names, strict=True)
    ]
    titles = [
        f"{name} ({longer[:at].count(name) + 1})" if longer.count(name) > 1 else name for at, name in enumerate(longer)
    ]
    return [replace(take, title=title) for (_, take), title in zip(takes, titles, strict=True)]


def _of_json(file: Path, hold: float, ease: float) -> ShownTake:
    """Keyframes with words are interpolated; those of a clip, which have none, are its frames."""
    try:
        values = decode_json(read_text(file))
    except ValueError as error:
        raise InputError(file, f"is not JSON ({error})", "write it again") from None
    document = Fields(str(file), values)
    rows = [
        Fields(str(file), row, key=f"keyframes[{number}]") for number, row in enumerate(document.items("keyframes"))
    ]
    times, faces = [row.number("time") for row in rows], [_face(row) for row in rows]
    if any("text" in row for row in rows) or len(rows) == 1:
        texts = [row.text("text", "") for row in rows] if "text" in rows[0] else []
        fps, text = document.number("fps"), document.text("text", "")
        return _interpolated(file, times, faces, texts, text, (fps, hold, ease), file.stem)
    seconds = np.array(times)
    if (np.diff(seconds) < 0).any():
        raise InputError(file, "the times of its keyframes do not rise", "sort the keyframes by their time")
    text = document.text("text", "")
    coefficients = np.stack(faces).astype(np.float32)
    return ShownTake(file.stem, seconds - seconds[0], coefficients, usual_rate(seconds), text=text)


def _of_script(file: Path, script: Script, title: str, hold: float, ease: float) -> ShownTake:
    faces = [keyframe.coefficients for keyframe in script.keyframes if keyframe.coefficients is not None]
    if len(faces) < len(script.keyframes):
        problem = f"script '{script.id}' has {len(script.keyframes) - len(faces)} keyframes without coefficients"
        raise InputError(file, problem, "generate them first (`generate`, `predict`)")
    texts = [each.original or each.image or each.arkit for each in script.keyframes]
    times = [each.time for each in script.keyframes]
    return _interpolated(file, times, faces, texts, "", (60.0, hold, ease), title)


def _interpolated(
    file: Path,
    times: Sequence[float],
    faces: Sequence[Any],
    texts: Sequence[str],
    text: str,
    settings: tuple[float, float, float],
    title: str,
) -> ShownTake:
    fps, hold, ease = settings
    try:
        animation = FaceAnimation.of_keyframes(
            times, np.stack(faces), fps=fps, hold=hold, ease=ease, texts=texts, text=text
        )
    except InputError as error:
        raise InputError(file, str(error)) from error
    return ShownTake.of_animation(animation, title)


def _face(row: Fields) -> Any:
    values = row.get("coefficients")
    if not isinstance(values, dict):
        raise row.fault("coefficients", "is no object", "expected 61 values by name")
    face, problems = named_vector(list(values.items()))
    if face is None:
        raise row.fault("coefficients", f"is wrong: {problems[0]}")
    return face


def _first_part(file: Path) -> str:
    """Returns the beginning of a file as text; nothing where it cannot be read, which its reader then reports."""
    try:
        with file.open("rb") as opened:
            return opened.read(_FIRST_PART).decode("utf-8-sig", errors="ignore")
    except OSError:
        return ""
