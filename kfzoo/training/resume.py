"""What `fit` saves so that an interrupted run resumes: how checkpoints are written, the newest one, random states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.training.checkpoint import read_checkpoint
from kfzoo.training.trainer import gather, is_trial


class CheckpointFiles(TorchCheckpointIO):
    """Writes checkpoints beside their final names, flushes and moves them; reads them with all checks.

    Lightning's own class writes into the folder for temporary files, which may be another file system: what is moved
    from there is copied, and a process that is killed leaves half a file under the final name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Writes a checkpoint.

        Raises:
            InputError: When the folder cannot be written, or the disk is full.
        """
        try:
            with replacing(path) as temporary, temporary.open("wb") as file:
                torch.save(checkpoint, file)
        except OSError as error:
            remedy = "make room, then start the same command again"
            raise InputError(path, f"cannot be written ({error.strerror or error})", remedy) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Reads a checkpoint onto the CPU; see `read_checkpoint`."""
        return read_checkpoint(path)


class LastCheckpoint(Checkpoint):
    """Keeps one checkpoint of the newest state, so that a killed run loses little.

    Lightning's own callback cannot save both by steps and at the end of an epoch; saving by steps alone would skip the
    validation of an epoch whose last batch was saved.

    Args:
        path: The checkpoint's file.
        every_n_steps: Optimizer steps between two saves within an epoch.
    """

    def __init__(self, path: Path, every_n_steps: int) -> None:
        self.path = path
        self.every_n_steps = every_n_steps

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves every few steps; the last batch of an epoch is saved after the validation."""
        if trainer.global_step % self.every_n_steps == 0 and not trainer.is_last_batch:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        """Saves at the end of each epoch."""
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        if not is_trial(trainer):
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
        return {"ranks": gather(own)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps the states until the first batch.

        Raises:
            InputError: When there are none in it.
        """
        ranks = state_dict.get("ranks")
        if not isinstance(ranks, list) or not all(isinstance(each, dict) and "cpu" in each for each in ranks):
            raise InputError("checkpoint", "holds no random states", "resume from another, or remove it to start again")
        self._restore = state_dict

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        """Restores the states once; states of another number of processes are ignored."""
        state, self._restore = self._restore, None
        if state is None or len(state["ranks"]) != trainer.world_size:
            return
        own = state["ranks"][trainer.global_rank]
        torch.set_rng_state(own["cpu"].cpu())
        if "cuda" in own and torch.cuda.is_available():
            torch.cuda.set_rng_state(own["cuda"].cpu())
