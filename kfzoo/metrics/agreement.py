"""How well the channels follow the ground truth, as means over subsets of channels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.arkit.channels import indices
from kfzoo.metrics.answers import Answers, FaceSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, from_draws
from kfzoo.metrics.functional.agreement import cross_comparison
from kfzoo.metrics.row_metric import RowMetric

CROSS_COMPARISONS = ("sf13", "sf14", "all61")
"""Channel subsets of the cross comparison: SemanticFace's 13, the 14 that its table 1 averages, and all."""

CONSTANT = 1e-12
"""A channel's share of its variance that counts as none in a resample: rounding leaves about 1e-16."""

Draws = NDArray[np.float64]


class CrossComparison(RowMetric):
    """Means over each subset's channels of their agreement with the ground truth: SemanticFace's table 1.

    Numbers: `sf13_pearson`, `sf13_spearman`, `sf13_accuracy`, `sf13_msd`, `sf13_deviation`, and the same for the other
    subsets. In a resample, as in the whole set, a channel that is constant has no correlation and is left out. Ranks
    are those in the whole set. Formulas, units and sources: `kfzoo.metrics.functional.agreement`.

    Args:
        training: See `RowMetric`.
        subsets: Subsets or regions of `kfzoo.arkit.channels`: `sf13` is what the paper says, `sf14` what its numbers
            are, `all61` everything.

    Raises:
        InputError: For an unknown subset.
    """

    # Correlations and accuracy are better high, differences low.
    higher_is_better = None
    needs = "targets"

    def __init__(
        self, training: Tensor | FaceSet | None = None, subsets: tuple[str, ...] = CROSS_COMPARISONS, **kwargs: object
    ) -> None:
        super().__init__(training, **kwargs)  # type: ignore[arg-type]
        self.subsets = {name: indices(name) for name in subsets}

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, Estimate]:
        """See `RowMetric.estimates`."""
        drawn = _draws(answers, bootstrap) if bootstrap else {}
        found: dict[str, Estimate] = {}
        for subset, channels in self.subsets.items():
            values = cross_comparison(answers.agreement, channels.tolist())._asdict()
            del values["skipped"]
            draws = {name: _nan_mean(each[:, channels]) for name, each in drawn.items()}
            found |= {f"{subset}_{name}": each for name, each in from_draws(values, draws).items()}
        return found


def _draws(answers: Answers, bootstrap: ScriptBootstrap) -> dict[str, Draws]:
    """The fields of `ChannelAgreement` in each resample, (R, D); NaN where a channel is constant in it."""
    from scipy.stats import rankdata

    p, t = answers.faces.values.numpy(), answers.targets.values.numpy()
    # A correlation needs a channel that varies: the others would only add columns.
    varies = np.isfinite(answers.agreement.pearson.numpy())
    correlations = np.full((2, bootstrap.resamples, p.shape[1]), np.nan)
    correlations[0][:, varies] = _correlation_draws(p[:, varies], t[:, varies], bootstrap)
    p_ranks, t_ranks = (rankdata(each[:, varies], axis=0) for each in (p, t))
    correlations[1][:, varies] = _correlation_draws(p_ranks, t_ranks, bootstrap)

    def columns(rows: NDArray[np.intp]) -> Draws:
        difference = p[rows] - t[rows]
        same_side = (p[rows] >= 0.5) == (t[rows] >= 0.5)
        return np.hstack([same_side, difference**2, np.abs(difference)])

    accuracy, msd, deviation = np.split(bootstrap.means(columns), 3, axis=1)
    pearson, spearman = correlations
    return {"pearson": pearson, "spearman": spearman, "accuracy": accuracy, "msd": msd, "deviation": deviation}


def _correlation_draws(first: Draws, second: Draws, bootstrap: ScriptBootstrap) -> Draws:
    """Pearson's correlation of each column in each resample, (R, K), from sums; no column is constant."""
    x, y = ((each - each.mean(axis=0)) / each.std(axis=0) for each in (first, second))

    def columns(rows: NDArray[np.intp]) -> Draws:
        a, b = x[rows], y[rows]
        return np.hstack([a, b, a * a, b * b, a * b])

    mean_x, mean_y, xx, yy, xy = np.split(bootstrap.means(columns), 5, axis=1)
    var_x, var_y = xx - mean_x**2, yy - mean_y**2
    defined = (var_x > CONSTANT * xx) & (var_y > CONSTANT * yy)
    spread = np.sqrt(np.where(defined, var_x * var_y, 1))
    return np.where(defined, np.clip((xy - mean_x * mean_y) / spread, -1, 1), np.nan)


def _nan_mean(values: Draws) -> Draws:
    """Mean of each row without NaN; NaN where nothing is left."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
