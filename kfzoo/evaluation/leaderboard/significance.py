"""Is a row really better? Tests over what two runs reached on the same samples.

Keyframes of one recording are alike, so they are no independent trials: the t-test is clustered by recording. The
Wilcoxon test beside it takes samples as independent, and tells what the test says without that care.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""A difference whose p-value is at or above it is not told from none."""

ROUNDING = 1e-6
"""Relative difference that float32 and the digits on disk can make by themselves; it counts as none."""


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
        """Whether the model is better, and not by chance."""
        return self.difference < 0 and self.different

    @property
    def different(self) -> bool:
        """Whether the two differ, and not by chance."""
        return self.p_value < LEVEL


def compare(first: NDArray[np.float64], second: NDArray[np.float64], clips: NDArray[np.str_]) -> Comparison:
    """Compares the errors of one model with those of another row.

    Args:
        first: (N,) MSE of each sample, the model's.
        second: (N,) the other row's, of the same samples in the same order.
        clips: (N,) the recording of each sample, at least two of them.
    """
    import torch

    from kfzoo.metrics.functional.paired import paired_t_test, wilcoxon_test

    first = np.where(np.isclose(first, second, rtol=ROUNDING, atol=0), second, first)
    ours, theirs = torch.from_numpy(first), torch.from_numpy(second)
    clusters = torch.from_numpy(np.unique(clips, return_inverse=True)[1])
    test = paired_t_test(ours, theirs, clusters)
    ranks = wilcoxon_test(ours, theirs)
    return Comparison(float(test.difference), float(test.effect_size), float(test.p_value), float(ranks.p_value))
