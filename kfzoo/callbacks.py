"""What every run of the command line carries: places to resume from, and answers on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor
from torch.distributed import all_gather_object

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch
from kfzoo.data.script import DECIMALS
from kfzoo.files import replacing
from kfzoo.models.base import Generation


class LastCheckpoint(Checkpoint):
    """Keeps one checkpoint of the newest state, so that a killed run loses little.

    Lightning's own callback cannot save both by steps and at the end of an epoch; saving by steps alone would skip the
    validation of an epoch whose last batch was saved.

    Args:
        path: Where the checkpoint stands.
        every_n_steps: Optimizer steps between two saves within an epoch.
    """

    def __init__(self, path: Path, every_n_steps: int) -> None:
        self.path = path
        self.every_n_steps = every_n_steps

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves every few steps, but leaves the end of an epoch to the hook behind its validation."""
        if trainer.global_step % self.every_n_steps == 0 and not trainer.is_last_batch:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves at the end of each epoch."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]
            trainer.save_checkpoint(self.path)


class RandomState(Callback):
    """Saves every process's random state and restores it before the first batch after a resume."""

    def __init__(self) -> None:
        self._restore: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Returns the states of the random generators, one entry a process."""
        own: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            own["cuda"] = torch.cuda.get_rng_state()
        if not torch.distributed.is_initialized():
            return {"ranks": [own]}
        ranks: list[Any] = [None] * torch.distributed.get_world_size()
        all_gather_object(ranks, own)
        return {"ranks": ranks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps the states until the first batch."""
        self._restore = state_dict

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Restores the states once; with another number of processes they mean nothing and are left alone."""
        state, self._restore = self._restore, None
        if state is None or len(state["ranks"]) != trainer.world_size:
            return
        own = state["ranks"][trainer.global_rank]
        torch.set_rng_state(own["cpu"].cpu())
        if "cuda" in own and torch.cuda.is_available():
            torch.cuda.set_rng_state(own["cuda"].cpu())


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
        """Joins all processes' rows and writes the file."""
        gathered = [self._rows]
        if trainer.world_size > 1:
            gathered = [[] for _ in range(trainer.world_size)]
            all_gather_object(gathered, self._rows)
        if not trainer.is_global_zero:
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
