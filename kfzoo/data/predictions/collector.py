"""`PredictionCollector`: which expected keyframes have an answer, and all that is wrong with the file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, clamp
from kfzoo.arkit.ranges import off_scale, overshooting
from kfzoo.data.batch import Sample
from kfzoo.errors import InputError

Way = Literal["id", "request", "order", "time"]
"""How an answer was matched with its keyframe."""

_NAMED = 3  # Keyframes or reasons that one fault names.
_OFF_SCALE = 4  # Written faces: where more than one of so many is on another scale, all are.
_LONGEST = 600  # Characters of a fault.
_HINTED = 20  # Unknown names that get a hint: to look for one is slow where there are many keyframes.


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with predictions.

    Attributes:
        where: `file:line`, or the file.
        problem: What was found, and what was expected instead.
    """

    where: str
    problem: str

    def __str__(self) -> str:
        """The fault in one line of a limited length, without control characters."""
        text = f"{self.where}: {self.problem}"
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…"
        return "".join(each if each.isprintable() else " " for each in text)


def fault_of(error: InputError, path: Path | str) -> Fault:
    """Takes a reader's error on a file, or on one line of it, apart."""
    where = f"{path}"
    found = re.match(rf"{re.escape(where)}(:\d+)?: ", str(error))
    if found is None:
        return Fault(where, str(error))
    return Fault(f"{where}{found[1] or ''}", str(error)[found.end() :])


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers to N keyframes.

    Attributes:
        samples: The keyframes, as they were asked for.
        coefficients: (N, 61) float32, each clamped to its channel's range; NaN where there is no answer.
        valid: (N,) bool, where there is one.
        faults: All that is wrong with the file, in its order. An answer that is marked as not valid is none.
        matched: How many answers, usable or not, were matched in which way.
        left_out: Answers to other keyframes of the same data, which were not asked for.
        remarks: What the reader decided, in sentences: values that it clamped, answers that it preferred to labels.
    """

    samples: Sequence[Sample]
    coefficients: NDArray[np.float32]
    valid: NDArray[np.bool_]
    faults: tuple[Fault, ...]
    matched: dict[Way, int] = field(default_factory=dict)
    left_out: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def answered(self) -> int:
        """Number of keyframes with a usable answer."""
        return int(self.valid.sum())


class PredictionCollector:
    """Collects answers and faults while a file is read.

    Args:
        path: The file or folder, for messages.
        samples: The expected keyframes, N of them.
        others: Ids of keyframes of the same data that were not asked for; answers to them are left out without a fault.
    """

    def __init__(self, path: Path, samples: Sequence[Sample], others: Collection[str] = ()) -> None:
        self.path = path
        self.samples = samples
        self.others = frozenset(others)
        self.left_out = 0
        self._positions = {sample.id: position for position, sample in enumerate(samples)}
        self._coefficients = np.full((len(samples), len(CHANNELS)), np.nan, dtype=np.float32)
        self._valid = np.zeros(len(samples), dtype=bool)
        self._answered_at: dict[int, str] = {}
        self._faults: list[Fault] = []
        self._surplus: list[str] = []
        self._matched: Counter[Way] = Counter()
        self._hints = 0
        self._clamped = self._clamped_answers = self._different = 0
        self._written: list[int] = []
        self._off_scale = 0

    def __len__(self) -> int:
        """Number of keyframes, N."""
        return len(self.samples)

    def fault(self, where: object, problem: str) -> None:
        """Notes a fault."""
        self._faults.append(Fault(str(where), problem))

    def refused(self, where: Path | str, error: InputError) -> None:
        """Notes the fault that a reader raised."""
        self._faults.append(fault_of(error, where))

    def surplus(self, where: str) -> None:
        """Counts an answer at a place that no request has."""
        self._surplus.append(where)

    def find(self, where: str, name: str) -> int | None:
        """Returns the position of the keyframe with an id; None, and where it is unknown a fault, for any other."""
        if name in self.others:
            self.left_out += 1
        elif name not in self._positions:
            hint = self.hint(name, self._positions)
            self.fault(where, f"id '{name}' is none of the {len(self)} keyframes that were asked for{hint}")
        return self._positions.get(name)

    def knows(self, name: object) -> bool:
        """Returns whether a name is the id of a keyframe of the data."""
        return isinstance(name, str) and (name in self._positions or name in self.others)

    def hint(self, name: str, known: Collection[str]) -> str:
        """Returns the words that offer the nearest of the known names, if there is one."""
        self._hints += 1
        near = get_close_matches(name, known, n=1) if self._hints <= _HINTED else []
        return f"; did you mean '{near[0]}'?" if near else ""

    def claim(self, position: int, where: str, way: Way | None) -> bool:
        """Marks a keyframe as answered; the first answer counts.

        Args:
            position: Of the keyframe.
            where: `file:line` of the answer.
            way: How it was found; None when the answer turned out to be another keyframe's.

        Returns:
            Whether this is the first; if not, a fault names both.
        """
        if way:
            self._matched[way] += 1
        before = self._answered_at.setdefault(position, where)
        if before != where:
            self.fault(where, f"answers '{self.samples[position].id}', as {before} does already; the first counts")
        return before == where

    def fill(
        self, position: int, where: str, vector: NDArray[np.floating] | None, problems: Sequence[str], clamped: int = 0
    ) -> None:
        """Puts an answer in, or notes why there is none.

        Args:
            position: Of the keyframe.
            where: `file:line` of the answer.
            vector: (61,), or None.
            problems: The reasons; empty exactly when there is a vector.
            clamped: How many of its values were clamped already.
        """
        if vector is None:
            more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
            reasons = "; ".join(problems[:_NAMED])
            self.fault(where, f"the answer to '{self.samples[position].id}' is not valid: {reasons}{more}")
            return
        clamped += overshooting(vector)
        self._clamped += clamped
        self._clamped_answers += clamped > 0
        self._coefficients[position] = clamp(vector)
        self._valid[position] = True

    def fill_written(
        self, position: int, where: str, vector: NDArray[np.floating] | None, problems: Sequence[str]
    ) -> None:
        """Puts in what a program wrote as numbers, all of them on one scale: see `predictions`."""
        if vector is not None:
            self._written.append(position)
            if odd := off_scale(vector):
                problems = (f"channel '{odd.channel}' {odd.problem}: {odd.remedy}",)
                self._off_scale += 1
                vector = None
        self.fill(position, where, vector, problems)

    def prefer_response(self) -> None:
        """Counts a line whose label is another text than its response."""
        self._different += 1

    def predictions(self) -> Predictions:
        """Returns what was collected, with one last fault for all keyframes that nothing was said of.

        Raises:
            InputError: When nothing in the file belongs to an expected keyframe.
        """
        if not self._matched:
            first = f" ({self._faults[0]})" if self._faults else ""
            left = f", {self.left_out} are other parts'" if self.left_out else ""
            problem = f"not one answer fits the {len(self)} keyframes that were asked for{left}{first}"
            raise InputError(self.path, problem, "check the form of the file, and --data and --part")
        if self._surplus:
            more = f", and {len(self._surplus) - 1} more follow" if len(self._surplus) > 1 else ""
            self.fault(self._surplus[0], f"is one answer more than the {len(self)} keyframes that were asked for{more}")
        self._drop_written()
        silent = [sample.id for position, sample in enumerate(self.samples) if position not in self._answered_at]
        if silent:
            some = ", ".join(f"'{name}'" for name in silent[:_NAMED]) + (", …" if len(silent) > _NAMED else "")
            self.fault(self.path, f"has no answer to {len(silent)} of the {len(self)} keyframes: {some}")
        return Predictions(
            samples=self.samples,
            coefficients=self._coefficients,
            valid=self._valid,
            faults=tuple(self._faults),
            matched=dict(self._matched),
            left_out=self.left_out,
            remarks=tuple(self._remarks()),
        )

    def _drop_written(self) -> None:
        """Takes back what was read of a file that is on another scale: a face at rest is in range in any unit."""
        if self._off_scale * _OFF_SCALE <= len(self._written):
            return
        kept = [position for position in self._written if self._valid[position]]
        if kept:
            self._valid[kept] = False
            self._coefficients[kept] = np.nan
            count = f"{self._off_scale} of {len(self._written)} faces are on another scale"
            self.fault(self.path, f"{count}: the other {len(kept)}, which could be right, are not used either")

    def _remarks(self) -> Iterator[str]:
        if self._different:
            yield f"responses that differ from the assistant's message, and are the answers: {self._different:,}"
        if self._clamped:
            count = f"{self._clamped:,} in {self._clamped_answers:,} answers"
            yield f"values a little outside their channel's range, which are clamped: {count}"
