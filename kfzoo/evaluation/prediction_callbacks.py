"""What `test` and `predict` leave on disk beside scores: answers to go on from, and the file of predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.distributed import all_gather_object

import kfzoo
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch
from kfzoo.data.script import DECIMALS
from kfzoo.encoders.frozen import weights_digest
from kfzoo.files import replacing
from kfzoo.journal import AnswerBook
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.training.module import ZooModule

SETTINGS_WITHOUT_EFFECT = ("lockstep", "gradient_checkpointing", "share_prefixes")
"""Hyper-parameters of these names say how much a model does at once, never what it answers: they may be lowered."""


class KeptAnswers(Callback):
    """Lets an interrupted `test` or `predict` go on where it stopped.

    It stands between a model's steps and its `generate`: what an earlier start of the same command was told is read
    from the book, and only the rest goes through the model. So everything behind the steps sees every keyframe.
    At the end the book is removed, and the next start asks anew; unless the trainer was told to stop before it came to
    all that an earlier start had left.

    Args:
        results: Final file of `test`.
        predictions: Final file of `predict`.
    """

    def __init__(self, results: Path, predictions: Path) -> None:
        self.results = results
        self.predictions = predictions
        self._book: AnswerBook | None = None
        self._module: Any = None

    def earlier(self) -> float:
        """Seconds that earlier starts of what runs now took."""
        return 0.0 if self._book is None else self._book.earlier

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the book of `test`."""
        self._open(trainer, pl_module, self.results, "test")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the book of `predict`."""
        self._open(trainer, pl_module, self.predictions, trainer.datamodule.predict)  # type: ignore[attr-defined]

    def on_predict_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Ends where the process was asked to: of Lightning's loops, that of `predict` alone does not look."""
        if trainer.received_sigterm:
            raise SIGTERMException

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Removes the book: the results are written."""
        self._finish(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Removes the book: the predictions are written."""
        self._finish(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leaves the book where it is."""
        self._close()

    def _open(self, trainer: Trainer, module: Any, final: Path, part: str) -> None:
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        book = AnswerBook(final, answers_depend_on(trainer, module) | {"part": part}, trainer.global_rank)
        if trainer.is_global_zero:
            for line in book.left_alone():
                print(line)
            if book.found:
                print(f"Going on: {book.found} answers are in {book.pattern}")
        trainer.strategy.barrier("answers")  # all processes have read: new answers may be written
        self._book, self._module = book, module
        module.generate = _remembering(book, module)

    def _finish(self, trainer: Trainer) -> None:
        book = self._book
        if book is None:
            return
        used = trainer.strategy.reduce(torch.tensor(book.used, device=trainer.strategy.root_device), reduce_op="sum")
        self._close()
        if trainer.is_global_zero and used == book.found:
            book.remove()

    def _close(self) -> None:
        if self._book is not None:
            del self._module.generate  # the class's own shows again
            self._book.close()
            self._book = self._module = None


def _remembering(book: AnswerBook, module: KeyframeModule) -> Callable[[KeyframeBatch], Generation]:
    generate = module.generate

    def ask(batch: KeyframeBatch) -> Generation:
        new = [sample for sample in batch.samples if sample.id not in book]
        if len(new) == len(batch):
            answers = generate(batch)
            book.add(batch.ids, answers)
            return answers
        if new:
            rest = module.collate(new).to(module.device)
            book.add(rest.ids, generate(rest))
        return book.answers(batch.ids, module.device)

    return ask


def answers_depend_on(trainer: Trainer, module: ZooModule) -> dict[str, Any]:
    """Returns what a model's answers depend on beside the question, in plain values."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    settings = {f"model.{name}": value for name, value in module.hparams.items() if name not in SETTINGS_WITHOUT_EFFECT}
    return {
        "kfzoo": kfzoo.__version__,
        "class_path": f"{type(module).__module__}.{type(module).__qualname__}",
        **settings,
        "checkpoint": weights_digest(module.stored()),
        "precision": str(trainer.precision),
        "data": data.fingerprint,
        "annotation": data.annotation,
    }


class PredictionWriter(Callback):
    """Writes what `predict` answers as JSON Lines: one keyframe a line, in the source's order.

    A line holds `id`, `script`, `index`, `time`, `valid`, `coefficients` by name, and `text` where the model wrote one.

    Args:
        path: Where the file stands.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[tuple[str, dict[str, Any]]] = []

    def on_predict_start(self, *_: Any) -> None:
        """Forgets an earlier run's rows."""
        self._rows = []

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Collects a batch's rows."""
        self._rows += list(zip(batch.ids, _rows(batch, outputs), strict=True))

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Joins all processes' rows and writes the file; a trial leaves the one that is there."""
        gathered = [self._rows]
        if trainer.world_size > 1:
            gathered = [[] for _ in range(trainer.world_size)]
            all_gather_object(gathered, self._rows)
        if trainer.fast_dev_run or not trainer.is_global_zero:  # type: ignore[attr-defined]
            return
        found = dict(row for rows in gathered for row in rows)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        order = [sample.id for sample in data.predict_dataloader().dataset.samples if sample.id in found]
        with replacing(self.path) as beside, beside.open("w", encoding="utf-8") as file:
            for name in order:
                file.write(json.dumps(found[name], ensure_ascii=False) + "\n")


def _rows(batch: KeyframeBatch, answer: Generation) -> list[dict[str, Any]]:
    texts = answer.texts or (None,) * len(batch)
    rows = []
    for sample, values, valid, text in zip(
        batch.samples, answer.coefficients.cpu(), answer.valid.tolist(), texts, strict=True
    ):
        rows.append(
            {
                "id": sample.id,
                "script": sample.script.id,
                "index": sample.keyframe.index,
                "time": sample.keyframe.time,
                "valid": valid,
                "coefficients": _named(values),
                **({} if text is None else {"text": text}),
            }
        )
    return rows


def _named(values: Tensor) -> dict[str, float]:
    return {name: round(value, DECIMALS) + 0.0 for name, value in zip(CHANNELS, values.tolist(), strict=True)}
