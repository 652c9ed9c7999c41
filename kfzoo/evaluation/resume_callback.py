"""The callback that lets an interrupted `test` or `predict` of keyframes resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

import kfzoo
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch
from kfzoo.encoders.frozen import weights_digest
from kfzoo.journal import Entry, Journal
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.terminal import say
from kfzoo.training.module import ZooModule
from kfzoo.training.trainer import data_module, is_trial, stop_if_terminated


class KeyframeJournal(Journal):
    """A journal of generated keyframes; entries that are none, as of a file that was damaged, are generated again.

    Args:
        final: Path of the file that is written when everything is done.
        origin: What the answers depend on; plain values.
        module: The model that answers.
        process: Number of this process.
    """

    def __init__(self, final: Path, origin: Mapping[str, Any], module: KeyframeModule, process: int = 0) -> None:
        super().__init__(final, origin, process)
        self._entries = {name: entry for name, entry in self._entries.items() if _is_answer(entry)}
        self._unused &= self._entries.keys()
        self.found = len(self._entries)
        self._module = module

    def answer(self, batch: KeyframeBatch, generate: Callable[[KeyframeBatch], Generation]) -> Generation:
        """Returns the answers to a batch; only keyframes that are not in the journal are generated."""
        new = [sample for sample in batch.samples if sample.id not in self]
        if len(new) == len(batch):
            answers = generate(batch)
            self.add(to_entries(batch.ids, answers))
            return answers
        if new:
            rest = self._module.collate(new).to(self._module.device)
            self.add(to_entries(rest.ids, generate(rest)))
        return from_entries([self[name] for name in batch.ids], self._module.device)


def _is_answer(entry: Entry) -> bool:
    row = entry.get("coefficients")
    numbers = isinstance(row, list) and len(row) == len(CHANNELS) and all(isinstance(each, int | float) for each in row)
    return numbers and isinstance(entry.get("valid"), bool) and isinstance(entry.get("text", 0), str | None)


def to_entries(names: list[str], answers: Generation) -> dict[str, Entry]:
    """Returns the answers to keyframes as entries of a journal, by the keyframes' names."""
    rows = answers.coefficients.detach().float().tolist()
    texts = answers.texts or (None,) * len(names)
    return {
        name: {"valid": valid, "coefficients": row, "text": text}
        for name, row, valid, text in zip(names, rows, answers.valid.tolist(), texts, strict=True)
    }


def from_entries(entries: list[Entry], device: torch.device | str = "cpu") -> Generation:
    """Returns the answers that `to_entries` was given, bit by bit."""
    coefficients = torch.tensor([each["coefficients"] for each in entries], dtype=torch.float32)
    valid = torch.tensor([each["valid"] for each in entries])
    texts = tuple(each["text"] or "" for each in entries) if entries[0]["text"] is not None else None
    return Generation(coefficients.to(device), valid.to(device), texts)


def answers_depend_on(trainer: Trainer, module: ZooModule) -> dict[str, Any]:
    """Returns what a model's answers depend on apart from the condition, in plain values."""
    data = data_module(trainer)
    batching = getattr(module, "batching_settings", ())  # how much is done at once; the answers are the same
    settings = {f"model.{name}": value for name, value in module.hparams.items() if name not in batching}
    return {
        "kfzoo": kfzoo.__version__,
        "class_path": f"{type(module).__module__}.{type(module).__qualname__}",
        **settings,
        "checkpoint": weights_digest(module.stored()),
        "precision": str(trainer.precision),
        "data": data.fingerprint,
        "annotation": data.annotation,
    }


class ResumeCallback(Callback):
    """Gives a model a journal during `test` and `predict`.

    Its steps read from the journal what an earlier start of the same command has answered, so that all that uses the
    steps' answers sees every keyframe. The journal is removed at the end, and the next start begins again; but not
    where a limit of the trainer left some of an earlier start's answers unread.

    Args:
        results: Final file of `test`.
        predictions: Final file of `predict`.
    """

    def __init__(self, results: Path, predictions: Path) -> None:
        self.results = results
        self.predictions = predictions
        self._journal: KeyframeJournal | None = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the journal of `test`."""
        self._open(trainer, pl_module, self.results, "test")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the journal of `predict`."""
        self._open(trainer, pl_module, self.predictions, data_module(trainer).predict)

    def on_predict_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Stops where the process was asked to."""
        stop_if_terminated(trainer)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Removes the journal: the results are written."""
        self._finish(trainer, pl_module)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Removes the journal: the predictions are written."""
        self._finish(trainer, pl_module)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Closes the journal and leaves its files."""
        self._close(pl_module)

    def _open(self, trainer: Trainer, module: Any, final: Path, part: str) -> None:
        if is_trial(trainer):
            return
        origin = answers_depend_on(trainer, module) | {"part": part}
        journal = KeyframeJournal(final, origin, module, trainer.global_rank)
        if trainer.is_global_zero:
            for other in journal.others():
                say(other.line)
            if journal.found:
                print(f"Going on: {journal.found} answers are in {journal.pattern}")
        trainer.strategy.barrier("journal")  # all processes have read: new answers may be written
        self._journal = module.journal = journal

    def _finish(self, trainer: Trainer, module: Any) -> None:
        journal = self._journal
        if journal is None:
            return
        used = torch.tensor(journal.used, device=trainer.strategy.root_device)
        used = trainer.strategy.reduce(used, reduce_op="sum")
        self._close(module)
        if trainer.is_global_zero and used == journal.found:
            journal.remove()

    def _close(self, module: Any) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = module.journal = None
