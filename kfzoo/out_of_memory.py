"""Insufficient memory, reported in one line: what was asked of it, and what to lower."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kfzoo.errors import InputError

_SIGNS = re.compile(r"out of memory|not enough memory|can't allocate memory|_ALLOC_FAILED", re.IGNORECASE)
_ASKED = re.compile(r"tried to allocate ([\d.]+ \w+)", re.IGNORECASE)


@contextmanager
def explained_memory_errors(
    settings: Callable[[], Mapping[str, Any]], least: Mapping[str, int], process: int = 0
) -> Iterator[None]:
    """Raises `InputError` where the memory, of a graphics card or the machine, does not suffice.

    Args:
        settings: Returns the resolved configuration, plain values.
        least: The model's `batching_settings`.
        process: Number of this process. The main program prints the first one's error, and never sees another's.
    """
    try:
        yield
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, InputError) and not _is_of_memory(seen):
            seen = seen.__cause__ or seen.__context__
        if seen is None or isinstance(seen, InputError):
            raise
        found = memory_error(str(seen), settings(), least)
        if process:
            print(f"kfzoo: process {process}: {found}", file=sys.stderr)
        raise found from error


def _is_of_memory(error: BaseException) -> bool:
    # torch.OutOfMemoryError is a RuntimeError; so is what the allocator for the CPU raises.
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_SIGNS.search(str(error))))


def memory_error(message: str, settings: Mapping[str, Any], least: Mapping[str, int] = {}) -> InputError:
    """Returns the error that names the batch size and what else takes memory in a configuration.

    Args:
        message: torch's.
        settings: The resolved configuration, plain values.
        least: The model's `batching_settings`.
    """
    model, data = ((settings.get(key) or {}).get("init_args") or {} for key in ("model", "data"))
    batch_size = data.get("batch_size")
    sizes = {f"data.init_args.{name}": data.get(name) for name in ("batch_size", "evaluation_batch_size")}
    sizes |= {f"model.init_args.{name}": model.get(name) for name in least if not isinstance(least[name], bool)}
    lower = [f"{name} ({size})" for name, size in sizes.items() if size is not None and size > 1]
    asked = _ASKED.search(message)
    problem = f"a batch of {batch_size} does not fit into the memory" + (f" ({asked[0]})" if asked else "")
    remedies = [f"lower {' or '.join(lower)}"] if lower else []
    switches = [name for name, value in least.items() if isinstance(value, bool) and model.get(name) is not value]
    if switches:
        remedies.append(f"set {', '.join(f'model.init_args.{name} to {least[name]}'.lower() for name in switches)}")
    if "precision" in model:
        if model["precision"] == "float32":
            remedies.append("set model.init_args.precision to bfloat16")
    elif "16" not in str((settings.get("trainer") or {}).get("precision")):
        remedies.append("set trainer.precision to bf16-mixed")
    return InputError("memory", problem, ", or ".join(remedies) or "take a smaller model, or more memory")
