"""LoRA on a language model, as KeyframeFace and SemanticFace set it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel

LORA_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a decoder block of the Llama kind; not the output head."""


def lora_config(
    r: int = 8, alpha: int = 32, dropout: float = 0.05, layers: str | Sequence[str] = LORA_LAYERS
) -> LoraConfig:
    """Returns PEFT's settings of low-rank adaptation (KeyframeFace, section 5.2): all linear layers, no bias.

    Args:
        r: Rank.
        alpha: The update is scaled by alpha / r.
        dropout: Dropout of the adapter's input, in training.
        layers: The last parts of the layers' names, or one regular expression for their whole names.
    """
    from peft import LoraConfig, TaskType

    targets = layers if isinstance(layers, str) else list(layers)
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM, r=r, lora_alpha=alpha, lora_dropout=dropout, bias="none", target_modules=targets
    )


def config_of(settings: Mapping[str, Any], layers: str | Sequence[str] = LORA_LAYERS) -> LoraConfig:
    """Returns PEFT's settings for a model's hyper-parameters `rank`, `alpha` and `dropout`."""
    return lora_config(settings["rank"], settings["alpha"], settings["dropout"], layers)


def add_lora(model: PreTrainedModel, config: LoraConfig | None = None) -> PeftModel:
    """Adds trainable low-rank updates to a model's linear layers, in place, and freezes everything else.

    The updates are float32 also where the weights are bfloat16.

    Args:
        model: A causal language model.
        config: By default `lora_config()`.

    Raises:
        InputError: For a model that lacks one of `LORA_LAYERS`: only a part of it would be tuned.
    """
    from peft import get_peft_model

    found = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    lacking = [name for name in LORA_LAYERS if name not in found]
    if lacking:
        problem = f"a {type(model).__name__} has no layers named {', '.join(lacking)}"
        raise InputError(f"language model '{model.name_or_path}'", problem, "choose a model of the Llama or Qwen kind")
    tuned: PeftModel = get_peft_model(model, config or lora_config())
    return tuned


def set_trainable(model: Any, tune: bool, gradient_checkpointing: bool) -> None:
    """Puts a model into training mode or freezes it.

    Args:
        model: A model of transformers, or PEFT's wrapper of one.
        tune: Whether it is trained.
        gradient_checkpointing: Whether activations are computed twice to save memory.
    """
    model.train(tune)
    if not tune:
        model.requires_grad_(False)
    elif gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable()


def is_base_weight(name: str) -> bool:
    """Returns whether a module's weight, by its name, belongs to `model` but not to its adapter."""
    return name.startswith("model.") and "lora_" not in name


def adapt_encoder(encoder: nn.Module, rank: int, alpha: int) -> None:
    """Adds trainable low-rank updates to all linear layers of a frozen encoder, in place.

    Args:
        encoder: Any module; its own weights are left as they are.
        rank: Rank of the updates.
        alpha: They are scaled by alpha / rank.
    """
    from peft import LoraConfig, inject_adapter_in_model
    from torch import nn

    inner = tuple(name for name, each in encoder.named_modules() if isinstance(each, nn.MultiheadAttention))
    layers = [
        name
        for name, each in encoder.named_modules()
        # torch's own attention reads the weight of its output layer without calling the layer
        if isinstance(each, nn.Linear) and not name.startswith(inner)
    ]
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=layers, bias="none")
    inject_adapter_in_model(config, encoder)
