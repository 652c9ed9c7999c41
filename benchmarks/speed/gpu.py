"""The language model on a graphics card: decoding and training at Qwen3-4B's size, random weights, bfloat16."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from benchmarks.page import prose
from benchmarks.speed.llm_decoding import decoding, samples_of
from benchmarks.speed.llm_training import training
from kfzoo.language_models.loading import language_config, load_tokenizer
from kfzoo.models import LLMGenerator

TITLE = "The language model on a graphics card"
NONE = "This machine has no GPU: nothing was measured. On a machine with one, the same command writes this page."


def measure(
    architecture: str = "Qwen/Qwen3-4B-Instruct-2507",
    tokenizer: str = "smollm2",
    scripts: int = 4,
    rounds: int = 3,
    size: int = 2,
    limit: int = 320,
    device: str = "cuda",
    precision: Literal["float32", "bfloat16"] = "bfloat16",
) -> str:
    """Decodes and trains in all ways and returns the tables.

    Args:
        architecture: Of the language model: a name in `kfzoo.language_models.loading.KNOWN_SIZES`, or the specification
            of a model, of which only the sizes are read.
        tokenizer: Specification of the language model whose tokenizer writes the texts.
        scripts: Built-in scripts of three keyframes, in a step and to be answered.
        rounds: That count; one more is not counted.
        size: Sequences that go through the model at a time where prompts are not shared.
        limit: Tokens that `generate` writes: random weights end no answer, so about as many as an answer has.
        device: Where.
        precision: Of the frozen weights.
    """
    if device == "cuda" and not torch.cuda.is_available():
        return NONE
    with TemporaryDirectory() as folder:
        write_random_model(folder, architecture, tokenizer, device)
        torch.manual_seed(0)
        model = LLMGenerator(f"huggingface:{folder}", dropout=0.0, precision=precision).to(device)
    parts = [
        prose(
            f"""Architecture of `{architecture}` with random weights, {precision}, texts in the tokens of `{tokenizer}`.
            Random weights choose values at random, which is harder to draft than a face."""
        ),
        "## Decoding",
        decoding(model.eval(), samples_of("test", scripts), rounds, limit),
        "## Training",
        training(model, samples_of("train", scripts), rounds, size),
    ]
    if device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
        parts += [f"{torch.cuda.get_device_name()}: {peak:.1f} GiB of its memory were used at most."]
    return "\n\n".join(parts)


def write_random_model(folder: str | Path, architecture: str, tokenizer: str, device: str) -> None:
    """Writes a language model with random weights, in bfloat16, and a tokenizer to a folder."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with torch.device(device):
        model: Any = AutoModelForCausalLM.from_config(language_config(architecture), dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    load_tokenizer(tokenizer).save_pretrained(folder)
