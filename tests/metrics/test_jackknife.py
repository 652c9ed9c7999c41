"""Deviations against weighted sets computed by SciPy, and against the spread of fresh samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import linalg, stats
from torch import Tensor

from kfzoo.metrics.functional import jackknife
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.functional.jackknife import frechet_deviations, wasserstein_deviations
from kfzoo.metrics.functional.wasserstein import sort_channels, wasserstein_of_sorted

STEP = 1e-5


def faces(count: int, seed: int, channels: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=torch.Generator().manual_seed(99)).double()
    return torch.randn(count, channels, generator=generator).double() @ mixing + seed / 10


def weighted_frechet(samples: NDArray[np.float64], weights: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    mean, covariance = np.average(samples, 0, weights), np.cov(samples.T, aweights=weights, bias=True)
    theirs = np.cov(other.T, bias=True)
    root = np.real(linalg.sqrtm(covariance @ theirs))
    return float(((mean - other.mean(0)) ** 2).sum() + np.trace(covariance + theirs - 2 * root))


def weighted_wasserstein(
    samples: NDArray[np.float64], weights: NDArray[np.float64], other: NDArray[np.float64]
) -> float:
    channels = zip(samples.T, other.T, strict=True)
    return float(np.mean([stats.wasserstein_distance(a, b, weights) for a, b in channels]))


def test_a_deviation_is_the_change_as_a_sample_weighs_more() -> None:
    samples, other = faces(30, 1), faces(40, 4)
    frechet = frechet_deviations(samples, moments(samples), moments(other))
    wasserstein = wasserstein_deviations(samples, sort_channels(samples), sort_channels(other))
    for found, distance in ((frechet, weighted_frechet), (wasserstein, weighted_wasserstein)):
        assert float(found.mean()) == pytest.approx(0, abs=1e-12)
        for place in (0, 7, 29):
            ends = []
            for sign in (1, -1):
                weights = np.full(30, (1 - sign * STEP) / 30)
                weights[place] += sign * STEP
                ends.append(distance(samples.numpy(), weights, other.numpy()))
            assert float(found[place]) == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-4, abs=1e-6)


def test_deviations_have_the_spread_of_fresh_samples() -> None:
    reference = faces(2000, 3)
    found: list[tuple[float, ...]] = []
    for seed in range(150):
        samples = faces(300, 0) if seed == 0 else faces(300, seed) - seed / 10
        distances = (
            frechet_distance(moments(samples), moments(reference)),
            wasserstein_of_sorted(sort_channels(samples), sort_channels(reference)).mean(),
        )
        deviations = (
            frechet_deviations(samples, moments(samples), moments(reference)),
            wasserstein_deviations(samples, sort_channels(samples), sort_channels(reference)),
        )
        found.append((*map(float, distances), *(float(each.std() / 300**0.5) for each in deviations)))
    values = np.array(found)
    assert values[:, 2:].mean(0).tolist() == pytest.approx(values[:, :2].std(0).tolist(), rel=0.3)


def test_fewer_samples_than_channels_and_constant_channels() -> None:
    samples, other = faces(4, 1, 9), faces(30, 2, 9)
    samples[:, 3], other[:, 5] = 0.5, 0.0
    found = frechet_deviations(samples, moments(samples), moments(other))
    assert bool(found.isfinite().all())
    assert float(found.sum()) == pytest.approx(0, abs=1e-9)
    assert float(found.abs().max()) < 1e3
    one = samples[:1].expand(6, 9)
    assert frechet_deviations(one, moments(one), moments(other)).tolist() == pytest.approx([0] * 6, abs=1e-9)


def test_the_same_set_is_changed_by_no_sample() -> None:
    samples = faces(20, 1)
    assert frechet_deviations(samples, moments(samples), moments(samples)).tolist() == pytest.approx([0] * 20, abs=1e-8)
    ordered = sort_channels(samples)
    assert wasserstein_deviations(samples, ordered, ordered).tolist() == [0] * 20


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, other = faces(50, 1), moments(faces(40, 4))
    whole = frechet_deviations(samples, moments(samples), other)
    monkeypatch.setattr(jackknife, "ROWS", 7)
    torch.testing.assert_close(frechet_deviations(samples, moments(samples), other), whole)


def test_ties_between_the_sets() -> None:
    samples = torch.tensor([[0.0], [0.0], [0.5], [1.0]]).double()
    other = torch.tensor([[0.0], [0.5], [0.5]]).double()
    found = wasserstein_deviations(samples, sort_channels(samples), sort_channels(other))
    # F - G is 1/2 - 1/3 on [0, 0.5) and 3/4 - 1 on [0.5, 1): up to 0.5 the integral of the sign grows, then it falls.
    expected = -np.array([0, 0, 0.5, 0.0])
    assert found.tolist() == pytest.approx((expected - expected.mean()).tolist())
