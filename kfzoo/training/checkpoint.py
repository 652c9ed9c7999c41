"""From a checkpoint's path to the model or evaluator that it holds."""

from __future__ import annotations

import importlib
import inspect
import pickle
from pathlib import Path
from typing import Any, TypeVar

import torch

from kfzoo.environment_references import with_environment
from kfzoo.errors import InputError
from kfzoo.training.module import ZooModule

Module = TypeVar("Module", bound=ZooModule)

_RETRAIN = "train it again, or use the version that wrote it"


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint, never running code from it.

    Raises:
        InputError: When the file is missing, cut off, no checkpoint, or of something outside this zoo.
    """
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(
            path, "no such file", "give the path of a checkpoint, such as runs/<name>/best.ckpt"
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(path, f"is damaged or no checkpoint ({reason})", "train it again or copy it again") from error
    if not isinstance(checkpoint, dict) or "kfzoo" not in checkpoint:
        raise InputError(path, "is no checkpoint of this zoo", "give one that `fit` wrote")
    return checkpoint


def load_module(path: str | Path, kind: type[Module]) -> Module:
    """Loads the module of a checkpoint, ready to be used.

    Args:
        path: A file that `fit` wrote. A class outside the package must be importable under its class path.
        kind: What is expected, such as `KeyframeModule`.

    Raises:
        InputError: When the file cannot be read, its class cannot be found or is of another kind, or an earlier version
            wrote it with settings that are gone.
    """
    checkpoint = read_checkpoint(path)
    class_path = str(checkpoint["kfzoo"]["class_path"])
    module, _, name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        remedy = _RETRAIN if module.startswith("kfzoo.") else "put it on PYTHONPATH"
        raise InputError(path, f"holds a {class_path}, which cannot be imported", remedy) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise InputError(path, f"holds {class_path}, which is no {kind.__name__}", "give the checkpoint of one")
    settings = with_environment(path, found.current_settings(checkpoint.get("hyper_parameters", {})))
    unknown = sorted(settings.keys() - inspect.signature(found).parameters.keys())
    if unknown:
        version = checkpoint["kfzoo"].get("version", "of unknown version")
        problem = f"was written by kfzoo {version}, and this version has no setting '{unknown[0]}' of {name}"
        raise InputError(path, problem, _RETRAIN)
    loaded: Module = found(**settings)
    loaded.on_load_checkpoint(checkpoint)
    loaded.load_state_dict(checkpoint["state_dict"], strict=loaded.strict_loading)
    return loaded.eval()
