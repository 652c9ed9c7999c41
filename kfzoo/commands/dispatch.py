"""Runs the function of a command, with errors in one line."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from jsonargparse import auto_cli

from kfzoo.parsing import CommandParser, unwrapped


def run(command: str, arguments: Sequence[str]) -> None:
    """Runs the function, or one of the functions, that a module under `kfzoo/commands/` names as its `COMMAND`.

    Args:
        command: The module's name.
        arguments: The arguments after the command.

    Raises:
        InputError: For wrong arguments, and whatever the command raises.
    """
    module = importlib.import_module(f"kfzoo.commands.{command}")
    named = getattr(module, "BY_POSITION", {})
    if len(arguments) > 1 and arguments[0] in named and not arguments[1].startswith("-"):
        arguments = [arguments[0], f"--{named[arguments[0]]}", *arguments[1:]]
    with unwrapped():
        auto_cli(
            module.COMMAND,
            args=list(arguments),
            prog=f"python -m kfzoo {command}",
            parser_class=CommandParser,
            # A command of one function takes its arguments by position; of several functions, by name.
            as_positional=callable(module.COMMAND),
            allow_abbrev=False,
        )
