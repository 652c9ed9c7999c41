"""What holds for every metric class alike."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics import MetricCollection

from kfzoo.metrics import (
    CrossComparison,
    Detection,
    Diversity,
    ErrorStatistics,
    FrechetDistance,
    MultimodalDistance,
    RowMetric,
    RPrecision,
    RPrecisionFull,
    WassersteinDistance,
)

COUNT = 40


def metrics(reference: Tensor) -> dict[str, RowMetric]:
    """All of them; retrieval takes the faces for their own embeddings."""
    return {
        "errors": ErrorStatistics(),
        "detection": Detection(),
        "cross_comparison": CrossComparison(),
        "fid": FrechetDistance(reference),
        "fid_test": FrechetDistance(reference="targets"),
        "w_dist": WassersteinDistance(reference),
        "w_dist_test": WassersteinDistance(reference="targets"),
        "diversity": Diversity(),
        "pools": RPrecision(pool=4),
        "reverse": RPrecision(pool=4, reverse=True),
        "distinct": RPrecision(pool=4, distinct=True),
        "full": RPrecisionFull(),
        "mmd": MultimodalDistance(),
        "mmd_unnormalised": MultimodalDistance(normalised=False),
    }


def collection(reference: Tensor) -> MetricCollection:
    return MetricCollection(dict(metrics(reference)))


@pytest.fixture
def faces() -> Tensor:
    return torch.rand(3, COUNT, 61, generator=torch.Generator().manual_seed(0))


def batch(faces: Tensor, places: Tensor) -> tuple[list[str], Tensor, Tensor]:
    """Ids of two samples a script, predictions and targets."""
    return [f"é{index // 2}#{index % 2}" for index in places.tolist()], faces[0][places], faces[1][places]


ALL = torch.arange(COUNT)


def numbers(collected: MetricCollection) -> dict[str, float]:
    return {name: float(value) for name, value in collected.compute().items()}


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, COUNT - 1), unique=True, max_size=4).map(sorted), seed=st.integers(0, 1000))
def test_batches_order_and_repeats_change_nothing(cuts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    faces = torch.rand(3, COUNT, 61, generator=generator)
    whole, parts = collection(faces[2]), collection(faces[2])
    whole.update(*batch(faces, ALL))
    order = torch.randperm(COUNT, generator=generator)
    for part in [*torch.tensor_split(order, cuts), order[:3]]:
        parts.update(*batch(faces, part))
    assert numbers(parts) == numbers(whole)
    assert len(whole.compute_groups) == len(parts.compute_groups) == 1


def test_pickled_halfway_they_go_on(faces: Tensor) -> None:
    first = collection(faces[2])
    first.update(*batch(faces, ALL[:25]))
    copy = pickle.loads(pickle.dumps(first))
    for each in (first, copy):
        each.update(*batch(faces, ALL[25:]))
    assert numbers(copy) == numbers(first)


@pytest.mark.parametrize("convert", [torch.nn.Module.half, torch.nn.Module.float, torch.nn.Module.bfloat16])
def test_a_model_in_low_precision_does_not_convert_them(
    convert: Callable[[torch.nn.Module], torch.nn.Module], faces: Tensor
) -> None:
    expected, inner = collection(faces[2]), collection(faces[2])
    model = torch.nn.ModuleDict({"metrics": inner})
    convert(model)
    for each in (expected, inner):
        each.update(*batch(faces, ALL))
    assert numbers(inner) == numbers(expected)
    assert all(value.dtype == torch.float64 for value in expected.compute().values())


def test_forward_returns_the_batch_and_keeps_the_sum(faces: Tensor) -> None:
    whole, steps, alone = collection(faces[2]), collection(faces[2]), collection(faces[2])
    whole.update(*batch(faces, ALL))
    steps(*batch(faces, ALL[:10]))
    found = steps(*batch(faces, ALL[10:]))
    alone.update(*batch(faces, ALL[10:]))
    assert {name: float(value) for name, value in found.items()} == numbers(alone)
    assert numbers(steps) == numbers(whole)


def test_reset_forgets_the_samples_and_keeps_the_reference(faces: Tensor) -> None:
    metric = FrechetDistance(faces[2])
    metric.update(["a"], faces[0, :1], faces[1, :1])
    metric.reset()
    metric.update([f"{index}" for index in range(COUNT)], faces[2], faces[1])
    assert float(metric.compute()) == pytest.approx(0, abs=1e-12)


def test_without_a_training_split_invalid_rows_are_left_out(faces: Tensor) -> None:
    predictions, valid = faces[0].clone(), torch.ones(COUNT, dtype=torch.bool)
    predictions[30:35], valid[35:] = torch.nan, False
    ids = [f"{index}" for index in range(COUNT)]
    some, kept, none = ErrorStatistics(), ErrorStatistics(), Diversity()
    some.update(ids, predictions, faces[1], valid)
    kept.update(ids[:30], predictions[:30], faces[1, :30])
    assert some.compute() == kept.compute()
    none.update(ids, predictions, faces[1], valid & False)
    assert none.compute().isnan()


def test_directions_are_declared() -> None:
    directions = {name: metric.higher_is_better for name, metric in metrics(torch.rand(4, 61)).items()}
    assert {name for name, high in directions.items() if high} == {"detection", "pools", "reverse", "distinct", "full"}
    assert {name for name, high in directions.items() if high is None} == {"cross_comparison", "diversity"}


def test_what_does_not_fit_is_named_and_leaves_nothing(faces: Tensor) -> None:
    predictions, targets = faces[0], faces[1]
    ids = [f"take {index // 4}#{index % 4}" for index in range(COUNT)]
    metric, expected = ErrorStatistics(), ErrorStatistics()
    with pytest.raises(ValueError, match=r"as many ids as predictions.* got 39, 40, 40, 40"):
        metric.update(ids[1:], predictions, targets)
    with pytest.raises(ValueError, match=r"predictions: expected rows of shape \(61,\), got \(52,\)"):
        metric.update(ids, predictions[:, :52], targets)
    with pytest.raises(ValueError, match=r"targets: expected rows of shape \(61,\), got \(52,\)"):
        metric.update(ids, predictions, targets[:, :52])
    with pytest.raises(ValueError, match="target of 'take 1#0' holds NaN or infinity"):
        metric.update(ids, predictions, targets.index_fill(0, torch.tensor([4]), torch.nan))
    for each in (metric, expected):
        each.update(ids, predictions, targets)
    assert metric.compute() == expected.compute()


def test_one_id_with_two_targets_is_refused(faces: Tensor) -> None:
    metric = ErrorStatistics()
    metric.update(["a#0", "b#0", "a#0"], faces[0, :3], faces[1, :3])
    with pytest.raises(ValueError, match="'a#0' has two different targets; sample ids must be unique"):
        metric.compute()


def test_no_sample_is_refused() -> None:
    with (
        pytest.warns(UserWarning, match="was called before"),
        pytest.raises(ValueError, match="no sample was scored; expected at least one"),
    ):
        ErrorStatistics().compute()
    with pytest.raises(ValueError, match="samples: row 0 holds NaN or infinity"):
        FrechetDistance(torch.full((2, 61), torch.nan))
