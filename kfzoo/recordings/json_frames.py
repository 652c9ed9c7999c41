"""JSON recordings that name the values of each frame: MediaPipe's scores, and ARKit weights in any spelling.

A frame is an object with its time and, under `blendshapes` or the like, either objects of a name and a score
(MediaPipe's `categoryName` and `score`) or one object of values by name; the values may also stand in the frame itself.
A frame whose list is empty is one in which the tracker had lost the face.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.arkit.channels import ANGLES, canonical
from kfzoo.errors import InputError
from kfzoo.json_text import as_number
from kfzoo.recordings.frame_times import seconds_of_rate, seconds_of_stamps, unit_of_name
from kfzoo.recordings.named_columns import NEUTRAL, NamedColumns
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.timed_table import INDICES, RADIANS, TIMES

FRAMES = ("frames", "data", "recording", "recordings", "samples", "keyframes", "results", "blendshapes", "animation")
"""Keys under which files hold their frames."""

VALUES = (
    "blendshapes", "faceblendshapes", "categories", "weights", "coefficients", "shapes", "scores", "values", "arkit",
)  # fmt: skip
"""Keys under which frames hold their values: small letters, without underscores."""

_NAMES = ("categoryName", "category_name", "name", "displayName", "key", "id")
_SCORES = ("score", "value", "weight")
_RATES = ("fps", "exportFps", "frameRate", "frame_rate", "framerate")


def frames_in(values: Any) -> list[Any] | None:
    """Finds the list of frames in decoded JSON; None where there is none."""
    if isinstance(values, dict):
        values = next((values[key] for key in FRAMES if _is_frames(values.get(key))), None)
    return values if _is_frames(values) else None


def keys_of(values: Any) -> str:
    """Describes decoded JSON by its keys, for messages."""
    if isinstance(values, dict):
        names = ", ".join(f"'{key[:40]}'" for key in list(values)[:5]) + (", …" if len(values) > 5 else "")
        return f"the keys {names}" if values else "no keys"
    return f"a list of {len(values)}" if isinstance(values, list) else "a single value"


def read_frames(file: Path, frames: list[Any], head: dict[str, Any], options: ReadingOptions) -> NamedColumns:
    """Reads frames of named values.

    Args:
        file: Their file, for messages.
        frames: As they were decoded.
        head: The object around them, which may state the rate.
        options: `row_fps` is the rate where the file has neither time nor rate.

    Returns:
        The columns of the first frame, which all frames must have.

    Raises:
        InputError: For a frame without values or with others than the first, a value that is no number, and frames
            without time in a file without a rate.
    """
    rows: list[list[float]] = []
    stamps: list[float] = []
    places: list[int] = []
    names: list[str] = []
    time = next((key for key in frames[0] if _key(key) in TIMES), None) if isinstance(frames[0], dict) else None
    passed: dict[str, None] = {}
    for number, frame in enumerate(frames):
        where = f"{file}: frame {number}"
        found, others = _values(where, frame, time)
        passed |= dict.fromkeys(others)
        if not found:
            continue
        names = names or list(found)
        if found.keys() != set(names):
            other = min(found.keys() ^ set(names))
            raise InputError(where, f"'{other[:40]}' is not in every frame", "take the incomplete frames out")
        rows.append([as_number(found[name]) for name in names])
        places.append(number)
        if time is not None:
            stamps.append(as_number(frame.get(time)))
    if len(rows) < 2:
        raise InputError(file, f"holds {len(rows)} frame(s) with a face, at least 2 are needed", "record longer")
    if time is None:
        rate = next((as_number(head[key]) for key in _RATES if key in head), None)
        seconds, words = seconds_of_rate(file, len(frames), rate, options)
        seconds = seconds[places]
    else:
        seconds, unit = seconds_of_stamps(file, stamps, unit_of_name(time))
        words = f"'{time}' is in {unit}"
    remarks = [words]
    if passed:
        remarks.append(f"keys {', '.join(repr(key[:40]) for key in list(passed)[:5])} of the frames are passed over")
    if any(_is_angle(name) for name in names):
        remarks.append(RADIANS)
    kind = "MediaPipe" if NEUTRAL in names else "frames of named values"
    lost, values = len(frames) - len(rows), np.array(rows)
    return NamedColumns(kind, names, values, seconds, lambda row: f"{file}: frame {places[row]}", lost, tuple(remarks))


def _values(where: str, frame: Any, time: str | None) -> tuple[dict[str, Any], list[str]]:
    """Returns the values of a frame by name, none where the face was lost, and the keys that are passed over."""
    if not isinstance(frame, dict):
        raise InputError(where, "is no object", "expected the time and the values of the frame")
    key = next((key for key in frame if _key(key) in VALUES), None)
    rest = [name for name in frame if name not in (key, time) and _key(name) not in INDICES]
    if key is None:
        values = {name: frame[name] for name in rest if not isinstance(frame[name], dict | list | str)}
        if not values:
            raise InputError(where, f"holds no values by name, but {keys_of(frame)}", "give a recording")
        return values, [name for name in rest if name not in values]
    found = frame[key]
    while isinstance(found, list) and len(found) == 1:  # MediaPipe: one list, or one object with categories, a face.
        found = found[0]
    if isinstance(found, dict) and isinstance(found.get("categories"), list):
        found = found["categories"]
    if found is None or found == [] or found == {}:
        return {}, rest
    return (found if isinstance(found, dict) else _scores(where, key, found)), rest


def _scores(where: str, key: str, found: Any) -> dict[str, Any]:
    """Reads a list of objects of a name and a score."""
    values: dict[str, Any] = {}
    for entry in found if isinstance(found, list) else [found]:
        fields = entry if isinstance(entry, dict) else {}
        name = next((fields[each] for each in _NAMES if isinstance(fields.get(each), str) and fields[each]), None)
        score = next((each for each in _SCORES if each in fields), None)
        if name is None or score is None:
            raise InputError(where, f"key '{key}' holds no names with scores", "expected [{name, score}, …]")
        if name in values:
            raise InputError(where, f"'{name[:40]}' occurs twice", "keep one face a frame")
        values[name] = fields[score]
    return values


def _is_frames(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and isinstance(values[0], dict)


def _key(name: str) -> str:
    return name.lower().replace("_", "")


def _is_angle(name: str) -> bool:
    try:
        return canonical(name) in ANGLES
    except InputError:
        return False
