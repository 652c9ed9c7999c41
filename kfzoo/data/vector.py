"""From named or listed values to a coefficient vector, or to the reasons why they are none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, NEUROSYNC, canonical
from kfzoo.data.json_lines import shown
from kfzoo.errors import InputError
from kfzoo.json_text import as_number

_NAMED = 5  # Channels that one message names.


def named_vector(pairs: Sequence[tuple[str, object]]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Reads values by channel name.

    Args:
        pairs: (name, value) in any order, names in any spelling that `canonical` knows. All 61 are needed: nothing is
            filled in.

    Returns:
        The vector, (61,) in Live Link order and not clamped, or None; and the reasons: unknown, repeated and missing
        channels, values that are no finite numbers. One of the two is empty.
    """
    if len(pairs) > 2 * len(CHANNELS):
        return None, (f"{len(pairs)} names, expected the {len(CHANNELS)} channels",)
    vector = np.full(len(CHANNELS), np.nan)
    problems: list[str] = []
    seen: set[str] = set()
    for name, value in pairs:
        try:
            channel = name if name in INDEX else canonical(name)
        except InputError as error:
            problems.append(str(error))
            continue
        if channel in seen:
            problems.append(f"channel '{channel}' occurs twice")
        seen.add(channel)
        vector[INDEX[channel]] = number = as_number(value)
        if math.isnan(number):
            problems.append(f"channel '{channel}' is {shown(value)}, expected a finite number")
    missing = [channel for channel in CHANNELS if channel not in seen]
    if missing:
        problems.append(_missing(missing))
    return (None, tuple(problems)) if problems else (vector, ())


def listed_vector(values: Iterable[object]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Reads values in Live Link order.

    Args:
        values: 61 numbers.

    Returns:
        As `named_vector`.
    """
    found = list(values)
    if len(found) != len(CHANNELS):
        return None, (f"{len(found)} values{_layout(len(found))}, expected {len(CHANNELS)}",)
    return named_vector(list(zip(CHANNELS, found, strict=True)))


def _layout(count: int) -> str:
    """Names what a list of so many values most likely is."""
    layouts = {
        len(BLENDSHAPES) - 1: "the blendshapes without TongueOut",
        len(BLENDSHAPES): "the blendshapes without head and eye angles, or MediaPipe's with '_neutral'",
        NEUROSYNC: "NeuroSync's: the channels and seven emotions",
    }
    return f" ({layouts[count]})" if count in layouts else ""


def _missing(channels: list[str]) -> str:
    names = ", ".join(f"'{channel}'" for channel in channels[:_NAMED])
    more = f" and {len(channels) - _NAMED} more" if len(channels) > _NAMED else ""
    return f"channel{'s' if len(channels) > 1 else ''} {names}{more} missing"
