"""The callback that measures, after the training of an evaluator, how well it understands the data."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kfzoo.data.statistics import coefficients_of
from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.provenance import provenance_of
from kfzoo.evaluation.scores import REFERENCES, Score
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.files import replacing
from kfzoo.metrics.rows import Rows
from kfzoo.training.trainer import data_module, writes_files

FORMAT = "kfzoo-evaluator"
SHOWN = ("r_precision_1", "r_precision_2", "r_precision_3", "r_precision_reverse_1", "r_precision_full_1", "mmd")


class EvaluatorCallback(Callback):
    """Scores the test part's ground truth, and faces that do not depend on the condition, with the evaluator itself.

    Ground truth far above chance shows that the evaluator understands the data; the mean face and the zero face at
    chance show that it favours no constant face. Both are written to a JSON file with the evaluator's content hash.

    Args:
        path: The file.
        config: The resolved configuration, to be kept with it.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        self.config = config

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores the reference rows; rank 0 writes and prints."""
        if not writes_files(trainer):
            return
        evaluator: Any = pl_module
        data = data_module(trainer)
        started = time.perf_counter()
        samples = sorted(data.samples("test"), key=lambda sample: str(sample.id))
        target = coefficients_of(samples).numpy()
        ids = np.array([sample.id for sample in samples], dtype=np.str_)
        rows = Rows(ids=ids, predictions=target, targets=target, valid=np.ones(len(ids), dtype=bool))
        suite = EvaluationSuite(data.train_coefficients, samples, evaluator)
        found = {name: report.scores for name, report in suite.reference_reports(rows).items()}
        seconds = time.perf_counter() - started
        record = {
            "format": FORMAT,
            "schema": 1,
            "digest": evaluator.digest,
            **asdict(provenance_of(self.path, evaluator, data, self.config, seconds, evaluator.digest)),
            "count": len(samples),
            "references": {name: {key: asdict(each) for key, each in scores.items()} for name, scores in found.items()},
        }
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        _print(found)
        print(f"evaluator  {evaluator.digest}\nreport     {self.path}")


def _print(references: Mapping[str, Mapping[str, Score]]) -> None:
    shown = [name for name in SHOWN if name in references["ground_truth"]]
    table = Table("", *map(wording.title, shown), box=SIMPLE_HEAD)
    for name, scores in references.items():
        table.add_row(REFERENCES[name], *(wording.number(scores, key) for key in shown))
    Console().print(table)
