"""`TokenReadout`: 61 values out of a text's token states, each channel with its own attention over the words."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SHARPNESS = 3.0
"""Factor of the attention's logits and of the output, with which weights that start at random reach useful sizes."""


class TokenReadout(nn.Module):
    """Reads one value for each channel off the states of a text's tokens.

    A pooled sentence hardly tells left from right; here every channel looks for its own words. With the layer-normed
    states h_t, the weights of query j of channel c are softmax_t(3·k(h_t)·q_cj); v_cj is the mean of the states under
    them, and the value is 3/√D · w_c·[mean_t h_t; v_c1; … v_cJ] + b_c. w and b start at 0: the first answer is 0.

    Args:
        dim: Size D of a token's state.
        channels: Number C of values.
        queries: Queries J a channel; 0 reads the mean over the tokens alone.
        bins: Places K on a value's scale for the distribution over values; 0 for none.
        width: Size of what the distribution is read from.
    """

    def __init__(self, dim: int, channels: int = 61, queries: int = 4, bins: int = 0, width: int = 64) -> None:
        super().__init__()
        self.dim, self.channels, self.queries = dim, channels, queries
        self.norm = nn.LayerNorm(dim, elementwise_affine=False)
        features = (1 + queries) * dim
        if queries:
            self.key = nn.Linear(dim, dim, bias=False)
            self.query = nn.Parameter(torch.randn(channels * queries, dim) / math.sqrt(dim))
        self.weight = nn.Parameter(torch.zeros(channels, features))
        self.bias = nn.Parameter(torch.zeros(channels))
        if bins:
            self.shared = nn.Linear(features, width)
            self.bin_weight = nn.Parameter(torch.randn(channels, bins, width) / math.sqrt(width))
            self.bin_bias = nn.Parameter(torch.zeros(channels, bins))

    def features(self, states: Tensor, mask: Tensor) -> Tensor:
        """Looks at the words.

        Args:
            states: Token states, (B, T, D).
            mask: Which of them are the text's, (B, T) bool; at least one a row.

        Returns:
            (B, C, (1 + J)·D), or (B, 1, D) without queries.
        """
        normed: Tensor = self.norm(states)
        kept = mask[:, :, None]
        mean: Tensor = (normed * kept).sum(1) / kept.sum(1)
        if not self.queries:
            return mean[:, None]
        logits = SHARPNESS * self.key(normed) @ self.query.T  # (B, T, C·J)
        attention = logits.masked_fill(~kept, -math.inf).softmax(dim=1)
        looked = attention.transpose(1, 2) @ normed  # (B, C·J, D)
        looked = looked.unflatten(1, (self.channels, self.queries)).flatten(2)
        return torch.cat([mean[:, None].expand(-1, self.channels, -1), looked], dim=-1)

    def values(self, features: Tensor) -> Tensor:
        """Returns the values, (B, C), from `features`."""
        scale = SHARPNESS / math.sqrt(self.dim)
        return (features * self.weight).sum(-1) * scale + self.bias

    def distribution(self, features: Tensor) -> Tensor:
        """Returns the logits of the K places on each value's scale, (B, C, K), from `features`."""
        shared = torch.tanh(self.shared(features)).expand(-1, self.channels, -1)
        return torch.einsum("bcw,ckw->bck", shared, self.bin_weight) + self.bin_bias
