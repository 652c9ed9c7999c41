"""The entry point: finds the command, imports only what it needs, and reports bad input in one line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from kfzoo import __version__
from kfzoo.errors import InputError
from kfzoo.reporting import end, exit_code

TRAINER_COMMANDS = {
    "fit": "train a model, then test it (--config configs/<method>/<name>.yaml)",
    "validate": "measure a trained model on the validation part",
    "test": "measure a trained model on the test part and write its results file",
    "predict": "write a trained model's answers as JSON Lines",
}
"""Commands of the Trainer: they share configurations, and cost an import of Lightning."""

COMMANDS = {
    "script": "a free text into a script of keyframes, by a language model",
    "generate": "words into a face, held or moving: Live Link Face CSV, JSON, an image and a page that plays it",
    "estimate": "images of a face into the same: one, or a folder as the frames of a take",
    "show": "takes side by side in one HTML page that plays offline: recordings, keyframes, scripts",
    "play": "send a take over the network: Unreal's Live Link, VMC avatars, Face Cap's receivers",
    "score": "score any system's predictions without running a model",
    "leaderboard": "make the table from results files",
    "data": "look at a data source, write it as JSON Lines, or put its faces into words",
    "export": "takes for Blender, USD and video; adapters, training data and answers for PEFT, ms-swift and MDM",
    "assets": "get real weights out of packages, or list them",
    "plot": "figures of a trained autoencoder: tsne, path",
}
"""All other commands: one function each, in `kfzoo/commands/<command>.py`."""


def usage() -> str:
    """Returns the text of `--help`."""
    rows = "\n".join(f"  {name:12} {text}" for name, text in (TRAINER_COMMANDS | COMMANDS).items())
    return (
        f"kfzoo {__version__}: words, or an image of a face, into ARKit facial keyframes\n\n"
        f"usage: python -m kfzoo COMMAND …\n\n{rows}\n\n"
        "`python -m kfzoo COMMAND --help` explains one of them. KFZOO_DEBUG=1 shows the traceback of an error."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The arguments after `python -m kfzoo`; by default the process's own.

    Returns:
        The exit code, as `exit_code` says.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    return exit_code(lambda: _run(arguments))


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    if arguments[0] == "--version":
        print(__version__)
        return 0
    return _dispatch(arguments[0], arguments[1:])


def _dispatch(command: str, rest: list[str]) -> int:
    if command in TRAINER_COMMANDS:
        if command != "validate":  # which writes nothing
            importlib.import_module("kfzoo.runs").refuse_in_use(rest)
        importlib.import_module("kfzoo.cli").run(command, rest)
    elif command in COMMANDS:
        importlib.import_module("kfzoo.commands.dispatch").run(command, rest)
    else:
        from difflib import get_close_matches

        near = get_close_matches(command, [*TRAINER_COMMANDS, *COMMANDS], n=1)
        hint = f"did you mean '{near[0]}'?" if near else "see python -m kfzoo --help"
        raise InputError(f"command '{command}'", "is not known", hint)
    return 0


def program() -> NoReturn:
    """Runs the process's own arguments and ends the process."""
    end(main())


if __name__ == "__main__":
    program()
