"""Which frames of a recording become keyframes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import BLENDSHAPES, INDEX, REGIONS

GRID = 60.0
"""Samples a second on which peaks are looked for; recordings skip frames, and some run at 30 a second."""

SMOOTHING = 0.1
"""Standard deviation, in seconds, of the smoothing: shorter than an expression, longer than the noise of a camera."""

APART = 0.5
"""The least seconds between two peaks."""

PROMINENCE = 0.1
"""How far a peak must rise above its surroundings, in units of `expression_strength`."""

EXPRESSIVE: NDArray[np.int64] = np.array(
    [INDEX[name] for name in BLENDSHAPES if name not in REGIONS["gaze"] and not name.startswith("EyeBlink")]
)
"""Blendshapes that count as expression: a blink or a glance would otherwise be the highest peak of most takes."""


def at_rate(seconds: NDArray[np.float64], fps: float) -> list[int]:
    """Picks the frames nearest to a steady rate of time.

    Args:
        seconds: (T,) increasing.
        fps: Keyframes a second; above the recording's own rate every frame is taken once.

    Returns:
        Frames, increasing, the first one among them.
    """
    # A little over the duration: rounding must not lose the last one.
    wanted = seconds[0] + np.arange(int((seconds[-1] - seconds[0]) * fps + 1e-6) + 1) / fps
    return _nearest(seconds, wanted)


def expression_strength(coefficients: NDArray[np.float32], *, calibrated: bool) -> NDArray[np.float64]:
    """Measures how far each frame is from the face at rest.

    Args:
        coefficients: (T, 61).
        calibrated: Whether the face at rest is zero; otherwise it is the median of the frames.

    Returns:
        (T,) Euclidean distances over the `EXPRESSIVE` channels.
    """
    face = coefficients[:, EXPRESSIVE].astype(np.float64)
    rest = 0.0 if calibrated else np.median(face, axis=0)
    return np.asarray(np.linalg.norm(face - rest, axis=1))


def at_peaks(seconds: NDArray[np.float64], coefficients: NDArray[np.float32], *, calibrated: bool) -> list[int]:
    """Picks the frames where the expression is strongest: `peaks` of its strength.

    Args:
        seconds: (T,) increasing, T at least 2.
        coefficients: (T, 61).
        calibrated: As for `expression_strength`.

    Returns:
        Frames, increasing; at least one.
    """
    return peaks(seconds, expression_strength(coefficients, calibrated=calibrated))


def peaks(seconds: NDArray[np.float64], strength: NDArray[np.float64]) -> list[int]:
    """Finds the peaks of the smoothed strength that rise by `PROMINENCE` and are `APART`.

    Args:
        seconds: (T,) increasing, T at least 2.
        strength: (T,), of `expression_strength`.

    Returns:
        Frames, increasing; without any peak, the most active one.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    grid = np.arange(seconds[0], seconds[-1] + 1 / GRID, 1 / GRID)
    curve = np.interp(grid, seconds, strength)
    curve = gaussian_filter1d(curve, SMOOTHING * GRID, mode="nearest")
    found, _ = find_peaks(curve, distance=APART * GRID, prominence=PROMINENCE)
    return _nearest(seconds, grid[found] if len(found) else grid[[int(np.argmax(curve))]])


def _nearest(seconds: NDArray[np.float64], wanted: NDArray[np.float64]) -> list[int]:
    right = np.clip(np.searchsorted(seconds, wanted), 1, len(seconds) - 1)
    nearer_left = wanted - seconds[right - 1] <= seconds[right] - wanted
    return sorted({int(frame) for frame in np.where(nearer_left, right - 1, right)})
