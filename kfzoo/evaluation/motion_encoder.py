"""The motion side of the evaluators: one keyframe, or a sequence of keyframes, to one vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MotionEncoder(nn.Module):
    """A small transformer over keyframes, averaged over those that the mask keeps.

    A single keyframe is a sequence of length one. The values of masked keyframes have no effect.

    Args:
        channels: D of a keyframe.
        dim: Size of the result.
        width: Size of a keyframe's token.
        layers: Transformer layers.
        heads: Attention heads.
        dropout: In the transformer.
    """

    def __init__(self, channels: int, dim: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.token = nn.Sequential(nn.Linear(channels, width), nn.GELU(), nn.Linear(width, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.projection = nn.Linear(width, dim)

    def forward(self, motion: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encodes motions.

        Args:
            motion: (B, D) keyframes or (B, T, D) sequences, standardised.
            mask: (B, T) bool, True for keyframes, False for padding; None without padding.

        Returns:
            (B, dim) of any norm.

        Raises:
            ValueError: For a mask of another shape, or a sequence without any keyframe.
        """
        if motion.ndim == 2:
            motion = motion.unsqueeze(1)
        if mask is None:
            mask = torch.ones(motion.shape[:2], dtype=torch.bool, device=motion.device)
        if mask.shape != motion.shape[:2] or not bool(mask.any(dim=1).all()):
            expected = f"{tuple(motion.shape[:2])} with at least one keyframe in each row"
            raise ValueError(f"mask: expected {expected}, got {tuple(mask.shape)}")
        kept = mask.unsqueeze(-1)
        # `where`, since NaN times 0 is NaN.
        tokens = self.token(torch.where(kept, motion, 0))
        tokens = tokens + _positions(tokens.shape[1], tokens.shape[2], like=tokens)
        tokens = self.transformer(tokens, src_key_padding_mask=~mask)
        mean = torch.where(kept, tokens, 0).sum(dim=1) / kept.sum(dim=1)
        return torch.as_tensor(self.projection(mean))


def _positions(count: int, width: int, like: Tensor) -> Tensor:
    """Sinusoidal position encodings, (count, width)."""
    place = torch.arange(count, device=like.device, dtype=like.dtype).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, device=like.device, dtype=like.dtype) * (-math.log(10_000.0) / width))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=-1).flatten(1)[:, :width]
