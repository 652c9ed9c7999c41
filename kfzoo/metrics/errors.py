"""MSE, MAE and RMSE over a whole split."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kfzoo.metrics.answers import Answers
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, from_draws
from kfzoo.metrics.functional.errors import NAMES, SampleErrors, error_statistics
from kfzoo.metrics.row_metric import RowMetric


class ErrorStatistics(RowMetric):
    """Mean, median, standard deviation and P90 of the samples' MSE, MAE and RMSE; lower is better.

    Numbers: `mse`, `mse_median`, `mse_std`, `mse_p90`, and the same for `mae` and `rmse`. Formulas, units and sources:
    `kfzoo.metrics.functional.errors`. Arguments: `RowMetric`.
    """

    higher_is_better = False
    needs = "targets"

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, Estimate]:
        """See `RowMetric.estimates`."""
        return from_draws(error_statistics(answers.errors), _draws(answers.errors, bootstrap) if bootstrap else {})


def _draws(errors: SampleErrors, bootstrap: ScriptBootstrap) -> dict[str, NDArray[np.float64]]:
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
    return draws
