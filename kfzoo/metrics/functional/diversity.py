"""How far apart the faces of one set are from each other."""

from __future__ import annotations

from itertools import combinations_with_replacement

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import rows

BLOCK = 512
"""Side of the part of the distance matrix that is held at once: 2 MiB, whatever the number of samples."""


def diversity(samples: Tensor) -> Tensor:
    r"""Mean Euclidean distance over all pairs of samples.

    .. math::
        \frac{2}{N (N - 1)} \sum_{i < j} \|x_i - x_j\|_2

    Unit: coefficient units, over all channels together. Range [0, ∞); neither high nor low is good: the nearer to the
    ground truth's own, the better. One sample alone has 0. Source: "Diversity" of KeyframeFace, table 3.

    Distances come from inner products, in square blocks of the matrix. About the set's mean the rounding of that is at
    most a few 1e-8 of the result, because no set's mean distance is smaller than its mean distance to its centre.

    Args:
        samples: (N, D).

    Returns:
        (), float64.

    Raises:
        ValueError: For another shape, no samples, or values that are not finite.
    """
    samples = rows("samples", samples)
    count = len(samples)
    if count == 1:
        return samples.new_zeros(())
    samples = samples - samples.mean(dim=0)
    squares = samples.square().sum(dim=1)
    total = samples.new_zeros(())
    for row, column in combinations_with_replacement(range(0, count, BLOCK), 2):
        ours, theirs = slice(row, row + BLOCK), slice(column, column + BLOCK)
        distances = torch.addmm(squares[theirs].unsqueeze(0), samples[ours], samples[theirs].mT, alpha=-2)
        distances.add_(squares[ours].unsqueeze(1)).clamp_(min=0).sqrt_()
        if row == column:
            # Each pair stands here twice, and each sample beside itself.
            total += distances.fill_diagonal_(0).sum() / 2
        else:
            total += distances.sum()
    return total / (count * (count - 1) / 2)


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
        ValueError: For fewer than two samples, no pairs, or as `diversity`.
    """
    samples = rows("samples", samples)
    count = len(samples)
    if count < 2 or pairs < 1:
        raise ValueError(f"expected at least two samples and one pair, got {count} and {pairs}")
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(count, (pairs,), generator=generator)
    # A step of 1 to N - 1 round the circle never comes back to the first of the pair.
    second = (first + torch.randint(1, count, (pairs,), generator=generator)) % count
    return (samples[first] - samples[second]).square().sum(dim=1).sqrt().mean()
