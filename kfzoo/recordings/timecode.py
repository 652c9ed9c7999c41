"""Timecodes of Live Link Face: HH:MM:SS:FF.mmm."""

from __future__ import annotations

import re

TIMECODE_FPS = 60
"""Frames a second that the last field of the phone's own timecodes counts, at any rate of the recording."""

DAY = 24 * 60 * 60
"""Seconds after which timecodes start again."""

_TIMECODE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d):([0-5]\d):([0-5]?\d(?:\.\d+)?)", re.ASCII)


def timecode_frames(timecode: str) -> float | None:
    """Returns a timecode in sixtieths of a second since midnight, or None when it is none."""
    match = _TIMECODE.fullmatch(timecode.strip())
    if match is None:
        return None
    hours, minutes, seconds, frames = match.groups()
    return (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * TIMECODE_FPS + float(frames)


def timecode_of(frames: float) -> str:
    """Writes sixtieths of a second since midnight as a timecode."""
    thousandths = round(frames * 1000) % (DAY * TIMECODE_FPS * 1000)
    whole, thousandth = divmod(thousandths, 1000)
    seconds, frame = divmod(whole, TIMECODE_FPS)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}:{frame:02d}.{thousandth:03d}"
