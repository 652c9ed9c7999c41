"""From keyframes to curves: what happens between the moments that a script describes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.checks import check_keyframes
from kfzoo.errors import InputError


def interpolate(
    times: ArrayLike, keyframes: ArrayLike, fps: float = 60.0, *, hold: float = 0.5, ease: float = 0.4
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Turns keyframes into one face a frame.

    Each keyframe is reached at its time, to the nearest frame, and held; the way to the next one is monotone in every
    channel (Fritsch and Carlson's piecewise cubic), so nothing overshoots. The face comes from neutral before the first
    keyframe and returns to it after the last, so that a single keyframe becomes a clip that rises, stays and falls. The
    defaults are those of a calm, posed expression.

    Args:
        times: Seconds from the start of the script, (N,), rising.
        keyframes: (N, 61) in Live Link order.
        fps: Frames a second.
        hold: Seconds that each keyframe stays, at most half of the time to the next one.
        ease: Seconds from neutral to the first keyframe, and from the last one to neutral. 0: the first keyframe is
            there from the start, and the clip ends with the last one's hold.

    Returns:
        Seconds of each frame, (T,), and coefficients, (T, 61) float32. The clip starts at 0 s, or before it (negative
        seconds) when the first keyframe leaves too little time to rise.

    Raises:
        InputError: For wrong shapes, values that are no finite numbers, times that do not rise, two keyframes on one
            frame, or a rate or duration out of range.
    """
    seconds, faces = check_keyframes(times, keyframes)
    for name, value, lowest in (("fps", fps, "above 0"), ("hold", hold, "0 or more"), ("ease", ease, "0 or more")):
        if not np.isfinite(value) or value < 0 or (name == "fps" and value == 0):
            raise InputError(name, f"expected {lowest}, got {value}")
    frames = np.rint(seconds * fps).astype(np.int64)
    close = np.flatnonzero(np.diff(frames) == 0)
    if len(close):
        first, second = seconds[close[0]], seconds[close[0] + 1]
        raise InputError(
            "times",
            f"{first:g} s and {second:g} s fall on one frame at {fps:g} frames a second",
            "raise fps or drop one",
        )
    knots, values = _knots(frames, faces, round(hold * fps), max(1, round(ease * fps)) if ease > 0 else 0)
    at = np.arange(knots[0], knots[-1] + 1)
    curves = _monotone(knots, values, at)
    # A polynomial's rounding must not carry a value past its keyframe's.
    curves = np.clip(curves, values.min(axis=0), values.max(axis=0))
    curves[frames - knots[0]] = faces
    return at / fps, curves.astype(np.float32)


def resample(motion: ArrayLike, rate: float, fps: float = 60.0) -> NDArray[np.float32]:
    """Brings motion to another frame rate.

    The curves go through every given frame and are monotone between two of them (Fritsch and Carlson's piecewise
    cubic), so that nothing overshoots; from 20 to 60 frames a second every third frame is a given one.

    Args:
        motion: (T, 61) at `rate`.
        rate: Frames a second that are given.
        fps: Frames a second that are wanted.

    Returns:
        (T', 61), from the first given frame to the last, or as near to it as whole frames come.

    Raises:
        InputError: For wrong shapes, values that are no finite numbers, or a rate that is not positive.
    """
    if not 0 < rate < float("inf"):
        raise InputError("rate", f"expected above 0, got {rate}")
    given = np.asarray(motion)
    return resample_at(np.arange(len(given)) / rate, given, fps)


def resample_at(times: ArrayLike, motion: ArrayLike, fps: float = 60.0) -> NDArray[np.float32]:
    """Brings motion whose frames may be uneven in time to a steady frame rate; see `resample`.

    Args:
        times: Seconds of the given frames, (T,), rising from 0.
        motion: (T, 61).
        fps: Frames a second that are wanted.

    Returns:
        (T', 61), from the first given frame to the last, or as near to it as whole frames come.

    Raises:
        InputError: For wrong shapes, values that are no finite numbers, or a rate that is not positive.
    """
    if not 0 < fps < float("inf"):
        raise InputError("fps", f"expected above 0, got {fps}")
    seconds, faces = check_keyframes(times, motion)
    # A little over the duration: rounding must not lose the last one.
    wanted = np.arange(int(seconds[-1] * fps + 1e-6) + 1) / fps
    curves = _monotone(seconds, faces, wanted.clip(max=seconds[-1]))
    return np.clip(curves, faces.min(axis=0), faces.max(axis=0)).astype(np.float32)


def _knots(
    frames: NDArray[np.int64], faces: NDArray[np.float64], hold: int, ease: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frame numbers and faces between which the curves run, each frame once."""
    neutral = np.zeros(len(CHANNELS))
    points: dict[int, NDArray[np.float64]] = {}
    before = int(frames[0]) - ease
    points[min(0, before)] = points[before] = neutral if ease else faces[0]
    gaps = [*(np.diff(frames) // 2), hold]
    for frame, face, gap in zip(frames, faces, gaps, strict=True):
        points[int(frame)] = points[int(frame) + min(hold, int(gap))] = face
    if ease:
        points[max(points) + ease] = neutral
    order = sorted(points)
    return np.array(order), np.stack([points[frame] for frame in order])


def _monotone(knots: NDArray[np.number], values: NDArray[np.float64], at: NDArray[np.number]) -> NDArray[np.float64]:
    from scipy.interpolate import PchipInterpolator  # late: scipy is heavier than all the rest

    if len(knots) == 1:
        return values
    return np.asarray(PchipInterpolator(knots, values, axis=0)(at), dtype=np.float64)
