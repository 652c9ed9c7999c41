"""Calibration by a neutral face: what is left of a recording when the face at rest is taken out."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import BLENDSHAPES, clamp
from kfzoo.errors import InputError
from kfzoo.recordings.take import Take

HIGHEST_REST = 0.75
"""The most that a blendshape of a face at rest may show: beyond it, what is left of its range would be stretched more
than fourfold, noise included."""


def neutral_of(take: Take) -> NDArray[np.float32]:
    """Returns the face at rest of a neutral take, (61,): the median of each channel, which no blink moves."""
    return np.asarray(np.median(take.coefficients, axis=0), dtype=np.float32)


def calibrate(
    coefficients: NDArray[np.float32], neutral: NDArray[np.float32], where: str | os.PathLike[str] | None = None
) -> NDArray[np.float32]:
    """Takes the face at rest out of coefficients.

    SemanticFace (section 4.1.1) calibrates all 61 channels by a neutral face of each session, and does not say how.
    Here a blendshape w becomes (w - n) / (1 - n), at least 0: rest is 0, and the strongest is still 1. An angle
    becomes a - n: it is measured from where the head and eyes rest. Everything is clamped to its channel's range.

    Args:
        coefficients: (T, 61).
        neutral: The face at rest, (61,).
        where: The file of the neutral face, for messages.

    Returns:
        (T, 61), in each channel's range.

    Raises:
        InputError: When a blendshape of the neutral face is above `HIGHEST_REST`.
    """
    count = len(BLENDSHAPES)
    rest = clamp(neutral)
    highest = int(np.argmax(rest[:count]))
    if rest[highest] > HIGHEST_REST:
        problem = f"the neutral face has {BLENDSHAPES[highest]} at {rest[highest]:.2f}, expected at most {HIGHEST_REST}"
        raise InputError(where or "neutral", problem, "record a face at rest, or calibrate by another take")
    moved = np.asarray(coefficients, dtype=np.float32) - rest
    moved[:, :count] /= 1 - rest[:count]
    return clamp(moved)
