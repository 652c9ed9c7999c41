"""A distribution over a channel's values: places on its scale, targets between two of them, the most likely value."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from kfzoo.arkit.channels import LOWER, UPPER


def places(count: int) -> Tensor:
    """Returns `count` evenly spaced values from each channel's lowest to its highest, (61, count)."""
    steps = torch.linspace(0, 1, count)
    lower, upper = torch.from_numpy(LOWER.copy()), torch.from_numpy(UPPER.copy())
    return lower[:, None] + (upper - lower)[:, None] * steps


def two_hot(values: Tensor, scale: Tensor) -> Tensor:
    """Shares each value between the two places next to it, so that its mean is the value.

    Args:
        values: (B, C); outside the scale it counts as its end.
        scale: Evenly spaced places, (C, K).

    Returns:
        (B, C, K), rows of sum 1.
    """
    step = scale[:, 1] - scale[:, 0]
    position = ((values - scale[:, 0]) / step).clamp(0, scale.shape[1] - 1)[..., None]
    return (1 - (torch.arange(scale.shape[1], device=values.device) - position).abs()).clamp_min(0)


def ordinal_cross_entropy(logits: Tensor, values: Tensor, scale: Tensor) -> Tensor:
    """Returns the cross entropy with two-hot targets, a mean over B and C.

    Args:
        logits: (B, C, K).
        values: (B, C).
        scale: (C, K).
    """
    return cross_entropy(logits.flatten(0, 1), two_hot(values, scale).flatten(0, 1))


def most_likely(logits: Tensor, scale: Tensor) -> Tensor:
    """Returns the most likely value, (B, C): the mean of the best place and its two neighbours, by their probabilities.

    Args:
        logits: (B, C, K).
        scale: (C, K).
    """
    best = logits.argmax(-1, keepdim=True)
    far = (torch.arange(logits.shape[-1], device=logits.device) - best).abs() > 1
    return (logits.masked_fill(far, -torch.inf).softmax(-1) * scale).sum(-1)
