"""What several tests of language models share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import language_config
from kfzoo.language_models.prefix_tree import Tree

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def meta_language_model(specification: str) -> PreTrainedModel:
    """Builds a language model, also one with a vision tower, without memory for its weights (torch's meta device)."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    config = language_config(specification)
    kind: Any = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        model: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
    return model


def token_counts(examples: Sequence[Example]) -> tuple[int, int]:
    """Counts a batch's tokens, without padding, as a tree and as separate sequences."""
    tree = sum(len(tokens) for level in Tree.of(examples).levels for tokens in level.tokens)
    return tree, sum(len(example.inputs) for example in examples)


def chat_tokenizer(template: str | None, merges: Sequence[tuple[str, str]] = (), change: Any = None) -> Any:
    """Builds a tokenizer of letters and the given merges, which may span spaces."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = [*map(chr, range(32, 127)), "\n", "▁", *map("".join, merges), "<|im_end|>"]
    backend = Tokenizer(models.BPE(vocab={each: number for number, each in enumerate(letters)}, merges=list(merges)))
    if change:
        change(backend)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, eos_token="<|im_end|>", chat_template=template
    )
