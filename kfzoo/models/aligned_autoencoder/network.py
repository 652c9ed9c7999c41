"""The paper's networks: a transformer encoder over blendshapes, and its mirror image (section IV.A.1)."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

SQUEEZED = 16
"""Numbers that each blendshape's token brings into the latent vector, and gets back from it."""


def _transformer(width: int, layers: int, heads: int, dropout: float) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        width, heads, 4 * width, dropout, activation="gelu", batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)


class BlendshapeEncoder(nn.Module):
    """Weights of a face into one latent vector.

    Each blendshape is a token: its weight scales a learned direction of its own, to which a learned embedding of its
    name is added. After the transformer every token is squeezed, and all together become the latent vector. (A single
    summary token that gathers the face by attention was tried: it rebuilt faces no better than their texts did.)

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
        self.directions = nn.Parameter(torch.randn(channels, width) / 2)
        self.names = nn.Parameter(torch.randn(channels, width) / 2)
        self.transformer = _transformer(width, layers, heads, dropout)
        self.squeeze = nn.Linear(width, SQUEEZED)
        self.to_latent = nn.Linear(channels * SQUEEZED, latent)

    def forward(self, weights: Tensor) -> Tensor:
        """Encodes standardised weights (B, C) into (B, Z)."""
        tokens = rearrange(weights, "b c -> b c 1") * self.directions + self.names
        squeezed = self.squeeze(self.transformer(tokens))
        latent: Tensor = self.to_latent(rearrange(squeezed, "b c s -> b (c s)"))
        return latent


class BlendshapeDecoder(nn.Module):
    """One latent vector into the weights of a face: the encoder's mirror image, step by step.

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
        self.from_latent = nn.Linear(latent, channels * SQUEEZED)
        self.unsqueeze = nn.Linear(SQUEEZED, width)
        self.names = nn.Parameter(torch.randn(channels, width) / 2)
        self.transformer = _transformer(width, layers, heads, dropout)
        self.directions = nn.Parameter(torch.randn(channels, width) * width**-0.5)

    def forward(self, latent: Tensor) -> Tensor:
        """Decodes (B, Z) into standardised weights (B, C)."""
        squeezed = rearrange(self.from_latent(latent), "b (c s) -> b c s", s=SQUEEZED)
        tokens: Tensor = self.transformer(self.unsqueeze(squeezed) + self.names)
        return (tokens * self.directions).sum(-1)
