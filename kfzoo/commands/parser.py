"""From arguments to a command's function, with errors in one line."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from jsonargparse import ActionYesNo, ArgumentParser, auto_cli

from kfzoo.commands.messages import one_line_error, unwrapped


class CommandParser(ArgumentParser):
    """A parser that raises `InputError` where the usual one would print its usage and leave."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:
        """Adds an argument; one that is yes or no needs no value: `--strict`."""
        if kwargs.get("type") is bool:
            del kwargs["type"]
            kwargs |= {"action": ActionYesNo(), "nargs": "?"}
        return super().add_argument(*args, **kwargs)

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
    with unwrapped():
        auto_cli(
            module.COMMAND,
            args=list(arguments),
            prog=f"python -m kfzoo {command}",
            parser_class=CommandParser,
            # A command of one function takes what it needs by place; of several functions, by name.
            as_positional=callable(module.COMMAND),
            allow_abbrev=False,
        )
