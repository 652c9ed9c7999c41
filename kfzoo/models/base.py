"""The contract of every model: `loss`, `generate`, and whatever it must know of the training part beforehand."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torchmetrics import MeanMetric

import kfzoo
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError


@dataclass(frozen=True, eq=False)
class Generation:
    """What a model answers to a batch.

    Attributes:
        coefficients: (B, 61) float32 in each channel's range.
        valid: (B,) bool; a row that could not be read from the model's answer is not valid, whatever stands in it.
        texts: The raw answers of a language model, or None.
    """

    coefficients: Tensor
    valid: Tensor
    texts: tuple[str, ...] | None = None

    @classmethod
    def of(cls, coefficients: Tensor) -> Generation:
        """Limits coefficients (B, 61) to the channels' ranges; all rows are valid."""
        lower = torch.as_tensor(LOWER, device=coefficients.device)
        upper = torch.as_tensor(UPPER, device=coefficients.device)
        limited = coefficients.float().clamp(lower, upper)
        return cls(limited, torch.ones(len(limited), dtype=torch.bool, device=limited.device))


class KeyframeModule(LightningModule, ABC):
    """A model of the zoo.

    It says how to learn from a batch and how to answer one; every step, its logging and what a checkpoint carries are
    written here once. Arguments of `__init__` are plain values, stored with `save_hyperparameters()`, so that a
    checkpoint loads with `weights_only=True`. Learning-rate schedules step by batch, so that a resumed run is the
    same run.

    Attributes:
        condition: What a keyframe is generated from.
        train_mean: (61,) mean of the training part; zero before `fit`.
        train_std: (61,) standard deviation of the training part.
    """

    condition: ClassVar[Literal["text", "image"]] = "text"
    train_mean: Tensor
    train_std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("train_mean", torch.zeros(len(CHANNELS)))
        self.register_buffer("train_std", torch.zeros(len(CHANNELS)))
        self._val_mse = MeanMetric()
        self._provenance: dict[str, Any] = {}

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Learns what must be known of the training part before the first batch; called once at the start of `fit`.

        Args:
            samples: The training part.
            statistics: Its moments.
        """

    @abstractmethod
    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            batch: Keyframes with their truth.

        Returns:
            "loss", a scalar to be minimised, and any named parts of it, to be logged.
        """

    @abstractmethod
    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers a batch; never looks at `batch.coefficients`."""

    def collate(self, samples: Sequence[Sample]) -> KeyframeBatch:
        """Collects samples into a batch, in the loader's workers; override it to tokenise there."""
        return collate(samples)

    def setup(self, stage: str) -> None:
        """Reads the training part before `fit`; rank 0 goes first, so that caches are filled once."""
        if stage != "fit":
            return
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        statistics: Statistics = data.statistics
        self.train_mean.copy_(statistics.mean)
        self.train_std.copy_(statistics.std)
        if not self.trainer.is_global_zero:
            self.trainer.strategy.barrier("prepare")
        self.prepare(data.samples("train"), statistics)
        if self.trainer.is_global_zero:
            self.trainer.strategy.barrier("prepare")
        self._provenance = {"annotation": data.annotation, "data": data.fingerprint, "split": data.split_digest}
        # Buffers are the same in all processes: DDP need not send them around, and ranks may take unequal steps.
        self._ddp_params_and_buffers_to_ignore = [name for name, _ in self.named_buffers()]

    def training_step(self, batch: KeyframeBatch, batch_idx: int) -> Tensor | None:
        """Computes and logs the loss; a model that has nothing to learn by gradient skips the step."""
        parts = self.loss(batch)
        self.log_dict({f"train/{name}": value for name, value in parts.items()}, batch_size=len(batch))
        return parts["loss"] if parts["loss"].requires_grad else None

    def on_validation_epoch_start(self) -> None:
        """Clears the running mean."""
        self._val_mse.reset()

    def validation_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Logs `val/mse`, the error of what the model generates: the quantity that checkpoints are chosen by."""
        errors = (self.generate(batch).coefficients - batch.truth).square().mean(-1)
        self._val_mse.update(errors)
        self.log("val/mse", self._val_mse, batch_size=len(batch), prog_bar=True)

    def test_step(self, batch: KeyframeBatch, batch_idx: int) -> Generation:  # type: ignore[override]  # callbacks read it
        """Answers a batch; the evaluation reads it from here."""
        return self.generate(batch)

    def predict_step(self, batch: KeyframeBatch, batch_idx: int) -> Generation:
        """Answers a batch."""
        return self.generate(batch)

    def total_steps(self) -> int:
        """Returns how many optimizer steps the whole run takes, for schedules.

        Lightning's `estimated_stepping_batches` tells the same, but builds the training loader before a checkpoint's
        loops are restored: a resumed run would then begin its epoch anew.
        """
        trainer: Any = self.trainer
        batches = len(trainer.datamodule.train_dataloader())
        limit = trainer.limit_train_batches
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
        steps: int = trainer.max_epochs * math.ceil(batches / trainer.accumulate_grad_batches)
        return steps if trainer.max_steps < 0 else min(steps, int(trainer.max_steps))

    def configure_optimizers(self) -> Any:
        """Returns none: a model without gradients needs none, and every other one names its own."""
        return None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Writes what the weights alone do not tell: class, channel order, data, version."""
        checkpoint["kfzoo"] = {
            "version": kfzoo.__version__,
            "class_path": f"{type(self).__module__}.{type(self).__qualname__}",
            "channels": list(CHANNELS),
            **self._provenance,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses a checkpoint of another model before any weight is read.

        Raises:
            InputError: When the checkpoint is of another class or channel order.
        """
        found = checkpoint.get("kfzoo", {})
        own = f"{type(self).__module__}.{type(self).__qualname__}"
        if found.get("class_path") != own:
            raise InputError(
                "checkpoint",
                f"is of {found.get('class_path', 'a model outside this zoo')}, expected {own}",
                "give the configuration that it was trained with",
            )
        if found["channels"] != list(CHANNELS):
            raise InputError("checkpoint", "has another order of channels", "train it again with this version")
        for name, values in self.state_dict().items():
            stored = checkpoint["state_dict"].get(name)
            if stored is None or stored.shape != values.shape:
                shape = "is missing" if stored is None else f"is {tuple(stored.shape)}"
                raise InputError(
                    "checkpoint",
                    f"{name} {shape}, expected {tuple(values.shape)}",
                    "give the configuration that it was trained with",
                )
        self._provenance = {name: found[name] for name in ("annotation", "data", "split") if name in found}
