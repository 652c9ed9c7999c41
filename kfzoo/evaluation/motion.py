"""How much clips move, and how near their faces are to the training part's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kfzoo.data.clip import FPS
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments

STATIC = 0.1
"""A clip is static when its speed is not above this share of the mean speed of the true clips."""

Motion = NDArray[np.float32]


@dataclass(frozen=True)
class MotionScores:
    """What a set of clips is worth.

    Attributes:
        speed: Mean over clips of `speed`: coefficient units a second.
        acceleration: Mean over clips of `acceleration`: units a second squared. It tells motion from trembling, whose
            speed may be the same.
        static: Share of the clips that hardly move.
        fid: Fréchet distance of all frames, as vectors of 61 coefficients, from the training part's frames.
    """

    speed: float
    acceleration: float
    static: float
    fid: float


@dataclass(frozen=True)
class MotionReport:
    """Generated clips beside the true ones.

    Attributes:
        count: Number of clips.
        frames: Number of their frames.
        targets: Scores of the true clips.
        generated: Scores of the generated ones.
        speed_ratio: Speed of the generated over that of the ground truth; None where the ground truth stands still.
    """

    count: int
    frames: int
    targets: MotionScores
    generated: MotionScores
    speed_ratio: float | None


def speed(motion: Motion) -> float:
    """Returns |dx/dt| of a clip (T, 61), T ≥ 2, averaged over its steps and channels, in units a second."""
    return float(np.abs(np.diff(motion.astype(np.float64), axis=0)).mean() * FPS)


def acceleration(motion: Motion) -> float:
    """Returns |d²x/dt²| of a clip (T, 61), T ≥ 3, averaged over its steps and channels, in units a second squared."""
    return float(np.abs(np.diff(motion.astype(np.float64), n=2, axis=0)).mean() * FPS**2)


def compare_motion(generated: Sequence[Motion], target: Sequence[Motion], training: Motion) -> MotionReport:
    """Compares generated clips with the true ones of the same captions.

    They are compared as sets: a caption leaves open when something happens, so that frames of one time say little.

    Args:
        generated: N clips of (T, 61).
        target: N clips of (T, 61).
        training: (M, 61) every frame of the training part.
    """
    reference = moments(torch.from_numpy(training))
    own = [speed(clip) for clip in target]
    still = STATIC * float(np.mean(own))
    true, made = (_scores(clips, still, reference) for clips in (target, generated))
    ratio = made.speed / true.speed if true.speed > 0 else None
    return MotionReport(len(generated), sum(map(len, generated)), true, made, ratio)


def _scores(clips: Sequence[Motion], still: float, reference: Moments) -> MotionScores:
    speeds = np.array([speed(clip) for clip in clips])
    frames = torch.from_numpy(np.concatenate(clips))
    return MotionScores(
        speed=float(speeds.mean()),
        acceleration=float(np.mean([acceleration(clip) for clip in clips])),
        static=float((speeds <= still).mean()),
        fid=float(frechet_distance(moments(frames), reference)),
    )
