"""What every metric asks of its input, said in one place."""

from __future__ import annotations

import torch
from torch import Tensor


def rows(name: str, values: Tensor) -> Tensor:
    """Returns (N, D) values of any real type in float64, N and D at least 1, or says by name what is wrong with them.

    Raises:
        ValueError: For another number of dimensions, an empty tensor, or values that are not finite.
    """
    if values.ndim != 2:
        raise ValueError(f"{name}: expected (samples, channels), got {values.ndim} dimensions {tuple(values.shape)}")
    if values.numel() == 0:
        raise ValueError(f"{name}: expected at least one sample and one channel, got {tuple(values.shape)}")
    values = values.double()
    finite = values.isfinite().all(dim=1)
    if not bool(finite.all()):
        first = int((~finite).nonzero()[0])
        raise ValueError(f"{name}: row {first} holds NaN or infinity; expected finite coefficients")
    return values


def paired_rows(
    first: Tensor, second: Tensor, names: tuple[str, str] = ("predictions", "targets")
) -> tuple[Tensor, Tensor]:
    """Returns both, each (N, D), in float64, or says by their names why they do not fit together; raises as `rows`."""
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} and {names[1]}: expected one shape, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    return rows(names[0], first), rows(names[1], second)


def paired_values(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Returns both, each (N,), one number a sample, in float64, or says why they do not fit; raises as `rows`."""
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"first and second: expected one number for each sample, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    return rows("first", first.unsqueeze(1))[:, 0], rows("second", second.unsqueeze(1))[:, 0]


def labels(name: str, values: Tensor, count: int) -> Tensor:
    """Returns (N,) integers, one for each of `count` samples; raises ValueError for any other shape or type."""
    if values.shape != (count,):
        raise ValueError(f"{name}: expected one for each of {count} samples, got {tuple(values.shape)}")
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise ValueError(f"{name}: expected integers, got {values.dtype}")
    return values.long()
