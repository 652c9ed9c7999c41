"""From arguments to a command's function, with errors in one line."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from jsonargparse import ArgumentParser, auto_cli

from kfzoo.errors import InputError


def one_line_error(message: str, parser: ArgumentParser) -> InputError:
    """Turns a parser's message into one line, with the nearest known name for a wrong one.

    Args:
        message: jsonargparse's, of several lines.
        parser: The parser that knows the right names.
    """
    lines = [line.strip(" -") for line in message.splitlines() if line.strip(" -")]
    text = " ".join(dict.fromkeys(lines))
    names = re.findall(r"[Kk]ey \"?'?([\w.]+)'?\"?|'([\w.]+)' is not expected|arguments: --([\w.]+)", text)
    wrong = [name for found in names for name in found if name]
    known = _known(parser)
    for name in wrong:
        last = name.rpartition(".")[2]
        near = get_close_matches(name, known, n=1, cutoff=0.8) or get_close_matches(
            last, {key.rpartition(".")[2] for key in known}, n=1
        )
        if near:
            return InputError("arguments", text, f"did you mean '{near[0]}'?")
    return InputError("arguments", text, "see --help")


def _known(parser: ArgumentParser) -> list[str]:
    found: list[str] = []
    for action in parser._actions:
        found += [str(action.dest)]
        for inner in getattr(action, "choices", None) or ():
            sub = getattr(action, "_name_parser_map", {}).get(inner)
            found += _known(sub) if sub is not None else []
    return found


class CommandParser(ArgumentParser):
    """A parser that raises `InputError` where the usual one would print its usage and leave."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raises the message as one line."""
        if not self.exit_on_error:
            super().error(message, ex)
        raise one_line_error(message, self) from ex


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs the function, or one of the functions, that a module under `kfzoo/commands/` names as its `COMMAND`.

    Args:
        command: The module's name.
        arguments: What stands behind the command.

    Raises:
        InputError: For wrong arguments, and whatever the command raises.
    """
    module = importlib.import_module(f"kfzoo.commands.{command}")
    auto_cli(
        module.COMMAND,
        args=list(arguments),
        prog=f"python -m kfzoo {command}",
        parser_class=CommandParser,
        as_positional=True,
    )
