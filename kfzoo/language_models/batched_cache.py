"""Rows of tokens that go through a causal language model together, each at its own place.

The rows share one key-value cache. A row that took less from a pass than another leaves a hole in its part of the
cache, which a mask hides; what no row took is cropped. Positions are counted by each row for itself, so that every
row sees what it would see alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.attention import fast_attention

_WORTH = 16  # Tokens that prompts must share for a pass of their own.


@contextmanager
def answering(model: Any) -> Iterator[None]:
    """Turns dropout and gradients off, and leaves the model as it was."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


class Lockstep:
    """A batch of rows in a model's cache, empty at first.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
        rows: Number of rows.

    Attributes:
        device: Where the model is.
        passes: How often the model ran.

    Raises:
        InputError: For a model that does not attend to everything before a token: holes would count in its window.
    """

    def __init__(self, model: Any, rows: int) -> None:
        # The import costs seconds.
        from transformers import DynamicCache
        from transformers.cache_utils import DynamicLayer

        from kfzoo.language_models.cache_layer import RoomyLayer

        self._model = model
        self._cache = DynamicCache(config=model.config)
        if any(type(layer) is not DynamicLayer for layer in self._cache.layers):
            problem = "has layers that do not attend to the whole text (sliding window, or recurrent)"
            raise InputError(f"model '{model.config.model_type}'", problem, "decode freely instead (decoding: free)")
        self._cache.layers = [RoomyLayer() for _ in self._cache.layers]
        self.device: torch.device = next(model.parameters()).device
        self.passes = 0
        self._filled = torch.zeros((rows, 0), dtype=torch.bool, device=self.device)
        self._fed = 0

    def feed(self, inputs: Sequence[Sequence[int]], columns: Sequence[int]) -> Tensor:
        """Sends tokens through the model behind those that the cache holds; `keep` must follow.

        Args:
            inputs: New tokens of each row, at least one.
            columns: Places in the new tokens after which logits are wanted, the same for all rows.

        Returns:
            Logits, (rows, columns, vocabulary); those after a place that a row does not have mean nothing.
        """
        width = max(map(len, inputs))
        ids = torch.tensor([[*row, *[row[-1]] * (width - len(row))] for row in inputs], device=self.device)
        counts = torch.tensor([len(row) for row in inputs], device=self.device)
        places = torch.arange(width, device=self.device)
        with fast_attention(self._model, self.device):
            logits: Tensor = self._model(
                input_ids=ids,
                attention_mask=torch.cat((self._filled, places < counts[:, None]), dim=1),
                position_ids=self._filled.sum(1, keepdim=True) + places,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=torch.tensor(columns, device=self.device),
            ).logits
        self.passes += 1
        self._fed = width
        return logits

    def keep(self, counts: Sequence[int]) -> None:
        """Keeps each row's first so many tokens of the last `feed`; the others are as if never fed."""
        most = max(counts)
        self._cache.crop(most - self._fed)
        kept = torch.arange(most, device=self.device) < torch.tensor(counts, device=self.device)[:, None]
        self._filled = torch.cat((self._filled, kept), dim=1)

    def select(self, rows: Sequence[int]) -> None:
        """Goes on with these rows, any of them repeated or left out."""
        chosen = torch.tensor(rows, device=self.device)
        self._cache.batch_select_indices(chosen)
        self._filled = self._filled[chosen]

    def fork(self) -> Lockstep:
        """Returns rows that start from these and leave them as they are; the model's runs are counted anew."""
        other = copy(self)
        other._cache = copy(self._cache)
        other._cache.layers = [copy(layer) for layer in self._cache.layers]
        other.passes = 0
        return other


@dataclass(frozen=True, eq=False)
class Prefix:
    """A beginning that many prompts share, such as the system prompt, as the model remembers it.

    It holds as long as the model's weights do.

    Attributes:
        ids: Its tokens.
        lockstep: One row that holds them.
    """

    ids: tuple[int, ...]
    lockstep: Lockstep

    @classmethod
    def of(cls, model: Any, ids: Sequence[int]) -> Prefix:
        """Sends tokens through the model once for all.

        Args:
            model: As in `Lockstep`.
            ids: At least one token.
        """
        with answering(model):
            lockstep = Lockstep(model, 1)
            _read(lockstep, [ids])
        return cls(tuple(ids), lockstep)


def behind_prompts(
    model: Any, prompts: Sequence[Sequence[int]], prefix: Prefix | None
) -> tuple[Lockstep, list[list[int]]]:
    """Sends what prompts share through the model, each piece once.

    Prompts are a system prompt, a script and an instruction: so first what all share, then what some share.

    Args:
        model: As in `Lockstep`.
        prompts: Tokens, at least one each.
        prefix: What all of them begin with, if the model has read it already.

    Returns:
        A row for each prompt, and the rest of each prompt, at least one token, that is still to be fed.

    Raises:
        ValueError: When a prompt does not begin with the prefix, or ends with it.
    """
    lockstep, start = (Lockstep(model, 1), 0) if prefix is None else (prefix.lockstep.fork(), len(prefix.ids))
    if prefix is not None and any(tuple(prompt[:start]) != prefix.ids or len(prompt) == start for prompt in prompts):
        raise ValueError("a prompt does not begin with the prefix, or ends with it")
    rests = [list(prompt[start:]) for prompt in prompts]

    shared = _shared(rests)
    if len(rests) > 1 and shared >= _WORTH:
        _read(lockstep, [rests[0][:shared]])
        rests = [rest[shared:] for rest in rests]

    beginnings = [tuple(rest[:_WORTH]) for rest in rests]
    groups = {beginning: number for number, beginning in enumerate(dict.fromkeys(beginnings))}
    members = [groups[beginning] for beginning in beginnings]
    counts = [
        _shared([rest for rest, group in zip(rests, members, strict=True) if group == own]) for own in groups.values()
    ]
    if len(groups) < len(rests) and min(counts) > 0:
        lockstep.select([0] * len(groups))
        _read(lockstep, [rests[members.index(group)][:count] for group, count in enumerate(counts)])
        rests = [rest[counts[group] :] for rest, group in zip(rests, members, strict=True)]
        lockstep.select(members)
    else:
        lockstep.select([0] * len(rests))
    return lockstep, rests


def _read(lockstep: Lockstep, inputs: Sequence[Sequence[int]]) -> None:
    lockstep.feed(inputs, [0])
    lockstep.keep([len(row) for row in inputs])


def _shared(rows: Sequence[list[int]]) -> int:
    """Returns how many tokens all rows begin with, leaving at least one of each."""
    least, most = min(rows), max(rows)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False)))
    return min(shared, *(len(row) - 1 for row in rows))
