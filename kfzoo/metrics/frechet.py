"""State of the Fréchet distance: three sums, whatever the number of samples."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from kfzoo.metrics.functional.frechet import (
    Moments,
    MomentSums,
    frechet_distance,
    moment_sums,
    moments,
    moments_from_sums,
)


class FrechetDistance(Metric):
    """Fréchet distance of predictions to a reference; lower is better.

    Formula, unit and source: `kfzoo.metrics.functional.frechet`. The sums are taken about the reference's mean.

    Args:
        reference: (M, D) coefficients to compare with; by convention the ground truth of the training split.

    Raises:
        ValueError: As `moments`.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    size: Tensor
    total: Tensor
    outer: Tensor

    def __init__(self, reference: Tensor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # No buffers: a model that is turned to half precision would take them along.
        self._reference = moments(reference)
        channels = reference.shape[1]
        for name, shape in zip(MomentSums._fields, ((), (channels,), (channels, channels)), strict=True):
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, predictions: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).

        Raises:
            ValueError: As `moment_sums`.
        """
        sums = moment_sums(predictions, self._reference.mean.to(predictions.device))
        self.size = self.size + sums.size
        self.total = self.total + sums.total
        self.outer = self.outer + sums.outer

    def compute(self) -> Tensor:
        """Returns the distance, ().

        Raises:
            ValueError: When there was no sample.
        """
        reference = Moments(*(moment.to(self.total.device) for moment in self._reference))
        predicted = moments_from_sums(MomentSums(self.size, self.total, self.outer), reference.mean)
        return frechet_distance(predicted, reference)
