"""Live Link Face takes: the CSV format that Unreal, Blender and the phone's own recorder speak.

One row a frame at 60 fps: a timecode, the number of values (61; the column is spelt `BlendShapeCount` or
`BlendshapeCount`), and the 61 channels with ten decimals. A row whose count is 0 and whose values are blank is a frame
in which the camera had lost the face.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import CHANNELS, canonical
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.recordings.take import Take
from kfzoo.recordings.timecode import DAY, TIMECODE_FPS, timecode_frames, timecode_of

_DECIMALS = 10
_COLUMNS = 2 + len(CHANNELS)
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*", re.ASCII)


def read_live_link(path: str | os.PathLike[str]) -> Take:
    """Reads a take of Live Link Face.

    Columns are found by their names, in any order and spelling that `canonical` knows. Time may cross midnight once.

    Args:
        path: A CSV file.

    Returns:
        The take, at least two frames long.

    Raises:
        InputError: For anything that is not such a file; names the line and column.
    """
    file = Path(path)
    lines = _lines(file)
    order = _order(file, lines[0])
    timecodes, texts, numbers = _rows(file, lines, order)
    lost = len(lines) - 1 - len(texts)
    if len(texts) < 2:
        also = f" ({lost} more without a face)" if lost else ""
        raise InputError(file, f"holds {len(texts)} frame(s){also}, at least 2 are needed", "record a longer take")
    seconds = _seconds(file, timecodes, numbers)
    coefficients = _values(file, texts, numbers, order)
    return Take(file.stem, seconds, coefficients.astype(np.float32), timecodes, lost)


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


def _lines(file: Path) -> list[str]:
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(file, "there is no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(file, "is a folder, expected a Live Link Face CSV file", "name a file in it") from error
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "check the path and its permissions") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file}:{line}", "holds bytes that are not text", "export the take as CSV again") from error
    if not text.strip():
        raise InputError(file, "is empty, expected a Live Link Face CSV file", "export the take again")
    return (text.replace("\r\n", "\n") if "\r" in text else text).rstrip().split("\n")


def _order(file: Path, header: str) -> list[int]:
    """Returns the column of the timecode, of the count and of each channel, in that order."""
    where = f"{file}:1"
    names = [name.strip() for name in header.split(",")]
    found: dict[str, int] = {}
    for column, name in enumerate(names):
        key = {"timecode": "Timecode", "blendshapecount": "BlendshapeCount"}.get(name.lower())
        if key is None:
            try:
                key = canonical(name)
            except InputError as error:
                raise InputError(where, f"column {column + 1}: {error}") from None
        if key in found:
            raise InputError(where, f"column '{key}' occurs twice, in columns {found[key] + 1} and {column + 1}")
        found[key] = column
    missing = [key for key in ("Timecode", "BlendshapeCount", *CHANNELS) if key not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        remedy = "export the take as Live Link Face CSV again"
        raise InputError(where, f"column '{missing[0]}'{more} is missing", remedy)
    return [found[key] for key in ("Timecode", "BlendshapeCount", *CHANNELS)]


def _rows(file: Path, lines: list[str], order: list[int]) -> tuple[list[str], list[str], list[int]]:
    """Returns the timecode, the 61 values' text and the line number of every row that has a face."""
    timecodes: list[str] = []
    texts: list[str] = []
    numbers: list[int] = []
    usual = order[:2] == [0, 1]
    for number, line in enumerate(lines[1:], start=2):
        row = line.split(",", 2) if usual else _reordered(line, order)
        count, values = row[1].strip() if len(row) > 1 else "", row[2] if len(row) > 2 else ""
        if count == "0" and not values.replace(",", "").strip():
            continue
        if line.count(",") != _COLUMNS - 1:
            found = line.count(",") + 1
            cut = "; the file seems to be cut off here" if number == len(lines) and found < _COLUMNS else ""
            problem = f"{found} columns instead of {_COLUMNS}{cut}"
            raise InputError(f"{file}:{number}", problem, "remove the line or export again")
        if count != str(len(CHANNELS)):
            problem = f"column 'BlendshapeCount' says '{count}' instead of {len(CHANNELS)}"
            raise InputError(f"{file}:{number}", problem, "record with the head and eye angles on")
        timecodes.append(row[0])
        texts.append(values)
        numbers.append(number)
    return timecodes, texts, numbers


def _reordered(line: str, order: list[int]) -> list[str]:
    cells = line.split(",")
    if len(cells) != _COLUMNS:
        return [line]
    front = order[:2]
    return [cells[front[0]], cells[front[1]], ",".join(cell for i, cell in enumerate(cells) if i not in front)]


def _values(file: Path, texts: list[str], numbers: list[int], order: list[int]) -> NDArray[np.float64]:
    """Reads the values' texts; returns them in the order of `CHANNELS`, (T, 61)."""
    with suppress(ValueError):
        values = np.loadtxt(texts, delimiter=",", comments=None, ndmin=2)
        if np.isfinite(values).all():
            return np.asarray(values[:, np.argsort(np.argsort(order[2:]))])
    written = sorted(range(len(CHANNELS)), key=lambda channel: order[2 + channel])
    for text, number in zip(texts, numbers, strict=True):
        for channel, cell in zip(written, text.split(","), strict=True):
            if not _NUMBER.fullmatch(cell) or not np.isfinite(float(cell)):
                what = f"'{cell.strip()}'" if cell.strip() else "an empty cell"
                problem = f"column '{CHANNELS[channel]}' holds {what}, expected a finite number"
                raise InputError(f"{file}:{number}", problem, "correct the value or remove the line")
    raise InputError(file, "holds values that cannot be read as numbers", "export the take again")


def _seconds(file: Path, timecodes: list[str], numbers: list[int]) -> NDArray[np.float64]:
    """Returns seconds since the first frame, (T,); a step back of more than half a day is midnight."""
    frames = [timecode_frames(timecode) for timecode in timecodes]
    if None in frames:
        place = frames.index(None)
        problem = f"column 'Timecode' holds '{timecodes[place]}', expected HH:MM:SS:FF.mmm at 60 fps"
        raise InputError(f"{file}:{numbers[place]}", problem, "correct the timecode or remove the line")
    seconds: NDArray[np.float64] = np.array(frames, dtype=np.float64) / TIMECODE_FPS
    seconds[1:] += DAY * np.cumsum(np.diff(seconds) < -DAY / 2)
    seconds -= seconds[0]
    backwards = np.flatnonzero(np.diff(seconds) < 0)
    if len(backwards):
        place = int(backwards[0]) + 1
        problem = f"time runs backwards, from {timecodes[place - 1]} to {timecodes[place]}"
        raise InputError(f"{file}:{numbers[place]}", problem, "sort the lines by timecode")
    return seconds
