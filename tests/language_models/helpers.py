"""What several tests of language models share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import language_config
from kfzoo.language_models.prefix_tree import Tree

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from kfzoo.training.module import ZooModule


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads JSON Lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def write_lines(path: Path, *values: Mapping[str, Any]) -> Path:
    """Writes JSON Lines and returns their path."""
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in values), "utf-8", newline="\n")
    return path


def save_checkpoint(model: ZooModule, path: Path) -> Path:
    """Writes a checkpoint without a trainer, and returns its path."""
    checkpoint: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


def meta_language_model(specification: str) -> PreTrainedModel:
    """Builds a language model, also one with a vision tower, without memory for its weights (torch's meta device)."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    config = language_config(specification)
    kind: Any = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        model: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
    return model


def tiny_llama(vocabulary: int) -> Any:
    """Builds a Llama of three layers and random weights, in training mode."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 3}
    sizes |= {"num_attention_heads": 3, "num_key_value_heads": 1, "initializer_range": 0.2}
    model: nn.Module = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, **sizes))
    return model.train()


def sliding_mistral(vocabulary: int) -> Any:
    """Builds a Mistral, whose layers attend to a window of the text only."""
    sizes: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "sliding_window": 4}
    sizes |= {"num_attention_heads": 1, "num_key_value_heads": 1}
    return MistralForCausalLM(MistralConfig(vocab_size=vocabulary, **sizes))


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
