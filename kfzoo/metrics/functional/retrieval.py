"""Do a condition and its motion find each other in the space of a learned evaluator."""

from __future__ import annotations

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import labels, paired_rows
from kfzoo.metrics.functional._order import canonical_order, distinct_rows

TIE = 1e-9
"""Similarities as near as this count as equal: the same row gets another last digit at another place of a product."""

BATCH = 1024
"""Queries compared with their pools at once: a few MiB for any number of samples."""

CELLS = 2**20
"""Cells of the similarity matrix of the full set that are held at once: 8 MiB."""


def r_precision(
    queries: Tensor,
    gallery: Tensor,
    *,
    top: int = 3,
    pool: int = 32,
    shuffles: int = 20,
    seed: int = 0,
    groups: Tensor | None = None,
    normalised: bool = True,
) -> Tensor:
    r"""R-Precision@k: share of queries whose own row is among the k most similar rows of a random pool.

    .. math::
        R@k = \frac{1}{N} \sum_i \min\Bigl(1, \max\Bigl(0, \frac{k - g_i}{e_i}\Bigr)\Bigr)

    Of the pool's rows :math:`g_i` are more similar (cosine) to query i than its own and :math:`e_i` as similar, its own
    included: the chance to be among the first k when ties are broken by lot. A predictor that gives one motion for
    everything has exactly k / pool, not the 1 of a ranking that breaks ties by place. A zero vector has similarity 0 to
    everything.

    Without normalisation the nearest rows count, by the Euclidean distance of the embeddings as they are. That is what
    MDM and Express4D print: on the same embeddings it gave .661 where the cosine gave .762.

    Unit: share. Range [0, 1], chance k / pool; higher is better. Source: KeyframeFace, appendix C.1, and
    SemanticFace, appendix 0.A.2 (pools of 32, k up to 3); without normalisation MDM (arXiv 2209.14916) and
    Express4D. Queries are by convention the conditions and the gallery the motions; exchanged, they give the
    reverse direction.

    The result does not depend on the order of the samples: what the seed draws, it draws from an order by content.

    Args:
        queries: (N, E) embeddings of any length; they are normalised here.
        gallery: (N, E); row i is query i's own.
        top: Largest k.
        pool: Rows in a pool; the rows left over in a shuffle are dropped.
        shuffles: How often the pools are drawn.
        seed: Of the draws.
        groups: (N,) integers, such as the script of a sample; no two rows of one pool share one. See `pools`.
        normalised: Whether rows are compared by their cosine; without, by their distance.

    Returns:
        (shuffles, top) float64: one row a shuffle, columns k = 1 … top.

    Raises:
        ValueError: For shapes that do not fit, values that are not finite, or as `pools`.
    """
    queries, gallery = paired_rows(queries, gallery, ("queries", "gallery"))
    _check_top(top, pool)
    if groups is not None:
        groups = labels("groups", groups, len(queries))
    order = canonical_order(queries, gallery, groups=groups)
    drawn = pools(
        len(queries), pool=pool, shuffles=shuffles, seed=seed, groups=None if groups is None else groups[order]
    ).to(order.device)
    queries, gallery = _comparable(queries[order], gallery[order], normalised=normalised)
    return torch.stack([_shuffle_precision(queries, gallery, places, top) for places in drawn])


def pools(count: int, *, pool: int = 32, shuffles: int = 20, seed: int = 0, groups: Tensor | None = None) -> Tensor:
    """Draws the pools of R-Precision.

    With groups, a shuffle goes in rounds. In each round every group that has rows left gives one of them, drawn by the
    seed; the round's rows are shuffled and cut into pools, and the rest of the round is dropped.

    Args:
        count: Number of samples, N.
        pool: Rows in a pool.
        shuffles: How often the samples are divided into pools.
        seed: Of all draws.
        groups: (N,) integers; no two rows of one pool share one.

    Returns:
        (shuffles, pools, pool) int64 positions; within a shuffle no position comes twice.

    Raises:
        ValueError: For groups that do not fit, or fewer samples or groups than a pool holds.
    """
    if pool < 1 or shuffles < 1:
        raise ValueError(f"expected pools of at least 1 and at least 1 shuffle, got {pool} and {shuffles}")
    generator = torch.Generator().manual_seed(seed)
    if groups is None:
        if count < pool:
            raise ValueError(f"expected at least {pool} samples, as many as a pool holds, got {count}")
        orders = [torch.randperm(count, generator=generator) for _ in range(shuffles)]
        return torch.stack(orders)[:, : count - count % pool].reshape(shuffles, -1, pool)
    groups = labels("groups", groups, count).cpu()
    _, group, sizes = torch.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < pool:
        raise ValueError(f"expected at least {pool} groups, as many as a pool holds, got {len(sizes)}")
    return torch.stack([_rounds_of_pools(group, sizes, pool, generator) for _ in range(shuffles)])


def _rounds_of_pools(group: Tensor, sizes: Tensor, pool: int, generator: torch.Generator) -> Tensor:
    """Pools of one shuffle with groups, (pools, pool)."""
    count = len(group)
    lot = torch.randperm(count, generator=generator)
    by_group = lot[group[lot].argsort(stable=True)]
    # A row's round is its place in its group.
    turns = torch.empty_like(lot)
    turns[by_group] = torch.arange(count) - (sizes.cumsum(0) - sizes).repeat_interleave(sizes)
    # A second lot: by the first alone, the rows of large groups would come early in a round.
    lot = torch.randperm(count, generator=generator)
    by_round = lot[turns[lot].argsort(stable=True)]
    rounds, in_round = turns[by_round], turns.bincount()
    places = torch.arange(count) - (in_round.cumsum(0) - in_round)[rounds]
    return by_round[places < (in_round - in_round % pool)[rounds]].view(-1, pool)


def _shuffle_precision(queries: Tensor, gallery: Tensor, places: Tensor, top: int) -> Tensor:
    """R-Precision of rows whose products are compared, in one shuffle's pools, (top,)."""
    total = queries.new_zeros(top)
    for part in torch.split(places, max(1, BATCH // places.shape[1])):
        similarities = queries[part] @ gallery[part].mT
        own = similarities.diagonal(dim1=1, dim2=2).unsqueeze(2)
        greater = (similarities > own + TIE).sum(dim=2)
        equal = (similarities >= own - TIE).sum(dim=2) - greater
        total += _hits(greater, equal, top).sum(dim=(0, 1))
    return total / places.numel()


def r_precision_full(queries: Tensor, gallery: Tensor, *, top: int = 3, normalised: bool = True) -> Tensor:
    """Expected hits of each query against the full set: `r_precision` without pools, chance k / N.

    A query with at least `top` more similar rows has no hits for any others, and is compared no further; rows
    that are equal are compared once. So the time grows with the square of N only for queries that succeed, the memory
    linearly.

    Unit: share. Range [0, 1]; higher is better. Source and formula as `r_precision`.

    Args:
        queries: (N, E) embeddings of any length.
        gallery: (N, E); row i is query i's own.
        top: Largest k.
        normalised: As in `r_precision`.

    Returns:
        (N, top) float64, columns k = 1 … top; the metric is the mean over samples.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    queries, gallery = paired_rows(queries, gallery, ("queries", "gallery"))
    _check_top(top, len(queries))
    queries, gallery = _comparable(queries, gallery, normalised=normalised)
    own = (queries * gallery).sum(dim=1)
    different, counts = distinct_rows(gallery)
    gallery, counts = gallery[different], counts.double()
    side = int(CELLS**0.5)
    parts = zip(torch.split(queries, side), torch.split(own, side), strict=True)
    return torch.cat([_full_hits(part, of_part, gallery, counts, top) for part, of_part in parts])


def _full_hits(queries: Tensor, own: Tensor, gallery: Tensor, counts: Tensor, top: int) -> Tensor:
    """Expected hits of some unit queries against a whole gallery whose rows count several times, (B, top)."""
    greater, equal = torch.zeros_like(own), torch.zeros_like(own)
    left = torch.arange(len(queries), device=queries.device)
    start = 0
    while start < len(gallery) and len(left) > 0:
        stop = start + max(1, CELLS // len(left))
        similarities, similarity = queries[left] @ gallery[start:stop].mT, own[left].unsqueeze(1)
        above = (similarities > similarity + TIE).double() @ counts[start:stop]
        greater[left] += above
        equal[left] += (similarities >= similarity - TIE).double() @ counts[start:stop] - above
        left = left[greater[left] < top]
        start = stop
    # A query that left before its own row came has no hits: any divisor will do.
    return _hits(greater, equal.clamp(min=1), top)


def multimodal_distances(conditions: Tensor, motions: Tensor, *, normalised: bool = True) -> Tensor:
    r"""Multimodal distance (MMD) of each pair: how far a motion lies from its condition.

    .. math::
        d_i = \|c_i - m_i\|_2

    of rows of length 1, or of the rows as they are. A zero vector stays zero.

    Unit: of the embedding space. Range [0, 2] normalised, else [0, ∞); lower is better, and the metric is the mean.
    Source: KeyframeFace, appendix C.2, and SemanticFace, appendix 0.A.3, normalised in both. SemanticFace's table 1
    holds 2.12, which a normalised distance cannot be: hence the choice.

    Args:
        conditions: (N, E) embeddings.
        motions: (N, E) embeddings.
        normalised: Whether each row is brought to length 1.

    Returns:
        (N,) float64.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    conditions, motions = paired_rows(conditions, motions, ("conditions", "motions"))
    if normalised:
        conditions, motions = _unit(conditions), _unit(motions)
    distances: Tensor = torch.linalg.vector_norm(conditions - motions, dim=1)
    return distances


def shuffle_interval(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Mean over shuffles and its 95 % interval.

    .. math::
        \bar v \pm 1.96 \, s / \sqrt{S}

    with the standard deviation s of S shuffles (divided by S - 1). It measures how much the draw of the pools matters,
    not how much the choice of the samples does. One shuffle has no interval: its ends are NaN.

    Args:
        values: (shuffles, top), from `r_precision`.

    Returns:
        Mean, lower and upper end, each (top,) float64.

    Raises:
        ValueError: For another shape or no shuffles.
    """
    if values.ndim != 2 or len(values) == 0:
        raise ValueError(f"values: expected (shuffles, top), got {tuple(values.shape)}")
    values = values.double()
    mean = values.mean(dim=0)
    spread = values.std(dim=0, correction=1) if len(values) > 1 else torch.full_like(mean, torch.nan)
    half = 1.96 * spread / len(values) ** 0.5
    return mean, mean - half, mean + half


def _hits(greater: Tensor, equal: Tensor, top: int) -> Tensor:
    """Chance to be among the first k = 1 … top, (…, top)."""
    k = torch.arange(1, top + 1, device=greater.device, dtype=torch.float64)
    return ((k - greater.unsqueeze(-1)) / equal.unsqueeze(-1)).clamp(0, 1)


def _unit(values: Tensor) -> Tensor:
    """Rows of length 1; zero rows stay zero. The largest value goes first: no square can overflow or vanish."""
    largest = values.abs().amax(dim=1, keepdim=True)
    values = values / torch.where(largest > 0, largest, 1)
    length = torch.linalg.vector_norm(values, dim=1, keepdim=True)
    return values.div_(torch.where(length > 0, length, 1))


def _comparable(queries: Tensor, gallery: Tensor, *, normalised: bool) -> tuple[Tensor, Tensor]:
    """Rows whose products rank a gallery: by cosine, or by distance.

    Of one query q, |q - g| falls as q·g - |g|² / 2 rises: a column more holds that. All rows are divided by one length,
    so that the tolerance of a tie means the same for embeddings of any size.
    """
    if normalised:
        return _unit(queries), _unit(gallery)
    largest = torch.linalg.vector_norm(torch.cat([queries, gallery]), dim=1).max()
    scale = torch.where(largest > 0, largest, 1)
    queries, gallery = queries / scale, gallery / scale
    half = gallery.square().sum(dim=1, keepdim=True) / 2
    return torch.cat([queries, torch.ones_like(queries[:, :1])], dim=1), torch.cat([gallery, -half], dim=1)


def _check_top(top: int, most: int) -> None:
    if not 1 <= top <= most:
        raise ValueError(f"top: expected 1 to {most}, as many as are compared, got {top}")
