from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance

from kfzoo.metrics.functional.diversity import BLOCK, block_pairs, diversity_of_pairs, mean_distances


def test_near_duplicates_with_one_far_face() -> None:
    samples = np.random.default_rng(0).random((100, 61)) * 1e-4
    samples[50:] = samples[:50]
    samples[0] = 1.0
    found = float(mean_distances(torch.from_numpy(samples)).mean())
    assert found == pytest.approx(distance.pdist(samples).mean(), rel=1e-6)


def test_equal_faces_a_face_alone_and_two_faces_by_hand() -> None:
    assert float(mean_distances(torch.full((2000, 61), 0.3)).max()) == pytest.approx(0, abs=1e-12)
    assert mean_distances(torch.rand(1, 61)).tolist() == [0]
    assert mean_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]])).tolist() == pytest.approx([5, 5])


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-8, 0.0), (1e8, 0.0), (1.0, 1e6)])
@pytest.mark.parametrize("count", [2, 150, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_mean_distances_equal_scipy(scale: float, offset: float, count: int) -> None:
    samples = np.random.default_rng(0).random((count, 61)) * scale + offset
    expected = distance.cdist(samples, samples).sum(axis=1) / (count - 1)
    np.testing.assert_allclose(mean_distances(torch.from_numpy(samples)), expected, rtol=1e-6)
    # Small sets are compared wholly, whatever is asked.
    np.testing.assert_allclose(mean_distances(torch.from_numpy(samples), most=BLOCK + 3), expected, rtol=1e-6)


def test_some_neighbours_are_close_to_all_and_follow_the_seed() -> None:
    samples = torch.rand(3000, 61, generator=torch.Generator().manual_seed(0)) ** 3
    every, some = mean_distances(samples), mean_distances(samples, most=512)
    assert not torch.equal(every, some)
    assert float(some.mean()) == pytest.approx(float(every.mean()), rel=1e-3)
    assert float(((some - every) / every).abs().max()) < 0.03
    assert torch.equal(some, mean_distances(samples, most=512))
    assert not torch.equal(some, mean_distances(samples, most=512, seed=1))


def test_each_sample_meets_its_neighbours_on_the_ring() -> None:
    # Two faces, one unit apart: the mean distance counts how many of those met are the other face.
    samples = torch.zeros(4 * BLOCK, 1)
    samples[::2] = 1
    means = mean_distances(samples, most=BLOCK)
    # Its own block and one on either side, less itself.
    met = means * (3 * BLOCK - 1)
    torch.testing.assert_close(met, met.round(), rtol=0, atol=1e-6)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_some_neighbours_do_not_depend_on_the_order(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    samples = torch.rand(2200, 5, generator=generator)
    order = torch.randperm(2200, generator=generator)
    assert torch.equal(mean_distances(samples[order], most=500), mean_distances(samples, most=500)[order])


def test_the_number_of_blocks_grows_with_the_samples() -> None:
    assert [len(block_pairs(blocks, 2)) for blocks in (100, 200, 400)] == [300, 600, 1200]
    assert [len(block_pairs(blocks, None)) for blocks in (1, 2, 100)] == [1, 3, 5050]


@pytest.mark.parametrize(("blocks", "reach"), [(1, 1), (3, 1), (4, 1), (5, 2), (6, 2), (9, 3)])
def test_blocks_meet_their_neighbours_once(blocks: int, reach: int) -> None:
    pairs = [frozenset(pair) for pair in block_pairs(blocks, reach)]
    near = [frozenset((a, b)) for a in range(blocks) for b in range(a, blocks) if min(b - a, blocks - (b - a)) <= reach]
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, near))


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match="most: expected at least 1, got 0"):
        mean_distances(torch.zeros(5, 61), most=0)
    with pytest.raises(ValueError, match="samples: row 4 holds NaN or infinity"):
        mean_distances(torch.cat([torch.zeros(4, 61), torch.full((1, 61), torch.nan)]))


def test_random_pairs_estimate_all_pairs_and_follow_the_seed() -> None:
    samples = torch.rand(200, 61, generator=torch.Generator().manual_seed(0))
    estimate = float(diversity_of_pairs(samples, pairs=20_000, seed=0))
    assert estimate == pytest.approx(float(mean_distances(samples).mean()), rel=0.01)
    assert float(diversity_of_pairs(samples, pairs=20_000, seed=0)) == estimate
    assert float(diversity_of_pairs(samples, pairs=20_000, seed=1)) != estimate


def test_random_pairs_never_pair_a_face_with_itself() -> None:
    assert float(diversity_of_pairs(torch.tensor([[0.0], [1.0]]), pairs=500, seed=0)) == 1
    for samples, pairs in ((torch.zeros(1, 61), 300), (torch.zeros(5, 61), 0)):
        with pytest.raises(ValueError, match="expected at least two samples and one pair"):
            diversity_of_pairs(samples, pairs=pairs, seed=0)
