"""Tests of significance between two rows, over their errors on the same samples.

Keyframes of one recording are alike, hence not independent: the t-test is clustered by recording. The Wilcoxon test
takes samples as independent; it shows what a test without clusters would report.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""A difference is significant when its p-value is below it."""

ROUNDING = 1e-6
"""Relative difference that float32 and the digits on disk can cause; it counts as none."""


@dataclass(frozen=True)
class Comparison:
    """A model's squared errors against another row's, sample by sample.

    Attributes:
        difference: Mean over samples of the model's MSE less the other's: negative when the model is better.
        effect_size: Mean over standard deviation of the differences (Cohen's d_z), with the same sign.
        p_value: Of the two-sided paired t-test, clustered by recording.
        wilcoxon: p-value of the two-sided signed-rank test over samples.
    """

    difference: float
    effect_size: float
    p_value: float
    wilcoxon: float

    @property
    def better(self) -> bool:
        """Whether the model is significantly better."""
        return self.difference < 0 and self.different

    @property
    def different(self) -> bool:
        """Whether the two differ significantly."""
        return self.p_value < LEVEL


def compare(first: NDArray[np.float64], second: NDArray[np.float64], recordings: NDArray[np.str_]) -> Comparison:
    """Compares the errors of one model with those of another row.

    Args:
        first: (N,) MSE of each sample, the model's.
        second: (N,) the other row's, of the same samples in the same order.
        recordings: (N,) the recording of each sample, at least two of them.
    """
    import torch

    from kfzoo.metrics.functional.paired import paired_t_test, wilcoxon_test

    first = np.where(np.isclose(first, second, rtol=ROUNDING, atol=0), second, first)
    ours, theirs = torch.from_numpy(first), torch.from_numpy(second)
    clusters = torch.from_numpy(np.unique(recordings, return_inverse=True)[1])
    test = paired_t_test(ours, theirs, clusters)
    ranks = wilcoxon_test(ours, theirs)
    return Comparison(float(test.difference), float(test.effect_size), float(test.p_value), float(ranks.p_value))
