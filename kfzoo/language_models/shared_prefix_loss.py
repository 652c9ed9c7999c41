"""The training loss of a causal language model that forwards shared prefixes once.

The keyframes of a batch share prompt prefixes: all share the system prompt, and those of a script share the script. As
separate sequences these are forwarded again for each keyframe. Here they form a tree. Each node is forwarded once, into
a key-value cache that its children continue. The gradient flows back through the cache, so loss and gradients are those
of separate sequences.

The tree goes through the model level by level, each level as one padded batch. The last level holds most of the
answers. It may be cut into blocks: each is forwarded and at once differentiated back to the cache, so that only one
block's activations are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from kfzoo.errors import InputError
from kfzoo.language_models.attention import fast_attention
from kfzoo.language_models.labels import Example, label_mask
from kfzoo.language_models.prefix_tree import Level, Tree


def tree_loss(model: nn.Module, examples: Sequence[Example], pad_id: int, rows: int | None = None) -> Tensor:
    """Computes the loss of a batch, shared prefixes forwarded once.

    Equals `plain_loss` up to rounding, except under dropout (such as LoRA's): a shared prefix draws one dropout mask
    for all its examples, separate sequences draw one each.

    The last level's part of the gradients is computed in the forward pass, before the loss is scaled: train in bfloat16
    or float32, not in float16 with a loss scaler.

    Args:
        model: A causal language model of transformers, or its PEFT wrapper, with full attention in all layers.
        examples: At least one.
        pad_id: Token that fills up rows; it is masked.
        rows: How many nodes of the last level are in memory at a time; None for all. Fewer take less memory and no more
            arithmetic.

    Returns:
        Scalar float32, with gradient: the cross entropy, mean over all answer tokens of the batch.

    Raises:
        InputError: When the model is trained with gradient checkpointing, or has layers without full attention.
    """
    _check_cache(model)
    *levels, last = Tree.of(examples).levels
    past = _Forwarded.empty(model)
    total = torch.zeros((), device=past.mask.device)
    with fast_attention(model, past.mask.device):
        for level in levels:
            loss, past = _forward(model, level, pad_id, past)
            total = total + loss
        total = total + _last_loss(model, last.blocks(rows or len(last.tokens)), pad_id, past)
    return total / _answer_tokens(examples)


def plain_loss(model: nn.Module, examples: Sequence[Example], pad_id: int) -> Tensor:
    """Computes the loss of a batch as separate sequences, padded on the right.

    For gradient checkpointing, for layers with another cache, and as the reference of `tree_loss`.

    Args:
        model: A causal language model of transformers, or its PEFT wrapper.
        examples: At least one.
        pad_id: Token that fills up rows; it is masked.

    Returns:
        Scalar float32, with gradient: the cross entropy, mean over all answer tokens of the batch.
    """
    rows = tuple(example.inputs for example in examples)
    once, none = (1,) * len(rows), (0,) * len(rows)
    level = Level(rows, tuple(example.answer for example in examples), counts=once, parents=none, starts=none)
    loss, _ = _forward(model, level, pad_id, None)
    return loss / _answer_tokens(examples)


@dataclass(frozen=True)
class _Forwarded:
    """What has been forwarded: B rows of P places.

    Attributes:
        mask: (B, P) bool, the places that hold a token; the others are padding between a node and its child.
        states: Keys and values, layer by layer, each (B, heads, P, size); empty before the first level.
    """

    mask: Tensor
    states: tuple[Tensor, ...]

    @classmethod
    def empty(cls, model: nn.Module) -> _Forwarded:
        return cls(torch.ones(1, 0, dtype=torch.bool, device=_device_of(model)), ())

    def select(self, rows: Tensor) -> _Forwarded:
        return _Forwarded(_rows_of(self.mask, rows), tuple(_rows_of(each, rows) for each in self.states))


def _rows_of(states: Tensor, rows: Tensor) -> Tensor:
    # A single row is not copied; `index_select` has a much faster backward than indexing by a tensor.
    return states.expand(len(rows), *states.shape[1:]) if len(states) == 1 else states.index_select(0, rows)


def _device_of(model: nn.Module) -> torch.device:
    return next(model.parameters()).device


def _answer_tokens(examples: Sequence[Example]) -> int:
    return sum(len(example.answer) for example in examples)


def _check_cache(model: nn.Module) -> None:
    # A checkpointed layer drops its cache with only a warning: the answers would have no prompt.
    if model.training and any(getattr(each, "gradient_checkpointing", False) for each in model.modules()):
        problem = "is on, and would drop the shared prompt; expected off"
        raise InputError("gradient_checkpointing", problem, "turn it off, or train on separate sequences")
    config: Any = model.config
    # A window counts places of the cache, padding included; other kinds of state cannot be shared by branches.
    if any(type(layer) is not DynamicLayer for layer in DynamicCache(config=config).layers):
        problem = "has layers that do not keep their whole past; expected full attention"
        raise InputError(f"model of type {config.model_type}", problem, "train on separate sequences")


def _forward(model: nn.Module, level: Level, pad_id: int, past: _Forwarded | None) -> tuple[Tensor, _Forwarded]:
    """Forwards a level as one batch, padded on the right, after the level above (None: without a cache).

    Returns:
        The answers' cross entropy, summed over tokens and examples, and what has been forwarded so far.
    """
    device = _device_of(model)
    lengths = torch.tensor([len(part) for part in level.tokens], device=device)
    width = max(len(part) for part in level.tokens)
    ids = torch.tensor([part + (pad_id,) * (width - len(part)) for part in level.tokens], device=device)
    places = torch.arange(width, device=device)
    mask = places < lengths[:, None]
    labels = torch.tensor([len(answer) for answer in level.answers], device=device)
    cache = None
    if past is not None:
        above = past.select(torch.tensor(level.parents, device=device))
        mask = torch.cat([above.mask, mask], dim=1)
        cache = DynamicCache(zip(above.states[::2], above.states[1::2], strict=True), config=cast(Any, model.config))
    # All masks are boolean: a float one would be added to the attention scores, integers be read as places.
    logits = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=torch.tensor(level.starts, device=device)[:, None] + places,
        past_key_values=cache,
        use_cache=cache is not None,
        logits_to_keep=label_mask(lengths, labels, width),
    ).logits
    targets = torch.tensor(list(chain.from_iterable(level.answers)), dtype=torch.int64, device=device)
    counts = torch.tensor(level.counts, dtype=torch.float32, device=device).repeat_interleave(labels)
    loss = cross_entropy(logits.float(), targets, reduction="none") @ counts
    states = () if cache is None else tuple(chain.from_iterable(layer[:2] for layer in cache))
    return loss, _Forwarded(mask, states)


def _last_loss(model: nn.Module, blocks: Sequence[Level], pad_id: int, past: _Forwarded) -> Tensor:
    """Sums the answers' cross entropy over blocks of leaves, one block's activations in memory at a time."""
    parameters = tuple(each for each in model.parameters() if each.requires_grad)
    learning = torch.is_grad_enabled() and bool(parameters)
    ends = _Forwarded(past.mask, tuple(each.detach().requires_grad_(learning) for each in past.states))
    inputs = (*ends.states, *parameters)
    gradients = [torch.zeros_like(each) for each in inputs] if learning else []
    total = torch.zeros((), device=past.mask.device)
    for block in blocks:
        loss, _ = _forward(model, block, pad_id, ends)
        total += loss.detach()
        if learning:
            found = torch.autograd.grad(loss, inputs, materialize_grads=True)
            for gradient, more in zip(gradients, found, strict=True):
                gradient += more
    return cast(Tensor, _WithGradients.apply(total, gradients, *past.states, *parameters)) if learning else total


class _WithGradients(torch.autograd.Function):
    """A number whose gradients with respect to the inputs are given."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor], *inputs: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *(each * scale for each in ctx.gradients)
