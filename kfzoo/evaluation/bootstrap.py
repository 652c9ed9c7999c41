"""Intervals by resampling whole scripts: the keyframes of one performance are not independent of each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
BLOCK = 2**20
"""Draws held at once: bounds the memory, whatever the number of scripts."""


def mean_intervals(
    values: NDArray[np.float64], clusters: NDArray[Any], resamples: int, seed: int
) -> NDArray[np.float64] | None:
    """Percentile intervals of the means of values, by a bootstrap over clusters.

    In each resample as many clusters are drawn with replacement as there are, and the mean is taken over all their
    samples; the interval holds the middle `LEVEL` of these means.

    Args:
        values: (N, K) K quantities of N samples.
        clusters: (N,) what each sample belongs to.
        resamples: How often the clusters are drawn.
        seed: Of the draws.

    Returns:
        (K, 2) lower and upper ends; None with fewer than two clusters, which tell nothing of their spread.
    """
    names, members = np.unique(clusters, return_inverse=True)
    count = len(names)
    if count < 2:
        return None
    # A mean over resampled clusters needs only their sums and sizes.
    columns = np.column_stack([values, np.ones(len(values))])
    sums = np.column_stack([np.bincount(members, weights=column, minlength=count) for column in columns.T])
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, max(1, BLOCK // count)):
        size = min(max(1, BLOCK // count), resamples - start)
        draws = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        drawn = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count)
        totals = drawn @ sums
        means.append(totals[:, :-1] / totals[:, -1:])
    ends = np.quantile(np.concatenate(means), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.ascontiguousarray(ends.T)
