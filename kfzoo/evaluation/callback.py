"""The callback that scores what a model answers in `test` and writes the run's results."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from kfzoo.data.batch import Sample
from kfzoo.encoders.frozen import weights_digest
from kfzoo.evaluation.evaluator import check_evaluator, load_evaluator
from kfzoo.evaluation.leaderboard import print_leaderboard
from kfzoo.evaluation.provenance import hardware
from kfzoo.evaluation.results import DataIdentity, Results, write_results
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.metrics.rows import Rows

if TYPE_CHECKING:
    from kfzoo.rendering.contact_sheet import Row

FACES = 6
"""Keyframes on the image, spread evenly over the test part."""

IMAGE = 160
"""Side in pixels of what a model of images was shown."""


class EvaluationCallback(Callback):
    """Scores `test_step`'s answers; the suite belongs to the benchmark, not to the model.

    Args:
        path: Where the results file goes; the errors of each sample go beside it.
        faces: Where an image of ground truth beside prediction goes.
        config: The resolved configuration, to be kept with the results.
        evaluator: Run folder or checkpoint of a learned evaluator; empty for none.
        earlier: Tells how many seconds interrupted starts of the same test took.
    """

    def __init__(
        self,
        path: Path,
        faces: Path,
        config: Mapping[str, Any],
        evaluator: str = "",
        earlier: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.path = path
        self.faces = faces
        self.config = config
        self.evaluator = evaluator
        self.earlier = earlier

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Builds the suite from the training part; only rank 0 will ask the evaluator."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        evaluator = None
        if self.evaluator and trainer.is_global_zero:
            evaluator = load_evaluator(self.evaluator).to(pl_module.device)
            check_evaluator(evaluator, data.fingerprint, data.split_digest)
        self._evaluator = evaluator
        self._suite = EvaluationSuite(data.train_coefficients, data.samples("test"), evaluator).to(pl_module.device)
        self._started = time.perf_counter()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Takes a batch's answers."""
        self._suite.update(batch.ids, outputs.coefficients, batch.targets, outputs.valid)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores all answers; rank 0 writes and prints."""
        seconds = time.perf_counter() - self._started + self.earlier()
        rows = self._suite.gather()
        if not trainer.is_global_zero:
            return
        report = self._suite.report(rows)
        pl_module.log_dict({f"test/{name}": value for name, value in report.scalars().items()}, rank_zero_only=True)
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        module: Any = pl_module
        samples: Sequence[Sample] = data.samples("test")
        results = Results(
            run=self.path.parent.name,
            model=type(pl_module).__name__,
            class_path=f"{type(pl_module).__module__}.{type(pl_module).__qualname__}",
            data=identity(data, "test"),
            count=report.count,
            invalid=report.invalid,
            scores=report.scores,
            references={name: each.scores for name, each in self._suite.reference_reports(rows).items()},
            config=self.config,
            seed=whole(self.config.get("seed_everything")),
            commit=commit(),
            checkpoint=weights_digest(module.stored()),
            hardware=hardware(),
            seconds=seconds,
            evaluator=None if self._evaluator is None else self._evaluator.digest,
            tables=report.tables,
            status="complete" if report.count == len(samples) else "partial",
        )
        write_results(self.path, results, report.samples)
        self._draw(samples, rows)
        print_leaderboard([results])
        print(f"results    {self.path}\nfaces      {self.faces}")

    def _draw(self, samples: Sequence[Sample], rows: Rows) -> None:
        from kfzoo.rendering.contact_sheet import contact_sheet, save_png

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
            save_png(contact_sheet(shown, caption_width=520), self.faces)


def _row(sample: Sample, target: NDArray[np.float32], answer: NDArray[np.float32]) -> Row:
    """What was asked for, in words or as an image, the ground truth and the answer."""
    from kfzoo.data.images import open_image
    from kfzoo.rendering.contact_sheet import Row

    asked = sample.keyframe.image_path
    image = [("image", open_image(asked, IMAGE))] if asked else []
    return Row(sample.description, [*image, ("target", target), ("prediction", answer)])


def identity(data: Any, part: str) -> DataIdentity:
    """Returns what tells a part of a data module's data apart from any other."""
    return DataIdentity(
        source=type(data.source).__name__,
        fingerprint=data.fingerprint,
        split=data.split_digest,
        part=part,
        annotation=data.annotation,
    )


def commit() -> str | None:
    """Returns the commit of the package's code, with `+` when files differ from it, or None outside a checkout."""
    folder = Path(__file__).parent.parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", str(folder)) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def whole(seed: Any) -> int | None:
    """Returns a seed that is a number; `true` asks for one to be drawn, and tells none."""
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None
