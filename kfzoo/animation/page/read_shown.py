"""Reads a file of any kind that holds faces over time: recordings, keyframes in JSON, scripts in JSON Lines."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.keyframes_json import first_part, is_keyframes_json, read_keyframes_json
from kfzoo.animation.page.shown_take import ShownTake
from kfzoo.data.script import Script
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.errors import InputError
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.read import read_take

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
    first = first_part(file)
    if is_keyframes_json(first):
        return [ShownTake.of_animation(read_keyframes_json(file, hold, ease), file.stem)]
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


def _of_script(file: Path, script: Script, title: str, hold: float, ease: float) -> ShownTake:
    faces = [keyframe.coefficients for keyframe in script.keyframes if keyframe.coefficients is not None]
    if len(faces) < len(script.keyframes):
        problem = f"script '{script.id}' has {len(script.keyframes) - len(faces)} keyframes without coefficients"
        raise InputError(file, problem, "generate them first (`generate`, `predict`)")
    texts = [each.original or each.image or each.arkit for each in script.keyframes]
    times = [each.time for each in script.keyframes]
    try:
        animation = FaceAnimation.of_keyframes(times, np.stack(faces), hold=hold, ease=ease, texts=texts)
    except InputError as error:
        raise InputError(file, str(error)) from error
    return ShownTake.of_animation(animation, title)
