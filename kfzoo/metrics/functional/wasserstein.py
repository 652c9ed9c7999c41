"""The one-dimensional Wasserstein distance of each channel, exact for sets of any two sizes."""

from __future__ import annotations

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import rows


def sort_channels(samples: Tensor) -> Tensor:
    """Sorts each channel by itself; done once for a reference that is used often.

    Args:
        samples: (N, D).

    Returns:
        (D, N) float64, each row ascending.

    Raises:
        ValueError: For another shape, no samples, or values that are not finite.
    """
    return rows("samples", samples).mT.contiguous().sort(dim=1).values


def wasserstein_of_sorted(first: Tensor, second: Tensor) -> Tensor:
    r"""Distance of each channel between two sets whose channels are sorted.

    .. math::
        W_d = \int_0^1 |F_d^{-1}(q) - G_d^{-1}(q)| \, dq

    Unit: coefficient units (1 = a blendshape fully on). Range [0, ∞), 0 for equal sets; lower is better. On paired sets
    its mean over channels is at most the MAE. Source: "W-Dist" of KeyframeFace, table 3: that mean, by convention
    between the predictions and the ground truth of the training split.

    The quantile functions of N and M samples are steps that change at i/N and j/M; between two such places their
    difference is constant, so the integral is a sum of at most N + M terms. The places are the same for all channels
    and are kept as the integers i·M and j·N, so that no rounding can misplace one.

    Args:
        first: (D, N) from `sort_channels`.
        second: (D, M) from `sort_channels`.

    Returns:
        (D,) float64.

    Raises:
        ValueError: When the numbers of channels differ.
    """
    if first.shape[0] != second.shape[0]:
        raise ValueError(f"samples: expected the same channels, got {first.shape[0]} and {second.shape[0]}")
    n, m = first.shape[1], second.shape[1]
    whole = torch.arange(1, max(n, m) + 1, device=first.device)
    ends = torch.unique(torch.cat([whole[:n] * m, whole[:m] * n]))
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    widths = (ends - starts).double() / (n * m)
    in_first, in_second = starts // m, starts // n
    # One channel at a time: the memory of a single one is enough for any number of them.
    return torch.stack([(a[in_first] - b[in_second]).abs() @ widths for a, b in zip(first, second, strict=True)])
