"""iFacialMocap's and Facemotion3d's text, one frame a line, as their receivers log it.

`mouthSmile_R-0|…|=head#rx,ry,rz,px,py,pz|rightEye#x,y,z|leftEye#x,y,z|`: weights from 0 to 100 after `-` or `&`,
rotations in degrees. There is no time: frames come 60 a second. The axes are read as Face Cap's are
(`kfzoo.recordings.face_cap`): Faceit treats them alike.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from kfzoo.errors import InputError
from kfzoo.recordings.face_cap import AXES, HEAD
from kfzoo.recordings.frame_times import seconds_of_rate
from kfzoo.recordings.named_columns import NamedColumns
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.text_lines import numbers_of, text_lines

FPS = 60.0
"""Frames a second that the applications send."""

_PARTS = {
    "head": HEAD,
    "leftEye": (("LeftEyePitch", 1.0), ("LeftEyeYaw", 1.0), ("LeftEyeRoll", 1.0)),
    "rightEye": (("RightEyePitch", 1.0), ("RightEyeYaw", 1.0), ("RightEyeRoll", 1.0)),
}
_START = re.compile(r"\s*\ufeff?=?\w+(?:[-&]-?\d+(?:\.\d+)?|#[-\d.,]+)\|")
_WEIGHT = re.compile(r"(\w+?) ?[-&] ?(-?\d+(?:\.\d+)?)", re.ASCII)


def looks_like_ifacialmocap(text: str) -> bool:
    """Tells a recording by its first line."""
    return _START.match(text) is not None


def read_ifacialmocap(file: Path, options: ReadingOptions) -> NamedColumns:
    """Reads a log of iFacialMocap or Facemotion3d.

    Args:
        file: A text file.
        options: `row_fps` is the rate, where it is not 60.

    Returns:
        The weights from 0 to 1, and the angles.

    Raises:
        InputError: For a field of another kind, and a frame with other fields than the first.
    """
    frames: list[dict[str, float]] = []
    lines: list[int] = []
    for number, line in text_lines(file):
        frame = _frame(f"{file}:{number}", line)
        if frames and frame.keys() != frames[0].keys():
            other = min(frame.keys() ^ frames[0].keys())
            problem = f"'{other}' is not in every frame"
            raise InputError(f"{file}:{number}", problem, "take the incomplete frames out")
        frames.append(frame)
        lines.append(number)
    seconds, rate = seconds_of_rate(file, len(frames), None, options, FPS)
    names = list(frames[0]) if frames else []
    values = np.array([[frame[name] for name in names] for frame in frames])
    return NamedColumns("iFacialMocap", names, values, seconds, lambda row: f"{file}:{lines[row]}", 0, (rate, AXES))


def _frame(where: str, line: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for field in filter(None, (field.strip() for field in line.split("|"))):
        name, _, rotation = field.removeprefix("=").partition("#")
        if rotation and name in _PARTS:
            numbers = numbers_of(where, rotation.split(",")[:3])
            if len(numbers) != 3:
                raise InputError(where, f"'{name}' has {len(numbers)} angles, expected 3", "take the line out")
            found = {
                channel: sign * float(np.radians(angle))
                for (channel, sign), angle in zip(_PARTS[name], numbers, strict=True)
            }
        else:
            weight = _WEIGHT.fullmatch(field)
            if weight is None:
                raise InputError(where, f"holds '{field[:40]}', expected name-number", "take the line out")
            found = {weight[1]: float(weight[2]) / 100}
        if not values.keys().isdisjoint(found):
            raise InputError(where, f"holds '{min(found)}' twice", "write one frame a line")
        values |= found
    return values
