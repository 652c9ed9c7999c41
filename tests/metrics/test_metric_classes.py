"""What holds for every metric class alike."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from kfzoo.metrics import Diversity, ErrorStatistics, FrechetDistance, WassersteinDistance


def collection(reference: Tensor) -> MetricCollection:
    return MetricCollection(
        {
            "errors": ErrorStatistics(),
            "fid": FrechetDistance(reference),
            "w_dist": WassersteinDistance(reference),
            "diversity": Diversity(),
        }
    )


def numbers(metrics: MetricCollection) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.compute().items()}


@pytest.fixture
def faces() -> Tensor:
    return torch.rand(3, 40, 61, generator=torch.Generator().manual_seed(0))


def test_pickled_halfway_they_go_on(faces: Tensor) -> None:
    predictions, targets, reference = faces
    metrics = collection(reference)
    metrics.update(predictions=predictions[:25], targets=targets[:25])
    copy = pickle.loads(pickle.dumps(metrics))
    for each in (metrics, copy):
        each.update(predictions=predictions[25:], targets=targets[25:])
    assert numbers(copy) == numbers(metrics)


def test_float32_input_is_summed_in_float64(faces: Tensor) -> None:
    predictions, targets, reference = faces
    narrow, wide = collection(reference), collection(reference.double())
    narrow.update(predictions=predictions, targets=targets)
    wide.update(predictions=predictions.double(), targets=targets.double())
    assert numbers(narrow) == numbers(wide)
    assert all(value.dtype == torch.float64 for value in narrow.compute().values())


@pytest.mark.parametrize("convert", [torch.nn.Module.half, torch.nn.Module.float, torch.nn.Module.bfloat16])
def test_a_model_in_low_precision_does_not_take_them_along(convert: object, faces: Tensor) -> None:
    predictions, targets, reference = faces
    expected = collection(reference)
    expected.update(predictions=predictions, targets=targets)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.metrics = collection(reference)

    model = Model()
    assert callable(convert)
    convert(model)
    model.metrics.update(predictions=predictions, targets=targets)
    assert numbers(model.metrics) == numbers(expected)


def test_forward_returns_the_batch_and_keeps_the_sum(faces: Tensor) -> None:
    predictions, targets, reference = faces
    whole, steps, alone = collection(reference), collection(reference), collection(reference)
    whole.update(predictions=predictions, targets=targets)
    steps(predictions=predictions[:10], targets=targets[:10])
    batch = steps(predictions=predictions[10:], targets=targets[10:])
    alone.update(predictions=predictions[10:], targets=targets[10:])
    assert {name: float(value) for name, value in batch.items()} == pytest.approx(numbers(alone), rel=1e-12)
    assert numbers(steps) == pytest.approx(numbers(whole), rel=1e-12)


def test_directions_are_declared() -> None:
    reference = torch.rand(4, 61)
    lower: list[Metric] = [ErrorStatistics(), FrechetDistance(reference), WassersteinDistance(reference)]
    assert [metric.higher_is_better for metric in lower] == [False, False, False]
    assert Diversity().higher_is_better is None
