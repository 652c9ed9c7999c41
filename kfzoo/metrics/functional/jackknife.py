"""How much each sample changes the distances between sets: the infinitesimal jackknife, from which intervals are made.

A resample holds duplicates, which increase the Fréchet and the Wasserstein distance: percentiles of resampled distances
can lie wholly above the distance itself, and with fewer than some thousand samples they spread several times wider than
distances of fresh samples do. The intervals use the first-order change of the distance instead (Efron and Tibshirani,
An Introduction to the Bootstrap, chapter 22): each sample has a deviation, the deviations average to 0, and their mean
over a resample is what the resample adds to the distance. They measure the spread between equally large test sets, not
the upward bias that both distances have in small ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from kfzoo.metrics.functional.frechet import Moments

ROWS = 8192
"""Samples worked on at once: bounds the memory."""


def frechet_deviations(samples: Tensor, own: Moments, other: Moments) -> Tensor:
    r"""First-order change of `frechet_distance` as the weight of each sample grows.

    .. math::
        2 (\mu - \mu')^T c_i + c_i^T (I - T) c_i - \overline{c^T (I - T) c}, \quad c_i = x_i - \mu, \quad
        T = \Sigma^{-1/2} (\Sigma^{1/2} \Sigma' \Sigma^{1/2})^{1/2} \Sigma^{-1/2}

    The inverse root is taken where the samples have variance; no sample lies elsewhere.

    Args:
        samples: (N, D).
        own: Moments of the samples.
        other: Moments of the set compared with, which does not change.

    Returns:
        (N,) float64, mean 0.
    """
    root, inverse = _powers(own.covariance)
    cross, _ = _powers(root @ other.covariance @ root)
    shift = 2 * (own.mean - other.mean)
    transport = inverse @ cross @ inverse
    parts = []
    for block in torch.split(samples, ROWS):
        centred = block - own.mean
        parts.append(centred @ shift + (centred * (centred - centred @ transport)).sum(dim=1))
    deviations = torch.cat(parts)
    return deviations - deviations.mean()


def wasserstein_deviations(samples: Tensor, own: Tensor, other: Tensor) -> Tensor:
    r"""First-order change of the mean channel Wasserstein distance as the weight of each sample grows.

    With the distribution functions F of the samples and G of the others the distance is :math:`\int |F - G|`, and a
    sample at x changes it by :math:`-\int_{-\infty}^x \mathrm{sign}(F - G)`, less the mean of that over the samples.

    Args:
        samples: (N, D) float64.
        own: (D, N) the samples, from `sort_channels`.
        other: (D, M) the set compared with, from `sort_channels`; it does not change.

    Returns:
        (N,) float64, mean 0.
    """
    n, m = own.shape[1], other.shape[1]
    deviations = np.zeros(n)
    steps = np.empty(n + m, dtype=np.int64)
    # One channel at a time: the memory of a single one is enough for any number of them.
    for values, first, second in zip(samples.mT.numpy(), own.numpy(), other.numpy(), strict=True):
        places = np.searchsorted(second, first) + np.arange(n)
        # n·m·(F - G) after each point of the merged samples, in whole numbers.
        steps[:] = -n
        steps[places] = m
        sides = np.sign(np.cumsum(steps)[:-1])
        merged = np.sort(np.concatenate([first, second]))
        integral = np.concatenate([[0.0], np.cumsum(sides * np.diff(merged))])
        deviations -= integral[places][np.searchsorted(first, values)]
    deviations /= len(own)
    return torch.from_numpy(deviations - deviations.mean())


def _powers(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Root and inverse root of a covariance; directions without variance, within rounding, have 0 in both."""
    values, vectors = torch.linalg.eigh(covariance)
    positive = values > values[-1:] * len(values) * torch.finfo(values.dtype).eps
    roots = torch.where(positive, values, 0).sqrt()
    inverses = torch.where(positive, 1 / roots, 0)
    return (vectors * roots) @ vectors.mT, (vectors * inverses) @ vectors.mT
