"""Causal language models and their tokenizers, named in a configuration by a specification.

| specification | model |
|---|---|
| `smollm2` | SmolLM2-135M-Instruct from the cache, where `python -m kfzoo assets get smollm2` puts it: no hub needed |
| `huggingface:<name or folder>` | any causal language model that transformers knows, by its hub name or in a folder |

No code is run that comes with a model. A model of the hub is read from the hub's own cache, and is fetched into it
where there is a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kfzoo.errors import InputError
from kfzoo.files import cache_folder

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

KNOWN_SIZES: dict[str, dict[str, Any]] = {
    "Qwen/Qwen3-4B-Instruct-2507": {
        "model_type": "qwen3",
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen3-14B": {
        "model_type": "qwen3",
        "hidden_size": 5120,
        "intermediate_size": 17408,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "tie_word_embeddings": False,
    },
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": {
        "model_type": "qwen2",
        "hidden_size": 5120,
        "intermediate_size": 13824,
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "Qwen/Qwen3-VL-4B-Instruct": {
        "model_type": "qwen3_vl",
        "text_config": {
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000,
                "mrope_section": [24, 20, 20],
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
        },
        "vision_config": {
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "out_hidden_size": 2560,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        "tie_word_embeddings": True,
    },
}
"""Sizes of the models that the papers tune: enough to count and to measure, not to load weights into.

KeyframeFace prints one count of parameters for both models of 14 B (section 5.2): it is Qwen3-14B's. DeepSeek's, a
Qwen2.5-14B, has 48 narrower blocks and so 34,406,400 of 14,804,440,064 parameters to train.
"""

LORA_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a decoder block of the Llama kind; not the output head."""

_TOKENIZER_FILES = ("*.json", "*.jinja", "*.txt", "*.model")
_MODEL_FILES = (*_TOKENIZER_FILES, "*.safetensors")


def load_language_model(
    specification: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a causal language model, in evaluation mode on the CPU, and its tokenizer.

    Args:
        specification: See the module's table.
        dtype: Of the weights, whatever it was when they were saved.

    Raises:
        InputError: For an unknown specification, and a model that is not there, not whole or cannot be read.
    """
    from transformers import AutoModelForCausalLM

    return load_pretrained(AutoModelForCausalLM, specification, dtype)


def load_pretrained(
    kind: Any, specification: str, dtype: torch.dtype
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a model of any kind that writes text, and its tokenizer, as `load_language_model` does.

    Args:
        kind: One of transformers' `AutoModelFor…`.
        specification: See the module's table.
        dtype: Of the weights.

    Raises:
        InputError: As `load_language_model`.
    """
    from safetensors import SafetensorError

    folder = _folder(specification, _MODEL_FILES)
    tokenizer = load_tokenizer(specification)
    _quiet()
    try:
        loaded: Any = kind.from_pretrained(
            folder,
            dtype=dtype,
            attn_implementation="sdpa",
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise _unreadable(specification, error) from error
    model, told = loaded
    if told["missing_keys"]:  # transformers would go on with random numbers in their place
        lacking = sorted(told["missing_keys"])
        raise InputError(
            f"language model '{specification}'",
            f"lacks {len(lacking)} of its weights, such as {lacking[0]}",
            f"download it anew, whole; it lies in {folder}",
        )
    return model, tokenizer


def load_tokenizer(specification: str) -> PreTrainedTokenizerBase:
    """Loads a language model's tokenizer alone; one that has no padding token pads with its end token.

    Args:
        specification: See the module's table.

    Raises:
        InputError: For an unknown specification, and a tokenizer that is not there or cannot be read.
    """
    from transformers import AutoTokenizer

    folder = _folder(specification, _TOKENIZER_FILES)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(specification, error) from error
    sample = "Smile 0.5"
    if str(tokenizer.decode(tokenizer.encode(sample, add_special_tokens=False))).strip() != sample:
        # Without its files some kinds are made empty, with no complaint, and leave every text out.
        raise _unreadable(specification, ValueError(f"its tokenizer does not know the letters of '{sample}'"))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def language_config(specification: str) -> PreTrainedConfig:
    """Returns a language model's configuration; for the names in `KNOWN_SIZES` nothing needs to be there.

    Raises:
        InputError: For an unknown specification, and a configuration that is not there or cannot be read.
    """
    from transformers import AutoConfig

    config: PreTrainedConfig
    sizes = KNOWN_SIZES.get(specification.removeprefix("huggingface:"))
    if sizes:
        config = AutoConfig.for_model(**sizes)
        return config
    folder = _folder(specification, _TOKENIZER_FILES)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError) as error:
        raise _unreadable(specification, error) from error
    return config


def meta_language_model(specification: str) -> PreTrainedModel:
    """Builds a language model without any memory for its weights (torch's meta device), to count its parameters.

    A vision-language model is built whole.

    Raises:
        InputError: As `language_config`.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    config = language_config(specification)
    kind: Any = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        model: PreTrainedModel = kind.from_config(config, trust_remote_code=False)
    return model


def lora_config(
    r: int = 8, alpha: int = 32, dropout: float = 0.05, layers: str | Sequence[str] = LORA_LAYERS
) -> LoraConfig:
    """Low-rank adaptation as KeyframeFace sets it (section 5.2): all linear layers of the blocks, no bias.

    Args:
        r: Rank.
        alpha: The update is scaled by alpha / r.
        dropout: Of the adapter's input, in training.
        layers: The last parts of the layers' names, or one regular expression for their whole names.
    """
    from peft import LoraConfig, TaskType

    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        bias="none",
        target_modules=layers if isinstance(layers, str) else list(layers),
    )


def add_lora(model: PreTrainedModel, config: LoraConfig | None = None) -> PeftModel:
    """Puts trainable low-rank updates beside a model's linear layers, and freezes everything else.

    The model is changed in place. The updates are float32 also where the weights are bfloat16.

    Args:
        model: A causal language model.
        config: By default `lora_config()`.

    Raises:
        InputError: For a model that lacks one of `LORA_LAYERS`: it would be tuned in part only.
    """
    from peft import get_peft_model

    config = config or lora_config()
    found = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    lacking = [name for name in LORA_LAYERS if name not in found]
    if lacking:
        raise InputError(
            f"language model '{model.name_or_path}'",
            f"a {type(model).__name__} has no layers named {', '.join(lacking)}",
            "choose a model of the Llama or Qwen kind",
        )
    tuned: PeftModel = get_peft_model(model, config)
    return tuned


def asset_folder(name: str) -> Path:
    """Where `python -m kfzoo assets get <name>` puts an asset."""
    return cache_folder() / "assets" / name


def _folder(specification: str, files: tuple[str, ...]) -> Path:
    """Finds the folder of a model's files; for a hub model fetches those of them that are not there."""
    kind, _, name = specification.partition(":")
    if kind == "smollm2" and not name:
        folder = asset_folder("smollm2")
        if not folder.is_dir():
            raise InputError(
                "language model 'smollm2'", f"is not in the cache ({folder})", "python -m kfzoo assets get smollm2"
            )
        return folder
    if kind != "huggingface" or not name:
        raise InputError(f"language model '{specification}'", "expected 'smollm2' or 'huggingface:<name or folder>'")
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else _from_hub(name, files)


def _from_hub(name: str, files: tuple[str, ...]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except (OSError, ValueError) as error:
        raise InputError(
            f"language model 'huggingface:{name}'",
            f"is neither a folder, nor on this machine, nor to be had from the hub ({_first_line(error)})",
            "where there is a network its name is enough; without one, download it elsewhere and give its folder: "
            "huggingface:<folder>",
        ) from error


def _unreadable(specification: str, error: Exception) -> InputError:
    return InputError(
        f"language model '{specification}'",
        f"cannot be read ({_first_line(error)})",
        "give a folder that save_pretrained wrote, or download it anew",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
