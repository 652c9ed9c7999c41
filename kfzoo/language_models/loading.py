"""Causal language models and their tokenizers, named in a configuration by a specification.

| specification | model |
|---|---|
| `smollm2` | SmolLM2-135M-Instruct from the cache, where `python -m kfzoo assets get smollm2` puts it: no hub needed |
| `huggingface:<name or folder>` | any causal language model that transformers knows, by its hub name or in a folder |

Code that comes with a model is never run. A model of the hub is read from the hub's cache, and is downloaded into it
where there is a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kfzoo.downloads import remedy
from kfzoo.errors import InputError
from kfzoo.files import cache_folder
from kfzoo.language_models.known_sizes import KNOWN_SIZES

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_TOKENIZER_FILES = ("*.json", "*.jinja", "*.txt", "*.model")
_MODEL_FILES = (*_TOKENIZER_FILES, "*.safetensors")
_LOCAL: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}


def load_language_model(
    specification: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a causal language model, in evaluation mode on the CPU, and its tokenizer.

    Args:
        specification: See the module's table.
        dtype: Type of the weights in memory, also where they were saved in another.

    Raises:
        InputError: For an unknown specification, and a model that is missing, incomplete or unreadable.
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
    from transformers.utils import logging

    folder = _folder(specification, _MODEL_FILES)
    tokenizer = load_tokenizer(specification)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        options = {"dtype": dtype, "attn_implementation": "sdpa", **_LOCAL}
        model, info = kind.from_pretrained(folder, output_loading_info=True, **options)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise _unreadable(specification, error) from error
    if info["missing_keys"]:  # transformers would fill them with random numbers
        lacking = sorted(info["missing_keys"])
        problem = f"lacks {len(lacking)} of its weights, such as {lacking[0]}"
        raise InputError(f"language model '{specification}'", problem, f"download it again; it is in {folder}")
    return model, tokenizer


def load_tokenizer(specification: str) -> PreTrainedTokenizerBase:
    """Loads a language model's tokenizer; one without a padding token pads with its end token.

    Args:
        specification: See the module's table.

    Raises:
        InputError: For an unknown specification, and a tokenizer that is missing or unreadable.
    """
    from transformers import AutoTokenizer

    folder = _folder(specification, _TOKENIZER_FILES)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **_LOCAL)
    except (OSError, ValueError, ImportError) as error:
        raise _unreadable(specification, error) from error
    sample = "Smile 0.5"
    if str(tokenizer.decode(tokenizer.encode(sample, add_special_tokens=False))).strip() != sample:
        # Without its files transformers makes some kinds empty: they drop every text, without an error.
        raise _unreadable(specification, ValueError(f"its tokenizer does not know the letters of '{sample}'"))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def language_config(specification: str) -> PreTrainedConfig:
    """Returns a language model's configuration; the names in `KNOWN_SIZES` need no file.

    Raises:
        InputError: For an unknown specification, and a configuration that is missing or unreadable.
    """
    from transformers import AutoConfig

    config: PreTrainedConfig
    sizes = KNOWN_SIZES.get(specification.removeprefix("huggingface:"))
    if sizes:
        config = AutoConfig.for_model(**sizes)
        return config
    folder = _folder(specification, _TOKENIZER_FILES)
    try:
        config = AutoConfig.from_pretrained(folder, **_LOCAL)
    except (OSError, ValueError) as error:
        raise _unreadable(specification, error) from error
    return config


def asset_folder(name: str) -> Path:
    """Returns the folder that `python -m kfzoo assets get <name>` writes."""
    return cache_folder() / "assets" / name


def _folder(specification: str, files: tuple[str, ...]) -> Path:
    """Returns the folder of a model's files; downloads those of a hub model that are missing."""
    kind, _, name = specification.partition(":")
    if kind == "smollm2" and not name:
        folder = asset_folder("smollm2")
        if not folder.is_dir():
            problem = f"is not in the cache ({folder})"
            raise InputError("language model 'smollm2'", problem, "python -m kfzoo assets get smollm2")
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
        problem = f"is neither a folder, nor in the hub's cache, nor can it be downloaded ({first_line(error)})"
        usual = "without a network, download it elsewhere and give its folder: huggingface:<folder>"
        raise InputError(f"language model 'huggingface:{name}'", problem, remedy(usual)) from error


def _unreadable(specification: str, error: Exception) -> InputError:
    remedy = "give a folder that save_pretrained wrote, or download it again"
    return InputError(f"language model '{specification}'", f"cannot be read ({first_line(error)})", remedy)


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message, for a message of one line."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
