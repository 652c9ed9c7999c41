"""Answers on disk while they are given, so that whoever asks can be stopped and go on."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.models.base import Generation

_NAME = re.compile(r"\.part-([0-9a-f]{8})-\d+\.jsonl$")


class _Kept(NamedTuple):
    """One answer: (61,) float32 coefficients, whether they are valid, and the text of a model that writes one."""

    coefficients: Tensor
    valid: bool
    text: str | None


class AnswerBook:
    """Answers that lie on disk as soon as they are given.

    Each process appends to a file of its own, `<name>.part-<mark>-<process>.jsonl` beside the final file. The mark
    stands for all that the answers depend on: those of another checkpoint, other data or other settings are never
    mixed in, nor lost. All files with the mark are read, however many processes wrote them; a line that was cut off is
    as if it had never been written.

    Args:
        final: Path of the file that is written when all is answered.
        origin: What the answers depend on; plain values.
        process: Number of this process.

    Attributes:
        found: Number of answers that an earlier start left.
        earlier: Seconds that were spent on the answers before this start.
    """

    def __init__(self, final: Path, origin: Mapping[str, Any], process: int = 0) -> None:
        header = json.dumps(origin, default=str, sort_keys=True)
        self._origin: dict[str, Any] = json.loads(header)
        self._final = final
        self._mark = hashlib.sha256(header.encode()).hexdigest()[:8]
        self._own = self._path(self._mark, process)
        self._file: BinaryIO | None = None
        self._answers: dict[str, _Kept] = {}
        self.earlier = 0.0
        for path in self._files(self._mark):
            for name, answer, seconds in _read(path):
                self._answers[name] = answer
                self.earlier = max(self.earlier, seconds)
        self._unused = set(self._answers)
        self.found = len(self._answers)
        self._started = time.perf_counter()

    def __contains__(self, name: str) -> bool:
        return name in self._answers

    @property
    def used(self) -> int:
        """How many of the answers that an earlier start left were asked for."""
        return self.found - len(self._unused)

    @property
    def pattern(self) -> Path:
        """The files of all processes."""
        return self._path(self._mark, "*")

    def add(self, names: Sequence[str], answers: Generation) -> None:
        """Adds answers, and has them on disk when it returns.

        Args:
            names: B ids of keyframes.
            answers: What the model says to them.

        Raises:
            InputError: When the file cannot be written.
        """
        texts = answers.texts or (None,) * len(names)
        seconds = round(self.earlier + time.perf_counter() - self._started, 3)
        lines = []
        coefficients = answers.coefficients.detach().float().cpu()
        for name, values, valid, text in zip(names, coefficients, answers.valid.tolist(), texts, strict=True):
            self._answers[name] = _Kept(values, valid, text)
            row = {"id": name, "valid": valid, "coefficients": values.tolist(), "text": text, "seconds": seconds}
            lines.append(json.dumps(row) + "\n")
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write("".join(lines).encode())
            self._file.flush()
        except OSError as error:
            remedy = "make room, or choose another folder"
            raise InputError(self._own, f"cannot be written ({error.strerror})", remedy) from error

    def answers(self, names: Sequence[str], device: torch.device | str = "cpu") -> Generation:
        """Returns the answers to keyframes that are in the book."""
        found = [self._answers[name] for name in names]
        self._unused.difference_update(names)
        coefficients = torch.stack([each.coefficients for each in found])
        valid = torch.tensor([each.valid for each in found])
        texts = tuple(each.text or "" for each in found) if found[0].text is not None else None
        return Generation(coefficients.to(device), valid.to(device), texts)

    def close(self) -> None:
        """Closes the file; more answers may be added later."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Removes the files of all processes: what they hold lies elsewhere now."""
        self.close()
        for path in self._files(self._mark):
            path.unlink(missing_ok=True)

    def left_alone(self) -> list[str]:
        """Tells of other answers that lie here, and why they are not used; one line a start."""
        marks = dict.fromkeys(found[1] for path in self._files("*") if (found := _NAME.search(path.name)))
        return [self._why_not(mark) for mark in marks if mark != self._mark]

    def _why_not(self, mark: str) -> str:
        files = self._files(mark)
        count = sum(1 for path in files for _ in _read(path))
        try:
            with files[0].open("rb") as file:
                other = json.loads(file.readline())["answers_of"]
            place = next(key for key in [*self._origin, *other] if self._origin.get(key) != other.get(key))
            why = f"{place}: {_short(other.get(place))} there, {_short(self._origin.get(place))} now"
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
            why = "what they belong to cannot be read"
        return f"{self._path(mark, '*')}: {count} answers are left alone ({why}); remove them if you need them no more"

    def _path(self, mark: str, process: int | str) -> Path:
        return self._final.with_name(f"{self._final.stem}.part-{mark}-{process}.jsonl")

    def _files(self, mark: str) -> list[Path]:
        return sorted(self._final.parent.glob(self._path(mark, "*").name))

    def _opened(self) -> BinaryIO:
        """Opens the own file: behind what stands there, on a line of its own."""
        self._own.parent.mkdir(parents=True, exist_ok=True)
        before = self._own.read_bytes() if self._own.exists() else b""
        file = self._own.open("ab" if b"\n" in before else "wb")
        if b"\n" not in before:
            file.write(json.dumps({"answers_of": self._origin}).encode() + b"\n")
        elif not before.endswith(b"\n"):
            file.write(b"\n")
        return file


def _read(path: Path) -> Iterator[tuple[str, _Kept, float]]:
    """Yields a file's answers and when they were there; what is no answer, such as a line cut off, is passed over."""
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line)
            values = torch.tensor(row["coefficients"], dtype=torch.float32)
            answer = str(row["id"]), _Kept(values, bool(row["valid"]), row["text"]), float(row["seconds"])
        except (ValueError, KeyError, TypeError):
            continue
        if values.shape == (len(CHANNELS),):
            yield answer


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:12] + "…"
