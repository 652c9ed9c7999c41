"""The time of a take's rows: at which rate their timecodes count, where they jump and where they stand still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.timecode import Rate, Timecodes, find_rate, parse_timecodes, rate_of

JUMP = 60.0
"""Seconds without a row beyond which a clock was set anew; shorter ones may be rows that a writer left out."""

GAP = 0.5
"""Seconds without a row that are reported."""

_UNUSUAL = 10  # Usual steps that a gap or a jump lasts at least: the rows of a sparse take are far apart.
_LONGEST_STILL = 4  # Rows of one timecode; a clock that gives more of them has no frames.
_SET_ROW_FPS = "or set row_fps (--source.row_fps) to count rows instead"


class RowError(Exception):
    """A row that cannot be read.

    Args:
        line: Its line in the file.
        problem: What is wrong with it.
        remedy: What to do.
    """

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.line, self.problem, self.remedy = int(line), problem, remedy

    def of(self, file: Path) -> InputError:
        """Returns it as an error of a file."""
        return InputError(f"{file}:{self.line}", self.problem, self.remedy)


class ClockError(RowError):
    """The timecodes of a whole take do not give its time; without the row it would not be better."""


@dataclass(frozen=True)
class Rows:
    """What is known of the time of T rows.

    Attributes:
        timecodes: As written; empty where the file has none.
        places: Of each row among all rows of the file, those without a face included, (T,).
        lines: In the file, (T,).
        as_the_phone: Whether the file is written as the phone writes it.
    """

    timecodes: Sequence[str]
    places: NDArray[np.int64]
    lines: NDArray[np.int64]
    as_the_phone: bool


def seconds_of_rows(rows: Rows, options: ReadingOptions) -> tuple[NDArray[np.float64], list[str]]:
    """Finds the time of each row since the first.

    Args:
        rows: At least one.
        options: The rate of the timecodes where they leave it open, and of the rows where there are none of use.

    Returns:
        (T,) seconds, never decreasing, and what was decided, in sentences.

    Raises:
        RowError: For a timecode that is none, and for time that runs backwards.
        ClockError: For timecodes of which no time can be found, and for a clock that jumps.
    """
    try:
        return _by_timecode(rows, options)
    except RowError as error:
        if options.row_fps is None:
            raise
        seconds = (rows.places - rows.places[0]) / options.row_fps
        remark = f"time is the row's number at {options.row_fps:g} rows a second: {error.problem}, in line {error.line}"
        return np.asarray(seconds, np.float64), [remark]


def _by_timecode(rows: Rows, options: ReadingOptions) -> tuple[NDArray[np.float64], list[str]]:
    if not rows.timecodes:
        raise ClockError(rows.lines[0], "column 'Timecode' is missing", "add it, " + _SET_ROW_FPS)
    timecodes = parse_timecodes(rows.timecodes)
    if isinstance(timecodes, int):
        problem = f"column 'Timecode' holds '{rows.timecodes[timecodes]}', expected HH:MM:SS:FF.mmm or HH:MM:SS:FF"
        raise RowError(rows.lines[timecodes], problem, "correct the timecode or remove the line")
    _refuse_still(rows, timecodes)
    rate = _rate(rows, timecodes, options)
    seconds = rate.time(timecodes)
    seconds[1:] += rate.day * np.cumsum(np.diff(seconds) < -rate.day / 2)  # midnight
    seconds -= seconds[0]
    return seconds, [f"the timecodes count {rate}", *_steps(rows, seconds)]


def _refuse_still(rows: Rows, timecodes: Timecodes) -> None:
    """Refuses a clock that shows one timecode for many rows, or whole seconds for several.

    Raises:
        ClockError: At the first row of the longest such stretch.
    """
    moves = (np.diff(timecodes.seconds) != 0) | (np.diff(timecodes.frames) != 0)
    starts = np.flatnonzero(np.concatenate([[True], moves]))
    lengths = np.diff([*starts, len(rows.timecodes)])
    longest = int(lengths.argmax())
    whole = bool((timecodes.frames == timecodes.frames[0]).all()) and lengths[longest] > 1
    if whole or lengths[longest] > _LONGEST_STILL:
        still = f"{lengths[longest]} rows have the timecode {rows.timecodes[starts[longest]].strip()}"
        remedy = "set row_fps (--source.row_fps) to the rows a second"
        raise ClockError(rows.lines[starts[longest]], f"{still}, so that their time is not known", remedy)


def _rate(rows: Rows, timecodes: Timecodes, options: ReadingOptions) -> Rate:
    if options.timecode_fps is not None:
        rate = rate_of(options.timecode_fps, timecodes)
        largest = int(timecodes.frames.argmax())
        if timecodes.frames[largest] >= rate.count:
            problem = f"timecode {rows.timecodes[largest]} is not of timecode_fps {options.timecode_fps:g}"
            raise RowError(
                rows.lines[largest], problem, "set timecode_fps to the rate that the last field counts, or leave it out"
            )
        return rate
    found = find_rate(timecodes, as_the_phone=rows.as_the_phone)
    if found is None:
        problem = (
            f"frame numbers up to {timecodes.frames.max():g} do not tell how many frames a second the timecodes count"
        )
        remedy = "set timecode_fps (--source.timecode_fps) to 24, 25, 29.97, 30, 50, 59.94 or 60"
        raise ClockError(rows.lines[timecodes.frames.argmax()], problem, remedy)
    return found


def _steps(rows: Rows, seconds: NDArray[np.float64]) -> list[str]:
    """Reports gaps without a row, and rows of one time.

    Raises:
        RowError: Where time goes backwards, or on by more than `JUMP`.
    """
    if len(seconds) < 2:
        return []
    steps = np.diff(seconds)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    # Rows without a face have their place in the file: time goes on over them.
    gaps = (steps > max(GAP, _UNUSUAL * usual)) & (np.diff(rows.places) == 1)
    wrong = np.flatnonzero((steps < -1e-9) | (gaps & (steps > JUMP)))
    if len(wrong):
        place = int(wrong[0]) + 1
        way = "runs backwards" if steps[place - 1] < 0 else f"jumps by {steps[place - 1]:.1f} s"
        problem = f"time {way}, from {rows.timecodes[place - 1]} to {rows.timecodes[place]}"
        kind = RowError if steps[place - 1] < 0 else ClockError
        raise kind(rows.lines[place], problem, f"sort the lines by timecode, split the take here, {_SET_ROW_FPS}")
    seconds.clip(0, out=seconds)
    found = []
    if gaps.any():
        place = int(np.argmax(np.where(gaps, steps, 0)))
        found.append(
            f"{gaps.sum()} gaps without rows, the longest of {steps[place]:.1f} s before line {rows.lines[place + 1]}"
        )
    if (steps == 0).any():
        first = rows.lines[int(np.argmax(steps == 0)) + 1]
        found.append(f"{(steps == 0).sum()} rows repeat the timecode of the row before, the first in line {first}")
    return found
