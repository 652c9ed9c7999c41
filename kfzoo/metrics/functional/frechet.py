"""The Fréchet distance between two sets of coefficient vectors."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import rows


class Moments(NamedTuple):
    """First and second moment of a set: all the Fréchet distance knows of it.

    Attributes:
        mean: (…, D) float64.
        covariance: (…, D, D) float64, divided by the number of samples.
    """

    mean: Tensor
    covariance: Tensor


def moments(samples: Tensor) -> Moments:
    """Mean and covariance of samples, in two passes.

    The covariance is divided by N, not N - 1: it exists for one sample, and the distance then keeps the exact bound
    FID ≤ D·MSE on paired sets. For N samples NumPy's default `cov` is larger by N / (N - 1).

    Args:
        samples: (N, D).

    Raises:
        ValueError: For another shape, no samples, or values that are not finite.
    """
    samples = rows("samples", samples)
    mean = samples.mean(dim=0)
    centred = samples - mean
    return Moments(mean, centred.mT @ centred / len(samples))


def frechet_distance(first: Moments, second: Moments) -> Tensor:
    r"""Squared Fréchet (2-Wasserstein) distance between two Gaussians.

    .. math::
        d^2 = \|\mu_1 - \mu_2\|^2 + \mathrm{tr}\bigl(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1^{1/2} \Sigma_2
        \Sigma_1^{1/2})^{1/2}\bigr)

    The last trace is the sum of the singular values of :math:`\Sigma_1^{1/2} \Sigma_2^{1/2}`; the roots come from
    symmetric eigendecompositions, so that channels without variance need no added noise and no complex root.

    Unit: squared coefficient units, summed over channels. Range [0, ∞), 0 for equal moments; lower is better.
    Source: "FID" of KeyframeFace, table 3 (there and here on the raw 61 coefficients; its ground-truth row is not 0
    because the reference is the training split).

    Args:
        first: Moments with any leading dimensions.
        second: Moments whose shapes broadcast against the first.

    Returns:
        The distance, (…), float64.

    Raises:
        ValueError: When the numbers of channels differ.
    """
    if first.mean.shape[-1] != second.mean.shape[-1]:
        raise ValueError(f"moments: expected the same channels, got {first.mean.shape[-1]} and {second.mean.shape[-1]}")
    between = (first.mean - second.mean).square().sum(dim=-1)
    cross: Tensor = torch.linalg.svdvals(_root(first.covariance) @ _root(second.covariance)).sum(dim=-1)
    return torch.clamp(between + _trace(first.covariance) + _trace(second.covariance) - 2 * cross, min=0)


def _root(covariance: Tensor) -> Tensor:
    """Symmetric root of a covariance.

    Eigenvalues within rounding of 0 count as 0: with fewer samples than channels there are many, and the root of 1e-17
    is 3e-9, which would depend on the order of the samples.
    """
    values, vectors = torch.linalg.eigh(covariance)
    noise = values[..., -1:] * values.shape[-1] * torch.finfo(values.dtype).eps
    values = torch.where(values > noise, values, 0)
    return torch.matmul(vectors * values.sqrt().unsqueeze(-2), vectors.mT)


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
