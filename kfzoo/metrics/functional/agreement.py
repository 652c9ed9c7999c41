"""How well each channel follows the ground truth over samples: cross comparison, and the tables by channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import paired_rows


class ChannelAgreement(NamedTuple):
    """Agreement of each channel, each (D,) float64.

    Attributes:
        pearson: Linear correlation in [-1, 1], higher is better; NaN where either side is constant.
        spearman: Correlation of ranks, likewise.
        accuracy: Share of samples in which both or neither reach the threshold, in [0, 1]; higher is better.
        msd: Mean squared difference, in squared coefficient units; lower is better.
        deviation: Mean absolute difference, in coefficient units; lower is better.
    """

    pearson: Tensor
    spearman: Tensor
    accuracy: Tensor
    msd: Tensor
    deviation: Tensor


class CrossComparison(NamedTuple):
    """Means of a `ChannelAgreement` over channels, each () float64; units and directions are the same.

    Attributes:
        pearson: Over the channels that have one; NaN if none has.
        spearman: Likewise.
        accuracy: Over all channels.
        msd: Over all channels.
        deviation: Over all channels.
        skipped: Number of channels without a correlation.
    """

    pearson: Tensor
    spearman: Tensor
    accuracy: Tensor
    msd: Tensor
    deviation: Tensor
    skipped: Tensor


def channel_agreement(predictions: Tensor, targets: Tensor, *, threshold: float = 0.5) -> ChannelAgreement:
    r"""Compares each channel with the ground truth over all samples.

    .. math::
        pearson_d = \frac{\sum_i (p_{id} - \bar p_d)(t_{id} - \bar t_d)}
        {\sqrt{\sum_i (p_{id} - \bar p_d)^2 \sum_i (t_{id} - \bar t_d)^2}}, \quad
        spearman_d = pearson_d \text{ of the ranks}

    .. math::
        accuracy_d = \frac{1}{N} \sum_i [(p_{id} \ge \tau) = (t_{id} \ge \tau)], \quad
        msd_d = \frac{1}{N} \sum_i (p_{id} - t_{id})^2, \quad
        deviation_d = \frac{1}{N} \sum_i |p_{id} - t_{id}|

    Equal values share the mean of their ranks. A channel is constant when its largest value is its smallest: it has no
    correlation, and none is made up. Source: SemanticFace, appendix 0.A.5 and tables 1, 5, 6 and 7; it gives no
    threshold.

    Args:
        predictions: (N, D) coefficients.
        targets: (N, D) true coefficients.
        threshold: From which value a blendshape counts as on.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    predictions, targets = paired_rows(predictions, targets)
    difference = predictions - targets
    varies = (predictions.amax(dim=0) > predictions.amin(dim=0)) & (targets.amax(dim=0) > targets.amin(dim=0))
    return ChannelAgreement(
        pearson=_correlation(predictions, targets, varies),
        spearman=_correlation(_ranks(predictions), _ranks(targets), varies),
        accuracy=((predictions >= threshold) == (targets >= threshold)).double().mean(dim=0),
        msd=difference.square().mean(dim=0),
        deviation=difference.abs().mean(dim=0),
    )


def cross_comparison(agreement: ChannelAgreement, channels: Sequence[int]) -> CrossComparison:
    r"""Means over channels.

    .. math::
        \frac{1}{|C|} \sum_{d \in C} x_d

    where C are the given channels, for the two correlations those among them that vary on both sides.
    Source: "Main Cross-Comparison" of SemanticFace, table 1 and appendix 0.A.5: 13 channels by the text, 14 by the
    numbers (`sf13` and `sf14` of `kfzoo.arkit.channels.SUBSETS`).

    Args:
        agreement: Of D channels.
        channels: Positions from 0 to D - 1.

    Raises:
        ValueError: For no channels, or a position there is not.
    """
    count = len(agreement.pearson)
    wrong = [channel for channel in channels if not 0 <= channel < count]
    if wrong or len(channels) == 0:
        raise ValueError(f"channels: expected positions from 0 to {count - 1}, got {wrong if wrong else 'none'}")
    places = torch.as_tensor([int(channel) for channel in channels], device=agreement.pearson.device)
    chosen = ChannelAgreement(*(values[places] for values in agreement))
    return CrossComparison(
        # The mean of nothing is NaN: no channel varies, no correlation is known.
        pearson=chosen.pearson.nanmean(),
        spearman=chosen.spearman.nanmean(),
        accuracy=chosen.accuracy.mean(),
        msd=chosen.msd.mean(),
        deviation=chosen.deviation.mean(),
        skipped=chosen.pearson.isnan().double().sum(),
    )


def _correlation(first: Tensor, second: Tensor, varies: Tensor) -> Tensor:
    """Pearson's correlation of each column, (D,); NaN where the columns do not vary."""
    cosine = (_direction(first) * _direction(second)).sum(dim=0).clamp(-1, 1)
    return torch.where(varies, cosine, torch.nan)


def _direction(values: Tensor) -> Tensor:
    """Columns about their mean and of length 1; constant columns come out as anything finite.

    Far from zero the mean itself is rounded: it is taken off twice. The largest difference is brought to 1 before
    squares are taken, so that none vanishes or overflows.
    """
    values = values - values.mean(dim=0)
    values = values - values.mean(dim=0)
    largest = values.abs().amax(dim=0)
    values = values / torch.where(largest > 0, largest, 1)
    length = torch.linalg.vector_norm(values, dim=0)
    return values / torch.where(length > 0, length, 1)


def _ranks(values: Tensor) -> Tensor:
    """Rank of each value in its column from 1; equal values share the mean of theirs."""
    from scipy.stats import rankdata

    return torch.from_numpy(rankdata(values.numpy(force=True), axis=0)).to(values.device)
