"""One order for the same samples, however they came: what is drawn by a seed is drawn from there."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def canonical_order(*parts: Tensor, groups: Tensor | None = None) -> Tensor:
    """Puts samples into an order that follows from their values alone.

    Samples that are equal in all parts can change places without any effect, so their order is left open. Samples with
    groups are equal only when their groups are: groups are ranked by all their values, and every sample of a group has
    its rank.

    Args:
        parts: Each (N, D) float64, such as queries and their gallery.
        groups: (N,) integers; which number a group has does not matter.

    Returns:
        (N,) int64 on the parts' device: positions, first to last.
    """
    ranks = _ranks(parts[0])
    for part in parts[1:]:
        ranks = ranks * len(part) + _ranks(part)
    if groups is None:
        order = np.argsort(ranks, kind="stable")
    else:
        order = np.lexsort((_group_ranks(ranks, groups.numpy(force=True)), ranks))
    return torch.from_numpy(order).to(parts[0].device)


def distinct_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """Returns (U,) positions, one for each different row of (N, D) values, and (U,) how often it is there; int64."""
    _, first, counts = np.unique(_strings(values), return_index=True, return_counts=True)
    return torch.from_numpy(first).to(values.device), torch.from_numpy(counts).to(values.device)


def _ranks(values: Tensor) -> NDArray[np.int64]:
    """Rank of each row among the different rows, (N,)."""
    ranks: NDArray[np.int64] = np.unique(_strings(values), return_inverse=True)[1].astype(np.int64)
    return ranks


def _strings(values: Tensor) -> NDArray[np.void]:
    """Each row as one string of bytes, (N,); with the highest byte first, rows that differ by rounding stay close."""
    # Adding 0 turns -0 into 0, which has other bytes.
    numbers = np.add(values.numpy(force=True), 0.0, out=np.empty(tuple(values.shape), dtype=">f8"))
    strings: NDArray[np.void] = numbers.view(np.dtype((np.void, numbers.shape[1] * numbers.itemsize)))[:, 0]
    return strings


def _group_ranks(ranks: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each sample's group among the groups, (N,); groups of equal values are in any order, but in one."""
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = ranks[np.lexsort((ranks, group))]
    contents = [tuple(part) for part in np.split(members, np.cumsum(sizes)[:-1])]
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[sorted(range(len(sizes)), key=contents.__getitem__)] = np.arange(len(sizes))
    result: NDArray[np.int64] = rank[group]
    return result
