"""A metric's value with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.metrics.bootstrap import ScriptBootstrap, percentile_interval


class Estimate(NamedTuple):
    """A number and its interval.

    Attributes:
        value: NaN where it is not defined.
        interval: Ends of the 95 % interval, or None where there is none.
    """

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class MeanEstimate:
    """A number, never below 0, whose value in a resample follows from the mean of one column over it.

    The interval is computed later, for many numbers at once.

    Attributes:
        value: Of all samples.
        offset: What the mean is added to: 0 when the number is itself a mean over samples, the value when the column is
            the jackknife's deviations.
        make_column: Returns the column, (N,) float64; called when the interval is asked for, once.
    """

    value: float
    offset: float
    make_column: Callable[[], Tensor]

    @classmethod
    def mean_of(cls, values: Tensor) -> MeanEstimate:
        """Returns the mean of (N,) values, one a sample."""
        return cls(float(values.mean()), 0.0, lambda: values)

    @classmethod
    def jackknife(cls, value: float, deviations: Callable[[], Tensor]) -> MeanEstimate:
        """Returns a distance whose first-order change with each sample is known, see `functional.jackknife`."""
        return cls(value, value, deviations)

    @cached_property
    def column(self) -> Tensor:
        """(N,) float64."""
        return self.make_column()

    def reordered(self, order: Tensor) -> MeanEstimate:
        """Returns the same number for the same faces at other samples."""
        return MeanEstimate(self.value, self.offset, lambda: self.column[order])


Estimates = Mapping[str, Estimate | MeanEstimate]


def with_intervals(estimates: Estimates, bootstrap: ScriptBootstrap) -> dict[str, Estimate]:
    """Returns all estimates with their intervals; the columns of all means are resampled together."""
    means = {name: each for name, each in estimates.items() if isinstance(each, MeanEstimate)}
    found = {name: each for name, each in estimates.items() if isinstance(each, Estimate)}
    if means:
        drawn = bootstrap.means(torch.stack([each.column for each in means.values()], dim=1).numpy())
        for (name, each), column in zip(means.items(), drawn.T, strict=True):
            found[name] = Estimate(each.value, percentile_interval(np.maximum(each.offset + column, 0)))
    return found


def from_draws(values: Mapping[str, Tensor], draws: Mapping[str, NDArray[np.float64]]) -> dict[str, Estimate]:
    """Returns values with the intervals of their resamples.

    Args:
        values: Scalars by name.
        draws: (R,) the same in each resample, by name; empty when no interval is asked for.
    """
    return {
        name: Estimate(float(value), percentile_interval(draws[name]) if name in draws else None)
        for name, value in values.items()
    }
