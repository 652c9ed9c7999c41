"""The callback that scores the keyframes which a model generates in `test` and writes the run's results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from kfzoo.data.batch import Sample
from kfzoo.evaluation.evaluator import check_evaluator, load_evaluator
from kfzoo.evaluation.leaderboard import print_leaderboard
from kfzoo.evaluation.provenance import provenance_of
from kfzoo.evaluation.results import Results, write_results
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.metrics.rows import Rows
from kfzoo.training.trainer import data_module, writes_files

if TYPE_CHECKING:
    from kfzoo.rendering.contact_sheet import Row

FACES = 6
"""Keyframes in the figure, spread evenly over the test part."""

IMAGE = 160
"""Side in pixels of the image that a model of images was given."""


class EvaluationCallback(Callback):
    """Scores the answers of `test_step`; the suite belongs to the benchmark, not to the model.

    Args:
        path: The results file; the errors of each sample are written next to it.
        faces: The figure: ground truth next to prediction.
        config: The resolved configuration, to be kept with the results.
        evaluator: Run folder or checkpoint of a learned evaluator; empty for none.
    """

    def __init__(self, path: Path, faces: Path, config: Mapping[str, Any], evaluator: str = "") -> None:
        self.path = path
        self.faces = faces
        self.config = config
        self.evaluator = evaluator

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Builds the suite from the training part; only rank 0 needs the evaluator."""
        data = data_module(trainer)
        evaluator = None
        if self.evaluator and trainer.is_global_zero:
            evaluator = load_evaluator(self.evaluator).to(pl_module.device)
            check_evaluator(evaluator, data.fingerprint, data.split_digest)
        self._digest = None if evaluator is None else evaluator.digest
        self._suite = EvaluationSuite(data.train_coefficients, data.samples("test"), evaluator).to(pl_module.device)
        self._started = time.perf_counter()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Adds a batch's answers."""
        self._suite.update(batch.ids, outputs.coefficients, batch.targets, outputs.valid)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores all answers; rank 0 writes and prints."""
        module: Any = pl_module
        earlier = 0.0 if module.journal is None else module.journal.earlier
        seconds = time.perf_counter() - self._started + earlier
        rows = self._suite.gather()
        if not trainer.is_global_zero:
            return
        report = self._suite.report(rows)
        pl_module.log_dict({f"test/{name}": value for name, value in report.scalars().items()}, rank_zero_only=True)
        if not writes_files(trainer):
            return
        data = data_module(trainer)
        samples: Sequence[Sample] = data.samples("test")
        results = Results(
            **vars(provenance_of(self.path, module, data, self.config, seconds, self._digest)),
            count=report.count,
            invalid=report.invalid,
            scores=report.scores,
            references={name: each.scores for name, each in self._suite.reference_reports(rows).items()},
            tables=report.tables,
            status="complete" if report.count == len(samples) else "partial",
        )
        write_results(self.path, results, report.samples)
        self._draw(samples, rows)
        print_leaderboard([results])
        print(f"results    {self.path}\nfaces      {self.faces}")

    def _draw(self, samples: Sequence[Sample], rows: Rows) -> None:
        from kfzoo.rendering.contact_sheet import contact_sheet
        from kfzoo.rendering.save_image import save_image

        usable = np.isfinite(rows.predictions).all(-1) & rows.valid
        answers = dict(zip(rows.ids[usable].tolist(), rows.predictions[usable], strict=True))
        answered = [sample for sample in samples if sample.id in answers]
        chosen = answered[:: max(1, len(answered) // FACES)][:FACES]
        shown = [
            _row(sample, target, answers[sample.id])
            for sample in chosen
            if (target := sample.keyframe.coefficients) is not None
        ]
        if shown:
            save_image(contact_sheet(shown, caption_width=520), self.faces)


def _row(sample: Sample, target: NDArray[np.float32], answer: NDArray[np.float32]) -> Row:
    """Returns the condition, in words or as an image, the ground truth and the answer."""
    from kfzoo.data.images import open_image
    from kfzoo.rendering.contact_sheet import Row

    path = sample.keyframe.image_path
    image = [("image", open_image(path, IMAGE))] if path else []
    return Row(sample.description, [*image, ("target", target), ("prediction", answer)])
