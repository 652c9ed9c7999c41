"""How far apart the faces of one set are from each other."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import ceil

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import rows
from kfzoo.metrics.functional._order import canonical_order

BLOCK = 512
"""Side of the part of the distance matrix that is held at once: 2 MiB for any number of samples."""


def mean_distances(samples: Tensor, *, most: int | None = None, seed: int = 0) -> Tensor:
    r"""Mean Euclidean distance of each sample to the others.

    .. math::
        m_i = \frac{1}{|J_i|} \sum_{j \in J_i} \|x_i - x_j\|_2

    where :math:`J_i` are all other samples; their mean over samples is then the diversity. With `most`, a set larger
    than about twice that is put round a ring by the seed, and a sample meets about `most` neighbours on either side:
    the time is linear in N, and the result does not depend on the order of the samples.

    Unit: coefficient units, over all channels together. Range [0, ∞); neither high nor low is good: the nearer to the
    ground truth's own, the better. One sample alone has 0. Source: "Diversity" of KeyframeFace, table 3.

    Distances come from inner products, in square blocks of the matrix. About the set's mean the rounding of that is at
    most a few 1e-8 of a result, because no sample's mean distance is smaller than its distance to the set's centre.

    Args:
        samples: (N, D).
        most: How many neighbours on either side a sample meets at most, rounded up to whole blocks of 512; None meets
            all.
        seed: Of the ring.

    Returns:
        (N,) float64.

    Raises:
        ValueError: For another shape, no samples, values that are not finite, or a `most` below 1.
    """
    samples = rows("samples", samples)
    count = len(samples)
    if most is not None and most < 1:
        raise ValueError(f"most: expected at least 1, got {most}")
    if count == 1:
        return samples.new_zeros(1)
    starts = range(0, count, BLOCK)
    pairs = block_pairs(len(starts), None if most is None or count <= 2 * most else ceil(most / BLOCK))
    if len(pairs) == len(starts) * (len(starts) + 1) // 2:
        return _mean_over_pairs(samples, pairs)
    lot = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).to(samples.device)
    ring = canonical_order(samples)[lot]
    means = torch.empty_like(samples[:, 0])
    means[ring] = _mean_over_pairs(samples[ring], pairs)
    return means


def block_pairs(blocks: int, reach: int | None) -> list[tuple[int, int]]:
    """Pairs of blocks that meet, each once, a block with itself among them.

    Args:
        blocks: How many there are, in a ring.
        reach: How many blocks a block meets on either side; None, or half of the ring, meets all.
    """
    if reach is None or 2 * reach + 1 >= blocks:
        return list(combinations_with_replacement(range(blocks), 2))
    return [(block, (block + step) % blocks) for block in range(blocks) for step in range(reach + 1)]


def _mean_over_pairs(samples: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """Mean distance of each sample to those it meets when pairs of blocks meet, (N,)."""
    samples = samples - samples.mean(dim=0)
    squares = samples.square().sum(dim=1)
    totals, met = torch.zeros_like(squares), torch.full_like(squares, -1)
    for row, column in pairs:
        ours, theirs = (slice(block * BLOCK, (block + 1) * BLOCK) for block in (row, column))
        distances = torch.addmm(squares[theirs].unsqueeze(0), samples[ours], samples[theirs].mT, alpha=-2)
        distances.add_(squares[ours].unsqueeze(1)).clamp_(min=0).sqrt_()
        if row == column:
            # The diagonal is each sample with itself, which `met` does not count.
            distances.fill_diagonal_(0)
        else:
            totals[theirs] += distances.sum(dim=0)
            met[theirs] += distances.shape[0]
        totals[ours] += distances.sum(dim=1)
        met[ours] += distances.shape[1]
    return totals / met


def diversity_of_pairs(samples: Tensor, pairs: int, seed: int) -> Tensor:
    """Mean Euclidean distance over random pairs of different samples.

    An estimate of `diversity` that other work reports: 300 pairs (MDM) or 48 (Express4D). It depends on the seed and on
    the order of the samples.

    Args:
        samples: (N, D), at least two.
        pairs: How many pairs are drawn, with replacement; at least 1.
        seed: Of the draw.

    Returns:
        (), float64, coefficient units; nearer to the ground truth's own is better.

    Raises:
        ValueError: For fewer than two samples, no pairs, or samples that are not finite.
    """
    samples = rows("samples", samples)
    count = len(samples)
    if count < 2 or pairs < 1:
        raise ValueError(f"expected at least two samples and one pair, got {count} and {pairs}")
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(count, (pairs,), generator=generator)
    # A step of 1 to N - 1, modulo N, never returns to the first of the pair.
    second = (first + torch.randint(1, count, (pairs,), generator=generator)) % count
    return (samples[first] - samples[second]).square().sum(dim=1).sqrt().mean()
