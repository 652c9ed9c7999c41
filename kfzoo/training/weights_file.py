"""A model's weights in one safetensors file in half precision: small enough for a package, and nothing in it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from kfzoo.encoders.frozen import weights_digest
from kfzoo.errors import InputError
from kfzoo.files import replacing

SUFFIX = ".safetensors"
DEFAULT = "default"
"""What names the weights that come with the package."""

DEFAULT_PATH = Path(__file__).parents[1] / "pretrained" / f"text_regressor{SUFFIX}"

_KEY = "kfzoo"


def weights_path(checkpoint: str | Path) -> Path:
    """Returns the file that a name or path means: `default` is the one that comes with the package."""
    return DEFAULT_PATH if str(checkpoint) == DEFAULT else Path(checkpoint)


def write_weights(path: str | Path, checkpoint: Mapping[str, Any], command: str) -> None:
    """Writes what `generate` needs of a checkpoint, without what only training needs.

    Args:
        path: The file, with the ending .safetensors.
        checkpoint: As `read_checkpoint` returns it.
        command: What makes the same weights again.

    Raises:
        InputError: For another ending, and a file that cannot be written.
    """
    if Path(path).suffix != SUFFIX:
        raise InputError(path, f"has the ending '{Path(path).suffix}', expected '{SUFFIX}'")
    weights = {
        name: (values.half() if values.is_floating_point() else values).contiguous()
        for name, values in checkpoint["state_dict"].items()
    }
    said = dict(checkpoint["kfzoo"]) | {"weights": weights_digest(weights), "command": command}
    content = {"kfzoo": said, "hyper_parameters": dict(checkpoint.get("hyper_parameters", {}))}
    with replacing(path) as temporary:
        save_file(weights, temporary, metadata={_KEY: json.dumps(content, sort_keys=True)})


def read_weights(path: str | Path) -> dict[str, Any]:
    """Reads such a file as a checkpoint, its weights in float32.

    Raises:
        InputError: For a file that is missing, damaged, or of something outside this zoo.
    """
    again = "copy it again, or write it again with `export weights`"
    try:
        with safe_open(path, framework="pt") as file:
            content = json.loads((file.metadata() or {}).get(_KEY, "{}"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "give a file that `export weights` wrote") from error
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(path, f"is damaged or no safetensors file ({str(error)[:120]})", again) from error
    if not isinstance(content, dict) or not isinstance(content.get("kfzoo"), dict):
        raise InputError(path, "is of nothing in this zoo", "give a file that `export weights` wrote")
    if content["kfzoo"].get("weights") != weights_digest(weights):
        raise InputError(path, "is damaged: its weights are not those that were written", again)
    content["kfzoo"].pop("weights")
    content["state_dict"] = {
        name: values.float() if values.dtype == torch.float16 else values for name, values in weights.items()
    }
    return content
