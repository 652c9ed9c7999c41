"""The paper's networks: a transformer encoder over blendshapes, and its mirror image (section IV.A.1)."""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from torch import Tensor, nn


def _transformer(width: int, layers: int, heads: int, dropout: float) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)


class BlendshapeEncoder(nn.Module):
    """Weights of a face into one latent vector.

    Each blendshape is a token: its weight scales a learned direction of its own and is added to a learned embedding of
    its name. A further token gathers the face.

    Args:
        channels: Number of blendshapes, C.
        latent: Size of the latent vector, Z.
        width: Size of a token.
        layers: Transformer layers.
        heads: Attention heads.
        dropout: Dropout in the transformer.
    """

    def __init__(self, channels: int, latent: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.randn(channels, width) * width**-0.5)
        self.names = nn.Parameter(torch.randn(channels, width) * 0.02)
        self.summary = nn.Parameter(torch.randn(width) * 0.02)
        self.transformer = _transformer(width, layers, heads, dropout)
        self.to_latent = nn.Linear(width, latent)

    def forward(self, weights: Tensor) -> Tensor:
        """Encodes (B, C) into (B, Z)."""
        tokens = rearrange(weights, "b c -> b c 1") * self.directions + self.names
        summary = repeat(self.summary, "w -> b 1 w", b=len(weights))
        gathered: Tensor = self.transformer(torch.cat([summary, tokens], dim=1))
        latent: Tensor = self.to_latent(gathered[:, 0])
        return latent


class BlendshapeDecoder(nn.Module):
    """One latent vector into the weights of a face: the encoder's mirror image.

    The latent vector stands where the encoder gathers the face; each blendshape's token starts from its name alone and
    ends as its weight.

    Args:
        channels: Number of blendshapes, C.
        latent: Size of the latent vector, Z.
        width: Size of a token.
        layers: Transformer layers.
        heads: Attention heads.
        dropout: Dropout in the transformer.
    """

    def __init__(self, channels: int, latent: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.from_latent = nn.Linear(latent, width)
        self.names = nn.Parameter(torch.randn(channels, width) * 0.02)
        self.transformer = _transformer(width, layers, heads, dropout)
        self.directions = nn.Parameter(torch.randn(channels, width) * width**-0.5)
        self.rest = nn.Parameter(torch.zeros(channels))

    def forward(self, latent: Tensor) -> Tensor:
        """Decodes (B, Z) into (B, C), not limited to [0, 1]."""
        summary = rearrange(self.from_latent(latent), "b w -> b 1 w")
        tokens = summary + self.names
        gathered: Tensor = self.transformer(torch.cat([summary, tokens], dim=1))[:, 1:]
        return (gathered * self.directions).sum(-1) + self.rest
