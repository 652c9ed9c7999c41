"""State of the Wasserstein distance: the predictions themselves."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kfzoo.metrics.functional._checks import rows
from kfzoo.metrics.functional.wasserstein import sort_channels, wasserstein_of_sorted
from kfzoo.metrics.state import RowMetric


class WassersteinDistance(RowMetric):
    """Mean over channels of the one-dimensional W1 distance to a reference; lower is better.

    Formula, unit and source: `kfzoo.metrics.functional.wasserstein`.

    Args:
        reference: (M, D) coefficients to compare with; by convention the ground truth of the training split.

    Raises:
        ValueError: As `sort_channels`.
    """

    is_differentiable = False
    higher_is_better = False

    def __init__(self, reference: Tensor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # No buffer: a model that is turned to half precision would take it along.
        self._reference = sort_channels(reference)
        self.add_rows("predictions", reference.shape[1])

    def update(self, predictions: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).

        Raises:
            ValueError: For another number of channels, no samples, or values that are not finite.
        """
        self.append("predictions", rows("predictions", predictions))

    def compute(self) -> Tensor:
        """Returns the distance, ().

        Raises:
            ValueError: When there was no sample.
        """
        predictions = sort_channels(self.rows("predictions"))
        return wasserstein_of_sorted(predictions, self._reference.to(predictions.device)).mean()
