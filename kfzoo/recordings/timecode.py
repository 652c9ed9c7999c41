"""Timecodes: HH:MM:SS:FF.mmm as Live Link Face writes them, and HH:MM:SS:FF and HH:MM:SS;FF as others do.

The phone counts sixtieths of a second at any rate of the recording. Other writers count the frames of the video, 24,
25, 30, 50 or 60 a second. A semicolon before the last field marks drop-frame timecodes (SMPTE 12M): they count 29.97
or 59.94 frames a second, and leave the first two or four numbers of every minute out, but for each tenth minute.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TIMECODE_FPS = 60
"""Frames a second that the last field of the phone's own timecodes counts, at any rate of the recording."""

DAY = 24 * 60 * 60
"""Seconds after which timecodes start again."""

COUNTS = (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 100, 120)
"""Numbers of frames that a second of a timecode may have."""

_TIMECODE = re.compile(r"([01]?\d|2[0-3])[:;]([0-5]\d)[:;]([0-5]\d)([:;])(\d{1,3}(\.\d+)?)", re.ASCII)
_NTSC = 1000 / 1001
_UNEVEN = 0.5  # Of the usual step: a second that ends so far from a whole number of rows does not fit.
_FEW = 4  # Seconds.
_CLEAR, _POOR = 0.25, 0.5  # Shares of the seconds that do not fit: a rate that is certain, and one that is no rate.


class Timecodes(NamedTuple):
    """The fields of T timecodes.

    Attributes:
        seconds: Whole seconds since midnight, (T,).
        frames: The last field, (T,).
        semicolon: Whether the last field follows a semicolon.
        thousandths: Whether the last field is written with decimals.
    """

    seconds: NDArray[np.int64]
    frames: NDArray[np.float64]
    semicolon: bool
    thousandths: bool


@dataclass(frozen=True)
class Rate:
    """How the last field of a timecode counts.

    Attributes:
        count: Frames that a second of the timecode has.
        fps: Frames in a second of time: a thousandth less than `count` for 23.976, 29.97 and 59.94.
        drop: Whether numbers are left out, so that timecodes keep up with time.
    """

    count: int
    fps: float
    drop: bool = False

    def __str__(self) -> str:
        """The rate in words."""
        return f"{round(self.fps, 3):g} frames a second{' (drop-frame)' if self.drop else ''}"

    @property
    def _dropped(self) -> int:
        return self.count // 15 if self.drop else 0

    @property
    def day(self) -> float:
        """Seconds after which timecodes start again."""
        return (DAY * self.count - self._dropped * (24 * 60 - 24 * 6)) / self.fps

    def time(self, timecodes: Timecodes) -> NDArray[np.float64]:
        """Returns the seconds since midnight of each timecode, (T,)."""
        minutes = timecodes.seconds // 60
        left_out = self._dropped * (minutes - minutes // 10)
        return np.asarray((timecodes.seconds * self.count + timecodes.frames - left_out) / self.fps)


def parse_timecodes(texts: Sequence[str]) -> Timecodes | int:
    """Reads timecodes.

    Args:
        texts: T of them, at least one.

    Returns:
        Their fields, or the place of the first that is none.
    """
    matches = [_TIMECODE.fullmatch(text.strip()) for text in texts]
    seconds, frames = np.zeros(len(texts), np.int64), np.zeros(len(texts))
    for place, match in enumerate(matches):
        if match is None:
            return place
        hour, minute, second, _, frame, _ = match.groups()
        seconds[place] = int(hour) * 3600 + int(minute) * 60 + int(second)
        frames[place] = float(frame)
    found = [match for match in matches if match]
    return Timecodes(
        seconds, frames, any(match[4] == ";" for match in found), any(match[6] is not None for match in found)
    )


def rate_of(fps: float, timecodes: Timecodes) -> Rate:
    """Returns the rate that a number of frames a second means for timecodes.

    Args:
        fps: Of the timecodes: 29.97 and 30000 / 1001 are the same.
        timecodes: For their separator and for numbers that drop-frame timecodes do not have.
    """
    count = round(fps)
    semicolon = timecodes.semicolon and count in (30, 60)
    slow = semicolon or abs(fps - count * _NTSC) < 0.005
    return Rate(count, count * _NTSC if slow else fps, semicolon and not _has_dropped(count, timecodes))


def find_rate(timecodes: Timecodes, *, as_the_phone: bool) -> Rate | None:
    """Finds out how many frames a second timecodes count.

    A second must have more frames than the largest number seen, and where a row follows in the next second, the step
    must be as long as the steps within a second.

    Args:
        timecodes: T of them, in order.
        as_the_phone: Whether the file is written as the phone writes it; decides where the timecodes leave it open.

    Returns:
        The rate, or None where several are possible.
    """
    largest = float(timecodes.frames.max())
    counts = [count for count in COUNTS if count > largest and (count in (30, 60) or not timecodes.semicolon)]
    misfits = {count: _misfit(rate_of(count, timecodes), timecodes) for count in counts}
    known = {count: misfit for count, misfit in misfits.items() if misfit is not None}
    # The phone's frames have decimals of their own.
    usual = TIMECODE_FPS in counts and bool((timecodes.frames % 1).any() or largest >= 50 or as_the_phone)
    if known:
        best = min(known, key=lambda count: known[count])
        others = [misfit for count, misfit in known.items() if count != best]
        clear = known[best] <= _CLEAR and all(misfit > _POOR for misfit in others)
        # A writer that rounds a camera's uneven times still shows the last number of a second in one of a few.
        clear = clear or (best == int(largest) + 1 and bool(np.ptp(timecodes.seconds) >= _FEW))
        if clear and not (usual and known.get(TIMECODE_FPS, 0) <= _POOR):
            return rate_of(best, timecodes)
    alike = bool((timecodes.frames == timecodes.frames[0]).all())  # whole seconds apart, at any rate
    return rate_of(TIMECODE_FPS, timecodes) if usual or (alike and TIMECODE_FPS in counts) else None


def _misfit(rate: Rate, timecodes: Timecodes) -> float | None:
    """Returns the share of the seconds' ends in which a rate makes a step uneven, in [0, 1]; None without such ends."""
    steps = np.diff(rate.time(timecodes)) * rate.fps
    seconds = np.diff(timecodes.seconds)
    moved = (seconds > 0) | ((seconds == 0) & (steps > 0))
    if not moved.any() or not (seconds > 0).any():
        return None
    least = int(seconds[moved].min())
    ends = moved & (seconds > 0) & (seconds <= least + 1)
    if not ends.any():
        return None
    usual = float(np.median(steps[moved]))
    return float(np.mean(np.abs(steps[ends] - usual) > _UNEVEN * min(1.0, usual)))


def _has_dropped(count: int, timecodes: Timecodes) -> bool:
    """Whether a minute begins with a number that drop-frame timecodes leave out: then they do not drop any.

    The first minute does not count: a clock may be started at any number.
    """
    minutes = timecodes.seconds // 60
    left_out = (timecodes.seconds % 60 == 0) & (minutes % 10 > 0) & (timecodes.frames < count // 15)
    return bool((left_out & (minutes != minutes[0])).any())


def timecode_frames(timecode: str) -> float | None:
    """Returns a timecode of the phone in sixtieths of a second since midnight, or None when it is none."""
    found = parse_timecodes([timecode])
    if isinstance(found, int) or found.frames[0] >= TIMECODE_FPS:
        return None
    return float(found.seconds[0]) * TIMECODE_FPS + float(found.frames[0])


def timecode_of(frames: float) -> str:
    """Writes sixtieths of a second since midnight as a timecode."""
    thousandths = round(frames * 1000) % (DAY * TIMECODE_FPS * 1000)
    whole, thousandth = divmod(thousandths, 1000)
    seconds, frame = divmod(whole, TIMECODE_FPS)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}:{frame:02d}.{thousandth:03d}"
