"""From landmarks with known coefficients to regressions, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.models.sbca.selection import Array, Selection, select

Regression = Literal["ridge", "svr"]

ALPHAS = tuple(float(10**power) for power in range(-3, 4))
"""Penalties that ridge regression chooses from, by leave-one-out error."""

RESTS = 1e-6
"""A channel whose standard deviation is below this does not move."""


@dataclass(frozen=True)
class Settings:
    """How a channel is learnt.

    Attributes:
        points: Landmarks a channel reads.
        selection: How they are chosen.
        components: Principal components of their coordinates that are kept.
        regression: "ridge" on the components and their products, or "svr" with a radial kernel on the components.
    """

    points: int
    selection: Selection
    components: int
    regression: Regression


@dataclass(frozen=True, eq=False)
class Regressions:
    """C fitted channels. A channel's value is `bias + weights · f(c)`, c = `axes`ᵀ · (coordinates - `offset`).

    f are the components with their products for ridge regression, and exp(-`gamma` |c - `support`|²) for support
    vectors, of which channels with fewer have some of weight 0.

    Attributes:
        chosen: (C, P) int64, landmarks.
        offset: (C, 2 P) float64, of their coordinates, those of a point side by side.
        axes: (C, 2 P, K) float64.
        weights: (C, F) float64.
        bias: (C,) float64.
        support: (C, F, K) float64, or (C, 0, K) for ridge regression.
        gamma: (C,) float64.
    """

    chosen: Tensor
    offset: Tensor
    axes: Tensor
    weights: Tensor
    bias: Tensor
    support: Tensor
    gamma: Tensor

    def __call__(self, points: Tensor) -> Tensor:
        """Predicts.

        Args:
            points: (B, M, 2) float64, faces without their pose.

        Returns:
            (B, C) float64.
        """
        coordinates = points[:, self.chosen].flatten(2)
        components = torch.einsum("bcp,cpk->bck", coordinates - self.offset, self.axes)
        if not self.support.shape[1]:
            return (with_products(components) * self.weights).sum(-1) + self.bias
        channels = zip(components.unbind(1), self.support, self.gamma, self.weights, self.bias, strict=True)
        return torch.stack(
            [_kernel(own, support, gamma) @ weights + bias for own, support, gamma, weights, bias in channels], dim=1
        )


def _kernel(components: Tensor, support: Tensor, gamma: Tensor) -> Tensor:
    far = components.square().sum(1, keepdim=True) + support.square().sum(1) - 2 * components @ support.T
    return torch.exp(-gamma * far)


def with_products(components: Tensor) -> Tensor:
    """Appends to components (…, K) the products of every two of them, squares included."""
    count = components.shape[-1]
    one, other = torch.tensor(list(combinations_with_replacement(range(count), 2)), dtype=torch.int64).T
    return torch.cat([components, components[..., one] * components[..., other]], dim=-1)


def fit_channel(coordinates: Array, target: Array, settings: Settings) -> Any:
    """Fits one channel with scikit-learn.

    Args:
        coordinates: (N, 2 P) of the chosen landmarks.
        target: (N,).
        settings: How.

    Returns:
        A fitted pipeline: scaler, principal components, for ridge regression products, regression.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from sklearn.svm import SVR

    steps = [StandardScaler(), PCA(settings.components, svd_solver="full")]
    if settings.regression == "ridge":
        return make_pipeline(*steps, PolynomialFeatures(2, include_bias=False), RidgeCV(ALPHAS)).fit(
            coordinates, target
        )
    components = make_pipeline(*steps).fit_transform(coordinates)
    gamma = 1 / max(float(components.var()) * settings.components, 1e-12)
    return make_pipeline(*steps, SVR(gamma=gamma, epsilon=0.1 * float(target.std()))).fit(coordinates, target)


def fit_all(points: Array, targets: Array, held_out: NDArray[np.bool_], settings: Settings) -> Regressions:
    """Chooses points for, and fits, every channel; one that does not move is its mean.

    Args:
        points: (N, M, 2), faces without their pose.
        targets: (N, C).
        held_out: (N,) rows by which points are judged.
        settings: How.

    Returns:
        The fitted channels.
    """
    from tqdm.auto import tqdm

    chosen = np.zeros((targets.shape[1], settings.points), dtype=np.int64)
    pipelines: list[Any] = []
    for channel in tqdm(range(targets.shape[1]), desc="Fitting SBCA", unit=" channels", delay=2, leave=False):
        target = targets[:, channel]
        if target.std() < RESTS:
            pipelines.append(None)
            continue
        chosen[channel] = select(points, target, held_out, settings.points, settings.selection)
        pipelines.append(fit_channel(points[:, chosen[channel]].reshape(len(points), -1), target, settings))
    return as_arrays(pipelines, chosen, targets.mean(0), settings)


def as_arrays(pipelines: list[Any], chosen: NDArray[np.int64], means: Array, settings: Settings) -> Regressions:
    """Writes fitted pipelines out as arrays; None marks a channel that does not move."""
    channels, kept = len(pipelines), settings.components
    learnt = [(number, pipeline) for number, pipeline in enumerate(pipelines) if pipeline is not None]
    kernel = settings.regression == "svr"
    sizes = [len(p[-1].dual_coef_[0]) if kernel else len(p[-1].coef_) for _, p in learnt]
    size = max(sizes, default=0)
    offset = np.zeros((channels, 2 * settings.points))
    axes = np.zeros((channels, 2 * settings.points, kept))
    weights, bias, gamma = np.zeros((channels, size)), means.astype(np.float64).copy(), np.ones(channels)
    support = np.zeros((channels, size if kernel else 0, kept))
    for (number, pipeline), used in zip(learnt, sizes, strict=True):
        scaler, components, last = pipeline[0], pipeline[1], pipeline[-1]
        offset[number] = scaler.mean_ + scaler.scale_ * components.mean_
        axes[number] = (components.components_ / scaler.scale_).T
        bias[number] = np.ravel(last.intercept_)[0]
        weights[number, :used] = last.dual_coef_[0] if kernel else last.coef_
        if kernel:
            support[number, :used] = last.support_vectors_
            gamma[number] = last.gamma
    arrays = (offset, axes, weights, bias, support, gamma)
    return Regressions(torch.from_numpy(chosen), *(torch.from_numpy(each) for each in arrays))
