"""The contracts of models, of keyframes and of moving clips: `loss`, `generate`, and what they must know beforehand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torchmetrics import MeanMetric

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch
from kfzoo.data.clip import MAX_FRAMES
from kfzoo.data.clip_batch import ClipBatch
from kfzoo.data.clip_datamodule import ClipDataModule
from kfzoo.errors import InputError
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
        condition: What a keyframe is generated from; a model of images sets `image_size`.
    """

    task = "keyframes"
    condition: ClassVar[Literal["text", "image"]] = "text"
    monitor = Monitor("val/mse", "min")

    def __init__(self) -> None:
        super().__init__()
        self._val_mse = MeanMetric()

    @abstractmethod
    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            batch: Keyframes with their ground truth.

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
        errors = (self.generate(batch).coefficients - batch.targets).square().mean(-1)
        self._val_mse.update(errors)
        self.log("val/mse", self._val_mse, batch_size=len(batch), prog_bar=True)

    def test_step(self, batch: KeyframeBatch, batch_idx: int) -> Generation:  # type: ignore[override]  # callbacks read it
        """Answers a batch; the evaluation reads it from here."""
        return self.generate(batch)

    def predict_step(self, batch: KeyframeBatch, batch_idx: int) -> Generation:
        """Answers a batch."""
        return self.generate(batch)


class ClipModule(ZooModule, ABC):
    """A model of moving faces, told by captions; it learns from a `ClipDataModule` and answers with clips like its own.

    Attributes:
        longest: () int64, frames of the longest clip that it draws; by default of any clip.
    """

    task = "clips"
    monitor = Monitor("val/loss", "min")
    longest: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("longest", torch.tensor(MAX_FRAMES))
        self._val_loss = MeanMetric()

    @abstractmethod
    def loss(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Args:
            batch: Clips; what stands behind the end of a shorter one must change nothing.

        Returns:
            "loss", a scalar to be minimised, and any named parts of it, to be logged.
        """

    @abstractmethod
    def generate(self, captions: Sequence[str], lengths: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Draws a clip for each caption.

        Args:
            captions: B texts.
            lengths: Frames of each clip at 20 a second, 1 to `longest`.
            seeds: One a clip.

        Returns:
            (B, T, 61) float32, each channel in its range, T the greatest length; 0 behind a clip's own end.

        Raises:
            InputError: For an empty caption, and a length out of range.
        """

    @abstractmethod
    def seeds_of(self, names: Sequence[str]) -> list[int]:
        """Returns a seed for each name, the same in every process and batch."""

    def answer(self, batch: ClipBatch) -> ClipBatch:
        """Draws a clip for each of a batch's captions, as long as the clip there, or as long as the model can.

        Returns:
            The batch with what was drawn in the place of `motion` and `mask`; it depends on the seed and a clip's name.
        """
        lengths = batch.lengths.clamp_max(int(self.longest))
        motion = self.generate(batch.captions, lengths.tolist(), self.seeds_of(batch.ids))
        mask = torch.arange(motion.shape[1], device=motion.device) < lengths.to(motion.device)[:, None]
        return replace(batch, motion=motion, mask=mask)

    def setup(self, stage: str) -> None:
        """Checks that there are clips to read, then does as every module.

        Raises:
            InputError: With a data module of keyframes.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, ClipDataModule):
            problem = f"{type(self).__name__} reads clips, which {type(data).__name__} does not give"
            raise InputError("data", problem, "choose kfzoo.data.clip_datamodule.ClipDataModule")
        super().setup(stage)

    def training_step(self, batch: ClipBatch, batch_idx: int) -> Tensor | None:
        """Computes and logs the loss; a model that has nothing to learn by gradient skips the step."""
        parts = self.loss(batch)
        self.log_dict({f"train/{name}": value for name, value in parts.items()}, batch_size=len(batch))
        return parts["loss"] if parts["loss"].requires_grad else None

    def validation_loss(self, batch: ClipBatch) -> Tensor:
        """Returns what checkpoints are chosen by, a mean over the batch; best the same draws each time."""
        return self.loss(batch)["loss"]

    def on_validation_epoch_start(self) -> None:
        """Clears the running mean."""
        self._val_loss.reset()

    def validation_step(self, batch: ClipBatch, batch_idx: int) -> None:
        """Logs `val/loss`."""
        self._val_loss.update(self.validation_loss(batch), len(batch))
        self.log("val/loss", self._val_loss, batch_size=len(batch), prog_bar=True)

    def test_step(self, batch: ClipBatch, batch_idx: int) -> ClipBatch:  # type: ignore[override]  # callbacks read it
        """Answers a batch; the comparison with the ground truth reads it from here."""
        return self.answer(batch)

    def predict_step(self, batch: ClipBatch, batch_idx: int) -> ClipBatch:
        """Answers a batch."""
        return self.answer(batch)
