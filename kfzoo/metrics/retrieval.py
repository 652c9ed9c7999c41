"""State of R-Precision and the multimodal distance: the embeddings themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import labels, paired_rows
from kfzoo.metrics.functional.retrieval import multimodal_distances, r_precision, r_precision_full, shuffle_interval
from kfzoo.metrics.state import RowMetric


class _EmbeddingPairs(RowMetric):
    """Keeps pairs of embeddings.

    Args:
        dim: Size of an embedding, E.
    """

    is_differentiable = False

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_rows("conditions", dim)
        self.add_rows("motions", dim)

    def update(self, conditions: Tensor, motions: Tensor) -> None:
        """Adds pairs.

        Args:
            conditions: (B, E) embeddings of the texts or images.
            motions: (B, E) embeddings of their keyframes.

        Raises:
            ValueError: For shapes that do not fit, no pairs, or values that are not finite.
        """
        conditions, motions = paired_rows(conditions, motions, ("conditions", "motions"))
        self.append("conditions", conditions)
        self.append("motions", motions)

    def pairs(self, reverse: bool = False) -> tuple[Tensor, Tensor]:
        """Returns queries and gallery, (N, E): conditions and motions, or the other way round."""
        names = ("motions", "conditions") if reverse else ("conditions", "motions")
        return self.rows(names[0]), self.rows(names[1])


class RPrecision(_EmbeddingPairs):
    """R-Precision@k in random pools; higher is better.

    Formula, unit and source: `kfzoo.metrics.functional.retrieval`.

    Args:
        dim: Size of an embedding, E.
        top: Largest k.
        pool: Rows in a pool.
        shuffles: How often the pools are drawn.
        seed: Of the draws.
        reverse: Whether motions look for their conditions.
        distinct: Whether no two rows of a pool share a group.
    """

    higher_is_better = True

    def __init__(
        self,
        dim: int,
        top: int = 3,
        pool: int = 32,
        shuffles: int = 20,
        seed: int = 0,
        reverse: bool = False,
        distinct: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dim, **kwargs)
        self.top = top
        self.pool = pool
        self.shuffles = shuffles
        self.seed = seed
        self.reverse = reverse
        self.distinct = distinct
        if distinct:
            self.add_rows("groups", dtype=torch.int64)

    def update(self, conditions: Tensor, motions: Tensor, groups: Tensor | None = None) -> None:
        """Adds pairs.

        Args:
            conditions: (B, E) embeddings of the texts or images.
            motions: (B, E) embeddings of their keyframes.
            groups: (B,) integers, such as the script of a pair; needed by `distinct`, else not looked at.

        Raises:
            ValueError: For shapes that do not fit, no pairs, values that are not finite, or groups that are missing.
        """
        if self.distinct:
            if groups is None:
                raise ValueError("groups: expected one for each sample, got none; pools of distinct groups need them")
            groups = labels("groups", groups, len(conditions))
        super().update(conditions, motions)
        if self.distinct and groups is not None:
            self.append("groups", groups)

    def compute(self) -> dict[str, Tensor]:
        """Returns the mean over shuffles and its 95 % interval, scalars.

        Returns:
            `r_precision_1`, `r_precision_1_low`, `r_precision_1_high` and so on for each k; with `_distinct` and
            `_reverse` after `r_precision` where they apply.

        Raises:
            ValueError: When there are fewer samples, or groups, than a pool holds.
        """
        queries, gallery = self.pairs(self.reverse)
        values = r_precision(
            queries,
            gallery,
            top=self.top,
            pool=self.pool,
            shuffles=self.shuffles,
            seed=self.seed,
            groups=self.rows("groups") if self.distinct else None,
        )
        name = "r_precision" + "_distinct" * self.distinct + "_reverse" * self.reverse
        ends = zip(("", "_low", "_high"), shuffle_interval(values), strict=True)
        return {f"{name}_{k + 1}{end}": value[k] for end, value in ends for k in range(self.top)}


class RPrecisionFull(_EmbeddingPairs):
    """R-Precision@k against all samples; higher is better.

    Formula, unit and source: `kfzoo.metrics.functional.retrieval`.

    Args:
        dim: Size of an embedding, E.
        top: Largest k.
        reverse: Whether motions look for their conditions.
    """

    higher_is_better = True

    def __init__(self, dim: int, top: int = 3, reverse: bool = False, **kwargs: Any) -> None:
        super().__init__(dim, **kwargs)
        self.top = top
        self.reverse = reverse

    def compute(self) -> dict[str, Tensor]:
        """Returns `r_precision_full_1` and so on for each k, scalars; `r_precision_full_reverse_1` in reverse.

        Raises:
            ValueError: When there were fewer than `top` samples.
        """
        queries, gallery = self.pairs(self.reverse)
        values = r_precision_full(queries, gallery, top=self.top).mean(dim=0)
        name = "r_precision_full" + "_reverse" * self.reverse
        return {f"{name}_{k + 1}": value for k, value in enumerate(values)}


class MultimodalDistance(_EmbeddingPairs):
    """Mean distance of a motion to its condition; lower is better.

    Formula, unit and source: `kfzoo.metrics.functional.retrieval`.

    Args:
        dim: Size of an embedding, E.
        normalised: Whether each embedding is brought to length 1.
    """

    higher_is_better = False

    def __init__(self, dim: int, normalised: bool = True, **kwargs: Any) -> None:
        super().__init__(dim, **kwargs)
        self.normalised = normalised

    def compute(self) -> Tensor:
        """Returns the mean distance, ().

        Raises:
            ValueError: When there was no sample.
        """
        return multimodal_distances(*self.pairs(), normalised=self.normalised).mean()
