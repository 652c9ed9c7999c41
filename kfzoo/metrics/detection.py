"""Whether a blendshape is on when it should be, and how many values are within a tolerance."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kfzoo.metrics.answers import Answers
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, from_draws
from kfzoo.metrics.functional.detection import (
    detection_accuracy,
    detection_counts,
    detection_f1,
    tolerance_accuracies,
)
from kfzoo.metrics.row_metric import RowMetric


class Detection(RowMetric):
    """Accuracy and F1 of which blendshapes are on, and the share of values within a tolerance; higher is better.

    Numbers: `detection_accuracy`, `detection_f1` and `tolerance_accuracy`, over all channels together. Formulas, units
    and sources: `kfzoo.metrics.functional.detection`. Arguments: `RowMetric`.
    """

    higher_is_better = True
    needs = "targets"

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, Estimate]:
        """See `RowMetric.estimates`."""
        predictions, targets = answers.faces.values, answers.targets.values
        # Transposed, samples are where channels are: the counts are each sample's own.
        counts = detection_counts(predictions.mT, targets.mT)
        within = tolerance_accuracies(predictions, targets)
        draws: dict[str, NDArray[np.float64]] = {}
        if bootstrap:
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
        return from_draws(values, draws)
