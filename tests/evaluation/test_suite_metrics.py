"""Each metric of the suite gives the same number by itself, in any LightningModule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from kfzoo.evaluation.embedding import SampleEmbedder
from kfzoo.evaluation.scores import METRICS
from kfzoo.evaluation.suite import EvaluationSuite, suite_metrics
from kfzoo.metrics import FrechetDistance
from kfzoo.metrics.answers import FaceSet
from tests.evaluation.suite_samples import COUNT, Evaluator, evaluate, everywhere, ids, samples_of


def test_each_metric_alone_gives_the_number_of_the_suite(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names, valid = [f"take {index}#0" for index in range(COUNT)], everywhere()
    samples = samples_of(names, wanted)
    predictions[3], valid[5] = torch.nan, False
    suite = EvaluationSuite(train, samples, Evaluator(), resamples=10)
    alone = suite_metrics(FaceSet.of(train), SampleEmbedder(Evaluator(), samples), seed=0)
    found: dict[str, float] = {}
    for part in (slice(10), slice(10, COUNT)):
        metrics: list[Any] = [suite, *alone.values()]
        for each in metrics:
            each.update(names[part], predictions[part], wanted[part], valid[part])
    for name, metric in alone.items():
        value = metric.compute()
        found |= {key: float(each) for key, each in (value if isinstance(value, dict) else {name: value}).items()}
    report = suite.report(suite.gather())
    assert found == {name: score.value for name, score in report.scores.items()}
    assert set(found) == set(METRICS)
    # The collection's own `compute`, without intervals, and torchmetrics' one that gathers for each metric.
    assert {name: float(value) for name, value in suite.compute().items()} == found
    assert {name: float(value) for name, value in super(EvaluationSuite, suite).compute().items()} == found


def test_the_suite_keeps_its_rows_once(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    suite = EvaluationSuite(train)
    for part in (slice(10), slice(10, COUNT)):
        suite.update(ids()[part], predictions[part], wanted[part], everywhere()[part])
    first, *others = suite.metrics
    assert all(each.predictions is first.predictions for each in others)
    assert len(suite.compute_groups) == 1
    suite.reset()
    assert all(each.predictions == [] for each in suite.metrics)


class Answering(LightningModule):
    """Answers with given faces, and logs one metric."""

    def __init__(self, train: Tensor) -> None:
        super().__init__()
        self.fid = FrechetDistance(train)

    def test_step(self, batch: tuple[list[str], Tensor, Tensor], batch_idx: int) -> None:
        self.fid.update(*batch)
        self.log("fid", self.fid, on_epoch=True, batch_size=len(batch[0]))


def test_a_metric_in_any_lightning_module(train: Tensor, predictions: Tensor, wanted: Tensor, tmp_path: Path) -> None:
    rows: Any = list(zip(ids(), predictions, wanted, strict=True))
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(accelerator="cpu", default_root_dir=tmp_path, **quiet)
    logged = trainer.test(Answering(train), DataLoader(rows, batch_size=7), verbose=False)
    # Lightning keeps what it logs in float32.
    assert logged[0]["fid"] == pytest.approx(evaluate(train, predictions, wanted).scores["fid"].value, rel=1e-6)
