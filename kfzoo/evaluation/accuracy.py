"""Scores of answers against the ground truth of the same samples: errors, detection and cross comparison."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.arkit.channels import SUBSETS, indices
from kfzoo.evaluation.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.evaluation.scores import Score
from kfzoo.metrics.functional.agreement import ChannelAgreement, channel_agreement, cross_comparison
from kfzoo.metrics.functional.detection import (
    detection_accuracy,
    detection_counts,
    detection_f1,
    tolerance_accuracies,
)
from kfzoo.metrics.functional.errors import NAMES, SampleErrors, error_statistics

CROSS_COMPARISONS = ("sf13", "sf14", "all61")
"""Channel subsets of the cross comparison: SemanticFace's 13, the 14 that its table 1 averages, and all."""

CONSTANT = 1e-12
"""A channel's share of its variance that counts as none in a resample: rounding leaves about 1e-16."""


def error_scores(errors: SampleErrors, bootstrap: ScriptBootstrap) -> dict[str, Score]:
    """Mean, median, standard deviation and 90th percentile of each error over samples.

    Args:
        errors: Of N samples.
        bootstrap: Over their scripts.
    """
    values = torch.stack(errors, dim=1).numpy()
    centre = values.mean(axis=0)
    # About the mean, or the variance would be the small difference of two large numbers.
    moved = values - centre
    means, squares = np.split(bootstrap.means(np.hstack([moved, moved**2])), 2, axis=1)
    draws: dict[str, NDArray[np.float64]] = {}
    for column, name in enumerate(NAMES):
        draws[name] = centre[column] + means[:, column]
        draws[f"{name}_std"] = np.sqrt(np.maximum(squares[:, column] - means[:, column] ** 2, 0))
        draws[f"{name}_median"], draws[f"{name}_p90"] = bootstrap.quantiles(values[:, column], (0.5, 0.9)).T
    return _scores(error_statistics(errors), draws)


def detection_scores(predictions: Tensor, targets: Tensor, bootstrap: ScriptBootstrap) -> dict[str, Score]:
    """Accuracy and F1 of what is on, over all channels together, and the share of values within the tolerance.

    Args:
        predictions: (N, D).
        targets: (N, D).
        bootstrap: Over the scripts of the samples.
    """
    # Turned about, samples stand where channels do: the counts are each sample's own.
    counts = detection_counts(predictions.mT, targets.mT)
    within = tolerance_accuracies(predictions, targets)
    columns = torch.stack([*(each.double() for each in counts), within], dim=1).numpy()
    tp, fp, fn, tn, near = bootstrap.sums(columns).T
    with np.errstate(invalid="ignore"):  # nothing is on in a resample: no F1
        draws = {
            "detection_accuracy": (tp + tn) / (tp + fp + fn + tn),
            "detection_f1": 2 * tp / (2 * tp + fp + fn),
            "tolerance_accuracy": near / bootstrap.sizes,
        }
    values = {
        "detection_accuracy": detection_accuracy(counts),
        "detection_f1": detection_f1(counts),
        "tolerance_accuracy": within.mean(),
    }
    return _scores(values, draws)


def cross_comparison_scores(predictions: Tensor, targets: Tensor, bootstrap: ScriptBootstrap) -> dict[str, Score]:
    """Means over each subset's channels of their agreement with the ground truth.

    In a resample, as in the whole set, a channel that is constant has no correlation and is left out. Ranks are those
    in the whole set.

    Args:
        predictions: (N, 61).
        targets: (N, 61).
        bootstrap: Over the scripts of the samples.
    """
    agreement = channel_agreement(predictions, targets)
    subsets = {name: indices(SUBSETS[name]) for name in CROSS_COMPARISONS}
    draws = _agreement_draws(predictions, targets, agreement, bootstrap)
    scores: dict[str, Score] = {}
    for subset, channels in subsets.items():
        value = cross_comparison(agreement, channels.tolist())
        for name, drawn in draws.items():
            over_channels = _nan_mean(drawn[:, channels])
            scores[f"{subset}_{name}"] = Score(float(getattr(value, name)), percentile_interval(over_channels))
    return scores


def _agreement_draws(
    predictions: Tensor, targets: Tensor, agreement: ChannelAgreement, bootstrap: ScriptBootstrap
) -> dict[str, NDArray[np.float64]]:
    """The fields of `ChannelAgreement` in each resample, (R, D); NaN where a channel is constant in it."""
    from scipy.stats import rankdata

    p, t = predictions.numpy(), targets.numpy()
    # A correlation needs a channel that varies: the others would only add columns.
    varies = np.isfinite(agreement.pearson.numpy())
    correlations = np.full((2, bootstrap.resamples, p.shape[1]), np.nan)
    correlations[0][:, varies] = _correlation_draws(p[:, varies], t[:, varies], bootstrap)
    p_ranks, t_ranks = (rankdata(each[:, varies], axis=0) for each in (p, t))
    correlations[1][:, varies] = _correlation_draws(p_ranks, t_ranks, bootstrap)

    def columns(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        difference = p[rows] - t[rows]
        same_side = (p[rows] >= 0.5) == (t[rows] >= 0.5)
        return np.hstack([same_side, difference**2, np.abs(difference)])

    accuracy, msd, deviation = np.split(bootstrap.means(columns), 3, axis=1)
    pearson, spearman = correlations
    return {"pearson": pearson, "spearman": spearman, "accuracy": accuracy, "msd": msd, "deviation": deviation}


def _correlation_draws(
    first: NDArray[np.float64], second: NDArray[np.float64], bootstrap: ScriptBootstrap
) -> NDArray[np.float64]:
    """Pearson's correlation of each column in each resample, (R, K), from sums; no column is constant."""
    x, y = ((each - each.mean(axis=0)) / each.std(axis=0) for each in (first, second))

    def columns(rows: NDArray[np.intp]) -> NDArray[np.float64]:
        a, b = x[rows], y[rows]
        return np.hstack([a, b, a * a, b * b, a * b])

    mean_x, mean_y, xx, yy, xy = np.split(bootstrap.means(columns), 5, axis=1)
    var_x, var_y = xx - mean_x**2, yy - mean_y**2
    defined = (var_x > CONSTANT * xx) & (var_y > CONSTANT * yy)
    spread = np.sqrt(np.where(defined, var_x * var_y, 1))
    return np.where(defined, np.clip((xy - mean_x * mean_y) / spread, -1, 1), np.nan)


def _nan_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each row without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _scores(values: Mapping[str, Tensor], draws: Mapping[str, NDArray[np.float64]]) -> dict[str, Score]:
    return {name: Score(float(value), percentile_interval(draws[name])) for name, value in values.items()}
