"""What a language model's passes cost: weights read and arithmetic done, and how fast the machine is at either."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from kfzoo.language_models.labels import Example
from kfzoo.language_models.prefix_tree import Tree


class Pass(NamedTuple):
    """One pass of a model, as it is computed: padding and holes are in it.

    Attributes:
        rows: Of the batch.
        width: Tokens fed to each row.
        mask: Places of the cache before it.
        logits: Places, over all rows, whose logits are computed.
    """

    rows: int
    width: int
    mask: int
    logits: int

    @property
    def tokens(self) -> int:
        """Tokens fed."""
        return self.rows * self.width

    @property
    def pairs(self) -> int:
        """How many keys its queries see, over all queries."""
        return self.rows * pairs(self.mask, self.width)


class Work(NamedTuple):
    """What has to be computed for some texts, whatever the passes.

    Attributes:
        tokens: That go through the blocks.
        pairs: How many keys their queries see, over all queries.
        logits: Places whose logits are needed.
    """

    tokens: int
    pairs: int
    logits: int


class Machine(NamedTuple):
    """The most that was seen of this machine, with as many threads as torch uses.

    Attributes:
        flops: Floating-point operations a second, in the product of two large matrices.
        bandwidth: Bytes a second, in the product of a large matrix and a vector.
    """

    flops: float
    bandwidth: float


@dataclass(frozen=True)
class Sizes:
    """What a model's cost depends on.

    Attributes:
        blocks: Numbers in the linear layers of its blocks.
        adapter: Numbers in LoRA's layers beside them.
        head: Numbers in the output head.
        attention: Layers times heads times a head's size.
        cached: Numbers that the cache holds for a token.
        width: Bytes of a number.
    """

    blocks: int
    adapter: int
    head: int
    attention: int
    cached: int
    width: int

    @classmethod
    def of(cls, model: Any) -> Sizes:
        """Counts a causal language model of transformers, or PEFT's wrapper of one."""
        head = model.get_output_embeddings().weight
        linear = {
            name: each.weight.numel()
            for name, each in model.named_modules()
            if isinstance(each, nn.Linear) and each.weight is not head
        }
        adapter = sum(count for name, count in linear.items() if "lora_" in name)
        config = model.config
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return cls(
            blocks=sum(linear.values()) - adapter,
            adapter=adapter,
            head=head.numel(),
            attention=config.num_hidden_layers * config.num_attention_heads * size,
            cached=2 * config.num_hidden_layers * config.num_key_value_heads * size,
            width=head.element_size(),
        )

    def forward(self, tokens: int, pairs: int, logits: int) -> float:
        """Returns the floating-point operations of a forward pass; a key's score and its value's share are two each."""
        return 2.0 * ((self.blocks + self.adapter) * tokens + self.head * logits + 2 * self.attention * pairs)

    def training(self, tokens: int, pairs: int, logits: int) -> float:
        """Returns those of a forward and a backward pass: frozen weights get no gradient, only what they read does."""
        frozen = self.blocks * tokens + self.head * logits
        return 2.0 * (2 * frozen + 3 * self.adapter * tokens + 3 * 2 * self.attention * pairs)

    @property
    def weights(self) -> int:
        """Bytes that a pass reads of the weights; the table of embeddings is read as output head alone."""
        return (self.blocks + self.adapter + self.head) * self.width

    def read(self, one: Pass) -> int:
        """Returns the bytes that a pass reads: the weights, and the cache before it."""
        return self.weights + one.rows * one.mask * self.cached * self.width

    def least(self, passes: Sequence[Pass], machine: Machine) -> float:
        """Returns the seconds that passes take at least, each bound by arithmetic or by memory."""
        return sum(
            max(
                self.forward(one.tokens, one.pairs, one.logits) / machine.flops,
                self.read(one) / machine.bandwidth,
            )
            for one in passes
        )


def pairs(mask: int, width: int) -> int:
    """Returns how many keys the queries of `width` tokens behind `mask` others see."""
    return width * mask + width * (width + 1) // 2


def tree_work(examples: Sequence[Example]) -> Work:
    """Counts what a batch needs at least, each shared part once."""
    tree = Tree.of(examples)
    parts = [
        (start, len(tokens)) for level in tree.levels for start, tokens in zip(level.starts, level.tokens, strict=True)
    ]
    tokens = sum(length for _, length in parts)
    return Work(tokens, sum(pairs(*part) for part in parts), sum(len(example.answer) for example in examples))


def separate_work(examples: Sequence[Example]) -> Work:
    """Counts what a batch needs as separate sequences."""
    lengths = [len(example.inputs) for example in examples]
    return Work(sum(lengths), sum(pairs(0, each) for each in lengths), sum(len(each.answer) for each in examples))


@contextmanager
def counted(model: Any) -> Iterator[list[Pass]]:
    """Yields a list to which every pass of a model is added, whoever asks for it.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
    """
    found: list[Pass] = []

    def note(_: nn.Module, __: tuple[Any, ...], given: dict[str, Any]) -> None:
        rows, width = given["input_ids"].shape
        cache, keep = given.get("past_key_values"), given.get("logits_to_keep", 0)
        kept = (keep or width) if isinstance(keep, int) else len(keep)
        found.append(Pass(rows, width, 0 if cache is None else cache.get_seq_length(), rows * kept))

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    handle = inner.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield found
    finally:
        handle.remove()


def machine(precision: str = "float32", device: str = "cpu", size: int = 2048, runs: int = 7) -> Machine:
    """Measures this machine.

    Args:
        precision: Name of torch's type.
        device: Where.
        size: Of the matrices that are multiplied; the one that is read has 16 times as many numbers.
        runs: Of either; the fastest counts.
    """
    dtype = getattr(torch, precision)
    left, right = torch.randn(2, size, size, device=device).to(dtype)
    large, vector = (torch.randn(*shape, device=device).to(dtype) for shape in ((4 * size, 4 * size), (4 * size,)))
    product = min(_seconds(left, right) for _ in range(runs))
    reading = min(_seconds(large, vector) for _ in range(runs))
    return Machine(2 * size**3 / product, large.numel() * large.element_size() / reading)


def now() -> float:
    """Returns the time, in seconds, when a graphics card, if there is one, has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _seconds(left: torch.Tensor, right: torch.Tensor) -> float:
    start = now()
    torch.matmul(left, right)
    return now() - start
