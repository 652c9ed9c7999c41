from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from kfzoo.metrics.functional.errors import sample_errors
from kfzoo.metrics.functional.wasserstein import sort_channels, wasserstein_of_sorted


def by_channel(first: Tensor, second: Tensor) -> Tensor:
    return wasserstein_of_sorted(sort_channels(first), sort_channels(second))


def mean(first: Tensor, second: Tensor) -> float:
    return float(by_channel(first, second).mean())


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    scale=st.sampled_from([1.0, 1e-6, 1e6]),
    decimals=st.sampled_from([1, 15]),
    seed=st.integers(0, 1000),
)
def test_equals_scipy_for_sets_of_any_two_sizes(n: int, m: int, scale: float, decimals: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    # One decimal, as released answers have it, means many ties.
    first, second = (np.round(generator.random((size, 5)), decimals) * scale for size in (n, m))
    measured = by_channel(torch.from_numpy(first), torch.from_numpy(second)).numpy()
    expected = [stats.wasserstein_distance(first[:, d], second[:, d]) for d in range(5)]
    np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-12 * scale)


def test_two_sizes_by_hand() -> None:
    # Half of the mass has to move from 0 to 1.
    assert mean(torch.tensor([[0.0]]), torch.tensor([[0.0], [1.0]])) == 0.5


def test_identity_and_constants() -> None:
    faces = torch.rand(9, 61)
    assert mean(faces, faces) == 0
    # The same faces, each twice: the same distribution.
    assert mean(faces, faces.repeat(2, 1)) == pytest.approx(0, abs=1e-15)
    assert mean(torch.full((3, 61), 0.5), torch.full((7, 61), 0.2)) == pytest.approx(0.3)


def test_never_above_the_mae_of_paired_sets() -> None:
    predictions, targets = torch.rand(2, 30, 61, generator=torch.Generator().manual_seed(0))
    assert mean(predictions, targets) <= float(sample_errors(predictions, targets).mae.mean())


def test_large_sets_lose_no_precision() -> None:
    # i·M and j·N reach 10^10 here: far more than float32 or int32 can tell apart.
    first = torch.arange(100_003, dtype=torch.float64).unsqueeze(1) / 100_003
    second = torch.arange(100_019, dtype=torch.float64).unsqueeze(1) / 100_019
    expected = stats.wasserstein_distance(first[:, 0].numpy(), second[:, 0].numpy())
    assert mean(first, second) == pytest.approx(expected, rel=1e-6)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="expected the same channels, got 61 and 52"):
        by_channel(torch.zeros(2, 61), torch.zeros(2, 52))
    with pytest.raises(ValueError, match=r"samples: expected \(samples, channels\), got 1 dimensions \(61,\)"):
        sort_channels(torch.zeros(61))
