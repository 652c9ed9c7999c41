"""Checks of what the animation is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError

Array = NDArray[np.float64]


def check_face(coefficients: ArrayLike, where: str = "coefficients") -> Array:
    """Checks one face.

    Args:
        coefficients: (61,) in Live Link order.
        where: What to call it in an error.

    Returns:
        A new array, (61,).

    Raises:
        InputError: For another shape, or values that are no finite numbers.
    """
    try:
        face = np.array(coefficients, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(where, "expected 61 numbers", "pass one value for each of kfzoo.arkit's CHANNELS") from error
    if face.shape != (len(CHANNELS),):
        raise InputError(where, f"expected 61 numbers, got shape {face.shape}", "pass one face in Live Link order")
    wrong = np.flatnonzero(~np.isfinite(face))
    if len(wrong):
        problem = f"{CHANNELS[wrong[0]]} is {face[wrong[0]]}, expected a finite number"
        raise InputError(where, problem, "mend or drop this face")
    return face


def check_keyframes(times: ArrayLike, keyframes: ArrayLike) -> tuple[Array, Array]:
    """Checks keyframes and their times.

    Args:
        times: Seconds, (N,), rising.
        keyframes: (N, 61) in Live Link order.

    Returns:
        Both as new arrays, (N,) and (N, 61).

    Raises:
        InputError: When there is no keyframe, the lengths differ, times do not rise, or a value is no finite number.
    """
    try:
        seconds = np.array(times, dtype=np.float64)
        faces = list(np.array(keyframes, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError("keyframes", "expected numbers: times (N,) and keyframes (N, 61)") from error
    if seconds.ndim != 1 or len(seconds) == 0 or len(seconds) != len(faces):
        problem = f"got {len(faces)} keyframes and times of shape {seconds.shape}"
        raise InputError("keyframes", problem, "pass one time for each keyframe")
    if not np.isfinite(seconds).all():
        raise InputError("times", "every time must be a finite number of seconds")
    late = np.flatnonzero(np.diff(seconds) <= 0)
    if len(late):
        first, second = seconds[late[0]], seconds[late[0] + 1]
        problem = f"must rise, but {second:g} s follows {first:g} s"
        raise InputError("times", problem, "sort the keyframes by their time")
    return seconds, np.stack([check_face(face, f"keyframe {index}") for index, face in enumerate(faces)])
