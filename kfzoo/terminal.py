"""What is printed: strings of data, files and servers neither steer the terminal nor make the program fail."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {ord("\t")}
_DIRECTIONS = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_LINES = {0x2028, 0x2029}
_SURROGATES = set(range(0xD800, 0xE000))  # Bytes of names that are not UTF-8, as Python keeps them.
_ESCAPED = {code: ascii(chr(code))[1:-1] for code in _CONTROLS | _DIRECTIONS | _LINES | _SURROGATES}
_ESCAPED_IN_LINES = {code: text for code, text in _ESCAPED.items() if code != ord("\n")}


def printable(text: object, *, lines: bool = False) -> str:
    r"""Returns a text with what steers a terminal as Python's escapes: `\x1b`, `\n`, `\u202e`.

    Args:
        text: Anything; its `str` is used.
        lines: Whether line feeds stay as they are.
    """
    return str(text).translate(_ESCAPED_IN_LINES if lines else _ESCAPED)


def say(text: object, file: IO[str] | None = None) -> None:
    """Prints a text on one line.

    Args:
        text: May hold strings of data.
        file: Where to; by default standard output.
    """
    print(printable(text), file=file)


def terminal(*, stderr: bool = False) -> Console:
    """Returns a console of rich that reads no markup in texts, and prints no control character of theirs.

    Styles are given by `rich.text.Text` and `style`.

    Args:
        stderr: Whether it prints to standard error.
    """
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
    from rich.segment import Segment

    class Escaped:
        def __init__(self, content: ConsoleRenderable) -> None:
            self._content = content

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for text, style, control in console.render(self._content, options):
                yield Segment(text if control else printable(text, lines=True), style, control)

    class Escaping(RenderHook):
        def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
            return [Escaped(each) for each in renderables]

    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    console.push_render_hook(Escaping())
    return console


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), lines=bool(record.exc_info))


@contextmanager
def safe_output() -> Iterator[None]:
    """Lets standard output and error take any text, in any encoding, and also when they are closed."""
    for name in ("stdout", "stderr"):
        stream: Any = getattr(sys, name)
        if stream is None:  # closed by the shell: `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  for the process's life
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    last = logging.lastResort
    formatter = last.formatter if last else None
    if last:
        last.setFormatter(_OneLine())
    try:
        yield
    finally:
        if last:
            last.setFormatter(formatter)
