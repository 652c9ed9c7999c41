"""JSON that other programs wrote, decoded: every fault is a `ValueError` of one line."""

from __future__ import annotations

import json
import math
from typing import Any

_LONGEST_NUMBER = 4000
"""Digits of a whole number at most; Python itself converts up to 4300."""


def decode_json(text: str) -> Any:
    """Decodes JSON; an object that names a key twice is refused.

    `NaN` and `Infinity` are read, as Python writes them; `as_number` refuses them where a number is expected.

    Args:
        text: One JSON value.

    Returns:
        The value.

    Raises:
        ValueError: For everything that is not JSON, for a key that occurs twice, a whole number of thousands of digits
            and nesting that is too deep. The message has one line.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_repeats, parse_int=_whole_number)
    except RecursionError as error:
        raise ValueError(f"its nesting is too deep: {error}") from None


def as_number(value: object) -> float:
    """Returns a JSON value as a float; NaN when it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        number = float(value)
    except OverflowError:  # An integer of more than 308 digits.
        return math.nan
    return number if math.isfinite(number) else math.nan


def _whole_number(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"it holds a whole number of {len(text)} digits")
    return int(text)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"key '{name}' occurs twice")
            seen.add(name)
    return values
