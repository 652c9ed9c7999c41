"""R-Precision and the multimodal distance: does an answer find its own words or image, and how near is it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from kfzoo.metrics.answers import Answers, Embedder, FaceSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, MeanEstimate
from kfzoo.metrics.functional.retrieval import multimodal_distances, r_precision, r_precision_full, shuffle_interval
from kfzoo.metrics.row_metric import RowMetric

FULL_SET_LIMIT = 16384
"""Most samples of which each is compared with all: that time is quadratic, and beyond the metric is left out."""


class _EmbeddingMetric(RowMetric):
    """A metric of the embeddings of conditions and motions.

    With an embedder the rows are coefficients, embedded in `compute`. Without one they are embeddings themselves:
    those of the motions are the predictions, those of the conditions the targets, and `channels` is their size.
    """

    needs = "conditions"


class RPrecision(_EmbeddingMetric):
    """R-Precision@k in random pools; higher is better.

    Numbers: `r_precision_1` and so on for each k, with `_distinct` and `_reverse` after `r_precision` where they apply;
    none when there are fewer samples, or scripts, than a pool holds. The interval is that of the shuffles, which says
    how much the draw of the pools matters. Formula, unit and source: `kfzoo.metrics.functional.retrieval`.

    Args:
        training: See `RowMetric`.
        embedder: Without one, rows are embeddings: predictions those of motions, targets those of conditions.
        top: Largest k.
        pool: Rows in a pool.
        shuffles: How often the pools are drawn.
        seed: Of the draws.
        reverse: Whether motions look for their conditions.
        distinct: Whether no two rows of a pool are of the same script.
        normalised: Whether rows are compared by their cosine; without, by their Euclidean distance, as MDM and
            Express4D do: then `_euclidean` ends the names.
    """

    higher_is_better = True

    def __init__(
        self,
        training: Tensor | FaceSet | None = None,
        embedder: Embedder | None = None,
        *,
        top: int = 3,
        pool: int = 32,
        shuffles: int = 20,
        seed: int = 0,
        reverse: bool = False,
        distinct: bool = False,
        normalised: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(training, embedder=embedder, **kwargs)
        self.top = top
        self.pool = pool
        self.shuffles = shuffles
        self.seed = seed
        self.reverse = reverse
        self.distinct = distinct
        self.normalised = normalised

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, Estimate]:
        """See `RowMetric.estimates`."""
        conditions, motions = answers.pairs
        groups, count = None, len(motions)
        if self.distinct:
            names, members = np.unique(answers.test.scripts, return_inverse=True)
            groups, count = torch.from_numpy(members), len(names)
        if count < self.pool:
            return {}
        if _one_for_all(motions):
            values = torch.arange(1, self.top + 1).expand(self.shuffles, self.top) / self.pool
        else:
            queries, gallery = (motions, conditions) if self.reverse else (conditions, motions)
            options = {"top": self.top, "pool": self.pool, "shuffles": self.shuffles, "seed": self.seed}
            values = r_precision(queries, gallery, **options, groups=groups, normalised=self.normalised)
        name = "r_precision" + "_distinct" * self.distinct + "_reverse" * self.reverse
        name += "_euclidean" * (not self.normalised)
        return {
            f"{name}_{k}": Estimate(float(mean), (max(float(low), 0.0), min(float(high), 1.0)))
            for k, (mean, low, high) in enumerate(zip(*shuffle_interval(values), strict=True), start=1)
        }


class RPrecisionFull(_EmbeddingMetric):
    """R-Precision@k against all samples; higher is better.

    Numbers: `r_precision_full_1` and so on for each k; none with fewer than `top` samples, or with more than
    `FULL_SET_LIMIT`. Formula, unit and source: `kfzoo.metrics.functional.retrieval`.

    Args:
        training: See `RowMetric`.
        embedder: Without one, rows are embeddings: predictions those of motions, targets those of conditions.
        top: Largest k.
    """

    higher_is_better = True

    def __init__(
        self, training: Tensor | FaceSet | None = None, embedder: Embedder | None = None, *, top: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(training, embedder=embedder, **kwargs)
        self.top = top

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, MeanEstimate]:
        """See `RowMetric.estimates`."""
        conditions, motions = answers.pairs
        count = len(motions)
        if not self.top <= count <= FULL_SET_LIMIT:
            return {}
        if _one_for_all(motions):
            hits = torch.arange(1, self.top + 1, dtype=torch.float64).expand(count, self.top) / count
        else:
            hits = r_precision_full(conditions, motions, top=self.top)
        columns = enumerate(hits.unbind(dim=1), start=1)
        return {f"r_precision_full_{k}": MeanEstimate.mean_of(column) for k, column in columns}


class MultimodalDistance(_EmbeddingMetric):
    """Mean distance of a motion to its condition; lower is better.

    Number: `mmd`, `mmd_unnormalised` when the embeddings are taken as they are. Formula, unit and source:
    `kfzoo.metrics.functional.retrieval`.

    Args:
        training: See `RowMetric`.
        embedder: Without one, rows are embeddings: predictions those of motions, targets those of conditions.
        normalised: Whether each embedding is brought to length 1.
    """

    higher_is_better = False

    def __init__(
        self,
        training: Tensor | FaceSet | None = None,
        embedder: Embedder | None = None,
        *,
        normalised: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(training, embedder=embedder, **kwargs)
        self.normalised = normalised
        self.name = "mmd" if normalised else "mmd_unnormalised"

    def estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None = None) -> dict[str, MeanEstimate]:
        """See `RowMetric.estimates`."""
        return {self.name: MeanEstimate.mean_of(multimodal_distances(*answers.pairs, normalised=self.normalised))}


def _one_for_all(motions: Tensor) -> bool:
    """Whether all motions are one, such as the mean face: it is at chance, k / n, for any pools.

    As queries they all see one ranking, in which each row has its place; as a gallery they are all equally near.
    """
    return bool((motions == motions[0]).all())
