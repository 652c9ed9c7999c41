"""What the benchmarks of the language model share: its scripts, the model, and a process for each way."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from benchmarks.process import in_fresh_process

if TYPE_CHECKING:
    from kfzoo.data.batch import Sample
    from kfzoo.data.script import Part
    from kfzoo.models.llm_generator import LLMGenerator

KEYFRAMES = 3
"""Of each script."""

_SCRIPTS = 1_000_000  # Made as they are asked for.


def scripts_of_three(part: Part, count: int) -> list[list[Sample]]:
    """Takes the first built-in scripts of a part that have three keyframes; each is given as its keyframes.

    Args:
        part: Of the built-in data's own split, by actor.
        count: Number of scripts.
    """
    from kfzoo.data.batch import Sample
    from kfzoo.data.sources.builtin import BuiltinScripts

    found = (
        [Sample(script, position, "arkit") for position in range(KEYFRAMES)]
        for script in BuiltinScripts(_SCRIPTS)
        if script.part == part and len(script.keyframes) == KEYFRAMES
    )
    return list(islice(found, count))


def answering_model(language_model: str, checkpoint: str | None, merged: bool) -> LLMGenerator:
    """Loads a generator, ready to answer.

    Args:
        language_model: Specification of a model that answers untuned, where there is no checkpoint.
        checkpoint: A file that `fit` wrote.
        merged: Add the adapter to the weights, instead of computing it beside them.
    """
    from kfzoo.models.llm_generator import LLMGenerator
    from kfzoo.training.checkpoint import load_module

    if checkpoint is None:
        return LLMGenerator(language_model, tune=False).eval()
    module = load_module(checkpoint, LLMGenerator)
    if merged and hasattr(module.model, "merge_and_unload"):
        module.model = module.model.merge_and_unload()
    return module


def told(checkpoint: str | None, language_model: str, merged: bool) -> str:
    """Says which model answers."""
    if checkpoint is None:
        return f"`{language_model}`, untuned"
    digest = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()[:12]
    return f"`{Path(checkpoint).name}` (sha256 {digest}…), its adapter {'merged' if merged else 'beside the weights'}"


def libraries() -> str:
    """Names the versions of the libraries that only language models need."""
    return ", ".join(f"{name} {version(name)}" for name in ("transformers", "peft", "accelerate"))


def apart(function: str, **settings: Any) -> Any:
    """Calls a function in a process of its own and returns what it returns.

    Args:
        function: `<module of this package>.<name>`; returns what JSON can hold.
        settings: Its arguments, of JSON's kinds.
    """
    return in_fresh_process(f"from benchmarks.llm_setup import answer; answer({function!r}, {json.dumps(settings)!r})")


def answer(function: str, settings: str) -> None:
    """Calls a function and prints what it returns as JSON; whatever it prints itself goes to the error stream."""
    with redirect_stdout(sys.stderr):
        found = called(function, **json.loads(settings))
    print(json.dumps(found))


def called(function: str, **settings: Any) -> Any:
    """Calls a function by its name, as `apart` does, in this process."""
    module, _, name = function.rpartition(".")
    return getattr(import_module(f"benchmarks.{module}"), name)(**settings)


def prose(text: str) -> str:
    """Returns a paragraph in lines of at most 120 characters."""
    return fill(" ".join(text.split()), width=120, break_long_words=False, break_on_hyphens=False)
