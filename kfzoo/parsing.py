"""A parser whose errors are one line: which key, what is wrong, what is right."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from jsonargparse import ActionYesNo, ArgumentParser

from kfzoo.errors import InputError

_NOISE = re.compile(
    r"Does not validate against any of the Union subtypes|Subtypes: \[.*?\](?= )|Errors:|"
    r"Expected a <class 'NoneType'>|Given value( type)?: .*|Problem with given class_path '[^']*':|"
    r'Parser key "[^"]*":|in "<unicode string>",?'
)
_WRONG_NAMES = (
    r"Option '([^']+)' is not accepted",
    r"does not accept option '([^']+)'",
    r"unrecognized arguments: --([\w.]+)",
    r"has no attribute '([^']+)'",
)
_NO_CLASS = re.compile(r"Expected a dot import path string: (\w+)")


class CommandParser(ArgumentParser):
    """A parser that raises `InputError` where the usual one prints its usage and exits."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        """Adds an argument; a boolean one needs no value (`--strict`), a list by position no brackets."""
        if getattr(kwargs.get("action"), "_typehint", None) == list[str] and not args[0].startswith("-"):
            del kwargs["action"]
            kwargs |= {"type": str, "nargs": "+"}
        if kwargs.get("type") is bool:
            del kwargs["type"]
            kwargs |= {"action": ActionYesNo(), "nargs": "?"}
        return super().add_argument(*args, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raises the message as one line."""
        if not self.exit_on_error:
            super().error(message, ex)
        raise one_line_error(message, self) from ex


def one_line_error(message: str, parser: ArgumentParser) -> InputError:
    """Turns a parser's message into one line.

    Args:
        message: A message of jsonargparse.
        parser: Its parser, which knows the right names.
    """
    flat = " ".join(line.strip(" -") for line in message.splitlines())
    # For a key that may be None, the message names every key twice; the innermost problem is the first's.
    keys = re.findall(r'[Pp]arser key "([^"]+)"', flat)
    class_paths = re.findall(r"given class_path '([^']+)'", flat)
    if short := _NO_CLASS.search(flat):
        near = get_close_matches(short[1], _classes(), n=1)
        remedy = f"did you mean '{near[0]}'?" if near else "give the full class path of one outside the package"
        return InputError(".".join(dict.fromkeys(keys)) or "arguments", f"there is no class '{short[1]}'", remedy)
    if "surrogates not allowed" in flat:
        return InputError(".".join(dict.fromkeys(keys)) or "arguments", "holds bytes that are not UTF-8", "rename it")
    problem = re.sub(r"\s+", " ", _NOISE.sub("", flat)).strip(" :;,")
    problem = re.sub(r"<class '(\w+)'>|typing\.(Literal)", r"\1\2", problem)
    wrong = next((found[1] for pattern in _WRONG_NAMES if (found := re.search(pattern, flat))), None)
    where = ".".join(dict.fromkeys(keys)) or "arguments"
    if wrong is None:
        return InputError(where, problem, "see --help")
    known = list(_options(class_paths[-1])) if class_paths else list(_arguments(parser))
    near = get_close_matches(wrong, known, n=1) or get_close_matches(
        wrong.rpartition(".")[2], {name.rpartition(".")[2] for name in known}, n=1
    )
    remedy = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known[:12])}"
    return InputError(where, problem, remedy)


def _options(class_path: str) -> Iterator[str]:
    """The arguments of a class, or the classes of a module where the class itself is not found."""
    module, _, name = class_path.rpartition(".")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return
    if hasattr(found, name):
        yield from (option for option in inspect.signature(getattr(found, name)).parameters if option != "self")
    else:
        yield from (other for other, value in vars(found).items() if inspect.isclass(value))


def _classes() -> set[str]:
    """The names of all classes that a configuration can name and that have been imported."""
    modules = [
        vars(module)
        for name, module in list(sys.modules.items())
        if name.startswith(("kfzoo.", "lightning.pytorch.callbacks"))
    ]
    return {name for names in modules for name, value in names.items() if inspect.isclass(value)}


def _arguments(parser: ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield str(action.dest)
        inner: Iterable[ArgumentParser] = getattr(action, "_name_parser_map", {}).values()
        for sub in inner:
            yield from _arguments(sub)


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raises the `InputError` that a library wrapped in an error of its own; all other errors pass."""
    try:
        yield
    except Exception as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, InputError):
            seen = seen.__cause__ or seen.__context__
        if seen is None or seen is error:
            raise
        raise seen from error
