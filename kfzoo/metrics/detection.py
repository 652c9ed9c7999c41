"""State of detection and of the share within a tolerance: counts, and one share a sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from kfzoo.metrics.functional.detection import (
    DetectionCounts,
    detection_accuracy,
    detection_counts,
    detection_f1,
    tolerance_accuracies,
)
from kfzoo.metrics.state import RowMetric


class Detection(Metric):
    """Accuracy and F1 of which blendshapes are on; higher is better.

    Formulas, units and sources: `kfzoo.metrics.functional.detection`.

    Args:
        channels: Number of channels, D.
        threshold: From which value a blendshape counts as on.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    def __init__(self, channels: int = 61, threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.threshold = threshold
        for name in DetectionCounts._fields:
            self.add_state(name, torch.zeros(channels, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).
            targets: (B, D).

        Raises:
            ValueError: For another number of channels, and as `detection_counts`.
        """
        counts = detection_counts(predictions, targets, self.threshold)
        if len(counts.tp) != self.channels:
            raise ValueError(f"predictions: expected {self.channels} channels, got {len(counts.tp)}")
        for name, count in zip(DetectionCounts._fields, counts, strict=True):
            setattr(self, name, getattr(self, name) + count)

    def compute(self) -> dict[str, Tensor]:
        """Returns `detection_accuracy` and `detection_f1`, scalars.

        Raises:
            ValueError: When there was no sample.
        """
        counts = DetectionCounts(*(getattr(self, name) for name in DetectionCounts._fields))
        return {"detection_accuracy": detection_accuracy(counts), "detection_f1": detection_f1(counts)}


class ToleranceAccuracy(RowMetric):
    """Share of values as near to the ground truth as a tolerance; higher is better.

    Formula, unit and source: `kfzoo.metrics.functional.detection`.

    Args:
        tolerance: In coefficient units.
    """

    is_differentiable = False
    higher_is_better = True

    def __init__(self, tolerance: float = 0.25, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tolerance = tolerance
        self.add_rows("shares")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).
            targets: (B, D).

        Raises:
            ValueError: As `tolerance_accuracies`.
        """
        self.append("shares", tolerance_accuracies(predictions, targets, self.tolerance))

    def compute(self) -> Tensor:
        """Returns the share, ().

        Raises:
            ValueError: When there was no sample.
        """
        return self.rows("shares").mean()
