"""State of MSE, MAE and RMSE over a whole split."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kfzoo.metrics.functional.errors import NAMES, SampleErrors, error_statistics, sample_errors
from kfzoo.metrics.state import RowMetric


class ErrorStatistics(RowMetric):
    """Mean, median, standard deviation and P90 of the samples' MSE, MAE and RMSE; lower is better.

    Formulas, units and sources: `kfzoo.metrics.functional.errors`.
    """

    is_differentiable = False
    higher_is_better = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in NAMES:
            self.add_rows(name)

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).
            targets: (B, D).

        Raises:
            ValueError: As `sample_errors`.
        """
        for name, values in zip(NAMES, sample_errors(predictions, targets), strict=True):
            self.append(name, values)

    def compute(self) -> dict[str, Tensor]:
        """Returns the statistics by name (`mse`, `mse_median`, …), scalars.

        Raises:
            ValueError: When there was no sample.
        """
        return error_statistics(SampleErrors(*(self.rows(name) for name in NAMES)))
