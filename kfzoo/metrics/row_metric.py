"""The base class of all metrics of the suite."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS
from kfzoo.metrics.answers import Answers, Embedder, FaceSet, TestSet, with_mean_face
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimates
from kfzoo.metrics.rows import RowState


class RowMetric(RowState):
    """A metric of all rows, alone in any `LightningModule` or as part of the evaluation suite.

    All metrics have one state, so that a `torchmetrics.MetricCollection` keeps it once. `compute` and the suite call
    the same method, `estimates`. Numbers are computed in float64 on the CPU, but for an evaluator's embeddings.

    A row without a valid answer is scored as the mean face of the training split; without a training split it is left
    out.

    Args:
        training: (M, 61) ground truth of the training split, or its `FaceSet`.
        embedder: Embeds samples and faces, for metrics in the space of a learned evaluator.
        channels: Number of channels of a row, D.

    Raises:
        ValueError: When the training split is empty or not finite.
    """

    name: str = ""
    """What a single number is called; empty for a metric that has several."""
    needs: Literal["", "targets", "conditions"] = ""
    """What the metric compares each answer with; empty when the set of answers is all that matters."""

    def __init__(
        self,
        training: Tensor | FaceSet | None = None,
        *,
        embedder: Embedder | None = None,
        channels: int = len(CHANNELS),
        **kwargs: Any,
    ) -> None:
        super().__init__(channels, **kwargs)
        # No buffer: a model that is turned to half precision would take it along.
        self.training_faces = FaceSet.of(training) if isinstance(training, Tensor) else training
        self.embedder = embedder

    @abstractmethod
    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> Estimates:
        """Returns the metric's numbers by name.

        Args:
            answers: With what the metric `needs`.
            bootstrap: Over the scripts of the samples; without it the intervals are left out.

        Returns:
            By name, without those that the answers are too few for.
        """

    def compute(self) -> Any:
        """Returns the value of a metric with a single number, else a dict of all values by name; scalars, float64.

        A number that is not defined is NaN. One that the samples are too few for is missing, or NaN where it is the
        only one.

        Raises:
            ValueError: When there is no sample, or one id has two different targets.
        """
        rows, predictions, _ = with_mean_face(self._rows(), self.training_faces)
        found: Estimates = {}
        if len(rows.ids):
            answers = Answers.of(TestSet.of(rows, self.embedder), FaceSet.of(predictions), self.embedder)
            found = self.estimates(answers)
        values = {
            name: torch.tensor(each.value, dtype=torch.float64, device=self.device) for name, each in found.items()
        }
        return values.get(self.name, torch.tensor(torch.nan, dtype=torch.float64)) if self.name else values
