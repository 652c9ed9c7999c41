"""The text of a results file, and what no such text holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST = 40
"""Levels of nesting at the most."""

LARGEST_WHOLE = 2**64
"""Absolute value of a whole number at the most: seeds are that large."""

_SCORE = {"value", "interval"}


def json_text(value: Any, indent: int = 0) -> str:
    """Returns JSON with one value a line, but lists of numbers, and scores, in one line each.

    Args:
        value: Plain values.
        indent: Spaces before the lines that follow the first.

    Raises:
        ValueError: For a number that is not finite.
    """
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(str(key))}: {json_text(inner, indent + 2)}" for key, inner in value.items()]
        if set(value) == _SCORE:
            return f"{{{', '.join(parts)}}}"
        return _lines("{", parts, "}", indent)
    if isinstance(value, list | tuple):
        parts = [json_text(inner, indent + 2) for inner in value]
        if parts and not any(isinstance(inner, Mapping | list | tuple | str) for inner in value):
            return f"[{', '.join(parts)}]"
        return _lines("[", parts, "]", indent)
    return json.dumps(value, allow_nan=False)


def _lines(start: str, parts: list[str], end: str, indent: int) -> str:
    if not parts:
        return start + end
    space = "\n" + " " * (indent + 2)
    return f"{start}{space}{f',{space}'.join(parts)}\n{' ' * indent}{end}"


def faults_of_json(record: Mapping[str, Any]) -> Iterator[str]:
    """Yields what a parsed file must not hold: deep nesting, numbers without end, text that is no Unicode."""
    level: list[Any] = [record]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += [*value, *value.values()]
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
                yield f"holds text that is no Unicode ({value[:40]!a})"
            elif isinstance(value, int) and abs(value) > LARGEST_WHOLE:
                yield f"holds a whole number of {len(str(value))} digits"
        level = inner
    if level:
        yield f"is nested more than {DEEPEST} deep"


def is_finite(value: Any) -> bool:
    """Whether plain values hold finite numbers alone."""
    if isinstance(value, float):
        return math.isfinite(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(is_finite(part) for part in parts)
