"""Loading of Qwen3-VL: a vision tower with a merger, and a causal language decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kfzoo.errors import InputError
from kfzoo.language_models.loading import language_config, load_pretrained
from kfzoo.language_models.lora import LORA_LAYERS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DECODER_LAYERS = rf"(.*\.)?language_model\.layers\.\d+\.\w+\.({'|'.join(LORA_LAYERS)})"
"""Full names of the language decoder's linear layers, as PEFT matches them.

SemanticFace tunes neither the vision tower, nor the merger, nor the output head. PEFT's "all-linear" would adapt the
tower, too.
"""


def load_vision_language_model(
    specification: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a vision-language model, in evaluation mode on the CPU, and its tokenizer.

    Args:
        specification: `huggingface:<name or folder>` of a Qwen3-VL.
        dtype: Type of the weights in memory, also where they were saved in another.

    Raises:
        InputError: For a model of another kind, and as `kfzoo.language_models.loading.load_language_model`.
    """
    from transformers import AutoModelForImageTextToText

    found = language_config(specification).model_type
    if found != "qwen3_vl":
        remedy = "choose a Qwen3-VL, such as huggingface:Qwen/Qwen3-VL-4B-Instruct"
        raise InputError(f"vision-language model '{specification}'", f"is a {found}, expected a qwen3_vl", remedy)
    return load_pretrained(AutoModelForImageTextToText, specification, dtype)


def tower_of(model: Any) -> Any:
    """Returns the vision tower, with its merger, of a Qwen3-VL or of PEFT's wrapper of one."""
    return inner(model).model.visual


def check_tower_frozen(model: Any) -> None:
    """Refuses an adapter of the vision tower.

    Raises:
        InputError: When the tower has LoRA layers.
    """
    names = [name for name, _ in tower_of(model).named_modules() if name.endswith("lora_A")]
    if names:
        problem = f"adapts the vision tower, too ({names[0]} and {len(names) - 1} more)"
        raise InputError("model.adapter", problem, "give one of the language decoder only, as SemanticFace's")


def inner(model: Any) -> Any:
    """Returns the model in PEFT's wrapper, with its adapted layers, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
