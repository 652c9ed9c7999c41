"""Memory that does not suffice, told in one line: what was asked of it, and what to lower."""

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
def memory_told(settings: Callable[[], Mapping[str, Any]], process: int = 0) -> Iterator[None]:
    """Raises `InputError` where the memory, of a graphics card or the machine, does not suffice.

    Args:
        settings: Returns the resolved configuration, plain values.
        process: Number of this process. The first one's error is told where it ends, and it never learns of another's.
    """
    try:
        yield
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, InputError) and not _is_of_memory(seen):
            seen = seen.__cause__ or seen.__context__
        if seen is None or isinstance(seen, InputError):
            raise
        told = memory_error(str(seen), settings())
        if process:
            print(f"kfzoo: process {process}: {told}", file=sys.stderr)
        raise told from error


def _is_of_memory(error: BaseException) -> bool:
    # torch.OutOfMemoryError is a RuntimeError; so is what the allocator for the CPU raises.
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_SIGNS.search(str(error))))


def memory_error(message: str, settings: Mapping[str, Any]) -> InputError:
    """Returns the error that names the batch size and what else takes memory in a configuration.

    Args:
        message: torch's.
        settings: The resolved configuration, plain values.
    """
    model, data = ((settings.get(key) or {}).get("init_args") or {} for key in ("model", "data"))
    batch_size, lockstep = data.get("batch_size"), model.get("lockstep")
    evaluated = data.get("evaluation_batch_size")
    asked = _ASKED.search(message)
    problem = f"a batch of {batch_size} does not fit into the memory" + (f" ({asked[0]})" if asked else "")
    lower = [f"data.init_args.batch_size ({batch_size})"] if batch_size != 1 else []
    if evaluated is not None and evaluated > 1:
        lower.append(f"data.init_args.evaluation_batch_size ({evaluated})")
    if lockstep is not None and lockstep > 1:
        lower.append(f"model.init_args.lockstep ({lockstep})")
    remedies = [f"lower {' or '.join(lower)}"] if lower else []
    if model.get("gradient_checkpointing") is False:
        also = ", share_prefixes to false" if model.get("share_prefixes") else ""
        remedies.append(f"set model.init_args.gradient_checkpointing to true{also}")
    if "precision" in model:
        if model["precision"] == "float32":
            remedies.append("set model.init_args.precision to bfloat16")
    elif "16" not in str((settings.get("trainer") or {}).get("precision")):
        remedies.append("set trainer.precision to bf16-mixed")
    return InputError("memory", problem, ", or ".join(remedies) or "take a smaller model, or more memory")
