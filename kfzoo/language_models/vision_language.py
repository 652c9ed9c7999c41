"""Vision-language models of the Qwen3-VL kind: a vision tower, a merger, and a causal language decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kfzoo.errors import InputError
from kfzoo.language_models.loading import LORA_LAYERS, load_pretrained

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DECODER_LAYERS = rf"(.*\.)?language_model\.layers\.\d+\.\w+\.({'|'.join(LORA_LAYERS)})"
"""Full names of the language decoder's linear layers, as PEFT matches them.

SemanticFace tunes the decoder alone: neither the vision tower, nor the merger, nor the output head. PEFT's own
"all-linear" would adapt the tower, too.
"""

MODEL_TYPE = "qwen3_vl"


def load_vision_language_model(
    specification: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a vision-language model, in evaluation mode on the CPU, and its tokenizer.

    Args:
        specification: `huggingface:<name or folder>` of a Qwen3-VL.
        dtype: Of the weights, whatever it was when they were saved.

    Raises:
        InputError: For a model of another kind, and as `kfzoo.language_models.loading.load_language_model`.
    """
    from transformers import AutoModelForImageTextToText

    from kfzoo.language_models.loading import language_config

    found = language_config(specification).model_type
    if found != MODEL_TYPE:
        raise InputError(
            f"vision-language model '{specification}'",
            f"is a {found}, expected a {MODEL_TYPE}",
            "choose a Qwen3-VL, such as huggingface:Qwen/Qwen3-VL-4B-Instruct",
        )
    return load_pretrained(AutoModelForImageTextToText, specification, dtype)


def tower_of(model: Any) -> Any:
    """Returns the vision tower, its merger included, of a Qwen3-VL or of PEFT's wrapper of one."""
    return inner(model).model.visual


def inner(model: Any) -> Any:
    """Returns the model under PEFT's wrapper, or the model itself; its adapted layers stay in place."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
