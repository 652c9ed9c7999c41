"""A key-value cache for rows that are decoded together, although each keeps another number of tokens of a pass.

A row that keeps fewer tokens than another leaves a gap in its part of the cache, which is masked; what no row keeps is
cropped. Position ids are counted per row, so that every row gets the logits that it would get alone.
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
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from kfzoo.errors import InputError
from kfzoo.language_models.attention import fast_attention

_MIN_SHARED = 16  # Tokens that prompts must share to get a pass of their own.
_AHEAD = 256  # Tokens that a layer of the cache allocates ahead.


@contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Turns dropout and gradients off, and restores the model's mode at the end."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


class BatchedCache:
    """The cache of a batch of rows, empty at first.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
        rows: Number of rows.

    Attributes:
        device: The model's device.
        passes: Number of forward passes.

    Raises:
        InputError: For a model without full attention: gaps would count in its window.
    """

    def __init__(self, model: Any, rows: int) -> None:
        self._model = model
        self._cache = DynamicCache(config=model.config)
        if any(type(layer) is not DynamicLayer for layer in self._cache.layers):
            problem = "has layers that do not attend to the whole text (sliding window, or recurrent)"
            raise InputError(f"model '{model.config.model_type}'", problem, "decode freely instead (decoding: free)")
        self._cache.layers = [_PreallocatedLayer() for _ in self._cache.layers]
        self.device: torch.device = next(model.parameters()).device
        self.passes = 0
        self._filled = torch.zeros((rows, 0), dtype=torch.bool, device=self.device)
        self._fed = 0

    def feed(self, inputs: Sequence[Sequence[int]], columns: Sequence[int]) -> Tensor:
        """Runs the model on tokens that follow the cached ones; `keep` must be called next.

        Args:
            inputs: New tokens of each row, at least one.
            columns: Places in the new tokens whose logits are wanted, the same for all rows.

        Returns:
            Logits, (rows, columns, vocabulary); undefined at a place that a row does not have.
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
        """Keeps this many of each row's tokens of the last `feed`, and removes the others."""
        most = max(counts)
        self._cache.crop(most - self._fed)
        kept = torch.arange(most, device=self.device) < torch.tensor(counts, device=self.device)[:, None]
        self._filled = torch.cat((self._filled, kept), dim=1)

    def select(self, rows: Sequence[int]) -> None:
        """Selects rows; any may be repeated or left out."""
        chosen = torch.tensor(rows, device=self.device)
        self._cache.batch_select_indices(chosen)
        self._filled = self._filled[chosen]

    def fork(self) -> BatchedCache:
        """Returns a copy that shares the tensors and counts its passes from 0."""
        other = copy(self)
        other._cache = copy(self._cache)
        other._cache.layers = [copy(layer) for layer in self._cache.layers]
        other.passes = 0
        return other


@dataclass(frozen=True, eq=False)
class CachedPrefix:
    """The cache of a prefix that many prompts share, such as the system prompt; valid until the weights change.

    Attributes:
        ids: Its tokens.
        cache: One row that holds them.
    """

    ids: tuple[int, ...]
    cache: BatchedCache

    @classmethod
    def of(cls, model: Any, ids: Sequence[int]) -> CachedPrefix:
        """Runs the model on at least one token."""
        with evaluation_mode(model):
            cache = BatchedCache(model, 1)
            _read(cache, [ids])
        return cls(tuple(ids), cache)


def prefill(
    model: Any, prompts: Sequence[Sequence[int]], prefix: CachedPrefix | None
) -> tuple[BatchedCache, list[list[int]]]:
    """Runs the model once on each prefix that prompts share.

    A prompt is a system prompt, a script and an instruction: first what all share is read, then what some share.

    Args:
        model: As in `BatchedCache`.
        prompts: Tokens, at least one each.
        prefix: The cache of a prefix of all prompts, where there is one.

    Returns:
        The cache, with a row for each prompt, and the rest of each prompt, at least one token.

    Raises:
        ValueError: When a prompt does not begin with the prefix, or ends with it.
    """
    cache, start = (BatchedCache(model, 1), 0) if prefix is None else (prefix.cache.fork(), len(prefix.ids))
    if prefix is not None and any(tuple(prompt[:start]) != prefix.ids or len(prompt) == start for prompt in prompts):
        raise ValueError("a prompt does not begin with the prefix, or ends with it")
    rests = [list(prompt[start:]) for prompt in prompts]

    shared = _shared(rests)
    if len(rests) > 1 and shared >= _MIN_SHARED:
        _read(cache, [rests[0][:shared]])
        rests = [rest[shared:] for rest in rests]

    beginnings = [tuple(rest[:_MIN_SHARED]) for rest in rests]
    groups = {beginning: number for number, beginning in enumerate(dict.fromkeys(beginnings))}
    members = [groups[beginning] for beginning in beginnings]
    counts = [
        _shared([rest for rest, group in zip(rests, members, strict=True) if group == own]) for own in groups.values()
    ]
    if len(groups) < len(rests) and min(counts) > 0:
        cache.select([0] * len(groups))
        _read(cache, [rests[members.index(group)][:count] for group, count in enumerate(counts)])
        rests = [rest[counts[group] :] for rest, group in zip(rests, members, strict=True)]
        cache.select(members)
    else:
        cache.select([0] * len(rests))
    return cache, rests


def _read(cache: BatchedCache, inputs: Sequence[Sequence[int]]) -> None:
    cache.feed(inputs, [0])
    cache.keep([len(row) for row in inputs])


def _shared(rows: Sequence[list[int]]) -> int:
    """Returns the length of the common prefix of all rows, which leaves at least one token of each."""
    least, most = min(rows), max(rows)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False)))
    return min(shared, *(len(row) - 1 for row in rows))


class _PreallocatedLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers' __init_subclass__
    """A layer of `DynamicCache` that copies its content only when its allocated memory is full."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._memory: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Appends keys and values, (rows, heads, tokens, width), and returns all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        total = held + key_states.shape[-2]
        if self._memory is None or self._memory[0].shape[-2] < total:
            self._memory = _copied(self.keys, key_states, total), _copied(self.values, value_states, total)
        keys, values = self._memory
        keys[:, :, held:total], values[:, :, held:total] = key_states, value_states
        self.keys, self.values = keys[:, :, :total], values[:, :, :total]
        return self.keys, self.values

    def __copy__(self) -> _PreallocatedLayer:
        """Returns a layer with the same content and memory of its own from the next update on."""
        other = _PreallocatedLayer()
        other.__dict__.update(self.__dict__)
        other._memory = None
        return other

    def batch_select_indices(self, indices: Tensor) -> None:
        """Selects rows; any may be repeated."""
        super().batch_select_indices(indices)
        self._memory = None


def _copied(held: Tensor | None, new: Tensor, total: int) -> Tensor:
    memory = new.new_empty((*new.shape[:2], total + _AHEAD, new.shape[3]))
    if held is not None and held.numel():
        memory[:, :, : held.shape[2]] = held
    return memory
