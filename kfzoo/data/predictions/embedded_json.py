"""JSON objects and lists inside a text, found in a time that grows with its length alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SHORTEST_VECTOR = 3
"""Entries from which on a list is a vector; shorter ones are ranges such as [0, 1] in prose."""

MOST_FAILURES = 1000
"""Brackets that may open no JSON: an error counts the lines before it, so the time grows with their number, too."""

_BRACKET = re.compile(r"[{\[]")
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)


@dataclass(frozen=True)
class JsonObject:
    """A JSON object that keeps names that occur twice."""

    pairs: list[tuple[str, Any]]


_DECODER = json.JSONDecoder(object_pairs_hook=JsonObject, parse_int=float)  # float: digits without limit


def embedded_json(text: str) -> tuple[str, list[Any], str]:
    """Splits a text into its words, and the JSON objects and lists in it.

    Where an outer object or list is broken, those that are complete inside it are found.

    Args:
        text: Any text.

    Returns:
        The words up to the first fault; the values in their order, none of them where the text is nested too deeply or
        full of brackets; and the first fault of an object, empty where there is none.
    """
    prose: list[str] = []
    values: list[Any] = []
    broken = ""
    start = at = failures = 0
    while found := _BRACKET.search(text, at):
        begin = found.start()
        try:
            complete = [(begin, *_decoded(text, begin))]
            at = complete[0][1]
        except json.JSONDecodeError as error:
            failures += 1
            if failures > MOST_FAILURES:
                return "".join(prose), [], f"more than {MOST_FAILURES} brackets open no JSON"
            if found[0] == "{" and not broken:
                broken = _reason(error, text)
                prose.append(text[start:begin])
            complete = [(first, *_decoded(text, first)) for first in _complete(text, begin, error.pos)]
            at = max(error.pos, begin + 1)
        except RecursionError:
            return "".join(prose), [], "the JSON is nested too deeply"
        for first, end, value in complete:
            if not broken:
                # A range such as [0, 1] belongs to the words around it.
                is_range = isinstance(value, list) and len(value) < SHORTEST_VECTOR
                prose.append(text[start : end if is_range else first])
            values.append(value)
            start = end
    if not broken:
        prose.append(text[start:])
    return "".join(prose), values, broken


def _decoded(text: str, begin: int) -> tuple[int, Any]:
    value, end = _DECODER.raw_decode(text, begin)
    return end, value


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return "the JSON breaks off"
    return f"the JSON cannot be read ({error.msg} at {error.pos})"


def _complete(text: str, begin: int, stop: int) -> Iterator[int]:
    """Yields where the outermost objects and lists begin that are complete in a text that is JSON up to `stop`."""
    waiting: list[int] = []
    complete: list[int] = []
    for token in _TOKEN.finditer(text, begin, stop):
        if token[0] in "{[":
            waiting.append(token.start())
        elif token[0] in "}]":
            first = waiting.pop()
            while complete and complete[-1] > first:
                complete.pop()
            complete.append(first)
    yield from complete
