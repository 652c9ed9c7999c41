"""MDM's denoiser, `trans_enc` (Tevet et al. 2023, arXiv 2209.14916, section 3), as Express4D uses it for 61 channels.

Parameters have the names that the published checkpoints give them, so that those load as they are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError

PLACES = 5000
"""Rows of the sinusoidal table, which serves places in the sequence and diffusion steps alike."""


class Places(nn.Module):
    """Adds the sinusoidal encoding of its place to each token.

    Args:
        width: Size of a token.
        dropout: Dropout of the sum.
    """

    pe: Tensor

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
        angles = torch.arange(PLACES)[:, None] * rates
        table = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        self.register_buffer("pe", table[:, None])  # (PLACES, 1, width): the published shape

    def forward(self, tokens: Tensor) -> Tensor:
        """Encodes the places of tokens (B, N, width)."""
        placed: Tensor = self.dropout(tokens + self.pe[: tokens.shape[1], 0])
        return placed


class StepEmbedding(nn.Module):
    """Embeds a diffusion step: a perceptron over the sinusoidal encoding of its number.

    Args:
        width: Size of a token.
        places: The table, shared with the sequence.
    """

    def __init__(self, width: int, places: Places) -> None:
        super().__init__()
        self.sequence_pos_encoder = places
        self.time_embed = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        """Embeds steps (B,) into (B, width)."""
        embedded: Tensor = self.time_embed(self.sequence_pos_encoder.pe[t, 0])
        return embedded


class Denoiser(nn.Module):
    """Predicts a motion, or the noise in it, from its noised version, the diffusion step and a text.

    Token 0 is the sum of the embedded step and the text's projection; a token of each frame follows; a post-norm
    transformer encoder lets all of them look at each other. The defaults are the published sizes: 17,673,277
    parameters.

    Args:
        features: Numbers a frame; 61 for ARKit's channels.
        text: Size of a text's vector, D; CLIP ViT-B/32's is 512.
        width: Size of a token.
        layers: Transformer layers.
        heads: Attention heads; published weights do not record their number, 4.
        feedforward: Hidden size of a layer's feed-forward part.
        dropout: Dropout in the transformer and of the tokens.
        mask_frames: Whether frames that do not exist are hidden from the others, as Express4D does; without it the
            denoiser is MDM's default, which sees them.

    Raises:
        InputError: When the width is odd or cannot be shared out between the heads.
    """

    def __init__(
        self,
        features: int = len(CHANNELS),
        text: int = 512,
        width: int = 512,
        layers: int = 8,
        heads: int = 4,
        feedforward: int = 1024,
        dropout: float = 0.1,
        mask_frames: bool = True,
    ) -> None:
        super().__init__()
        self.mask_frames = mask_frames
        if width % heads or width % 2:
            raise InputError("width", f"is {width}", f"choose an even multiple of the {heads} attention heads")
        self.sizes = {
            "features": features,
            "text": text,
            "width": width,
            "layers": layers,
            "heads": heads,
            "feedforward": feedforward,
        }
        self.input_process = nn.ModuleDict({"poseEmbedding": nn.Linear(features, width)})
        self.sequence_pos_encoder = Places(width, dropout)
        layer = nn.TransformerEncoderLayer(width, heads, feedforward, dropout, activation="gelu", batch_first=True)
        self.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.embed_timestep = StepEmbedding(width, self.sequence_pos_encoder)
        self.embed_text = nn.Linear(text, width)
        self.output_process = nn.ModuleDict({"poseFinal": nn.Linear(width, features)})

    def forward(
        self, x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        """Denoises.

        Args:
            x: (B, T, features) float32, standardised and noised.
            t: (B,) int64, diffusion steps.
            text: (B, D) float32.
            mask: (B, T) bool, True for frames that exist; None for all. Under `mask_frames` the values of other frames
                change nothing.
            dropped: (B,) bool, True where the text is left out (zeros take its place); None for nowhere.

        Returns:
            (B, T, features); in frames that do not exist numbers without meaning.
        """
        padding = None
        if mask is not None and self.mask_frames:
            x = x.masked_fill(~mask[..., None], 0)
            padding = pad(~mask, (1, 0), value=False)
        if dropped is not None:
            text = text.masked_fill(dropped[:, None], 0)
        first = self.embed_timestep(t) + self.embed_text(text)
        frames = self.input_process["poseEmbedding"](x)
        tokens = self.sequence_pos_encoder(torch.cat([first[:, None], frames], dim=1))
        seen = self.seqTransEncoder(tokens, src_key_padding_mask=padding)
        found: Tensor = self.output_process["poseFinal"](seen[:, 1:])
        return found
