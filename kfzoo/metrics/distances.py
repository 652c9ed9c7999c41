"""Distances between the set of answers and another set of faces, and between the answers themselves."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from kfzoo.metrics.answers import Answers, Embedder, FaceSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import MeanEstimate
from kfzoo.metrics.functional.diversity import mean_distances
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.functional.jackknife import frechet_deviations, wasserstein_deviations
from kfzoo.metrics.functional.wasserstein import wasserstein_of_sorted
from kfzoo.metrics.row_metric import RowMetric

DIVERSITY_MOST = 8192
"""Neighbours on either side that a face meets in Diversity: all of them up to twice as many faces, then some."""

Reference = Literal["training", "targets"]


class _DistanceToSet(RowMetric):
    """A distance between the set of answers and a reference set; lower is better."""

    higher_is_better = False

    def __init__(self, training: Tensor | FaceSet | None, reference: Reference, **kwargs: Any) -> None:
        super().__init__(training, **kwargs)
        if reference == "training" and training is None:
            raise ValueError("training: expected the faces to compare with, got None")
        self.needs = "targets" if reference == "targets" else ""

    def reference(self, answers: Answers) -> FaceSet:
        """Returns the set that the answers are compared with."""
        if self.needs == "targets":
            return answers.targets
        assert self.training_faces is not None, "the constructor has checked it"
        return self.training_faces

    def sides(self, answers: Answers) -> list[tuple[FaceSet, FaceSet]]:
        """Returns the sets that a resample changes, each with the set that it is compared with.

        A resample changes both the answers and their targets. Sets of the same faces stay as near as they are, and one
        face for all samples changes no distance.
        """
        faces, reference = answers.faces, self.reference(answers)
        pairs = [(faces, reference)]
        if self.needs == "targets":
            pairs = [] if faces.ordered is reference.ordered else [*pairs, (reference, faces)]
        return [(own, other) for own, other in pairs if not own.constant]


class FrechetDistance(_DistanceToSet):
    """Fréchet distance of the answers to a reference; lower is better.

    Number: `fid`, `fid_test` when compared with the targets, `fid_embedding` with an embedder. Formula, unit and
    source: `kfzoo.metrics.functional.frechet`.

    Args:
        training: See `RowMetric`; by convention what is compared with.
        reference: `training`, or `targets` for the ground truth of the same samples.
        embedder: Compares the embeddings of the faces, not their coefficients; with the training split alone.

    Raises:
        ValueError: For a training split that is missing, empty or not finite.
    """

    def __init__(
        self,
        training: Tensor | FaceSet | None = None,
        reference: Reference = "training",
        *,
        embedder: Embedder | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(training, reference, embedder=embedder, **kwargs)
        self.name = "fid_test" if self.needs else "fid"
        if embedder is not None:
            if self.training_faces is None or self.needs:
                raise ValueError("embedder: embeddings are compared with the training split alone")
            self.name = "fid_embedding"
            self._embedded = moments(embedder.embed_faces(self.training_faces.values))

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, MeanEstimate]:
        """See `RowMetric.estimates`."""
        if self.embedder is not None:
            return {self.name: self._of_embeddings(answers)}

        def deviations() -> Tensor:
            total = torch.zeros(len(answers.faces.values), dtype=torch.float64)
            for own, other in self.sides(answers):
                total += frechet_deviations(own.values, own.moments, other.moments)
            return total

        value = frechet_distance(answers.faces.moments, self.reference(answers).moments)
        return {self.name: MeanEstimate.jackknife(float(value), deviations)}

    def _of_embeddings(self, answers: Answers) -> MeanEstimate:
        motions = answers.motions
        assert motions is not None, "answers are embedded where the metric has an embedder"
        own, training = moments(motions), self._embedded
        value = float(frechet_distance(own, training))
        return MeanEstimate.jackknife(value, lambda: frechet_deviations(motions, own, training))


class WassersteinDistance(_DistanceToSet):
    """Mean over channels of the one-dimensional W1 distance of the answers to a reference; lower is better.

    Number: `w_dist`, `w_dist_test` when compared with the targets. Formula, unit and source:
    `kfzoo.metrics.functional.wasserstein`.

    Args:
        training: See `RowMetric`; by convention what is compared with.
        reference: `training`, or `targets` for the ground truth of the same samples.

    Raises:
        ValueError: For a training split that is missing, empty or not finite.
    """

    def __init__(
        self, training: Tensor | FaceSet | None = None, reference: Reference = "training", **kwargs: Any
    ) -> None:
        super().__init__(training, reference, **kwargs)
        self.name = "w_dist_test" if self.needs else "w_dist"

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, MeanEstimate]:
        """See `RowMetric.estimates`."""

        def deviations() -> Tensor:
            total = torch.zeros(len(answers.faces.values), dtype=torch.float64)
            for own, other in self.sides(answers):
                total += wasserstein_deviations(own.values, own.ordered, other.ordered)
            return total

        value = wasserstein_of_sorted(answers.faces.ordered, self.reference(answers).ordered).mean()
        return {self.name: MeanEstimate.jackknife(float(value), deviations)}


class Diversity(RowMetric):
    """Mean Euclidean distance between answers; the nearer to the ground truth's own, the better.

    Number: `diversity`. It is exact up to 16,384 faces; in larger sets each face meets some 16,384 others drawn by the
    seed, so that time is linear. Formula, unit and source: `kfzoo.metrics.functional.diversity`.

    Args:
        training: See `RowMetric`.
        seed: Of the draw.
    """

    higher_is_better = None
    name = "diversity"

    def __init__(self, training: Tensor | FaceSet | None = None, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(training, **kwargs)
        self.seed = seed

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, MeanEstimate]:
        """See `RowMetric.estimates`."""
        faces = answers.faces
        if faces.constant:
            distances = torch.zeros(len(faces.values), dtype=torch.float64)
        else:
            distances = mean_distances(faces.values, most=DIVERSITY_MOST, seed=self.seed)
        mean = distances.mean()
        # Every pair counts for both of its samples: hence twice.
        return {self.name: MeanEstimate.jackknife(float(mean), lambda: 2 * (distances - mean))}
