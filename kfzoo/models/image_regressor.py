"""`ImageRegressor`: a backbone with a head of 61 numbers, the reference that SemanticFace leaves out."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch
from kfzoo.encoders.image import build_image_encoder
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.training.optimizers import adamw


class ImageRegressor(KeyframeModule):
    """Reads the coefficients off an image in one pass: no words, no tokens, squared error.

    What a vision-language model gains by writing must show against this one on the same images and steps.

    Args:
        image_encoder: Specification of the backbone (`kfzoo.encoders.image`); it is trained, too.
        size: Side of the images in pixels.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine.

    Raises:
        InputError: For an unknown backbone, or weights that are not to be had.
    """

    condition = "image"

    def __init__(
        self,
        image_encoder: str = "timm:resnet10t",
        size: int = 64,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        warmup_steps: int = 0,
        cosine: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.image_size = size
        self.encoder = build_image_encoder(image_encoder).requires_grad_(True).train()
        self.head = nn.Linear(self.encoder.dim, len(CHANNELS))
        nn.init.zeros_(self.head.weight)  # at first it answers with the mean face
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Estimates coefficients, (B, 61), from images (B, 3, size, size) in [0, 1]; they may leave their ranges."""
        estimated: Tensor = self.train_mean + self.head(self.encoder(images))
        return estimated

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error."""
        return {"loss": (self(batch.images) - batch.targets).square().mean()}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each image."""
        return Generation.of(self(batch.images))

    def configure_optimizers(self) -> Any:
        """AdamW, at a constant rate or with a warm-up and a cosine."""
        rate, decay = self.hparams["learning_rate"], self.hparams["weight_decay"]
        schedule = {"warmup": self.hparams["warmup_steps"], "cosine": self.hparams["cosine"]}
        return adamw(self, self.parameters(), rate, weight_decay=decay, **schedule)
