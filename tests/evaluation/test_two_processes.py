"""Two processes with gloo give what one gives, whoever saw what."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed

from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe, Script
from kfzoo.evaluation.suite import EvaluationSuite
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

COUNT = 41


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    train, predictions, targets = torch.rand(3, COUNT, 61, generator=generator)
    return train, predictions, targets, torch.rand(COUNT, generator=generator) > 0.2


class Evaluator:
    """Made-up vectors of the words, and the faces as they are."""

    annotation = "arkit"
    digest = "0"

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        return coefficients

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        return torch.stack([torch.arange(61.0).mul(len(sample.id) + sample.keyframe.index).sin() for sample in samples])


def score(share: list[int]) -> dict[str, float]:
    """All numbers from the rows one process saw, gathered where there are several."""
    train, predictions, targets, valid = data()
    numbers: dict[str, float] = {}
    names = [f"take ü{index // 3}#{index % 3}" for index in range(COUNT)]
    samples = [
        Sample(Script(name.partition("#")[0], "", "", "", (Keyframe(int(name[-1]), 0.0),)), 0, "arkit")
        for name in names
    ]
    suite = EvaluationSuite(train, samples, Evaluator(), resamples=50)
    errors, fid = ErrorStatistics(), FrechetDistance(train)
    w_dist, diversity = WassersteinDistance(train), Diversity()
    if share:
        suite.update([names[index] for index in share], predictions[share], targets[share], valid[share])
        errors.update(predictions[share], targets[share])
        for metric in (fid, w_dist, diversity):
            metric.update(predictions[share])
    report = suite.compute()
    for name, value in report.scores.items():
        assert value.interval is None or len(value.interval) == 2
        numbers |= {f"suite {name}": value.value}
        numbers |= {f"{name} {end}": bound for end, bound in zip(("low", "high"), value.interval or (), strict=False)}
    numbers |= {"count": report.count, "invalid": report.invalid}
    numbers |= {name: float(value) for name, value in errors.compute().items()}
    numbers |= {"fid": float(fid.compute()), "w_dist": float(w_dist.compute()), "diversity": float(diversity.compute())}
    numbers |= comparisons(share)
    references = suite.reference_reports(suite.gather())
    numbers |= {f"{name} mse": reference.scores["mse"].value for name, reference in references.items()}
    return numbers


def comparisons(share: list[int]) -> dict[str, float]:
    """Of the metrics that compare pairs; the faces are their own embeddings."""
    _, predictions, targets, _ = data()
    take = torch.arange(COUNT) // 3
    coefficients = {
        "sf13": CrossComparison("sf13"),
        "table": PerCoefficient(),
        "head": HeadPose(),
        "detection": Detection(),
        "near": ToleranceAccuracy(),
    }
    embeddings = {
        "pools": RPrecision(61, pool=8),
        "reverse": RPrecision(61, pool=8, reverse=True),
        "distinct": RPrecision(61, pool=8, distinct=True),
        "full": RPrecisionFull(61),
        "mmd": MultimodalDistance(61),
    }
    plain, clustered = PairedComparison(), PairedComparison()
    if share:
        for metric in coefficients.values():
            metric.update(predictions[share], targets[share])
        for name, metric in embeddings.items():
            groups = {"groups": take[share]} if name == "distinct" else {}
            metric.update(conditions=targets[share], motions=predictions[share], **groups)
        first, second = (values[share].double().mean(dim=1) for values in (predictions, targets))
        plain.update(first, second)
        clustered.update(first, second, take[share])
    numbers: dict[str, float] = {}
    for name, metric in {**coefficients, **embeddings, "plain": plain, "clustered": clustered}.items():
        result = metric.compute()
        for key, value in result.items() if isinstance(result, dict) else [("", result)]:
            numbers |= {f"{name} {key} {place}": x for place, x in enumerate(value.flatten().tolist())}
    return numbers


def process(rank: int, port: int, shares: list[list[int]], folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.init_process_group("gloo", rank=rank, world_size=len(shares))
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(score(shares[rank])))
    distributed.destroy_process_group()


def in_two_processes(shares: list[list[int]], folder: Path) -> list[dict[str, float]]:
    port, context = free_port(), multiprocessing.get_context("fork")
    started = [context.Process(target=process, args=(rank, port, shares, folder)) for rank in range(2)]
    for each in started:
        each.start()
    for each in started:
        each.join(timeout=60)
        each.kill()
    assert [each.exitcode for each in started] == [0, 0]
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(2)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "shares",
    [
        pytest.param([list(range(0, COUNT, 2)), list(range(1, COUNT, 2))], id="interleaved, unequal"),
        pytest.param([list(range(COUNT)), []], id="the second saw nothing"),
    ],
)
@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
def test_two_processes_equal_one(shares: list[list[int]], tmp_path: Path) -> None:
    both = in_two_processes(shares, tmp_path)
    alone = score(list(range(COUNT)))
    for numbers in both:
        assert numbers == pytest.approx(alone, rel=1e-9, abs=1e-12)


def test_samples_that_two_processes_saw_count_once(tmp_path: Path) -> None:
    # A sampler that gives every process equally many repeats the first sample at the end.
    shares = [list(range(0, COUNT, 2)), [*range(1, COUNT, 2), 0]]
    both = in_two_processes(shares, tmp_path)
    alone = score(list(range(COUNT)))
    of_suite = [name for name in alone if name.startswith("suite ")] + ["count", "invalid", "chance mse", "mse low"]
    assert {name: both[0][name] for name in of_suite} == pytest.approx(
        {name: alone[name] for name in of_suite}, rel=1e-12
    )
