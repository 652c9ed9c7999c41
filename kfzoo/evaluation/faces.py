"""Sets of faces: how far they are from the training split's and from the test's ground truth, and from each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from kfzoo.evaluation.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.evaluation.jackknife import Influential, frechet_influence, wasserstein_influence
from kfzoo.evaluation.scores import Score
from kfzoo.metrics.functional.diversity import mean_distances
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments
from kfzoo.metrics.functional.wasserstein import sort_channels, wasserstein_of_sorted

DIVERSITY_MOST = 8192
"""Neighbours on either side that a face meets in Diversity: all of them up to twice as many faces, then some."""


class FaceSet(NamedTuple):
    """One face for each sample.

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
        """Returns the set of (N, D) values."""
        values = values.double()
        return cls(values, moments(values), sort_channels(values))

    @property
    def constant(self) -> bool:
        """Whether all samples have one face, which then moves no distance more than any other."""
        return bool((self.ordered[:, 0] == self.ordered[:, -1]).all())

    def reordered(self, order: Tensor) -> FaceSet:
        """Returns the same faces at other samples; what is known of the set stays."""
        return self._replace(values=self.values[order])


def compare_with_training(faces: FaceSet, training: FaceSet | None, seed: int) -> dict[str, Influential]:
    """FID and W-Dist against the training split, where there is one, and Diversity.

    Args:
        faces: N answers.
        training: Ground ground truth of the training split.
        seed: Of the ring in which Diversity is taken of many faces.

    Returns:
        By metric. Diversity is exact up to 16,384 faces; in larger sets each face meets some 16,384 others drawn by the
        seed, so that time is linear.
    """
    nothing = torch.zeros(len(faces.values), dtype=torch.float64)
    distances = nothing if faces.constant else mean_distances(faces.values, most=DIVERSITY_MOST, seed=seed)
    mean = distances.mean()
    # Every pair counts for both of its samples: hence twice.
    found = {"diversity": Influential(float(mean), 2 * (distances - mean))}
    if training is None:
        return found
    fid, w_dist = _distances(faces, training)
    return found | {
        "fid": Influential(fid, nothing if faces.constant else _fid_influence(faces, training)),
        "w_dist": Influential(w_dist, nothing if faces.constant else _w_dist_influence(faces, training)),
    }


def compare_with_target(faces: FaceSet, target: FaceSet) -> dict[str, Influential]:
    """FID and W-Dist against the ground truth of the same samples; a resample changes both sides.

    Args:
        faces: N answers.
        target: Of the same samples.
    """
    fid, w_dist = _distances(faces, target)
    fid_influence = torch.zeros(len(faces.values), dtype=torch.float64)
    w_dist_influence = fid_influence.clone()
    # Sets of the same faces stay as near as they are.
    if faces.ordered is not target.ordered:
        for own, other in ((faces, target), (target, faces)):
            if not own.constant:
                fid_influence += _fid_influence(own, other)
                w_dist_influence += _w_dist_influence(own, other)
    return {"fid_test": Influential(fid, fid_influence), "w_dist_test": Influential(w_dist, w_dist_influence)}


def influential_scores(statistics: Mapping[str, Influential], bootstrap: ScriptBootstrap) -> dict[str, Score]:
    """Scores of distances, none of them below 0, with the spread that their samples' influence gives them."""
    influences = torch.stack([each.influence for each in statistics.values()], dim=1).numpy()
    moved = bootstrap.means(influences)
    return {
        name: Score(each.value, percentile_interval(np.maximum(each.value + moved[:, column], 0)))
        for column, (name, each) in enumerate(statistics.items())
    }


def _distances(faces: FaceSet, reference: FaceSet) -> tuple[float, float]:
    fid = frechet_distance(faces.moments, reference.moments)
    return float(fid), float(wasserstein_of_sorted(faces.ordered, reference.ordered).mean())


def _fid_influence(faces: FaceSet, reference: FaceSet) -> Tensor:
    return frechet_influence(faces.values, faces.moments, reference.moments)


def _w_dist_influence(faces: FaceSet, reference: FaceSet) -> Tensor:
    return wasserstein_influence(faces.values, faces.ordered, reference.ordered)
