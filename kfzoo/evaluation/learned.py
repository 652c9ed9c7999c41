"""Scores in the space of a learned evaluator: does an answer find its own words or image, and how near is it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.evaluation.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.evaluation.jackknife import Influential, frechet_influence
from kfzoo.evaluation.scores import Score
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments
from kfzoo.metrics.functional.retrieval import (
    multimodal_distances,
    r_precision,
    r_precision_full,
    shuffle_interval,
)

POOL = 32
"""Rows in a pool of R-Precision."""

SHUFFLES = 20
"""How often the samples are divided into pools."""

TOP = 3
"""Largest k of R-Precision@k."""

FULL_SET_LIMIT = 16384
"""Most samples of which each is compared with all: that time is quadratic, and beyond the metric is left out."""


class Evaluator(Protocol):
    """What the suite asks of a learned evaluator.

    Both sides take and give tensors on the CPU, whatever the evaluator computes on, and keep no gradient. Embeddings
    are float32 and need not have length 1.
    """

    @property
    def annotation(self) -> str:
        """Which descriptions it reads; the samples' own choice does not matter."""

    @property
    def digest(self) -> str:
        """Content hash, to be kept with every number it gave."""

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        """Embeds the conditions of N samples, their words or images; (N, E)."""

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        """Embeds (N, 61) coefficients; (N, E)."""


def embed_faces(evaluator: Evaluator, values: Tensor) -> Tensor:
    """Embeds faces, each different one once, so that equal faces have equal embeddings to the last digit.

    Args:
        evaluator: A learned one.
        values: (N, 61).

    Returns:
        (N, E), as the evaluator gives them.
    """
    # Adding 0 turns -0 into 0: other bytes, the same face.
    faces = np.ascontiguousarray(values.float().numpy() + np.float32(0))
    _, first, members = np.unique(faces.view(f"V{faces.strides[0]}")[:, 0], return_index=True, return_inverse=True)
    return evaluator.embed_motion(torch.from_numpy(faces[first]))[torch.from_numpy(members)]


def compare_embeddings(motions: Tensor, training: Moments) -> dict[str, Influential]:
    """FID between the embeddings of answers and of the training split's ground truth.

    Args:
        motions: (N, E) embeddings of the answers.
        training: Moments of the training split's embeddings.
    """
    own = moments(motions)
    influence = frechet_influence(motions, own, training)
    return {"fid_embedding": Influential(float(frechet_distance(own, training)), influence)}


def retrieval_scores(
    conditions: Tensor, motions: Tensor, scripts: NDArray[np.str_], bootstrap: ScriptBootstrap, seed: int
) -> dict[str, Score]:
    """R-Precision and MMD of answers.

    R-Precision in pools has the interval of its 20 shuffles, which tells how much the draw of the pools matters;
    R-Precision in the full set and MMD have that of the bootstrap.

    Args:
        conditions: (N, E) embeddings of what was asked.
        motions: (N, E) embeddings of the answers.
        scripts: (N,) the script of each sample; pools without distractors of the same script need it.
        bootstrap: Over these scripts.
        seed: Of the pools.

    Returns:
        By metric, without those in pools when there are fewer samples, or scripts, than a pool holds, and without the
        full set beyond `FULL_SET_LIMIT` samples.
    """
    columns = {
        "mmd": multimodal_distances(conditions, motions),
        "mmd_unnormalised": multimodal_distances(conditions, motions, normalised=False),
    }
    if TOP <= len(scripts) <= FULL_SET_LIMIT:
        hits = _full_set_hits(conditions, motions)
        columns |= {f"r_precision_full_{k}": each for k, each in enumerate(hits.unbind(dim=1), start=1)}
    draws = bootstrap.means(torch.stack(list(columns.values()), dim=1).numpy())
    scores = {
        name: Score(float(values.mean()), percentile_interval(draws[:, column]))
        for column, (name, values) in enumerate(columns.items())
    }
    return scores | _pool_scores(conditions, motions, scripts, seed)


def _pool_scores(conditions: Tensor, motions: Tensor, scripts: NDArray[np.str_], seed: int) -> dict[str, Score]:
    names, members = np.unique(scripts, return_inverse=True)
    pairs: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {}
    if len(scripts) >= POOL:
        pairs["r_precision"] = (conditions, motions, None)
        pairs["r_precision_reverse"] = (motions, conditions, None)
    if len(names) >= POOL:
        pairs["r_precision_distinct"] = (conditions, motions, torch.from_numpy(members))
    scores: dict[str, Score] = {}
    for name, (queries, gallery, groups) in pairs.items():
        if _one_for_all(motions):
            found = torch.arange(1, TOP + 1).expand(SHUFFLES, TOP) / POOL
        else:
            found = r_precision(queries, gallery, top=TOP, pool=POOL, shuffles=SHUFFLES, seed=seed, groups=groups)
        for k, (mean, low, high) in enumerate(zip(*shuffle_interval(found), strict=True), start=1):
            scores[f"{name}_{k}"] = Score(float(mean), (max(float(low), 0.0), min(float(high), 1.0)))
    return scores


def _full_set_hits(conditions: Tensor, motions: Tensor) -> Tensor:
    if _one_for_all(motions):
        return torch.arange(1, TOP + 1, dtype=torch.float64).expand(len(motions), TOP) / len(motions)
    return r_precision_full(conditions, motions, top=TOP)


def _one_for_all(motions: Tensor) -> bool:
    """Whether all motions are one, such as the mean face: it is at chance, k / n, whatever pools are drawn.

    As queries they all see one ranking, in which each row has its place; as a gallery they are all equally near.
    """
    return bool((motions == motions[0]).all())
