"""From a checkpoint's path to the model or evaluator that it holds."""

from __future__ import annotations

import importlib
import inspect
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import Any, TypeVar

import torch
from torch import Tensor

from kfzoo.class_paths import check_class_path
from kfzoo.downloads import without_downloads
from kfzoo.encoders.frozen import weights_digest
from kfzoo.environment_references import with_environment
from kfzoo.errors import InputError
from kfzoo.training.finite import first_not_finite
from kfzoo.training.module import ZooModule
from kfzoo.training.weights_file import SUFFIX, read_weights, weights_path

Module = TypeVar("Module", bound=ZooModule)

_RETRAIN = "train it again, or use the version that wrote it"
_AGAIN = "train it again or copy it again"
_COUNTERS = ("ready", "started", "processed", "completed")


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Reads a checkpoint, never running code from it, and checks it.

    Args:
        path: A file that `fit` or `export weights` wrote, or `default` for the weights that come with the package.

    Returns:
        Its content: `state_dict` of finite, dense tensors with the digest that they were written with, `kfzoo`,
        `hyper_parameters`, and what Lightning needs to resume.

    Raises:
        InputError: When the file is missing, cut off, changed, no checkpoint, of something outside this zoo, or holds
            weights that are not finite.
    """
    file = weights_path(path)
    if not file.is_file():
        raise InputError(path, "no such file", "give the path of a checkpoint, such as runs/<name>/best.ckpt")
    checkpoint = read_weights(file) if file.suffix == SUFFIX else _read_archive(file)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("kfzoo"), dict):
        raise InputError(path, "is no checkpoint of this zoo", "give one that `fit` wrote")
    for key, problem in _faults(checkpoint):
        raise InputError(path, f"'{key}' {problem}", _AGAIN)
    weights = checkpoint["state_dict"]
    written = checkpoint["kfzoo"].get("weights")  # older versions wrote none
    if written is not None and written != weights_digest(weights):
        raise InputError(path, "is damaged: its weights are not those that were written", _AGAIN)
    if (name := first_not_finite(weights)) is not None:
        problem = f"holds weights that are not finite ({name}): its training diverged"
        raise InputError(path, problem, "train it again with a lower learning rate")
    return checkpoint


def _read_archive(path: Path) -> Any:
    try:
        _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the bytes are anybody's: torch's reader lets through whatever they lead to
        raise InputError(path, f"is damaged or no checkpoint ({_reason(error)})", _AGAIN) from error


def _check_archive(path: Path) -> None:
    """Compares every part of the file with its check sum, which torch does not."""
    with zipfile.ZipFile(path) as archive:
        if any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist()):
            raise ValueError("its parts are compressed, which torch never does")
        if (bad := archive.testzip()) is not None:
            raise ValueError(f"the check sum of its part {bad[:60]!r} is wrong")


def _faults(checkpoint: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is of another kind than `fit` writes: the key, and what is wrong with it."""
    kinds: dict[str, type] = {"state_dict": dict, "hyper_parameters": dict, "global_step": int, "epoch": int}
    for name, kind in kinds.items():
        if not isinstance(checkpoint.get(name, kind()), kind):
            yield name, f"is a {type(checkpoint[name]).__name__}, expected a {kind.__name__}"
    if "state_dict" not in checkpoint:
        yield "state_dict", "is missing"
    if not isinstance(checkpoint["kfzoo"].get("class_path"), str):
        yield "kfzoo.class_path", "is no text"
    for place in ("state_dict", "hyper_parameters"):
        if not all(isinstance(key, str) for key in checkpoint.get(place, {})):
            yield place, "has keys that are no text"
    for name, values in checkpoint["state_dict"].items():
        if not isinstance(values, Tensor) or values.layout != torch.strided or values.is_quantized or values.is_meta:
            yield f"state_dict.{name}", "is no dense tensor"
        elif values.numel() * values.element_size() > values.untyped_storage().nbytes():
            yield f"state_dict.{name}", "is larger than what is stored"
    yield from _wrong_counters(checkpoint.get("loops", {}), "loops")


def _wrong_counters(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Numbers of steps and epochs that are no whole numbers."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _COUNTERS and (type(inner) is not int or inner < 0):
                yield f"{place}.{key}", "is no whole number"
            yield from _wrong_counters(inner, f"{place}.{key}")


def load_module(path: str | Path, kind: type[Module]) -> Module:
    """Loads the module of a checkpoint, ready to be used.

    Nothing is downloaded for it unless `KFZOO_DOWNLOAD=1` is set: weights that the checkpoint builds on, such as a text
    encoder's, must be on this machine.

    Args:
        path: A file that `fit` wrote. A class outside the package must have been imported, or be named in
            `KFZOO_CLASSES`.
        kind: What is expected, such as `KeyframeModule`.

    Raises:
        InputError: When the file cannot be read, its class is nobody's that the user named, cannot be found or is of
            another kind, or an earlier version wrote it with settings that are gone.
    """
    checkpoint = read_checkpoint(path)
    found = _class_of(path, checkpoint, kind)
    settings = with_environment(path, found.current_settings(checkpoint.get("hyper_parameters", {})))
    unknown = sorted(settings.keys() - inspect.signature(found).parameters.keys())
    if unknown:
        version = checkpoint["kfzoo"].get("version", "of unknown version")
        problem = f"was written by kfzoo {version}, and this version has no setting '{unknown[0]}' of {found.__name__}"
        raise InputError(path, problem, _RETRAIN)
    try:
        with without_downloads():
            loaded: Module = found(**settings)
            loaded.on_load_checkpoint(checkpoint)
            loaded.load_state_dict(checkpoint["state_dict"], strict=loaded.strict_loading)
    except InputError as error:
        raise InputError(path, str(error)) from error
    except Exception as error:  # a constructor that is given anybody's values may raise anything
        problem = f"holds settings or weights of {found.__name__} that cannot be used ({_reason(error)})"
        raise InputError(path, problem, _RETRAIN) from error
    return loaded.eval()


def _class_of(path: str | Path, checkpoint: Mapping[str, Any], kind: type[Module]) -> type[Module]:
    class_path = checkpoint["kfzoo"]["class_path"]
    check_class_path(path, class_path)
    module, _, name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        remedy = _RETRAIN if module.startswith("kfzoo.") else "put it on PYTHONPATH"
        raise InputError(path, f"holds a {class_path}, which cannot be imported", remedy) from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise InputError(path, f"holds {class_path}, which is no {kind.__name__}", "give the checkpoint of one")
    return found


@contextmanager
def explained_restore_errors(path: Callable[[], str]) -> Iterator[None]:
    """Raises `InputError` where Lightning cannot use what a checkpoint holds besides the weights.

    Args:
        path: Returns the checkpoint.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        if not any(
            frame.f_globals.get("__name__", "").endswith(".checkpoint_connector")
            and frame.f_code.co_name.lstrip("_").startswith(("restore", "resume"))
            for frame in frames
        ):
            raise
        problem = f"holds a state of the training that cannot be restored ({_reason(error)})"
        raise InputError(path(), problem, _RETRAIN) from error


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:120] if text else type(error).__name__
