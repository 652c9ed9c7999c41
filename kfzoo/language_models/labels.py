"""What a language model learns of a text: the answer's tokens are labels, the prompt's are not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Example:
    """A training sequence.

    Attributes:
        prefix: The prompt in parts, such as system, script, instruction; examples share equal leading parts.
        answer: The labels: what the model learns to write, its end token included.

    Raises:
        ValueError: When the prompt or the answer holds no token.
    """

    prefix: tuple[Tokens, ...]
    answer: Tokens

    def __post_init__(self) -> None:
        if not any(self.prefix) or not self.answer:
            raise ValueError("expected an example with at least one token of prompt and one of answer")

    @property
    def inputs(self) -> Tokens:
        """What the model reads: prompt and answer, without the last token, which predicts nothing."""
        return (*chain.from_iterable(self.prefix), *self.answer[:-1])


def label_mask(lengths: Tensor, labels: Tensor, width: int) -> Tensor:
    """Returns which inputs predict a label: the last ones of each row, from the prompt's last token on.

    Args:
        lengths: (B,) tokens of each row, without padding, which is on the right.
        labels: (B,) labels of each row.
        width: N, tokens of a row with padding.

    Returns:
        (B, N) bool.
    """
    places = torch.arange(width, device=lengths.device)
    return (places < lengths[:, None]) & (places >= (lengths - labels)[:, None])
