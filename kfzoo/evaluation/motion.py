"""How much clips move, how smoothly, and how near their faces are to those of the training part."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.clip import FPS
from kfzoo.evaluation.scores import Score
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.functional.motion import acceleration, jerk, speed

STATIC = 0.1
"""A clip is static when its speed is at most this share of the mean speed of the ground truth's clips."""

Motion = NDArray[np.float32]


def motion_scores(clips: Sequence[Motion], targets: Sequence[Motion], training: Motion) -> dict[str, Score]:
    """Scores generated clips against the ground truth of the same captions.

    Both are compared as sets: a caption does not say when something happens, so that frames at one time say little.
    Every clip has the same weight in the means, short or long.

    Args:
        clips: N clips of (T, 61), T ≥ 4, at `FPS`.
        targets: N clips of (T, 61) of the ground truth.
        training: (M, 61) all frames of the training part.

    Returns:
        Scores by their names in `MOTION_METRICS`: `fid_frames`, the Fréchet distance between all frames, as vectors of
        61 coefficients, and those of the training part; `static_share`, the share of clips that hardly move; the means
        over clips of `speed`, `acceleration` and `jerk`; `speed_ratio` and `jerk_ratio`, over the ground truth's, left
        out where the ground truth does not move.
    """
    target_speeds, target_jerks = _each(speed, targets), _each(jerk, targets)
    speeds, jerks = _each(speed, clips), _each(jerk, clips)
    frames = torch.from_numpy(np.concatenate(clips))
    found = {
        "fid_frames": frechet_distance(moments(frames), moments(torch.from_numpy(training))),
        "static_share": (speeds <= STATIC * target_speeds.mean()).double().mean(),
        "speed": speeds.mean(),
        "acceleration": _each(acceleration, clips).mean(),
        "jerk": jerks.mean(),
    }
    if target_speeds.mean() > 0:
        found["speed_ratio"] = speeds.mean() / target_speeds.mean()
    if target_jerks.mean() > 0:
        found["jerk_ratio"] = jerks.mean() / target_jerks.mean()
    return {name: Score(float(value)) for name, value in found.items()}


def motion_references(targets: Sequence[Motion], training: Motion) -> dict[str, dict[str, Score]]:
    """Scores of the reference rows: the ground truth itself, and the training part's mean face, which does not move.

    Args:
        targets: N clips of (T, 61) of the ground truth.
        training: (M, 61) all frames of the training part.

    Returns:
        Scores by the names of `REFERENCES`.
    """
    mean_face = training.mean(axis=0, dtype=np.float64).astype(np.float32)
    still = [np.tile(mean_face, (len(clip), 1)) for clip in targets]
    rows = {"ground_truth": targets, "mean_face": still}
    return {name: motion_scores(clips, targets, training) for name, clips in rows.items()}


def _each(metric: Callable[[Tensor, float], Tensor], clips: Sequence[Motion]) -> Tensor:
    """A metric of each clip, (N,)."""
    return torch.stack([metric(torch.from_numpy(clip), FPS) for clip in clips])
