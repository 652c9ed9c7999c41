"""What every metric asks of its input, said in one place."""

from __future__ import annotations

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


def paired_rows(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Returns both in float64 when they hold the same samples and channels.

    Raises:
        ValueError: For shapes that differ, and as `rows` does.
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            f"predictions and targets: expected one shape, got {tuple(predictions.shape)} and {tuple(targets.shape)}"
        )
    return rows("predictions", predictions), rows("targets", targets)


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
