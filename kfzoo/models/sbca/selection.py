"""Which landmarks depend on a blendshape (SBCA's "segmentation")."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Selection = Literal["correlation", "f_regression", "svr"]

CANDIDATES = 3
"""For each point to be chosen, how many of the best by F-regression the support vectors judge."""

FEW = 300
"""Rows that a support vector machine learns from, and as many that judge it."""


def select(points: Array, target: Array, held_out: NDArray[np.bool_], count: int, by: Selection) -> NDArray[np.int64]:
    """Chooses the points of a face that depend most on one channel.

    "correlation" takes the larger of a point's two correlations with the channel, across and down; "f_regression" the F
    statistic of the channel's regression on both; "svr" the part of the channel's variance on held-out rows that a
    support vector regression on both explains, for the best `CANDIDATES` times `count` points by F.

    Args:
        points: (N, M, 2), faces without their pose.
        target: (N,) the channel, not constant.
        held_out: (N,) which rows judge the support vector machines.
        count: Points to be chosen.
        by: The score.

    Returns:
        (count,) numbers of points, the best first.
    """
    alone = np.abs(correlations(points, target)).max(1)
    score = alone if by == "correlation" else f_statistics(points, target)
    order = np.argsort(-score, kind="stable")
    if by == "svr":
        near = order[: CANDIDATES * count]
        explained = _explained(points[:, near], target, held_out)
        order = near[np.argsort(-np.array(explained), kind="stable")]
    return order[:count].astype(np.int64)


def correlations(points: Array, target: Array) -> Array:
    """Returns Pearson's correlation of each coordinate (N, M, 2) with a channel (N,), (M, 2); 0 for one that rests."""
    moved = points - points.mean(0)
    change = target - target.mean()
    scale = np.linalg.norm(moved, axis=0) * np.linalg.norm(change)
    found = np.zeros(points.shape[1:])
    np.divide(np.tensordot(change, moved, axes=1), scale, out=found, where=scale > 1e-12)
    return found


def f_statistics(points: Array, target: Array) -> Array:
    """Returns the F statistic of a channel's regression on both coordinates of each point, (M,)."""
    across, down = correlations(points, target).T
    moved = points - points.mean(0)
    product = np.linalg.norm(moved, axis=0).prod(1)
    between = np.divide((moved[..., 0] * moved[..., 1]).sum(0), product, out=np.zeros(len(product)), where=product > 0)
    between = np.clip(between, -0.999999, 0.999999)
    explained = (across**2 + down**2 - 2 * across * down * between) / (1 - between**2)
    explained = np.clip(explained, 0, 1 - 1e-12)
    return np.asarray(explained / (1 - explained) * (len(target) - 3) / 2)


def _explained(points: Array, target: Array, held_out: NDArray[np.bool_]) -> list[float]:
    from sklearn import config_context
    from sklearn.svm import SVR

    spread = points.std(0)
    scaled = (points - points.mean(0)) / np.where(spread > 0, spread, 1)
    learn, judge = (np.flatnonzero(rows)[:: max(1, int(rows.sum()) // FEW)] for rows in (~held_out, held_out))
    machine = SVR(epsilon=0.1 * float(target.std()))
    # scikit-learn's checks of arguments and values take longer than a machine of so few rows.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        return [
            float(machine.fit(each[learn], target[learn]).score(each[judge], target[judge]))
            for each in scaled.swapaxes(0, 1)
        ]
