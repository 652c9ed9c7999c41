"""CSV tables whose time is in seconds or milliseconds: Audio2Face's `animation_frames.csv`, and those of trackers.

NVIDIA's samples of Audio2Face-3D write `[index,]timeCode,blendShapes.EyeBlinkLeft,…`: seconds, and 52 ARKit weights.
Others write a column such as `time` or `timestamp_ms` next to the channels, in any spelling. Angles are radians, as in
Live Link Face's files.
"""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import numpy as np

from kfzoo.arkit.channels import ANGLES, canonical
from kfzoo.errors import InputError
from kfzoo.recordings.frame_times import seconds_of_stamps, unit_of_name
from kfzoo.recordings.named_columns import NamedColumns
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.text_lines import numbers_of, read_text

PREFIX = "blendshapes."
"""What Audio2Face puts before each name, in small letters."""

TIMES = ("timecode", "time", "timestamp", "seconds", "timestampms", "timems", "times", "timesec", "t")
"""Names of a column of time: small letters, without underscores, spaces and brackets."""

INDICES = ("", "index", "frame", "frameindex", "framenumber", "unnamed: 0")
"""Names of a column that only numbers the frames."""

RADIANS = "angles are taken as radians"
"""Remark where a format does not say the unit of its angles."""


def looks_like_timed_table(text: str) -> bool:
    """Tells such a table by its header, and by a time that is a plain number."""
    lines = [line for line in islice(text.lstrip("\ufeff").splitlines(), 3) if line.strip()]
    if not lines:
        return False
    names = [_key(name) for name in next(csv.reader(lines[:1], delimiter=_delimiter(lines[0])))]
    if any(name.startswith(PREFIX) for name in names):
        return True
    if "blendshapecount" in names or not set(TIMES) & set(names):
        return False
    return "timecode" not in names or (len(lines) > 1 and ":" not in lines[1] and ";" not in lines[1])


def read_timed_table(file: Path, options: ReadingOptions) -> NamedColumns:
    """Reads a table with a column of time and a column for each channel.

    Args:
        file: A CSV file; separated by commas, semicolons or tabs.
        options: Not used: the file has its own time.

    Returns:
        Its columns.

    Raises:
        InputError: For a row of another length, a cell that is no number, and a table without a column of time.
    """
    text = read_text(file)
    rows = csv.reader(text.splitlines(), delimiter=_delimiter(text.lstrip().partition("\n")[0]), strict=True)
    header: list[str] = []
    values: list[list[float]] = []
    lines: list[int] = []
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{file}:{rows.line_num}"
            if not header:
                header = [cell.strip() for cell in row]
                continue
            if len(row) != len(header):
                problem = f"{len(row)} columns instead of {len(header)}"
                raise InputError(where, problem, "remove the line or export the table again")
            values.append(numbers_of(where, row))
            lines.append(rows.line_num)
    except csv.Error as error:
        raise InputError(f"{file}:{rows.line_num}", f"is no row of a table ({error})", "export it again") from None
    if len(values) < 2:
        raise InputError(file, f"holds {len(values)} frame(s), at least 2 are needed", "record longer")
    time = next((column for column, name in enumerate(header) if _key(name) in TIMES), None)
    if time is None:
        raise InputError(f"{file}:1", "has no column of time", "expected 'timeCode' or 'time', in seconds")
    audio2face = any(name.lower().startswith(PREFIX) for name in header)
    table = np.array(values)
    unit = "s" if audio2face else unit_of_name(header[time])
    seconds, words = seconds_of_stamps(file, table[:, time], unit)
    kept = [column for column, name in enumerate(header) if column != time and _key(name) not in INDICES]
    remarks = [] if audio2face else [f"column '{header[time]}' is in {words}"]
    if any(_is_angle(header[column]) for column in kept):
        remarks.append(RADIANS)
    kind = "Audio2Face" if audio2face else "a table with time"
    names = [header[column] for column in kept]
    return NamedColumns(kind, names, table[:, kept], seconds, lambda row: f"{file}:{lines[row]}", 0, tuple(remarks))


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _key(name: str) -> str:
    key = name.strip().strip('"').lower()
    return key if key.startswith(PREFIX) else "".join(each for each in key if each not in "_ ()[]")


def _is_angle(name: str) -> bool:
    try:
        return canonical(name) in ANGLES
    except InputError:
        return False
