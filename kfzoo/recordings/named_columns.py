"""From columns under a file's own names to a `Take`: what is missing is refused or, on request, 0, and said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS, INDEX, canonical
from kfzoo.arkit.ranges import off_scale
from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.take import Take

_LISTED = 5  # Names that a message lists.
NEUTRAL = "_neutral"
"""MediaPipe's first category: how neutral the face is. It is no channel."""


@dataclass(frozen=True, eq=False)
class NamedColumns:
    """A recording under the names of its file.

    Attributes:
        kind: What wrote the file, for messages, such as "Audio2Face".
        names: Of the columns, in the file's spelling.
        values: (T, len(names)) float64; blendshapes from 0 to 1, angles in radians. NaN where the file has no number.
        seconds: (T,) float64.
        place: Returns the file and line, or frame, of a row for messages.
        lost: Frames left out because the tracker had lost the face.
        remarks: What the reader had to decide.
    """

    kind: str
    names: Sequence[str]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    place: Callable[[int], str]
    lost: int = 0
    remarks: tuple[str, ...] = ()


def take_of(file: Path, found: NamedColumns, options: ReadingOptions) -> Take:
    """Makes a take of named columns.

    Args:
        file: Its file.
        found: What was read.
        options: Whether missing angles and a missing tongue are 0.

    Returns:
        The take. Its remarks name what was passed over and what is 0.

    Raises:
        InputError: For a channel that is missing or occurs twice, a value that is no number or on another scale, time
            that runs backwards, and less than two frames.
    """
    if len(found.values) < 2:
        also = f" ({found.lost} more without a face)" if found.lost else ""
        raise InputError(file, f"holds {len(found.values)} frame(s){also}, at least 2 are needed", "record longer")
    columns, others = _columns(file, found)
    zero = _zero(file, found, columns, others, options)
    coefficients = np.zeros((len(found.values), len(CHANNELS)))
    coefficients[:, [INDEX[channel] for channel in columns]] = found.values[:, list(columns.values())]
    _check_values(found, coefficients)
    seconds = _seconds(found)
    remarks = list(found.remarks)
    if others:
        remarks.append(f"{_listed(others)} {'is' if len(others) == 1 else 'are'} passed over, as no ARKit channel")
    if zero:
        remarks.append(f"{_missing(zero)} {'is' if len(zero) == 1 else 'are'} 0, as the file has no values for them")
    return Take(file.stem, seconds, (coefficients + 0.0).astype(np.float32), [], found.lost, tuple(remarks))


def _columns(file: Path, found: NamedColumns) -> tuple[dict[str, int], list[str]]:
    """Returns the column of each channel, and the names that are none."""
    columns: dict[str, int] = {}
    others: list[str] = []
    for column, name in enumerate(found.names):
        try:
            channel = canonical(name)
        except InputError:
            if name != NEUTRAL:
                others.append(name)
            continue
        if channel in columns:
            both = f"'{found.names[columns[channel]]}' and '{name}'"
            raise InputError(file, f"holds '{channel}' twice, as {both}", "keep one of them")
        columns[channel] = column
    return columns, others


def _zero(
    file: Path, found: NamedColumns, columns: dict[str, int], others: list[str], options: ReadingOptions
) -> list[str]:
    """Returns the channels that the file lacks and that are 0 by the options; refuses any other."""
    missing = [channel for channel in CHANNELS if channel not in columns]
    angles, tongue = [name for name in missing if name in ANGLES], "TongueOut" in missing
    refused = [name for name in missing if name not in ANGLES and name != "TongueOut"]
    settings = []
    if angles and options.head != "zero":
        settings.append("'head' to 'zero'")
        refused += angles
    if tongue and options.tongue != "zero":
        settings.append("'tongue' to 'zero'")
        refused.append("TongueOut")
    if not refused:
        return missing
    shapes = sum(channel in BLENDSHAPES for channel in columns)
    holds = f"{shapes} of {len(BLENDSHAPES)} ARKit blendshapes and {len(columns) - shapes} of 9 angles"
    also = f", besides {_listed(others)}" if others else ""
    if len(settings) and all(name in ANGLES or name == "TongueOut" for name in refused):
        remedy = f"set {' and '.join(settings)} to read what is missing as 0"
    else:
        remedy = "export all ARKit blendshapes"
    raise InputError(file, f"holds ({found.kind}) {holds}{also}; missing: {_missing(refused)}", remedy)


def _check_values(found: NamedColumns, coefficients: NDArray[np.float64]) -> None:
    bad = np.argwhere(~np.isfinite(coefficients))
    if len(bad):
        row, channel = bad[0].tolist()
        problem = f"'{CHANNELS[channel]}' is no finite number"
        raise InputError(found.place(row), problem, "correct the value or take the frame out")
    off = off_scale(coefficients)
    if off is not None:
        raise InputError(found.place(off.row), f"'{off.channel}' {off.problem}", off.remedy)


def _seconds(found: NamedColumns) -> NDArray[np.float64]:
    steps = np.diff(found.seconds)
    bad = np.flatnonzero(~np.isfinite(found.seconds))
    if len(bad):
        raise InputError(found.place(int(bad[0])), "its time is no finite number", "correct it or take the frame out")
    backwards = np.flatnonzero(steps < 0)
    if len(backwards):
        row = int(backwards[0]) + 1
        problem = f"time runs backwards, from {found.seconds[row - 1]:.3f} s to {found.seconds[row]:.3f} s"
        raise InputError(found.place(row), problem, "sort the frames by time")
    return np.asarray(found.seconds - found.seconds[0])


def _missing(channels: Sequence[str]) -> str:
    """Names channels; all nine angles by one word."""
    rest = [channel for channel in channels if channel not in ANGLES]
    if len(channels) - len(rest) < len(ANGLES):
        return _listed(channels)
    return f"{_listed(rest)} and the 9 head and eye angles" if rest else "the 9 head and eye angles"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name[:40]}'" for name in names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown
