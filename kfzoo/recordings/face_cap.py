"""Face Cap's text recordings.

Lines `info,…`, then `bs,name,name,…` and for each frame `k,<milliseconds>,` head position x, y, z, head rotation
x, y, z, left eye x, y, right eye x, y, and a weight for each name. Rotations are in degrees. The format does not say
which way they turn; they are read as Faceit does, which brings Face Cap and Live Link Face to the same axes: of the
head HeadPitch = -x, HeadYaw = -y, HeadRoll = -z; of an eye pitch = x and yaw = y. The eyes' roll is not in the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kfzoo.errors import InputError
from kfzoo.recordings.frame_times import seconds_of_stamps
from kfzoo.recordings.named_columns import NamedColumns
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.text_lines import numbers_of, text_lines

AXES = "angles are degrees in the file, with the axes that Faceit takes: head (-x, -y, -z), eyes (x, y)"
"""Remark on how rotations of the head and eyes are converted."""

HEAD = (("HeadPitch", -1.0), ("HeadYaw", -1.0), ("HeadRoll", -1.0))
"""Channel and sign of the head's rotation about x, y and z."""

EYES = ("LeftEyePitch", "LeftEyeYaw", "RightEyePitch", "RightEyeYaw")
"""The eyes' angles, in the file's order; their signs are the same."""

_BEFORE = 1 + 3 + 3 + 4  # Numbers before the weights: time, position, rotation, eyes.


def looks_like_face_cap(text: str) -> bool:
    """Tells a recording by its first lines."""
    lines = [line.strip() for line in text.lstrip("\ufeff").split("\n", 20) if line.strip()]
    return bool(lines) and all(line.startswith(("info,", "bs,", "k,")) for line in lines[:2])


def read_face_cap(file: Path, options: ReadingOptions) -> NamedColumns:
    """Reads a recording of Face Cap.

    Args:
        file: A text file.
        options: Not used: the file has its own time.

    Returns:
        The blendshapes and seven of the nine angles.

    Raises:
        InputError: For a line of another kind or length, and a file without names or frames.
    """
    names: list[str] = []
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in text_lines(file):
        cells = [cell.strip() for cell in line.split(",")]
        where = f"{file}:{number}"
        if cells[0] == "bs":
            if names:
                raise InputError(where, "names the blendshapes a second time", "keep one recording in a file")
            names = [name for name in cells[1:] if name]
        elif cells[0] == "k":
            if not names:
                raise InputError(
                    where, "is a frame before the names of the blendshapes", "expected a line 'bs,…' first"
                )
            values = cells[1 : None if cells[-1] else -1]
            if len(values) != _BEFORE + len(names):
                expected = f"expected {_BEFORE + len(names)}: time, position, head, eyes, {len(names)} blendshapes"
                raise InputError(where, f"holds {len(values)} values, {expected}", "export the recording again")
            rows.append(numbers_of(where, values))
            lines.append(number)
        elif cells[0] != "info":
            raise InputError(where, f"starts with '{cells[0][:20]}'", "expected info, bs or k: export it again")
    if len(rows) < 2:
        raise InputError(file, f"holds {len(rows)} frame(s) of Face Cap, at least 2 are needed", "record longer")
    numbers = np.array(rows)
    seconds, _ = seconds_of_stamps(file, numbers[:, 0], "ms")
    signs = np.array([sign for _, sign in HEAD] + [1.0] * len(EYES))
    numbers[:, 4:_BEFORE] = np.radians(numbers[:, 4:_BEFORE]) * signs
    columns = [*(channel for channel, _ in HEAD), *EYES, *names]
    return NamedColumns(
        "Face Cap", columns, numbers[:, 4:], seconds, lambda row: f"{file}:{lines[row]}", remarks=(AXES,)
    )
