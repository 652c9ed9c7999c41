"""Time of frames in files without timecodes: stamps in seconds or milliseconds, or a rate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions

Unit = Literal["s", "ms", "us"]

_PER_SECOND: dict[Unit, float] = {"s": 1, "ms": 1e3, "us": 1e6}
_LONGEST_SECONDS, _SHORTEST_MILLISECONDS, _LONGEST_MILLISECONDS = 0.5, 2, 500
"""Steps between frames by which seconds and milliseconds are told apart: 2 to 500 frames a second."""


def unit_of_name(name: str) -> Unit | None:
    """Returns the unit that the name of a column of time says, such as `timestamp_ms`; None where it says none."""
    key = name.lower().replace("_", "").replace(" ", "")
    if key.endswith(("seconds", "sec", "(s)")) and not key.endswith(("milliseconds", "microseconds", "msec")):
        return "s"
    if key.endswith(("ms", "msec", "milliseconds", "millis", "(ms)")):
        return "ms"
    return "us" if key.endswith(("us", "microseconds", "(us)")) else None


def seconds_of_stamps(file: Path, stamps: ArrayLike, unit: Unit | None) -> tuple[NDArray[np.float64], str]:
    """Converts stamps into seconds.

    Args:
        file: For messages.
        stamps: (T,) with T of at least 2.
        unit: None to tell seconds and milliseconds apart by the usual step between frames.

    Returns:
        (T,) seconds, and the unit in words.

    Raises:
        InputError: When the unit is not known and the step fits none.
    """
    times = np.asarray(stamps, dtype=np.float64)
    if unit is None:
        step = float(np.median(np.diff(times[np.isfinite(times)]))) if np.isfinite(times).sum() > 1 else 0.0
        if 0 < step <= _LONGEST_SECONDS:
            unit = "s"
        elif _SHORTEST_MILLISECONDS <= step <= _LONGEST_MILLISECONDS:
            unit = "ms"
        else:
            problem = f"its frames are usually {step:g} apart, which are neither seconds nor milliseconds"
            raise InputError(file, problem, "write the time of each frame in seconds")
    # The first is taken off before the division: milliseconds since 1970 lose digits.
    first = times[0] if np.isfinite(times[0]) else 0.0
    return (times - first) / _PER_SECOND[unit], {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}[unit]


def seconds_of_rate(
    file: Path, frames: int, fps: float | None, options: ReadingOptions, usual: float | None = None
) -> tuple[NDArray[np.float64], str]:
    """Returns the time of frames that are recorded at a steady rate.

    Args:
        file: For messages.
        frames: Their number, T.
        fps: The rate that the file states, or None.
        options: `row_fps` is the rate where the file states none.
        usual: The rate that the format defines, or None.

    Returns:
        (T,) seconds, and where the rate is from, in words.

    Raises:
        InputError: When no rate is known, or it is no positive number.
    """
    rate = fps if fps is not None else options.row_fps if options.row_fps is not None else usual
    if rate is None:
        problem = "holds neither the time of its frames nor their rate"
        raise InputError(file, problem, "state the frames a second with 'row_fps'")
    if not (np.isfinite(rate) and rate > 0):
        raise InputError(file, f"its rate is {rate:g} frames a second", "expected a positive number")
    if fps is not None:
        source = "as the file states"
    else:
        source = "as stated" if options.row_fps is not None else "the format's rate, as the file states none"
    return np.arange(frames) / rate, f"{rate:g} frames a second, {source}"
