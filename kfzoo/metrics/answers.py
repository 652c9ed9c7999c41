"""What all metrics look at: the test samples, one face for each, and the numbers that several metrics need of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.metrics.functional.agreement import ChannelAgreement, channel_agreement
from kfzoo.metrics.functional.errors import SampleErrors, sample_errors
from kfzoo.metrics.functional.frechet import Moments, moments
from kfzoo.metrics.functional.wasserstein import sort_channels
from kfzoo.metrics.rows import Rows, scripts_of


class Embedder(Protocol):
    """Embeds samples and faces into the space of a learned evaluator; tensors in and out are on the CPU."""

    def embed_conditions(self, ids: NDArray[np.str_]) -> Tensor:
        """Embeds the conditions (words or images) of N samples; (N, E)."""

    def embed_faces(self, values: Tensor) -> Tensor:
        """Embeds (N, 61) coefficients; (N, E). Equal faces have equal embeddings."""


class FaceSet(NamedTuple):
    """One face for each sample, with the statistics of the whole set.

    Attributes:
        values: (N, D) float64.
        moments: Of the values.
        ordered: (D, N) each channel by itself, ascending.
    """

    values: Tensor
    moments: Moments
    ordered: Tensor

    @classmethod
    def of(cls, values: Tensor) -> FaceSet:
        """Returns the set of (N, D) values, on the CPU.

        Raises:
            ValueError: For no samples, or values that are not finite.
        """
        values = values.detach().cpu().double()
        return cls(values, moments(values), sort_channels(values))

    @property
    def constant(self) -> bool:
        """Whether all samples have one face; then no sample changes a distance more than another."""
        return bool((self.ordered[:, 0] == self.ordered[:, -1]).all())

    def reordered(self, order: Tensor) -> FaceSet:
        """Returns the same faces at other samples; the statistics of the set are the same."""
        return self._replace(values=self.values[order])


@dataclass(frozen=True, eq=False)
class TestSet:
    """N samples, before any answer.

    Attributes:
        ids: (N,) text.
        targets: The ground truth, or None when it is not known.
        conditions: (N, E) embeddings of the words or images, or None without an evaluator.
    """

    __test__ = False  # not a test of pytest's

    ids: NDArray[np.str_]
    targets: FaceSet | None
    conditions: Tensor | None

    @classmethod
    def of(cls, rows: Rows, embedder: Embedder | None = None) -> TestSet:
        """Returns the samples of rows, in their order."""
        targets = None if rows.targets is None else FaceSet.of(torch.from_numpy(rows.targets))
        return cls(rows.ids, targets, None if embedder is None else embedder.embed_conditions(rows.ids))

    @cached_property
    def scripts(self) -> NDArray[np.str_]:
        """(N,) the script of each sample."""
        return scripts_of(self.ids)


@dataclass(frozen=True, eq=False)
class Answers:
    """One face for each sample of a test set.

    Attributes:
        test: The samples.
        faces: The predictions.
        motions: (N, E) embeddings of the faces, or None without an evaluator.
    """

    test: TestSet
    faces: FaceSet
    motions: Tensor | None

    @classmethod
    def of(cls, test: TestSet, faces: FaceSet, embedder: Embedder | None = None) -> Answers:
        """Returns faces as answers; an evaluator, where there is one, embeds them."""
        return cls(test, faces, None if embedder is None else embedder.embed_faces(faces.values))

    def reordered(self, order: Tensor) -> Answers:
        """Returns the same faces as answers to other samples; they are not embedded again."""
        return Answers(self.test, self.faces.reordered(order), None if self.motions is None else self.motions[order])

    @property
    def targets(self) -> FaceSet:
        """The ground truth, for metrics that compare with it."""
        assert self.test.targets is not None, "the metric needs the ground truth"
        return self.test.targets

    @property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """Embeddings of conditions and motions, each (N, E); without an evaluator the rows are the embeddings."""
        if self.test.conditions is not None and self.motions is not None:
            return self.test.conditions, self.motions
        return self.targets.values, self.faces.values

    @cached_property
    def errors(self) -> SampleErrors:
        """Errors of each sample."""
        return sample_errors(self.faces.values, self.targets.values)

    @cached_property
    def agreement(self) -> ChannelAgreement:
        """Agreement of each channel with the ground truth."""
        return channel_agreement(self.faces.values, self.targets.values)


def with_mean_face(rows: Rows, training: FaceSet | None) -> tuple[Rows, Tensor, NDArray[np.bool_]]:
    """Replaces answers that are not valid, or hold NaN or infinity, by the mean face of the training split.

    Args:
        rows: N samples.
        training: Ground truth of the training split; without it there is no mean face, and the rows are left out.

    Returns:
        The rows that are scored, in the order of their ids; their predictions in float64, and which of them are valid.
    """
    rows = rows.in_order()
    answered = rows.valid & np.isfinite(rows.predictions).all(axis=1)
    if training is None:
        rows, answered = rows.at(answered), answered[answered]
    predictions = torch.from_numpy(rows.predictions).double()
    if training is not None:
        predictions[torch.from_numpy(~answered)] = training.moments.mean
    return rows, predictions, answered
