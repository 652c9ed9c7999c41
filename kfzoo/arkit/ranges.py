"""One check of ranges for every reader: a little overshoot is clamped, values on another scale are refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, LOWER, UPPER, clamp
from kfzoo.errors import InputError

OVERSHOOT = 0.25
"""How far a blendshape may leave [0, 1] before it is taken for a value on another scale.

Real takes overshoot by 0.05, calibrated ones fall below 0 by as much.
"""

STEEPEST = 1.6
"""The largest angle in radians, a little more than a quarter turn: a head that is turned further shows no face."""

_COUNT = len(BLENDSHAPES)
_LOWEST: NDArray[np.float64] = np.where(np.arange(len(CHANNELS)) < _COUNT, -OVERSHOOT, -STEEPEST)
_HIGHEST: NDArray[np.float64] = np.where(np.arange(len(CHANNELS)) < _COUNT, 1 + OVERSHOOT, STEEPEST)
_FEW = 0.05  # Share of the values that are not 0 up to which those outside are single ones, and no scale.


@dataclass(frozen=True)
class OffScale:
    """A value that is no coefficient.

    Attributes:
        row: Its face, from 0.
        channel: Its channel's name.
        value: As it was found.
        problem: What is wrong, with the scale that the values look like, without the channel and the file.
        remedy: What to do.
    """

    row: int
    channel: str
    value: float
    problem: str
    remedy: str


def off_scale(coefficients: ArrayLike) -> OffScale | None:
    """Finds values that are on another scale: percentages, degrees, pixels.

    Args:
        coefficients: (T, 61) or (61,), finite numbers.

    Returns:
        The value that is furthest out in the first such face, or None.
    """
    faces = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
    outside = (faces < _LOWEST) | (faces > _HIGHEST)
    if not outside.any():
        return None
    row = int(np.argmax(outside.any(axis=1)))
    channel = int(np.argmax(np.where(outside[row], np.abs(faces[row]), -np.inf)))
    value = float(faces[row, channel])
    scale, remedy = _scale(faces, outside, channel)
    expected = f"expected a value in [{LOWER[channel]:g}, {UPPER[channel]:g}]"
    problem = f"is {value:g}, {expected}{f'; it looks like {scale}' if scale else ''}"
    return OffScale(row, CHANNELS[channel], value, problem, remedy)


def overshooting(coefficients: ArrayLike) -> int:
    """Counts the values outside their channel's range, which `clamp` will change.

    Args:
        coefficients: (…, 61).
    """
    faces = np.asarray(coefficients)
    return int(((faces < LOWER) | (faces > UPPER)).sum())


class OvershootCount:
    """Clamps the faces of one file and counts the values that this changes, to report them in one line."""

    def __init__(self) -> None:
        self.values = 0
        self.faces = 0
        self._first = ""

    def clamp(self, where: str, coefficients: ArrayLike) -> NDArray[np.float32]:
        """Returns faces in each channel's range.

        Args:
            where: Line or frame of the first face, for the report.
            coefficients: (T, 61) or (61,), finite numbers.

        Raises:
            InputError: For a value on another scale.
        """
        faces = np.atleast_2d(np.asarray(coefficients, dtype=np.float64))
        found = off_scale(faces)
        if found is not None:
            frame = f" of frame {found.row}" if len(faces) > 1 else ""
            raise InputError(where, f"'{found.channel}'{frame} {found.problem}", found.remedy)
        outside = (faces < LOWER) | (faces > UPPER)
        if outside.any():
            if not self.values:
                row, channel = (int(place) for place in np.argwhere(outside)[0])
                self._first = f"'{CHANNELS[channel]}' is {faces[row, channel]:.4g} in {where}"
            self.values += int(outside.sum())
            self.faces += int(outside.any(axis=1).sum())
        return clamp(coefficients)

    def report(self) -> str | None:
        """Returns what was clamped in one line, or None when nothing was."""
        if not self.values:
            return None
        return f"{self.values} values of {self.faces} faces are clamped to their channel's range (first: {self._first})"


def _scale(faces: NDArray[np.float64], outside: NDArray[np.bool_], channel: int) -> tuple[str, str]:
    """Guesses what the values of a channel's kind are, from the largest of them and from how many are outside."""
    angle = channel >= _COUNT
    kind = slice(_COUNT, None) if angle else slice(_COUNT)
    values, beyond = faces[:, kind], outside[:, kind]
    largest = float(np.abs(values).max())
    single = beyond.sum() <= _FEW * np.count_nonzero(values)
    if angle:
        if largest <= np.pi or single:
            return "", "radians in [-1, 1] are expected: correct the value or take it out"
        if largest <= 360:  # a full turn
            percent = outside[:, :_COUNT].sum() > _FEW * np.count_nonzero(faces[:, :_COUNT])
            other = ", or blendshapes and angles are hundredfold" if percent else ""
            return "degrees", f"multiply angles by pi / 180{other}"
        return "pixels or another unit", "convert angles to radians"
    if largest <= 2 or single:
        return "", "correct the value or take it out"
    if largest <= 110:  # percentages overshoot, too
        return "a weight from 0 to 100", "divide the blendshapes by 100"
    if largest <= 255:
        return "a weight from 0 to 255", "divide the blendshapes by 255"
    return "pixels or another unit", "convert the blendshapes to [0, 1]"
