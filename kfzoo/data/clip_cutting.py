"""From a recording to pieces of motion at 20 frames a second, and from those to clips that begin and end at rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfzoo.data.clip import FPS
from kfzoo.data.keyframe_selection import SMOOTHING

LONGEST_GAP = 0.1
"""Seconds between two recorded frames beyond which nothing is put between them: the camera had lost the face."""

_SHORTEST_STEP = 1e-6  # Seconds; closer frames have one time but for rounding.
_UNEVEN, _DRIFT = 0.25, 0.01  # Of a frame: how far one step, and the mean rate, of a steady recording may be off.


class Piece(NamedTuple):
    """Motion without a gap.

    Attributes:
        seconds: Time of each frame since the recording's first one, (T,).
        motion: (T, 61) at `FPS`.
    """

    seconds: NDArray[np.float64]
    motion: NDArray[np.float32]


def at_clip_rate(seconds: NDArray[np.float64], coefficients: NDArray[np.float32]) -> list[Piece]:
    """Brings a recording to `FPS`.

    A steady recording at a multiple of `FPS` keeps every n-th of its frames as it is: every third at 60 a second, as
    Express4D's loader does. Any other is interpolated along straight lines in time.

    Args:
        seconds: (T,) never decreasing.
        coefficients: (T, 61).

    Returns:
        The stretches between gaps longer than `LONGEST_GAP`, in order, however short.
    """
    gaps = np.flatnonzero(np.diff(seconds) > LONGEST_GAP + 1e-6) + 1
    stretches = zip(np.split(seconds, gaps), np.split(coefficients, gaps), strict=True)
    return [_resampled(times, values) for times, values in stretches]


def _resampled(seconds: NDArray[np.float64], values: NDArray[np.float32]) -> Piece:
    stride = _stride(seconds)
    if stride is not None:
        return Piece(seconds[::stride], values[::stride])
    # A little over the duration: rounding must not lose the last one.
    times = seconds[0] + np.arange(int((seconds[-1] - seconds[0]) * FPS + 1e-6) + 1) / FPS
    channels = [np.interp(times, seconds, channel) for channel in values.T]
    return Piece(times, np.stack(channels, axis=1).astype(np.float32))


def _stride(seconds: NDArray[np.float64]) -> int | None:
    """Returns which of the frames of a steady recording are `FPS` a second, or None."""
    steps = np.diff(seconds)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual < _SHORTEST_STEP or np.abs(steps - usual).max() > _UNEVEN * usual:
        return None
    stride = max(1, round(1 / (FPS * usual)))
    return stride if abs(stride * usual * FPS - 1) <= _DRIFT else None


def cut_at_rest(strength: NDArray[np.float64], shortest: int, longest: int) -> list[tuple[int, int]]:
    """Cuts a piece where the face is nearest to rest.

    From each cut, the next one is at the calmest frame of those that leave the clip `shortest` to `longest`, and
    the remainder not too short; of equally calm frames, at the last.

    Args:
        strength: How far each frame is from the face at rest, (T,).
        shortest: Frames of a clip at least.
        longest: Frames at most; at least twice `shortest`.

    Returns:
        First frame and the frame after the last of each clip: every frame in exactly one, or none for a piece below
        `shortest`.
    """
    from scipy.ndimage import gaussian_filter1d

    calm = gaussian_filter1d(strength, SMOOTHING * FPS, mode="nearest") if len(strength) else strength
    spans: list[tuple[int, int]] = []
    start, end = 0, len(strength)
    while end - start > longest:
        last = min(start + longest, end - shortest)
        window = calm[start + shortest : last + 1]
        cut = last - int(np.argmin(window[::-1]))
        spans.append((start, cut))
        start = cut
    return [*spans, (start, end)] if end - start >= shortest else spans
