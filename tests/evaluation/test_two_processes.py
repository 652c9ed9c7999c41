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
from kfzoo.metrics import ErrorStatistics, FrechetDistance

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
    errors, fid = ErrorStatistics(train), FrechetDistance(train)
    for metric in (suite, errors, fid) if share else ():
        metric.update([names[index] for index in share], predictions[share], targets[share], valid[share])
    rows = suite.gather()
    report = suite.report(rows)
    for name, found in report.scores.items():
        numbers |= {name: found.value}
        numbers |= {f"{name} {end}": bound for end, bound in zip(("low", "high"), found.interval or (), strict=False)}
    numbers |= {"count": report.count, "invalid": report.invalid}
    numbers |= {f"{name} mse": each.scores["mse"].value for name, each in suite.reference_reports(rows).items()}
    # A metric alone gives the suite's number on every process.
    assert {name: float(value) for name, value in errors.compute().items()}.items() <= numbers.items()
    assert float(fid.compute()) == numbers["fid"]
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
        # A sampler that gives every process equally many repeats the first sample at the end.
        pytest.param([list(range(0, COUNT, 2)), [*range(1, COUNT, 2), 0]], id="both saw the first"),
    ],
)
@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
def test_two_processes_equal_one(shares: list[list[int]], tmp_path: Path) -> None:
    both = in_two_processes(shares, tmp_path)
    alone = score(list(range(COUNT)))
    assert both == [alone, alone]
