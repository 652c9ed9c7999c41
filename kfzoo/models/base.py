"""The contracts of models, `KeyframeModule` for single faces and `ClipModule` for motion: `loss` and `generate`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MeanMetric

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch
from kfzoo.data.clip import MAX_FRAMES
from kfzoo.data.clip_batch import ClipBatch
from kfzoo.training.module import Monitor, ZooModule


@dataclass(frozen=True, eq=False)
class Generation:
    """The answers of a model to a batch of keyframes.

    Attributes:
        coefficients: (B, 61) float32 in each channel's range.
        valid: (B,) bool; False where the model gave no usable answer; the values of such a row mean nothing.
        texts: The raw answers of a language model, or None.
    """

    coefficients: Tensor
    valid: Tensor
    texts: tuple[str, ...] | None = None

    @classmethod
    def of(cls, coefficients: Tensor) -> Generation:
        """Limits coefficients (B, 61) to the channels' ranges; rows that are not finite are not valid."""
        lower = torch.as_tensor(LOWER, device=coefficients.device)
        upper = torch.as_tensor(UPPER, device=coefficients.device)
        limited = coefficients.float().clamp(lower, upper)
        return cls(limited, torch.isfinite(limited).all(-1))

    @classmethod
    def of_texts(
        cls, texts: Sequence[str], faces: Sequence[NDArray[np.float32] | None], device: torch.device
    ) -> Generation:
        """Returns what a language model wrote for B keyframes.

        Args:
            texts: The raw answers.
            faces: The coefficients (61,) of each answer; None where it is not valid.
            device: Device of the result.
        """
        coefficients = torch.zeros(len(faces), len(CHANNELS))
        for row, face in enumerate(faces):
            if face is not None:
                coefficients[row] = torch.from_numpy(np.asarray(face))
        valid = torch.tensor([face is not None for face in faces], dtype=torch.bool)
        return cls(coefficients.to(device), valid.to(device), tuple(texts))


class ZooModel(ZooModule, ABC):
    """What the contracts of keyframes and of clips share: how a model learns from a batch and how it answers one."""

    def __init__(self) -> None:
        super().__init__()
        self._validation_mean = MeanMetric()

    @property
    def context(self) -> frozenset[str]:
        """What it reads of a script besides descriptions, of "background" and "emotion"; the rest is refused."""
        return frozenset()

    @abstractmethod
    def loss(self, batch: Any) -> dict[str, Tensor]:
        """Computes the loss of a batch.

        Returns:
            "loss", a scalar to be minimised, and any named parts of it, to be logged.
        """

    @abstractmethod
    def generate(self, batch: Any) -> Any:
        """Answers a batch; never reads its targets."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        """Computes and logs the loss; a model that has nothing to learn by gradient skips the step."""
        parts = self.loss(batch)
        self.log_dict({f"train/{name}": value for name, value in parts.items()}, batch_size=len(batch))
        return parts["loss"] if parts["loss"].requires_grad else None

    def on_validation_epoch_start(self) -> None:
        """Resets the running mean."""
        self._validation_mean.reset()

    def test_step(self, batch: Any, batch_idx: int) -> Any:
        """Answers a batch; the evaluation callback reads the answers from here."""
        return self.generate(batch) if self.journal is None else self.journal.answer(batch, self.generate)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """Answers a batch."""
        return self.generate(batch) if self.journal is None else self.journal.answer(batch, self.generate)


class KeyframeModule(ZooModel):
    """A model of the zoo: it answers each keyframe with 61 coefficients.

    It implements `loss` and `generate`; every step, its logging and the content of a checkpoint are written once, here
    and in the base classes.

    Attributes:
        condition: What a keyframe is generated from; a model of images sets `image_size`, or
            reads them from their files.
    """

    task = "keyframes"
    condition: ClassVar[Literal["text", "image"]] = "text"
    monitor = Monitor("val/mse", "min")

    @abstractmethod
    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Computes the loss of keyframes with their targets; see `ZooModel.loss`."""

    @abstractmethod
    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers a batch of keyframes; never reads `batch.coefficients`."""

    def validation_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Logs `val/mse`, the error of what the model generates, by which checkpoints are chosen."""
        errors = (self.generate(batch).coefficients - batch.targets).square().mean(-1)
        self._validation_mean.update(errors)
        self.log("val/mse", self._validation_mean, batch_size=len(batch), prog_bar=True)


class ClipModule(ZooModel):
    """A model of moving faces, conditioned on captions; it answers each clip with motion at 20 frames a second.

    Attributes:
        longest: () int64, frames of the longest clip that it generates; by default of any clip.
    """

    task = "clips"
    reads = "clips"
    monitor = Monitor("val/loss", "min")
    longest: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("longest", torch.tensor(MAX_FRAMES))

    @abstractmethod
    def loss(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Computes the loss of clips; frames after the end of a shorter clip must change nothing."""

    @abstractmethod
    def sample(self, captions: Sequence[str], lengths: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Generates a clip for each caption.

        Args:
            captions: B texts.
            lengths: Frames of each clip at 20 a second, 1 to `longest`.
            seeds: One for each clip.

        Returns:
            (B, T, 61) float32, each channel in its range, T the greatest length; 0 after a clip's own end.

        Raises:
            InputError: For an empty caption, and a length out of range.
        """

    @abstractmethod
    def seeds_of(self, names: Sequence[str]) -> list[int]:
        """Returns a seed for each name, the same in every process and batch."""

    def generate(self, batch: ClipBatch) -> ClipBatch:
        """Generates a clip for each of a batch's captions, as long as the clip there, at most `longest` frames.

        Returns:
            The batch with the generated `motion` and its `mask`; it depends on the seed and each clip's name alone.
        """
        lengths = batch.lengths.clamp_max(int(self.longest))
        motion = self.sample(batch.captions, lengths.tolist(), self.seeds_of(batch.ids))
        mask = torch.arange(motion.shape[1], device=motion.device) < lengths.to(motion.device)[:, None]
        return replace(batch, motion=motion, mask=mask)

    def validation_loss(self, batch: ClipBatch) -> Tensor:
        """Returns the loss by which checkpoints are chosen, a mean over the batch, with the same draws each time."""
        return self.loss(batch)["loss"]

    def validation_step(self, batch: ClipBatch, batch_idx: int) -> None:
        """Logs `val/loss`."""
        self._validation_mean.update(self.validation_loss(batch), len(batch))
        self.log("val/loss", self._validation_mean, batch_size=len(batch), prog_bar=True)
