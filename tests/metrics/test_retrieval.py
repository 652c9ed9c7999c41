from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.metrics.functional.retrieval import (
    multimodal_distances,
    pools,
    r_precision,
    r_precision_full,
    shuffle_interval,
)


def embeddings(count: int, size: int, noise: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Queries and a gallery that knows them through noise; none is negative."""
    generator = torch.Generator().manual_seed(seed)
    queries, other = torch.rand(2, count, size, generator=generator, dtype=torch.float64)
    return queries, queries + noise * other


def few_values(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of three small integers: many are equal, many are parallel, some are zero."""
    generator = torch.Generator().manual_seed(seed)
    queries, gallery = torch.randint(0, 3, (2, count, 3), generator=generator).double()
    return queries, gallery


def cosine(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    lengths = np.sqrt(np.sum(first**2)) * np.sqrt(np.sum(second**2))
    return float(np.sum(first * second) / lengths) if lengths > 0 else 0.0


def hits_by_hand(query: NDArray[np.float64], gallery: NDArray[np.float64], own: int, top: int) -> list[float]:
    """Share of the places the own row can have in a ranking that lie within the first k."""
    similarities = sorted((cosine(query, row) for row in gallery), reverse=True)
    mine = cosine(query, gallery[own])
    places = [place for place, similarity in enumerate(similarities) if abs(similarity - mine) < 1e-9]
    return [sum(place < k for place in places) / len(places) for k in range(1, top + 1)]


def precision_by_hand(queries: Tensor, gallery: Tensor, drawn: Tensor, top: int) -> NDArray[np.float64]:
    """R-Precision with plain loops, the pools being drawn from the samples sorted by their numbers."""
    order = np.lexsort(torch.cat([queries, gallery], dim=1).numpy().T[::-1])
    q, g = queries.numpy()[order], gallery.numpy()[order]
    result = []
    for shuffle in drawn.numpy():
        hits = [hits_by_hand(q[row], g[pool], own, top) for pool in shuffle for own, row in enumerate(pool)]
        result.append(np.mean(hits, axis=0))
    return np.array(result)


@pytest.mark.parametrize(("scale", "other"), [(1.0, 1.0), (1e-8, 1.0), (1e8, 1e-8), (1e200, 1e-200)])
def test_equals_plain_loops(scale: float, other: float) -> None:
    queries, gallery = embeddings(77, 6, noise=0.7)
    drawn = pools(77, pool=16, shuffles=3, seed=5)
    measured = r_precision(queries * scale, gallery * other, top=4, pool=16, shuffles=3, seed=5)
    np.testing.assert_allclose(measured.numpy(), precision_by_hand(queries, gallery, drawn, 4), rtol=1e-12)
    assert 0.1 < float(measured[:, 0].mean()) < 0.9


def test_ties_count_with_their_chance() -> None:
    queries, gallery = few_values(70)
    drawn = pools(70, pool=32, shuffles=2, seed=0)
    measured = r_precision(queries, gallery, shuffles=2)
    np.testing.assert_allclose(measured.numpy(), precision_by_hand(queries, gallery, drawn, 3), rtol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8, 0.0])
def test_one_motion_for_everything_has_exactly_chance(scale: float) -> None:
    queries, gallery = embeddings(200, 61, noise=1.0)
    measured = r_precision(queries, gallery[:1].expand(200, -1) * scale)
    assert measured.tolist() == [[1 / 32, 2 / 32, 3 / 32]] * 20
    everything = r_precision_full(queries, gallery[:1].expand(200, -1) * scale)
    assert everything.tolist() == [[1 / 200, 2 / 200, 3 / 200]] * 200


def test_identity_finds_itself() -> None:
    queries, _ = embeddings(70, 20, noise=0)
    assert r_precision(queries, queries).tolist() == [[1.0] * 3] * 20
    assert r_precision_full(queries, queries).tolist() == [[1.0] * 3] * 70


def test_opposites_never_find_themselves() -> None:
    queries, _ = embeddings(64, 20, noise=0)
    assert float(r_precision(queries, -queries).sum()) == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), few=st.booleans(), grouped=st.booleans())
def test_neither_the_order_nor_the_names_of_groups_matter(seed: int, few: bool, grouped: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    queries, gallery = few_values(60, seed) if few else embeddings(60, 4, 1.0, seed)
    # Some predictions failed and are the mean face.
    gallery[torch.rand(60, generator=generator) < 0.3] = 0.5
    groups = torch.randint(0, 20, (60,), generator=generator) if grouped else None
    order = torch.randperm(60, generator=generator)
    renamed = None if groups is None else (torch.randperm(20, generator=generator) * 7 - 30)[groups][order]
    expected = r_precision(queries, gallery, pool=8, shuffles=4, seed=seed, groups=groups)
    measured = r_precision(queries[order], gallery[order], pool=8, shuffles=4, seed=seed, groups=renamed)
    assert torch.equal(measured, expected)
    assert torch.equal(r_precision_full(queries[order], gallery[order]), r_precision_full(queries, gallery)[order])


def test_a_zero_has_no_sign() -> None:
    queries, gallery = few_values(60)
    signed = [torch.where((rows == 0) & (torch.rand(60, 3) < 0.5), -0.0, rows) for rows in (queries, gallery)]
    assert torch.equal(r_precision(signed[0], signed[1], pool=8), r_precision(queries, gallery, pool=8))


def test_the_seed_draws_the_pools() -> None:
    queries, gallery = embeddings(100, 6, noise=2.0)
    assert torch.equal(r_precision(queries, gallery, seed=1), r_precision(queries, gallery, seed=1))
    assert not torch.equal(r_precision(queries, gallery, seed=1), r_precision(queries, gallery, seed=2))


def test_a_shuffle_uses_every_sample_at_most_once() -> None:
    drawn = pools(100, pool=32, shuffles=7)
    assert drawn.shape == (7, 3, 32)
    assert all(len(set(shuffle.flatten().tolist())) == 96 for shuffle in drawn)
    assert set(drawn.flatten().tolist()) == set(range(100))


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=6, max_size=25), seed=st.integers(0, 1000))
def test_pools_of_distinct_groups(sizes: list[int], seed: int) -> None:
    groups = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    groups = groups[torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed))]
    drawn = pools(len(groups), pool=6, shuffles=3, seed=seed, groups=groups)
    assert all(len(set(groups[pool].tolist())) == 6 for shuffle in drawn for pool in shuffle)
    # Round by round: as many pools as the groups that still have rows fill.
    assert drawn.shape[1] == sum(sum(size > turn for size in sizes) // 6 for turn in range(9))
    assert all(len(set(shuffle.flatten().tolist())) == shuffle.numel() for shuffle in drawn)


def test_rows_of_large_and_small_groups_have_the_same_chance_in_a_round() -> None:
    groups = torch.cat([torch.arange(10).repeat_interleave(5), torch.arange(10, 50)])
    drawn = pools(90, pool=32, shuffles=500, groups=groups)
    # 32 of the first round's 50 come into its pool, and no other round fills one.
    assert drawn.shape == (500, 1, 32)
    large = float((drawn < 50).double().mean()) * 32 / 10
    assert large == pytest.approx(32 / 50, abs=0.03)
    assert len(set(drawn.flatten().tolist())) == 90


def test_distinct_groups_are_spared_the_rows_of_the_same_script() -> None:
    # Keyframes of one script look alike to the evaluator: only pools without them are easy.
    generator = torch.Generator().manual_seed(0)
    script = torch.arange(160) // 4
    queries = torch.randn(40, 16, generator=generator)[script]
    measured = r_precision(queries, queries, pool=32, groups=script)
    assert measured.tolist() == [[1.0] * 3] * 20
    assert float(r_precision(queries, queries, pool=32)[:, 0].mean()) < 0.9


@pytest.mark.parametrize("few", [False, True])
def test_full_set_equals_plain_loops(few: bool) -> None:
    queries, gallery = few_values(60) if few else embeddings(60, 6, noise=1.0)
    expected = [hits_by_hand(query, gallery.numpy(), own, 3) for own, query in enumerate(queries.numpy())]
    np.testing.assert_allclose(r_precision_full(queries, gallery).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("few", [False, True])
def test_full_set_in_several_blocks_is_one_pool_of_all(few: bool) -> None:
    queries, gallery = few_values(2500) if few else embeddings(2500, 16, noise=0.8)
    whole = r_precision(queries, gallery, pool=2500, shuffles=1)[0]
    assert few or 0.05 < float(whole[0]) < float(whole[1]) < 0.95
    assert r_precision_full(queries, gallery).mean(dim=0).tolist() == pytest.approx(whole.tolist(), rel=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("normalised", [True, False])
def test_multimodal_distance_equals_numpy(scale: float, normalised: bool) -> None:
    rows = np.random.default_rng(0).normal(size=(2, 40, 16)) * scale
    conditions, motions = rows / np.linalg.norm(rows, axis=2, keepdims=True) if normalised else rows
    measured = multimodal_distances(*torch.from_numpy(rows), normalised=normalised)
    np.testing.assert_allclose(measured.numpy(), np.linalg.norm(conditions - motions, axis=1), rtol=1e-6)


def test_multimodal_distance_of_the_same_opposite_and_nothing() -> None:
    rows = torch.rand(5, 8, dtype=torch.float64) + 0.1
    assert multimodal_distances(rows, rows, normalised=False).tolist() == [0.0] * 5
    assert multimodal_distances(rows, rows * 1e8).tolist() == pytest.approx([0.0] * 5, abs=1e-12)
    assert multimodal_distances(rows, -3 * rows).tolist() == pytest.approx([2.0] * 5)
    assert multimodal_distances(rows, rows * 0).tolist() == pytest.approx([1.0] * 5)


def test_interval_equals_numpy() -> None:
    values = np.random.default_rng(0).random((20, 3))
    half = 1.96 * np.std(values, axis=0, ddof=1) / np.sqrt(20)
    for found, sign in zip(shuffle_interval(torch.from_numpy(values)), (0, -1, 1), strict=True):
        np.testing.assert_allclose(found, values.mean(axis=0) + sign * half, rtol=1e-12)


def test_one_shuffle_has_no_interval() -> None:
    mean, low, high = shuffle_interval(torch.tensor([[0.25, 0.5]]))
    assert mean.tolist() == [0.25, 0.5]
    assert torch.cat([low, high]).isnan().all()


ROWS = torch.rand(40, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: r_precision(ROWS, ROWS[:39]), r"queries and gallery: expected one shape, got \(40, 4\) and \(39, 4\)"),
        (lambda: r_precision_full(ROWS, ROWS / 0), "gallery: row 0 holds NaN or infinity"),
        (lambda: r_precision(ROWS[:31], ROWS[:31]), "expected at least 32 samples, as many as a pool holds, got 31"),
        (lambda: r_precision(ROWS, ROWS, groups=torch.arange(40) // 2), "expected at least 32 groups, .* got 20"),
        (lambda: r_precision(ROWS, ROWS, groups=torch.arange(39)), r"groups: expected one for each .*, got \(39,\)"),
        (lambda: r_precision(ROWS, ROWS, groups=ROWS[:, 0]), r"groups: expected integers, got torch\.float32"),
        (lambda: r_precision(ROWS, ROWS, top=33), "top: expected 1 to 32, as many as are compared, got 33"),
        (lambda: r_precision_full(ROWS[:2], ROWS[:2]), "top: expected 1 to 2, as many as are compared, got 3"),
        (lambda: r_precision(ROWS, ROWS, shuffles=0), "pools of at least 1 and at least 1 shuffle, got 32 and 0"),
        (lambda: multimodal_distances(ROWS, ROWS[:, :3]), r"conditions and motions: .* \(40, 4\) and \(40, 3\)"),
        (lambda: shuffle_interval(torch.zeros(3)), r"values: expected \(shuffles, top\), got \(3,\)"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_any_memory_layout_is_read() -> None:
    queries, gallery = torch.rand(2, 40, 8, generator=torch.Generator().manual_seed(0))
    turned = queries.mT.contiguous().mT
    assert not turned.is_contiguous()
    assert torch.equal(r_precision(turned, gallery), r_precision(queries, gallery))
    assert torch.equal(r_precision_full(turned, gallery), r_precision_full(queries, gallery))


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_distances_rank_as_plain_loops_do(scale: float) -> None:
    """Without normalisation the nearest rows count, however long they are."""
    queries, gallery = embeddings(64, 5, 3.0)
    queries, gallery = scale * queries, scale * gallery
    distances = torch.cdist(queries, gallery)
    places = (distances < distances.diagonal()[:, None] - 1e-9 * scale).sum(dim=1)
    expected = torch.stack([(places < k).double() for k in (1, 2, 3)], dim=1)
    torch.testing.assert_close(r_precision_full(queries, gallery, normalised=False), expected)
    [found] = r_precision(queries, gallery, pool=64, shuffles=1, normalised=False)
    torch.testing.assert_close(found, expected.mean(dim=0))
    assert not torch.equal(r_precision_full(queries, gallery), expected)


def test_rows_at_one_distance_share_the_place() -> None:
    gallery = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    hits = r_precision_full(torch.zeros(4, 2), gallery, top=2, normalised=False)
    torch.testing.assert_close(hits, torch.tensor([[0.25, 0.5]] * 4, dtype=torch.float64))
