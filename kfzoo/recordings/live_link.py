"""Live Link Face takes: the CSV format that Unreal, Blender and the phone's own recorder speak.

One row a frame at 60 fps: a timecode, the number of values (61; the column is spelt `BlendShapeCount` or
`BlendshapeCount`), and the 61 channels with ten decimals. A row whose values are blank is a frame in which the camera
had lost the face. Other programs write the format, too, at other rates and with other columns: what a column holds is
known by its name, and the number of values, which many of them get wrong, does not decide.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.ranges import off_scale
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.recordings.clock import ClockError, RowError, Rows, seconds_of_rows
from kfzoo.recordings.columns import KIND, Columns, find_columns
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.table import Table, read_table
from kfzoo.recordings.take import Take
from kfzoo.recordings.timecode import TIMECODE_FPS, timecode_frames, timecode_of

MOST_FAULTS = 100
"""Rows of one file that may be unreadable; with more of them it is no take."""

_ROWS_AT_ONCE = 1000  # A file of faulty rows is not looked through from its start for each of them.
_DECIMALS = 10
_PHONE_CELL = re.compile(rf"-?\d\.\d{{{_DECIMALS}}}", re.ASCII)
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*", re.ASCII)


class Faces(NamedTuple):
    """The rows of a file, whatever their time.

    Attributes:
        coefficients: As recorded, (T, 61) float64; NaN in a row without a face and in one that cannot be read.
        timecodes: As written, T or none.
        lines: Of each row in the file, (T,).
        faults: The rows that cannot be read.
        as_the_phone: Whether values are written as the phone writes them.
        remarks: What was decided.
    """

    coefficients: NDArray[np.float64]
    timecodes: list[str]
    lines: NDArray[np.int64]
    faults: list[RowError]
    as_the_phone: bool
    remarks: list[str]

    @property
    def shown(self) -> NDArray[np.int64]:
        """Places of the rows that show a face."""
        return np.flatnonzero(np.isfinite(self.coefficients[:, 0]))


class _Faults(list[RowError]):
    """Rows that cannot be read; where strict, the first of them is raised."""

    def __init__(self, strict: bool) -> None:
        super().__init__()
        self._strict = strict

    def note(self, error: RowError) -> None:
        if self._strict:
            raise error
        self.append(error)


def read_live_link(path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS) -> Take:
    """Reads a take of Live Link Face.

    Columns are found by their names, in any order and spelling that `canonical` knows; others are passed over. Time
    may cross midnight once.

    Args:
        path: A CSV file.
        options: The rate of the timecodes or rows, and whether the head may be missing.

    Returns:
        The take, at least two frames long.

    Raises:
        InputError: For anything that is not such a file; names the line and column.
    """
    file = Path(path)
    try:
        return _take(file, read_faces(file, options, strict=True), options)
    except RowError as error:
        raise error.of(file) from None


def read_faulty_live_link(
    path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS
) -> tuple[Take, list[RowError]]:
    """Reads a take, some of whose rows cannot be read; they count as rows in which the camera had lost the face.

    Args:
        path: A CSV file.
        options: As for `read_live_link`.

    Returns:
        The take, and the faults of the rows that are not in it, in their order.

    Raises:
        InputError: When the file is no take even so: another header, too few frames, more than `MOST_FAULTS` such rows,
            or the first frame, from which time counts, among them.
    """
    file = Path(path)
    faces = read_faces(file, options)
    while True:
        faults = sorted(faces.faults, key=lambda fault: fault.line)
        if faults and not (len(faces.shown) and faces.lines[faces.shown[0]] < faults[0].line):
            raise faults[0].of(file)
        if len(faults) > MOST_FAULTS:
            problem = f"more than {MOST_FAULTS} rows cannot be read, such as {faults[0].of(file)}"
            raise InputError(file, problem)
        try:
            return _take(file, faces, options), faults
        except ClockError as error:
            raise error.of(file) from None
        except RowError as error:
            faces.faults.append(error)
            faces.coefficients[faces.lines == error.line] = np.nan


def write_take(
    path: str | os.PathLike[str], coefficients: ArrayLike, fps: float = 60.0, start: str = "00:00:00:00.000"
) -> None:
    """Writes a take as Live Link Face does.

    Args:
        path: Final path of the CSV file; replaced when it exists.
        coefficients: (T, 61) with T ≥ 2; written with ten decimals, as they are.
        fps: Frames a second; the timecodes count sixtieths of a second, at any rate.
        start: Timecode of the first frame.

    Raises:
        InputError: When there are not at least two rows of 61 finite numbers, or for a bad rate or timecode.
    """
    faces = np.asarray(coefficients, dtype=np.float64)
    if faces.ndim != 2 or faces.shape[1] != len(CHANNELS) or len(faces) < 2:
        raise InputError(path, f"expected (T, {len(CHANNELS)}) coefficients with T of 2 or more, found {faces.shape}")
    bad = np.argwhere(~np.isfinite(faces))
    if len(bad):
        frame, channel = bad[0].tolist()
        raise InputError(path, f"{CHANNELS[channel]} of frame {frame} is not a finite number", "leave such frames out")
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(path, f"{fps} frames a second is no rate", "use a positive number")
    first = timecode_frames(start)
    if first is None:
        raise InputError(path, f"'{start}' is no timecode", "write HH:MM:SS:FF.mmm")
    # + 0.0 writes -0.0 as the phone does, without a sign.
    row_format = f"%s,{len(CHANNELS)}," + ",".join([f"%.{_DECIMALS}f"] * len(CHANNELS)) + "\n"
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="") as file:
        file.write(",".join(("Timecode", "BlendshapeCount", *CHANNELS)) + "\n")
        for index, row in enumerate((faces + 0.0).tolist()):
            file.write(row_format % (timecode_of(first + index * TIMECODE_FPS / fps), *row))


def read_faces(
    path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS, *, strict: bool = False
) -> Faces:
    """Reads the faces of a file, whatever their time.

    Args:
        path: A CSV file.
        options: Whether the head and the timecodes may be missing.
        strict: Whether a row that cannot be read is an error.

    Raises:
        InputError: When the file is no table of the channels.
        RowError: Where strict, for a row that cannot be read.
    """
    file = Path(path)
    table = read_table(file, KIND)
    columns = find_columns(file, table, options)
    faults = _Faults(strict)
    coefficients = _regular_values(table, columns)
    if coefficients is None:
        coefficients = np.full((len(table.rows), len(CHANNELS)), np.nan)
        whole = _whole_rows(table, columns, faults)
        coefficients[whole] = _values(table, columns, whole, faults)
    _mark_other_scales(coefficients, table, faults)
    timecodes = [columns.timecode_of(row) for row in table.rows] if columns.timecode is not None else []
    lines = np.array(table.lines, np.int64)
    faces = Faces(coefficients, timecodes, lines, faults, False, columns.remarks)
    first = table.rows[faces.shown[0]].split(",")[columns.order[0]] if len(faces.shown) else ""
    return faces._replace(as_the_phone=_PHONE_CELL.fullmatch(first) is not None)


def _regular_values(table: Table, columns: Columns) -> NDArray[np.float64] | None:
    """Reads the values of a table without a fault at once, (T, 61); None for any other table."""
    if not (table.regular and table.rows and columns.needed == columns.width):
        return None
    values = np.zeros((len(table.rows), len(CHANNELS)))
    with suppress(ValueError):
        values[:, columns.channels] = _numbers(table.rows, columns)
        if np.isfinite(values).all():
            return values
    return None


def _numbers(rows: list[str], columns: Columns) -> NDArray[np.float64]:
    return np.loadtxt(rows, delimiter=",", comments=None, ndmin=2, usecols=columns.order)


def _whole_rows(table: Table, columns: Columns, faults: _Faults) -> list[int]:
    """Returns the places of the rows that have a cell for every column; notes those that are too short or too long."""
    whole = []
    for place, row in enumerate(table.rows):
        length = row.count(",") + 1
        if length != columns.width or ",," in row or row[-1] == ",":  # else it has no empty cell
            if columns.is_lost(row):
                continue
            if fault := columns.fault_of(row, last=place == len(table.rows) - 1) if length != columns.width else "":
                faults.note(RowError(table.lines[place], fault, "remove the line or export again"))
                continue
        whole.append(place)
    return whole


def _values(table: Table, columns: Columns, whole: list[int], faults: _Faults) -> NDArray[np.float64]:
    """Reads the values of whole rows, (N, 61); those of a row that cannot be read are NaN, and its fault is noted."""
    values = np.zeros((len(whole), len(CHANNELS)))
    rows = [table.rows[place] for place in whole]
    with suppress(ValueError):
        if rows:
            values[:, columns.channels] = _numbers(rows, columns)
        if np.isfinite(values).all():
            return values
    for index, (row, place) in enumerate(zip(rows, whole, strict=True)):
        cells = row.split(",")
        texts = {channel: cells[column] for channel, column in zip(columns.channels, columns.order, strict=True)}
        wrong = next((channel for channel, text in texts.items() if not _is_number(text)), None)
        if wrong is None:
            values[index, columns.channels] = [float(text) for text in texts.values()]
            continue
        values[index] = np.nan
        if not columns.is_lost(row):
            what = f"'{texts[wrong].strip()}'" if texts[wrong].strip() else "an empty cell"
            problem = f"column '{CHANNELS[wrong]}' holds {what}, expected a finite number"
            faults.note(RowError(table.lines[place], problem, "correct the value or remove the line"))
    return values


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and bool(np.isfinite(float(text)))


def _mark_other_scales(coefficients: NDArray[np.float64], table: Table, faults: _Faults) -> None:
    """Takes the values of rows that are on another scale out, and notes their faults."""
    shown = np.flatnonzero(np.isfinite(coefficients[:, 0]))
    for start in range(0, len(shown), _ROWS_AT_ONCE):
        places = shown[start : start + _ROWS_AT_ONCE]
        while found := off_scale(coefficients[places]) if len(places) else None:
            place = int(places[found.row])
            problem = f"column '{found.channel}' {found.problem}"
            faults.note(RowError(table.lines[place], problem, found.remedy))
            coefficients[place] = np.nan
            places = places[found.row + 1 :]


def _take(file: Path, faces: Faces, options: ReadingOptions) -> Take:
    """Gives the rows with a face their time.

    Raises:
        InputError: For fewer than two of them.
        RowError: For a row whose time cannot be read.
    """
    shown = faces.shown
    lost = len(faces.coefficients) - len(shown)
    if len(shown) < 2:
        also = f" ({lost} more without a face)" if lost else ""
        raise InputError(file, f"holds {len(shown)} frame(s){also}, at least 2 are needed", "record a longer take")
    timecodes = [faces.timecodes[place] for place in shown] if faces.timecodes else []
    seconds, remarks = seconds_of_rows(Rows(timecodes, shown, faces.lines[shown], faces.as_the_phone), options)
    coefficients = faces.coefficients[shown].astype(np.float32)
    return Take(file.stem, seconds, coefficients, timecodes, lost, (*faces.remarks, *remarks))
