"""Few keys that make the same curves: straight lines or cubic pieces between them, as animation programs have them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["linear", "cubic"]

TOLERANCE = 5e-4
"""Largest difference between the curves and what the keys make of them: finer than a face shows."""

_WORTH = 6  # A cubic key holds three numbers; below one key in six frames it saves half, and smooths no noise away.


class Keys(NamedTuple):
    """Keys of several channels at common frames.

    Attributes:
        kind: How a program goes from one key to the next.
        frames: Number of each key's frame, (K,), rising.
        values: (K, C).
        arriving: Slope before each key, of each frame, (K, C).
        leaving: Slope after each key, of each frame, (K, C).
    """

    kind: Kind
    frames: NDArray[np.int64]
    values: Array
    arriving: Array
    leaving: Array


def keys_of(curves: NDArray[np.floating], *, kind: Kind = "cubic", bake: bool = False) -> Keys:
    """Finds few keys that make the curves, to `TOLERANCE` at every frame.

    Each piece reaches as far as it fits; pieces of monotone cubic interpolation are found where they begin and end.

    Args:
        curves: (T, C) with T of at least 2.
        kind: `cubic` falls back to `linear` where cubic pieces would hold no fewer numbers, as in recorded motion.
        bake: Whether every frame is a key.
    """
    values = np.asarray(curves, dtype=np.float64)
    if bake:
        return _linear(values, np.arange(len(values)))
    if kind == "cubic":
        frames = _longest_pieces(len(values), lambda first, last: _misses(values[first : last + 1], _cubic_piece))
        if _WORTH * len(frames) <= len(values):
            return _cubic(values, frames)
    return _linear(
        values, _longest_pieces(len(values), lambda first, last: _misses(values[first : last + 1], _straight_piece))
    )


def _longest_pieces(count: int, misses: Callable[[int, int], bool]) -> NDArray[np.int64]:
    """Returns the frames at which pieces begin and end: lengths are doubled while they fit, then bisected."""
    frames = [0]
    while (first := frames[-1]) < count - 1:
        good, bad = 1, 2
        while first + bad < count and not misses(first, first + bad):
            good, bad = bad, 2 * bad
        bad = min(bad, count - first)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if misses(first, first + middle) else (middle, bad)
        frames.append(first + good)
    return np.array(frames)


def _misses(piece: Array, fit: Callable[[Array], Array]) -> bool:
    return bool(np.abs(fit(piece) - piece).max() > TOLERANCE)


def _straight_piece(piece: Array) -> Array:
    along = np.linspace(0, 1, len(piece))[:, None]
    return np.asarray(piece[0] + along * (piece[-1] - piece[0]))


def _cubic_piece(piece: Array) -> Array:
    return _straight_piece(piece) + _bends(len(piece)) @ _beside_the_chord(piece)


def _beside_the_chord(piece: Array) -> Array:
    """Slopes at both ends of the cubic that is nearest to the piece, less the chord's, over the piece, (2, C)."""
    return np.asarray(np.linalg.pinv(_bends(len(piece))) @ (piece - _straight_piece(piece)))


def _bends(count: int) -> Array:
    """What a slope at either end adds to the frames of a piece (Hermite's basis), (count, 2)."""
    along = np.linspace(0, 1, count)
    return np.stack([along * (1 - along) ** 2, along**2 * (along - 1)], axis=1)


def _linear(values: Array, frames: NDArray[np.int64]) -> Keys:
    slopes = np.diff(values[frames], axis=0) / np.diff(frames)[:, None]
    return Keys("linear", frames, values[frames], *_slopes(slopes, slopes))


def _cubic(values: Array, frames: NDArray[np.int64]) -> Keys:
    starts, ends = [], []
    for first, last in pairwise(frames.tolist()):
        piece = values[first : last + 1]
        start, end = (_beside_the_chord(piece) + piece[-1] - piece[0]) / (last - first)
        starts.append(start)
        ends.append(end)
    return Keys("cubic", frames, values[frames], *_slopes(np.array(starts), np.array(ends)))


def _slopes(starts: Array, ends: Array) -> tuple[Array, Array]:
    """Puts the pieces' slopes to the keys: arriving, and leaving; 0 outside."""
    nothing = np.zeros_like(starts[:1])
    return np.concatenate([nothing, ends]), np.concatenate([starts, nothing])
