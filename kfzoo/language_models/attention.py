"""Attention by matrix products, which is faster on a CPU than torch's fused attention.

torch's fused attention for CPUs reaches a third of the throughput of its matrix products, and with a long prompt
attention is half of the work. The fused kernel saves the memory of the attention weights, which is small for one answer
at a time. On a GPU nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

_NAME = "matrix_products"


@contextmanager
def fast_attention(model: Any, device: torch.device) -> Iterator[None]:
    """Lets a model of transformers, or its PEFT wrapper, use `matrix_attention` where it is on a CPU."""
    config = model.config
    before = config._attn_implementation
    if device.type != "cpu" or before != "sdpa":
        yield
        return
    AttentionInterface.register(_NAME, matrix_attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = before


def matrix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """Computes `scaled_dot_product_attention`; each key is read once for all query heads that share it.

    Args:
        module: The attention layer; ignored.
        query: (B, H, N, D).
        key: (B, G, M, D); H is a multiple of G.
        value: (B, G, M, D).
        attention_mask: Bool, (B or 1, 1, N, M), the keys of each query; None: the keys up to its own place.
        scaling: Factor of the scores; by default 1 / sqrt(D).
        dropout: Dropout of the attention weights.

    Returns:
        (B, N, H, D), and None for the attention weights.
    """
    rows, heads, queries, width = query.shape
    groups, keys = key.shape[1:3]
    if attention_mask is None:
        places = torch.ones(queries, keys, dtype=torch.bool, device=query.device)
        attention_mask = places.tril(keys - queries)[None, None]
    scores = (query * (width**-0.5 if scaling is None else scaling)).reshape(rows, groups, -1, width) @ key.mT
    # Added, since a fill costs a copy of all scores in the backward pass.
    masked = scores.new_zeros(attention_mask.shape).masked_fill_(~attention_mask, -1e9)
    scores = scores.view(rows, groups, heads // groups, queries, keys).add_(masked[:, :, None])
    weights = torch.dropout(scores.softmax(-1), dropout, dropout > 0)
    found = weights.view(rows, groups, -1, keys) @ value
    return found.view(rows, heads, queries, width).transpose(1, 2), None
