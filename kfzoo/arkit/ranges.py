"""One check of ranges for every reader: a little overshoot is clamped, values on another scale are refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, LOWER, UPPER

OVERSHOOT = 0.25
"""How far a blendshape may leave [0, 1] before it is taken for a value on another scale.

Real takes overshoot by 0.05, calibrated ones fall below 0 by as much.
"""

STEEPEST = 1.6
"""The largest angle in radians, a little more than a quarter turn: a head that is turned further shows no face."""

_COUNT = len(BLENDSHAPES)
_LOWEST: NDArray[np.float64] = np.where(np.arange(len(CHANNELS)) < _COUNT, -OVERSHOOT, -STEEPEST)
_HIGHEST: NDArray[np.float64] = np.where(np.arange(len(CHANNELS)) < _COUNT, 1 + OVERSHOOT, STEEPEST)


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
    scale, remedy = _scale(faces, channel)
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


def _scale(faces: NDArray[np.float64], channel: int) -> tuple[str, str]:
    """Guesses what the values of a channel's kind are, from the largest of them."""
    angle = channel >= _COUNT
    largest = float(np.abs(faces[:, _COUNT:] if angle else faces[:, :_COUNT]).max())
    if angle:
        if largest <= np.pi:
            return "", "radians in [-1, 1] are expected: correct the value or take it out"
        if largest <= 360:  # a full turn
            return "degrees", "multiply angles by pi / 180"
        return "pixels or another unit", "convert angles to radians"
    if largest <= 2:
        return "", "correct the value or take it out"
    if largest <= 110:  # percentages overshoot, too
        return "a weight from 0 to 100", "divide the blendshapes by 100"
    if largest <= 255:
        return "a weight from 0 to 255", "divide the blendshapes by 255"
    return "pixels or another unit", "convert the blendshapes to [0, 1]"
