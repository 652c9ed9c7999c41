"""Image encoders with one small interface: images in, one vector each out.

A specification names one in a configuration:

| specification | encoder |
|---|---|
| `timm:<model>` | any timm backbone, random weights: works without a hub, to be trained from scratch |
| `timm:<model>@pretrained` | the same with its published weights |
| `huggingface:<name or folder>` | any vision model of transformers, with its weights, for example a DINOv2 |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

import torch
from torch import Tensor, nn

from kfzoo.downloads import downloads_forbidden, remedy
from kfzoo.errors import InputError

Triple = tuple[float, float, float]


class ImageEncoder(nn.Module, ABC):
    """Turns images into vectors.

    Args:
        dim: Size of a vector.
        mean: Of each colour, taken off before the backbone sees an image.
        std: Of each colour, divided by.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, dim: int, mean: Triple, std: Triple) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @abstractmethod
    def embed(self, images: Tensor) -> Tensor:
        """Returns (B, dim) from standardised images (B, 3, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        """Encodes images.

        Args:
            images: (B, 3, H, W) in [0, 1].

        Returns:
            (B, dim) float32 of any norm.
        """
        return self.embed((images - self.mean) / self.std).float()


class TimmEncoder(ImageEncoder):
    """A timm backbone without its classifier.

    Args:
        name: timm's name of the model.
        pretrained: Whether to load the published weights.

    Raises:
        InputError: For an unknown model, or weights that are not to be had.
    """

    def __init__(self, name: str, pretrained: bool = False) -> None:
        import timm

        library: Any = timm
        try:
            backbone = library.create_model(name, pretrained=pretrained, num_classes=0)
        except Exception as error:  # timm lets through all that its hub raises
            raise _not_found(f"timm:{name}", error) from error
        config = library.data.resolve_model_data_config(backbone)
        super().__init__(int(backbone.num_features), config["mean"], config["std"])
        self.backbone = backbone
        # Some backbones widen after their last stage; only an image shows it.
        with torch.no_grad():
            side = int(config["input_size"][-1])
            self.dim = int(self.backbone.eval()(torch.zeros(1, 3, side, side)).shape[-1])
        self.backbone.train()

    def embed(self, images: Tensor) -> Tensor:
        """Returns (B, dim)."""
        return cast(Tensor, self.backbone(images))


class HuggingFaceEncoder(ImageEncoder):
    """A vision model of transformers; its pooled output, or the mean over its patches where it has none.

    Args:
        name: Hub name or folder.

    Raises:
        InputError: When the model is neither on this machine nor to be had.
    """

    def __init__(self, name: str) -> None:
        import transformers

        library: Any = transformers
        try:
            backbone = library.AutoModel.from_pretrained(name, trust_remote_code=False)
            processor = library.AutoImageProcessor.from_pretrained(name, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise _not_found(f"huggingface:{name}", error) from error
        # Models of two towers, such as CLIP, keep the one that sees.
        backbone = getattr(backbone, "vision_model", backbone)
        super().__init__(int(backbone.config.hidden_size), tuple(processor.image_mean), tuple(processor.image_std))
        self.backbone = backbone

    def embed(self, images: Tensor) -> Tensor:
        """Returns (B, dim)."""
        found = self.backbone(pixel_values=images)
        pooled: Tensor | None = getattr(found, "pooler_output", None)
        return cast(Tensor, found.last_hidden_state.mean(1)) if pooled is None else pooled


def build_image_encoder(specification: str) -> ImageEncoder:
    """Builds the encoder that a specification names (see the module's table).

    Raises:
        InputError: For an unknown kind or model, or weights that are not there.
    """
    kind, _, name = specification.partition(":")
    if kind == "timm" and name:
        model, _, weights = name.partition("@")
        if weights in ("", "pretrained"):
            # A checkpoint brings the weights itself.
            return TimmEncoder(model, pretrained=bool(weights) and not downloads_forbidden())
    if kind == "huggingface" and name:
        return HuggingFaceEncoder(name)
    raise InputError(
        f"image encoder '{specification}'",
        "expected 'timm:<model>', 'timm:<model>@pretrained' or 'huggingface:<name or folder>'",
    )


def _not_found(name: str, error: Exception) -> InputError:
    return InputError(
        f"image encoder '{name}'",
        f"cannot be loaded ({str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})",
        remedy("check the name; where there is no network, use a folder or a timm model without '@pretrained'"),
    )
