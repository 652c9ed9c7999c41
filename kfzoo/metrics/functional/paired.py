"""Is one system's error smaller than another's on the same samples, or is the difference chance."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import labels, paired_values


class PairedTest(NamedTuple):
    """A paired t-test, each () float64.

    Attributes:
        difference: Mean of first less second, in the unit of the errors; negative when the first errs less.
        effect_size: Cohen's d_z: the mean difference in standard deviations of the differences.
        statistic: The difference in standard errors, t.
        degrees: Of freedom.
        p_value: Two-sided.
    """

    difference: Tensor
    effect_size: Tensor
    statistic: Tensor
    degrees: Tensor
    p_value: Tensor


class WilcoxonTest(NamedTuple):
    """A Wilcoxon signed-rank test, each () float64.

    Attributes:
        statistic: The smaller of the sums of ranks of positive and negative differences.
        p_value: Two-sided.
    """

    statistic: Tensor
    p_value: Tensor


def paired_t_test(first: Tensor, second: Tensor, clusters: Tensor | None = None) -> PairedTest:
    r"""Tests whether the mean difference of paired errors is 0.

    .. math::
        d_i = a_i - b_i, \quad t = \bar d / SE, \quad d_z = \bar d / s, \quad
        s^2 = \frac{1}{N - 1} \sum_i (d_i - \bar d)^2

    Plain, for independent samples: :math:`SE = s / \sqrt N` with N - 1 degrees of freedom. With G clusters of samples
    that belong together, such as the frames of a clip, the standard error is robust against any dependence within them
    (CR1, of a regression on a constant alone) and has G - 1 degrees of freedom:

    .. math::
        SE^2 = \frac{G}{G - 1} \frac{1}{N^2} \sum_g \Bigl( \sum_{i \in g} (d_i - \bar d) \Bigr)^2

    With every sample its own cluster both are the same. Where all differences are 0, so are effect and statistic, and
    p is 1; where the standard error alone is 0, the statistic is infinite and p is 0.

    Negative means that the first errs less. Source: SemanticFace, section 5.1 and table 4 (paired t-tests over test
    samples, A0 to A2); its 4,700 test frames are one subject, hence the clusters.

    Args:
        first: (N,) errors of one system.
        second: (N,) errors of the other on the same samples.
        clusters: (N,) integers; samples with the same one belong together.

    Raises:
        ValueError: For shapes that do not fit, values that are not finite, fewer than two samples or clusters.
    """
    first, second = paired_values(first, second)
    differences = first - second
    count = len(differences)
    if count < 2:
        raise ValueError(f"expected at least two samples, got {count}")
    mean = differences.mean()
    deviation = differences.std(correction=1)
    if clusters is None:
        degrees = count - 1
        error = deviation / count**0.5
    else:
        members = torch.unique(labels("clusters", clusters, count), return_inverse=True)[1]
        groups = int(members.max()) + 1
        if groups < 2:
            raise ValueError("expected at least two clusters, got 1")
        degrees = groups - 1
        sums = differences.new_zeros(groups).index_add_(0, members, differences - mean)
        error = (sums.square().sum() * groups / degrees).sqrt() / count
    statistic = _ratio(mean, error)
    return PairedTest(
        difference=mean,
        effect_size=_ratio(mean, deviation),
        statistic=statistic,
        degrees=mean.new_tensor(degrees),
        p_value=mean.new_tensor(_two_sided(float(statistic), degrees)),
    )


def wilcoxon_test(first: Tensor, second: Tensor) -> WilcoxonTest:
    r"""Tests whether paired differences are symmetric about 0, by their ranks: a few wild samples do not decide it.

    .. math::
        T = \min\Bigl( \sum_{d_i > 0} r_i, \sum_{d_i < 0} r_i \Bigr), \quad r_i = \text{rank of } |d_i|, \quad
        z = \frac{T - n (n + 1) / 4}{\sqrt{n (n + 1) (2 n + 1) / 24 - \sum_k (t_k^3 - t_k) / 48}}

    Differences of 0 are left out, n are left; equal ones share the mean of their ranks, :math:`t_k` of them in the k-th
    tie; p comes from z by the normal approximation. Where all differences are 0, T is 0 and p is 1. Samples count as
    independent. Source: F. Wilcoxon, Individual comparisons by ranking methods, 1945.

    Args:
        first: (N,) errors of one system.
        second: (N,) errors of the other on the same samples.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    from scipy.stats import wilcoxon

    first, second = paired_values(first, second)
    differences = (first - second)[first != second]
    if len(differences) == 0:
        return WilcoxonTest(differences.new_tensor(0.0), differences.new_tensor(1.0))
    found = wilcoxon(differences.numpy(force=True), correction=False, method="asymptotic")
    return WilcoxonTest(differences.new_tensor(float(found.statistic)), differences.new_tensor(float(found.pvalue)))


def _ratio(mean: Tensor, spread: Tensor) -> Tensor:
    """Mean over spread; 0 over 0 is 0, because no difference at all is no effect."""
    return torch.zeros_like(mean) if float(mean) == 0 else mean / spread


def _two_sided(statistic: float, degrees: int) -> float:
    """Two-sided p-value of a t statistic."""
    from scipy.stats import t

    return 0.0 if math.isinf(statistic) else float(2 * t.sf(abs(statistic), degrees))
