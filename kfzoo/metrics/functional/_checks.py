"""What every metric asks of its input, said in one place."""

from __future__ import annotations

import torch
from torch import Tensor


def rows(name: str, values: Tensor) -> Tensor:
    """Returns (N, D) values in float64, or says what is wrong with them.

    Args:
        name: What the values are called in a message.
        values: (N, D) of any real type; N and D at least 1.

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
    """Returns both in float64 when they hold the same samples and channels.

    Args:
        first: (N, D).
        second: (N, D).
        names: What the two are called in a message.

    Raises:
        ValueError: For shapes that differ, and as `rows` does.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} and {names[1]}: expected one shape, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    return rows(names[0], first), rows(names[1], second)


def paired_values(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Returns both, one number a sample, in float64 when they hold the same samples.

    Args:
        first: (N,).
        second: (N,).

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"first and second: expected one number for each sample, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    return rows("first", first.unsqueeze(1))[:, 0], rows("second", second.unsqueeze(1))[:, 0]


def labels(name: str, values: Tensor, count: int) -> Tensor:
    """Returns (N,) integers, one for each of `count` samples, or says what is wrong with them.

    Raises:
        ValueError: For another shape, or values that are not integers.
    """
    if values.shape != (count,):
        raise ValueError(f"{name}: expected one for each of {count} samples, got {tuple(values.shape)}")
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise ValueError(f"{name}: expected integers, got {values.dtype}")
    return values.long()


def same_channels(predictions: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Returns both in float64 when they hold the same channels; the numbers of samples may differ.

    Raises:
        ValueError: For different numbers of channels, and as `rows` does.
    """
    predictions, reference = rows("predictions", predictions), rows("reference", reference)
    if predictions.shape[1] != reference.shape[1]:
        raise ValueError(
            f"predictions and reference: expected the same channels, got {predictions.shape[1]} "
            f"and {reference.shape[1]}"
        )
    return predictions, reference
