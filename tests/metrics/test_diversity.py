from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from kfzoo.metrics import Diversity
from kfzoo.metrics.functional import diversity as functional
from kfzoo.metrics.functional import diversity_of_pairs
from kfzoo.metrics.functional.diversity import BLOCK


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)])
def test_equals_scipy(scale: float, offset: float) -> None:
    samples = np.random.default_rng(0).random((150, 61)) * scale + offset
    assert float(functional(torch.from_numpy(samples))) == pytest.approx(distance.pdist(samples).mean(), rel=1e-6)


@pytest.mark.parametrize("samples", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_blocks_count_every_pair_once(samples: int) -> None:
    values = np.random.default_rng(samples).random((samples, 3))
    assert float(functional(torch.from_numpy(values))) == pytest.approx(distance.pdist(values).mean(), rel=1e-6)


def test_near_duplicates_with_one_far_face() -> None:
    samples = np.random.default_rng(0).random((100, 61)) * 1e-4
    samples[50:] = samples[:50]
    samples[0] = 1.0
    assert float(functional(torch.from_numpy(samples))) == pytest.approx(distance.pdist(samples).mean(), rel=1e-6)


def test_equal_faces_and_a_face_alone_have_none() -> None:
    assert float(functional(torch.full((2000, 61), 0.3))) == pytest.approx(0, abs=1e-12)
    assert float(functional(torch.rand(1, 61))) == 0


def test_two_faces_by_hand() -> None:
    assert float(functional(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))) == pytest.approx(5)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 19), unique=True, max_size=4).map(sorted), seed=st.integers(0, 1000))
def test_class_does_not_depend_on_batches_or_order(cuts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    predictions = torch.rand(20, 61, generator=generator)
    metric = Diversity()
    for part in torch.tensor_split(torch.randperm(20, generator=generator), cuts):
        metric.update(predictions[part])
    assert float(metric.compute()) == pytest.approx(float(functional(predictions)), rel=1e-9)


def test_random_pairs_estimate_all_pairs_and_follow_the_seed() -> None:
    samples = torch.rand(200, 61, generator=torch.Generator().manual_seed(0))
    estimate = float(diversity_of_pairs(samples, pairs=20_000, seed=0))
    assert estimate == pytest.approx(float(functional(samples)), rel=0.01)
    assert float(diversity_of_pairs(samples, pairs=20_000, seed=0)) == estimate
    assert float(diversity_of_pairs(samples, pairs=20_000, seed=1)) != estimate
    metric = Diversity(pairs=20_000, seed=0)
    metric.update(samples)
    assert float(metric.compute()) == estimate


def test_random_pairs_never_pair_a_face_with_itself() -> None:
    assert float(diversity_of_pairs(torch.tensor([[0.0], [1.0]]), pairs=500, seed=0)) == 1


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"predictions: expected rows of shape \(61,\), got \(52,\)"):
        Diversity().update(torch.zeros(2, 52))
    with pytest.raises(ValueError, match="expected at least two samples and one pair, got 1 and 300"):
        diversity_of_pairs(torch.zeros(1, 61), pairs=300, seed=0)
    with pytest.raises(ValueError, match="expected at least two samples and one pair, got 5 and 0"):
        diversity_of_pairs(torch.zeros(5, 61), pairs=0, seed=0)
