"""The callback that says, at the end of an evaluator's training, what it is worth."""

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
from kfzoo.evaluation.callback import commit, identity, whole
from kfzoo.evaluation.provenance import hardware
from kfzoo.evaluation.scores import METRICS, REFERENCES
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.files import replacing
from kfzoo.metrics.rows import Rows

FORMAT = "kfzoo-evaluator"
SHOWN = ("r_precision_1", "r_precision_2", "r_precision_3", "r_precision_reverse_1", "r_precision_full_1", "mmd")


class EvaluatorCallback(Callback):
    """Scores the test part's ground truth, and faces that know nothing of their condition, with the evaluator itself.

    Ground truth far above chance says that the evaluator understands the data; the mean face and the zero face at
    chance say that it gives nothing away. Both stand in a JSON file beside its content hash.

    Args:
        path: Where the file goes.
        config: The resolved configuration, to be kept with it.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        self.config = config

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores the reference rows; rank 0 writes and prints."""
        if not trainer.is_global_zero or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        evaluator: Any = pl_module
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        started = time.perf_counter()
        samples = sorted(data.samples("test"), key=lambda sample: str(sample.id))
        target = coefficients_of(samples).numpy()
        ids = np.array([sample.id for sample in samples], dtype=np.str_)
        rows = Rows(ids=ids, predictions=target, targets=target, valid=np.ones(len(ids), dtype=bool))
        suite = EvaluationSuite(data.train_coefficients, samples, evaluator)
        found = {name: report.scores for name, report in suite.reference_reports(rows).items()}
        record = {
            "format": FORMAT,
            "schema": 1,
            "digest": evaluator.digest,
            "class_path": f"{type(evaluator).__module__}.{type(evaluator).__qualname__}",
            "data": asdict(identity(data, "test")),
            "count": len(samples),
            "references": {
                name: {key: asdict(score) for key, score in scores.items()} for name, scores in found.items()
            },
            "config": dict(self.config),
            "seed": whole(self.config.get("seed_everything")),
            "commit": commit(),
            "hardware": hardware(),
            "seconds": time.perf_counter() - started,
        }
        with replacing(self.path) as beside:
            beside.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        shown = [name for name in SHOWN if name in found["ground_truth"]]
        table = Table("", *(f"{METRICS[name].label} {METRICS[name].arrow}" for name in shown), box=SIMPLE_HEAD)
        for name, scores in found.items():
            numbers = (f"{scores[key].value:.{METRICS[key].decimals}f}" for key in shown)
            table.add_row(REFERENCES[name], *numbers)
        Console().print(table)
        print(f"evaluator  {evaluator.digest}\nreport     {self.path}")
