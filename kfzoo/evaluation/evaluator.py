"""The learned evaluators: words or images and motions in one space (KeyframeFace, C.3; SemanticFace, 0.A.4).

They only score: they are trained on the ground truth, and no model is trained with them. The two differ in the encoder
of the condition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.script import Annotation
from kfzoo.data.statistics import Statistics
from kfzoo.encoders.frozen import weights_digest
from kfzoo.encoders.image import build_image_encoder
from kfzoo.encoders.text import build_text_encoder
from kfzoo.errors import InputError
from kfzoo.evaluation.motion_encoder import MotionEncoder
from kfzoo.metrics.retrieval import RPrecision
from kfzoo.training.checkpoint import load_module
from kfzoo.training.module import Monitor, ZooModule
from kfzoo.training.optimizers import adamw

SMALLEST_SPREAD = 0.02
"""Floor of a channel's standard deviation: some channels are constant in real data (four in SemanticFace's)."""

CHUNK = 256
"""Samples in a forward pass outside of training."""


class MotionEvaluator(ZooModule, ABC):
    """Aligns conditions with motions by a symmetric InfoNCE loss over the pairs of a batch.

    `L = (L_condition→motion + L_motion→condition) / 2` over cosine similarities divided by τ. Both sides are trained;
    motions are standardised by the training part. AdamW with one cosine over the whole run.

    Args:
        condition_dim: Size of the condition encoder's vectors.
        dim: Size of the joint space.
        width: Size of a keyframe's token in the motion encoder.
        layers: Its transformer layers.
        heads: Its attention heads.
        dropout: Its dropout.
    """

    task = "evaluator"
    condition: ClassVar[Literal["text", "image"]]
    encoder: nn.Module

    monitor = Monitor("val/r_precision_1", "max")

    def __init__(self, condition_dim: int, dim: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.motion = MotionEncoder(len(CHANNELS), dim, width, layers, heads, dropout)
        self.projection = nn.Linear(condition_dim, dim)
        self._retrieval = RPrecision(channels=dim)  # of embeddings

    @abstractmethod
    def embed_condition(self, batch: KeyframeBatch) -> Tensor:
        """Returns the conditions' vectors, (B, dim) of any norm."""

    def encode_motion(self, coefficients: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the vectors of keyframes (B, 61), or of sequences (B, T, 61) with a mask (B, T); (B, dim)."""
        spread = self.train_std.clamp_min(SMALLEST_SPREAD)
        vectors: Tensor = self.motion((coefficients - self.train_mean) / spread, mask)
        return vectors

    @torch.no_grad()
    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        """Returns the vectors of samples' words or images, (N, dim) float32 on the CPU; their labels are not used."""
        chosen = [sample._replace(annotation=self.annotation) for sample in samples]
        starts = range(0, len(chosen), CHUNK)
        batches = (self.collate(chosen[start : start + CHUNK]).to(self.device) for start in starts)
        return torch.cat([self.embed_condition(batch).float().cpu() for batch in batches])

    @torch.no_grad()
    def embed_motion(self, coefficients: Tensor) -> Tensor:
        """Returns the vectors of keyframes (N, 61), (N, dim) float32 on the CPU."""
        chunks = torch.split(coefficients.float(), CHUNK * 4)
        return torch.cat([self.encode_motion(chunk.to(self.device)).float().cpu() for chunk in chunks])

    @property
    def annotation(self) -> Annotation:
        """The kind of descriptions it was trained on; it reads the same kind for every model."""
        found: Any = self.provenance.get("annotation", "arkit")
        return found  # type: ignore[no-any-return]

    @property
    def digest(self) -> str:
        """sha256 of its weights and statistics, printed with every number that it computed."""
        return weights_digest(self.stored())

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Checks that the validation part fills a pool.

        Raises:
            InputError: When it is too small to select a checkpoint by R-Precision.
        """
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        count = len(data.samples("val"))
        if count < self._retrieval.pool:
            problem = f"has {count} keyframes; R-Precision needs at least {self._retrieval.pool}"
            raise InputError("the validation part", problem, "give more data or a larger share")

    def training_step(self, batch: KeyframeBatch, batch_idx: int) -> Tensor:
        """Computes and logs the symmetric InfoNCE loss."""
        condition = normalize(self.embed_condition(batch), dim=-1)
        motion = normalize(self.encode_motion(batch.targets), dim=-1)
        loss = info_nce(condition, motion, self.hparams["temperature"])
        self.log("train/loss", loss, batch_size=len(batch), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Drops the last epoch's vectors."""
        self._retrieval.reset()

    def validation_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Keeps the vectors of both sides."""
        self._retrieval.update(batch.ids, self.encode_motion(batch.targets), self.embed_condition(batch))

    def on_validation_epoch_end(self) -> None:
        """Logs R-Precision@1 to 3 over the whole validation part; the first selects the checkpoint."""
        if self.trainer.fast_dev_run:  # type: ignore[attr-defined]  # one batch may be smaller than a pool
            return
        found = self._retrieval.compute()
        self.log_dict({f"val/r_precision_{k}": found[f"r_precision_{k}"] for k in (1, 2, 3)}, prog_bar=True)

    def test_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Does nothing: `EvaluatorCallback` computes the vectors itself."""

    def configure_optimizers(self) -> Any:
        """AdamW with one cosine to 0 over all epochs."""
        encoder = list(self.encoder.parameters())
        rest = [each for name, each in self.named_parameters() if not name.startswith("encoder.")]
        rate, own = self.hparams["learning_rate"], self.hparams["encoder_learning_rate"]
        groups = [{"params": rest}, {"params": encoder, "lr": rate if own is None else own}]
        return adamw(self, groups, rate, cosine=True, weight_decay=self.hparams["weight_decay"])


class TextMotionEvaluator(MotionEvaluator):
    """Words against motions (KeyframeFace, C.3).

    Args:
        text_encoder: Specification of the text side (`kfzoo.encoders.text`); it is trained, too.
        text_layers: How many of a sentence-transformers model's layers are kept, counted from the first; None for all.
        dim: Size of the joint space.
        width: Size of a keyframe's token in the motion encoder.
        layers: Its transformer layers.
        heads: Its attention heads.
        dropout: Its dropout.
        temperature: τ of the loss.
        learning_rate: AdamW's.
        encoder_learning_rate: AdamW's for the condition's encoder alone; None for the same.
        weight_decay: AdamW's.
    """

    condition = "text"

    def __init__(
        self,
        text_encoder: str = "minilm",
        text_layers: int | None = None,
        dim: int = 128,
        width: int = 256,
        layers: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        temperature: float = 0.07,
        learning_rate: float = 1e-4,
        encoder_learning_rate: float | None = None,
        weight_decay: float = 1e-4,
    ) -> None:
        encoder = build_text_encoder(text_encoder)
        if text_layers is not None:
            encoder.keep_layers(text_layers)
        super().__init__(encoder.dim, dim, width, layers, heads, dropout)
        self.save_hyperparameters()
        self.encoder = encoder.requires_grad_(True).train()

    def embed_condition(self, batch: KeyframeBatch) -> Tensor:
        """Returns the descriptions' vectors, (B, dim)."""
        vectors: Tensor = self.projection(self.encoder(batch.descriptions))
        return vectors


class ImageMotionEvaluator(MotionEvaluator):
    """Images against motions (SemanticFace, 0.A.4).

    Args:
        image_encoder: Specification of the image side (`kfzoo.encoders.image`); it is trained, too.
        size: Side of the images in pixels.
        dim: Size of the joint space.
        width: Size of a keyframe's token in the motion encoder.
        layers: Its transformer layers.
        heads: Its attention heads.
        dropout: Its dropout.
        temperature: τ of the loss.
        learning_rate: AdamW's.
        encoder_learning_rate: AdamW's for the condition's encoder alone; None for the same.
        weight_decay: AdamW's.
    """

    condition = "image"

    def __init__(
        self,
        image_encoder: str = "timm:mobilenetv3_small_050",
        size: int = 64,
        dim: int = 128,
        width: int = 256,
        layers: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        temperature: float = 0.07,
        learning_rate: float = 1e-4,
        encoder_learning_rate: float | None = None,
        weight_decay: float = 1e-4,
    ) -> None:
        encoder = build_image_encoder(image_encoder)
        super().__init__(encoder.dim, dim, width, layers, heads, dropout)
        self.save_hyperparameters()
        self.image_size = size
        self.encoder = encoder.requires_grad_(True).train()

    def embed_condition(self, batch: KeyframeBatch) -> Tensor:
        """Returns the images' vectors, (B, dim)."""
        vectors: Tensor = self.projection(self.encoder(batch.pixels))
        return vectors


def info_nce(condition: Tensor, motion: Tensor, temperature: float) -> Tensor:
    """Symmetric InfoNCE of paired unit-norm vectors, both (B, E): the mean of both directions' cross entropies."""
    similarity = condition @ motion.mT / temperature
    own = torch.arange(len(similarity), device=similarity.device)
    return (cross_entropy(similarity, own) + cross_entropy(similarity.mT, own)) / 2


def check_evaluator(evaluator: MotionEvaluator, data: str, split: str) -> None:
    """Refuses an evaluator that was trained on another split of the data on which it is used.

    Args:
        evaluator: A trained one.
        data: Fingerprint of the data.
        split: Digest of its split.

    Raises:
        InputError: When the evaluator may have been trained on the test part.
    """
    if evaluator.provenance.get("data") == data and evaluator.provenance.get("split") != split:
        problem = "was trained on another split of this data, and may have seen the test part"
        raise InputError("evaluator", problem, "train it with this data's own configuration")


def load_evaluator(path: str | Path) -> MotionEvaluator:
    """Loads a trained evaluator.

    Args:
        path: A checkpoint, or the folder of its run.

    Raises:
        InputError: As `load_module`, and for a folder without a checkpoint.
    """
    found = Path(path)
    if found.is_dir():
        found = found / "best.ckpt"
    return load_module(found, MotionEvaluator)
