"""Intervals by resampling whole scripts: the keyframes of one performance are not independent of each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
ROWS = 2048
"""Samples whose columns are held at once: bounds the memory for any number of samples."""

DRAWS = 2**20
"""Draws, or cumulative weights, held at once, for the same reason."""

Columns = Callable[[NDArray[np.intp]], NDArray[np.float64]]
"""Gives the columns (n, K) of the samples at n positions, so that not all of them have to exist at once."""


class ScriptBootstrap:
    """Draws of whole scripts, made once and used for every statistic of a report.

    In each resample as many scripts are drawn with replacement as there are, each with all its samples. A statistic
    that is a function of sums over samples is computed for all resamples by one matrix product: how often each script
    was drawn, times the script's sums.

    Fewer than two scripts have no spread: there are no resamples then, and no intervals.

    Args:
        scripts: (N,) what each sample belongs to.
        resamples: How often the scripts are drawn, R.
        seed: Of the draws.
    """

    def __init__(self, scripts: NDArray[Any], resamples: int, seed: int) -> None:
        names, self._members = np.unique(scripts, return_inverse=True)
        self._order = np.argsort(self._members, kind="stable")
        self.resamples = resamples if len(names) > 1 else 0
        """Number of resamples, R; 0 with fewer than two scripts."""
        self._times = _times_drawn(len(names), self.resamples, seed)
        self.sizes: NDArray[np.float64] = self.sums(np.ones((len(self._members), 1)))[:, 0]
        """Number of samples in each resample, (R,)."""

    def sums(self, columns: NDArray[np.float64] | Columns) -> NDArray[np.float64]:
        """Sums of columns over the samples of each resample.

        Args:
            columns: (N, K) values of the samples, or a function that gives those of some positions.

        Returns:
            (R, K).
        """
        of = columns if callable(columns) else columns.__getitem__
        total: NDArray[np.float64] | None = None
        for start in range(0, len(self._order), ROWS):
            rows = self._order[start : start + ROWS]
            # Sorted by script, so a block holds a run of scripts; one cut in two adds up over its blocks.
            scripts, firsts = np.unique(self._members[rows], return_index=True)
            inside = np.add.reduceat(of(rows), firsts, axis=0)
            drawn = self._times[scripts[0] : scripts[-1] + 1].astype(np.float64).T @ inside
            total = drawn if total is None else np.add(total, drawn, out=total)
        assert total is not None, "a bootstrap has at least one sample"
        return total

    def means(self, columns: NDArray[np.float64] | Columns) -> NDArray[np.float64]:
        """Means of columns over the samples of each resample, as `sums`."""
        return self.sums(columns) / self.sizes[:, None]

    def quantiles(self, values: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles of each resample, interpolated linearly between two samples as `numpy.quantile` does.

        Args:
            values: (N,).
            shares: K shares in [0, 1].

        Returns:
            (R, K).
        """
        order = np.argsort(values, kind="stable")
        ordered, members = values[order], self._members[order]
        found = np.empty((self.resamples, len(shares)))
        width = max(1, DRAWS // len(values))
        for start in range(0, self.resamples, width):
            block = slice(start, start + width)
            # How many drawn samples are no larger than each value: places in the sorted resample, without making it.
            upto = np.cumsum(np.ascontiguousarray(self._times[members, block].T), axis=1, dtype=np.int32)
            last = upto[:, -1] - 1
            for column, share in enumerate(shares):
                place = share * last
                lower = np.floor(place).astype(np.int32)
                below = ordered[_first_above(upto, lower)]
                above = ordered[_first_above(upto, np.minimum(lower + 1, last))]
                found[block, column] = below + (place - lower) * (above - below)
        return found


def percentile_interval(draws: NDArray[np.float64]) -> tuple[float, float] | None:
    """Ends of the middle `LEVEL` of draws of a statistic.

    Args:
        draws: (R,); resamples in which the statistic is not defined are NaN and left out.

    Returns:
        Lower and upper end, or None when no draw is left.
    """
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return None
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _times_drawn(count: int, resamples: int, seed: int) -> NDArray[np.uint8]:
    """How often each of `count` scripts is drawn, (count, resamples); 255 times is never reached in practice."""
    generator = np.random.default_rng(seed)
    times = np.empty((count, resamples), dtype=np.uint8)
    width = max(1, DRAWS // count)
    for start in range(0, resamples, width):
        size = min(width, resamples - start)
        draws = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        drawn = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count)
        times[:, start : start + size] = drawn.T
    return times


def _first_above(upto: NDArray[np.int32], limits: NDArray[np.int32]) -> NDArray[np.intp]:
    """First position in each row of (R, N), ascending, whose value is above the row's limit: a binary search."""
    rows = np.arange(len(upto))
    low, high = np.zeros(len(upto), dtype=np.intp), np.full(len(upto), upto.shape[1] - 1, dtype=np.intp)
    while np.any(low < high):
        middle = (low + high) // 2
        above = upto[rows, middle] > limits
        low, high = np.where(above, low, middle + 1), np.where(above, middle, high)
    return low
