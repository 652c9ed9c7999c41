"""How fast and how smoothly a sequence of coefficients moves: means of its derivatives in time."""

from __future__ import annotations

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import rows


def speed(motion: Tensor, fps: float) -> Tensor:
    """Mean absolute first derivative, |dx/dt|.

    Unit: coefficient units a second. Range [0, ∞), 0 for a sequence that does not move.

    Args:
        motion: (T, D) at a constant rate, T ≥ 2.
        fps: Frames a second.

    Returns:
        Mean over steps and channels, () float64.

    Raises:
        ValueError: For another shape, fewer than two frames, or values that are not finite.
    """
    return _mean_derivative(motion, fps, order=1)


def acceleration(motion: Tensor, fps: float) -> Tensor:
    """Mean absolute second derivative, |d²x/dt²|, of at least three frames; arguments and errors as `speed`.

    Unit: coefficient units a second squared. Range [0, ∞), 0 for a sequence of constant speed.
    """
    return _mean_derivative(motion, fps, order=2)


def jerk(motion: Tensor, fps: float) -> Tensor:
    """Mean absolute third derivative, |d³x/dt³|, of at least four frames; arguments and errors as `speed`.

    It separates smooth motion from trembling of the same speed.

    Unit: coefficient units a second cubed. Range [0, ∞), 0 for a sequence of constant acceleration.
    Source: Flash and Hogan (1985), whose model of smooth movement minimises the squared jerk; the mean over joints is
    the "jitter" of TransPose (Yi et al., 2021).
    """
    return _mean_derivative(motion, fps, order=3)


def _mean_derivative(motion: Tensor, fps: float, order: int) -> Tensor:
    """Finite differences of consecutive frames, times the rate once for each order."""
    motion = rows("motion", motion)
    if len(motion) <= order:
        raise ValueError(f"motion: expected at least {order + 1} frames, got {len(motion)}")
    return torch.diff(motion, n=order, dim=0).abs().mean() * fps**order
