"""Which takes show the same performance, whatever their files are called.

Two takes do when they share frames (a copy, or a part of one, also with other timecodes), or when they span the same
time by their timecodes and move alike (the raw and the calibrated stream of one recording).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.recordings.take import Take

KEPT = 256
"""Frames of a take that are remembered: those of the smallest hashes, so that a copy remembers the same."""

SHARED = 0.1
"""Share of the remembered frames that two takes of one performance have in common at least: a tenth of a take may be a
part of it."""

ALIKE = 0.9
"""Correlation of the moving channels beyond which two takes of the same time show one performance."""

_LEAST = 8  # Frames in common; fewer may be chance, such as a face at rest before it moves.
_DIGITS = 10_000  # Of a coefficient: another program may have written fewer decimals.
_POINTS = 64  # Of a take's motion, to compare it with another of the same time.
_STILL = 0.005  # Standard deviation of a channel that does not move.
_FACTORS: NDArray[np.uint64] = np.random.default_rng(61).integers(1, 2**63, len(CHANNELS), dtype=np.uint64)


class _Motion(NamedTuple):
    name: str
    curves: NDArray[np.float32]
    moving: NDArray[np.bool_]


class Performances:
    """The takes seen so far, to be asked whether another shows the same."""

    def __init__(self) -> None:
        self._by_frame: dict[int, list[str]] = defaultdict(list)
        self._by_span: dict[tuple[object, ...], list[_Motion]] = defaultdict(list)

    def same_as(self, name: str, take: Take) -> tuple[str, ...]:
        """Returns the names of earlier takes that show the same performance, and remembers this one.

        Args:
            name: Of the take; unique.
            take: As it was read, before it is calibrated.
        """
        kept = _hashes(take.coefficients)
        common = Counter(other for each in kept for other in self._by_frame[each])
        least = min(max(_LEAST, SHARED * len(kept)), len(kept))
        found = {other for other, count in common.items() if count >= least}
        found |= self._of_same_time(name, take)
        for each in kept:
            # One name a frame is enough: takes that share it are linked through the first.
            if len(self._by_frame[each]) < 2:
                self._by_frame[each].append(name)
        return tuple(sorted(found))

    def _of_same_time(self, name: str, take: Take) -> set[str]:
        if not take.timecodes:
            return set()
        motion = _motion(name, take.coefficients)
        # Takes of programs without a clock all begin at 0: where the jaw is widest keeps most of them apart.
        widest = int(motion.curves[:, INDEX["JawOpen"]].argmax())
        others = self._by_span[take.timecodes[0], take.timecodes[-1], len(take.timecodes), widest]
        found = {other.name for other in others if _correlation(motion, other) > ALIKE}
        if not found:  # what is like one that is known is found through that one
            others.append(motion)
        return found


def _hashes(coefficients: NDArray[np.float32]) -> list[int]:
    """Returns the smallest hashes of the frames that differ from the one before; of a still take, of its face."""
    rounded = np.rint(coefficients.astype(np.float64) * _DIGITS).astype(np.int64).astype(np.uint64)
    hashes = (rounded * _FACTORS).sum(axis=1, dtype=np.uint64)
    hashes ^= hashes >> np.uint64(29)  # small numbers times a factor have low bits of their own
    hashes = hashes * np.uint64(0xBF58476D1CE4E5B9)
    moved = np.concatenate([[False], hashes[1:] != hashes[:-1]])
    if not moved.any():
        return [hash((int(hashes[0]), len(hashes)))]
    return [int(each) for each in np.unique(hashes[moved])[:KEPT]]


def _motion(name: str, coefficients: NDArray[np.float32]) -> _Motion:
    """Samples a take at even distances, each channel with mean 0 and standard deviation 1."""
    curves = coefficients[np.linspace(0, len(coefficients) - 1, _POINTS).astype(np.int64)]
    deviation = curves.std(axis=0)
    moving = deviation > _STILL
    curves = (curves - curves.mean(axis=0)) / np.where(moving, deviation, 1)
    return _Motion(name, curves.astype(np.float32), moving)


def _correlation(one: _Motion, other: _Motion) -> float:
    both = one.moving & other.moving
    if not both.any():
        return 0.0
    return float(np.median((one.curves[:, both] * other.curves[:, both]).mean(axis=0)))
