"""The contract of every model: `loss`, `generate`, and whatever it must know of the training part beforehand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch
from kfzoo.training.module import Monitor, ZooModule


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


class KeyframeModule(ZooModule, ABC):
    """A model of the zoo.

    It says how to learn from a batch and how to answer one; every step and its logging are written here once, and what
    a checkpoint carries in `ZooModule`.

    Attributes:
        condition: What a keyframe is generated from.
    """

    condition: ClassVar[Literal["text", "image"]] = "text"
    monitor = Monitor("val/mse", "min")

    def __init__(self) -> None:
        super().__init__()
        self._val_mse = MeanMetric()

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
