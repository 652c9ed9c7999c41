"""MSE, MAE and RMSE of each sample, and their statistics over samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import paired_rows

NAMES: tuple[str, ...] = ("mse", "mae", "rmse")
"""The three errors, in the order of `SampleErrors`."""


class SampleErrors(NamedTuple):
    """Errors of each sample over its channels, each (N,) float64; lower is better."""

    mse: Tensor
    mae: Tensor
    rmse: Tensor


def sample_errors(predictions: Tensor, targets: Tensor) -> SampleErrors:
    r"""Errors of each sample, averaged over its D channels.

    .. math::
        mse_i = \frac{1}{D} \sum_d (p_{id} - t_{id})^2, \quad
        mae_i = \frac{1}{D} \sum_d |p_{id} - t_{id}|, \quad
        rmse_i = \sqrt{mse_i}

    Unit: MAE and RMSE in coefficient units (1 = a blendshape fully on), MSE in their square. Lower is better.
    Source: KeyframeFace, section 5.3 and tables 2 and 4; SemanticFace, table 3.

    The papers do not say at which level the root of RMSE is taken. Here it is a sample's own, so that all three errors
    are quantities of a sample, with the same statistics over samples and the same paired tests; the mean RMSE is
    therefore at most the root of the mean MSE.

    Args:
        predictions: (N, D) coefficients.
        targets: (N, D) true coefficients.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    predictions, targets = paired_rows(predictions, targets)
    difference = predictions - targets
    mse = difference.square().mean(dim=1)
    return SampleErrors(mse=mse, mae=difference.abs().mean(dim=1), rmse=mse.sqrt())


def error_statistics(errors: SampleErrors) -> dict[str, Tensor]:
    """Mean, median, standard deviation and 90th percentile of each error over samples.

    The standard deviation is that of the samples at hand (divided by N, so that one sample has 0); quantiles between
    two samples are interpolated linearly. Lower is better for all. Source: SemanticFace, table 3.

    Args:
        errors: Errors of N samples.

    Returns:
        Scalars under `mse`, `mse_median`, `mse_std`, `mse_p90`, and the same for `mae` and `rmse`.

    Raises:
        ValueError: For no samples.
    """
    statistics: dict[str, Tensor] = {}
    for name, values in zip(NAMES, errors, strict=True):
        if values.numel() == 0:
            raise ValueError(f"{name}: expected at least one sample, got none")
        values = values.double()
        statistics[name] = values.mean()
        statistics[f"{name}_median"] = torch.quantile(values, 0.5)
        statistics[f"{name}_std"] = values.std(correction=0)
        statistics[f"{name}_p90"] = torch.quantile(values, 0.9)
    return statistics
