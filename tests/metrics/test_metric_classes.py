"""What holds for every metric class alike."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection

from kfzoo.metrics import (
    CrossComparison,
    Detection,
    Diversity,
    ErrorStatistics,
    FrechetDistance,
    HeadPose,
    MultimodalDistance,
    PairedComparison,
    PerCoefficient,
    RPrecision,
    RPrecisionFull,
    ToleranceAccuracy,
    WassersteinDistance,
)


def collection(reference: Tensor) -> MetricCollection:
    return MetricCollection(
        {
            "errors": ErrorStatistics(),
            "fid": FrechetDistance(reference),
            "w_dist": WassersteinDistance(reference),
            "diversity": Diversity(),
            "sf13": CrossComparison("sf13"),
            "all61": CrossComparison("all61"),
            "table": PerCoefficient(),
            "head": HeadPose(),
            "detection": Detection(),
            "near": ToleranceAccuracy(),
            "pools": RPrecision(61, pool=4),
            "reverse": RPrecision(61, pool=4, reverse=True),
            "distinct": RPrecision(61, pool=4, distinct=True),
            "full": RPrecisionFull(61),
            "mmd": MultimodalDistance(61),
            "raw_mmd": MultimodalDistance(61, normalised=False),
            "clustered": PairedComparison(),
        }
    )


def inputs(predictions: Tensor, targets: Tensor, part: slice = slice(None)) -> dict[str, Tensor]:
    """What the collection is updated with: the faces are their own embeddings, two make a script."""
    scripts = torch.arange(len(predictions)) // 2
    values = {
        "predictions": predictions,
        "targets": targets,
        "conditions": targets,
        "motions": predictions,
        "groups": scripts,
        "first": (predictions - targets).abs().mean(dim=1, dtype=torch.float64),
        "second": targets.mean(dim=1, dtype=torch.float64),
        "clusters": scripts,
    }
    return {name: value[part] for name, value in values.items()}


def numbers(metrics: MetricCollection | dict[str, Tensor]) -> dict[str, float]:
    values = metrics if isinstance(metrics, dict) else metrics.compute()
    return {f"{name} {place}": x for name, value in values.items() for place, x in enumerate(value.flatten().tolist())}


@pytest.fixture
def faces() -> Tensor:
    return torch.rand(3, 40, 61, generator=torch.Generator().manual_seed(0))


def test_pickled_halfway_they_go_on(faces: Tensor) -> None:
    predictions, targets, reference = faces
    metrics = collection(reference)
    metrics.update(**inputs(predictions, targets, slice(25)))
    copy = pickle.loads(pickle.dumps(metrics))
    for each in (metrics, copy):
        each.update(**inputs(predictions, targets, slice(25, None)))
    assert numbers(copy) == numbers(metrics)


def test_float32_input_is_summed_in_float64(faces: Tensor) -> None:
    predictions, targets, reference = faces
    narrow, wide = collection(reference), collection(reference.double())
    narrow.update(**inputs(predictions, targets))
    wide.update(**inputs(predictions.double(), targets.double()))
    assert numbers(narrow) == numbers(wide)
    assert all(value.dtype == torch.float64 for value in narrow.compute().values())


@pytest.mark.parametrize("convert", [torch.nn.Module.half, torch.nn.Module.float, torch.nn.Module.bfloat16])
def test_a_model_in_low_precision_does_not_take_them_along(convert: object, faces: Tensor) -> None:
    predictions, targets, reference = faces
    expected = collection(reference)
    expected.update(**inputs(predictions, targets))

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.metrics = collection(reference)

    model = Model()
    assert callable(convert)
    convert(model)
    model.metrics.update(**inputs(predictions, targets))
    assert numbers(model.metrics) == numbers(expected)


def test_forward_returns_the_batch_and_keeps_the_sum(faces: Tensor) -> None:
    predictions, targets, reference = faces
    whole, steps, alone = collection(reference), collection(reference), collection(reference)
    whole.update(**inputs(predictions, targets))
    steps(**inputs(predictions, targets, slice(10)))
    batch = steps(**inputs(predictions, targets, slice(10, None)))
    alone.update(**inputs(predictions, targets, slice(10, None)))
    assert numbers(batch) == pytest.approx(numbers(alone), rel=1e-12)
    assert numbers(steps) == pytest.approx(numbers(whole), rel=1e-12)


def test_directions_are_declared() -> None:
    reference = torch.rand(4, 61)
    lower: list[Metric] = [
        ErrorStatistics(),
        FrechetDistance(reference),
        WassersteinDistance(reference),
        MultimodalDistance(8),
    ]
    higher: list[Metric] = [RPrecision(8), RPrecisionFull(8), Detection(), ToleranceAccuracy()]
    neither: list[Metric] = [Diversity(), CrossComparison(), PerCoefficient(), HeadPose(), PairedComparison()]
    assert [metric.higher_is_better for metric in lower] == [False] * 4
    assert [metric.higher_is_better for metric in higher] == [True] * 4
    assert [metric.higher_is_better for metric in neither] == [None] * 5


@pytest.mark.parametrize("name", ["sf13", "table", "head", "detection", "near", "pools", "full", "mmd", "clustered"])
def test_another_shape_is_refused_and_leaves_nothing_behind(name: str, faces: Tensor) -> None:
    metric = MetricCollection({name: collection(faces[2])[name]})
    given = inputs(faces[0], faces[1])
    fewer = {key: given[key][1:] for key in ("predictions", "conditions", "first")}
    with pytest.raises(ValueError, match="expected one"):
        metric.update(**given | fewer)
    with pytest.raises(ValueError, match="expected"):
        metric.update(**{key: value.unsqueeze(0) for key, value in given.items()})
    metric.update(**given)
    expected = MetricCollection({name: collection(faces[2])[name]})
    expected.update(**given)
    assert numbers(metric) == numbers(expected)
