"""The one exception for bad input.

Whatever a user can get wrong (a file, a key, an argument) is raised as `InputError`. The entry point prints its text
as one line and exits with code 2; `KFZOO_DEBUG=1` shows the traceback instead.
"""

from __future__ import annotations


class InputError(Exception):
    """Bad input, reported in one line: where it is, what was expected, what to do.

    Args:
        where: File, `file:line`, configuration key or argument at fault.
        problem: What was found and what was expected instead.
        remedy: What the user can do about it.
    """

    def __init__(self, where: object, problem: str, remedy: str = "") -> None:
        text = f"{where}: {problem}"
        super().__init__(" ".join((text.rstrip(".") + (";" if remedy else ""), remedy)).strip().replace("\n", " "))
