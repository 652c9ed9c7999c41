"""Animations that several tests write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER

SIDED = {"EyeBlinkLeft": 0.9, "MouthLeft": 0.5, "JawRight": 0.7, "HeadRoll": 0.3}
"""A pose that is not the same to the left and to the right."""


def sided(fps: float = 30.0) -> FaceAnimation:
    """From the neutral face into the one-sided pose and back, 1.5 s."""
    face = np.zeros(len(CHANNELS))
    for name, value in SIDED.items():
        face[INDEX[name]] = value
    return FaceAnimation.of_keyframes([0.5], face[None], fps=fps, texts=["wink"])


def spoken(frames: int = 90, fps: float = 30.0) -> FaceAnimation:
    """Restless motion of all channels, as a recording has it."""
    rng = np.random.default_rng(3)
    curves = np.clip(0.5 + rng.normal(0, 0.2, (frames, len(CHANNELS))), LOWER, UPPER)
    return of_curves(curves, fps)


def of_curves(curves: NDArray[np.float64], fps: float = 30.0) -> FaceAnimation:
    """An animation of these curves, (T, 61)."""
    return FaceAnimation(np.zeros(1), curves[:1], curves.astype(np.float32), fps)
