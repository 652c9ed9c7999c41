"""An append-only journal: what is done is on disk as soon as it is done, so that an interrupted command resumes."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from kfzoo.errors import InputError

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")
Entry = Mapping[str, Any]

_DIGEST = re.compile(r"\.part-([0-9a-f]{8})-\d+\.jsonl$")


class AnswerJournal(Protocol[Batch, Answer]):
    """What the `test_step` and `predict_step` of a model ask for answers, where a command can be resumed.

    Attributes:
        earlier: Seconds that earlier starts of the same command took.
    """

    earlier: float

    def answer(self, batch: Batch, generate: Callable[[Batch], Answer]) -> Answer:
        """Returns the answers to a batch; calls `generate` only for what no earlier start has answered."""


@dataclass(frozen=True)
class Other:
    """Entries of another origin.

    Attributes:
        pattern: Their files.
        entries: Number of entries.
        why: The first difference between the two origins.
    """

    pattern: Path
    entries: int
    why: str

    @property
    def line(self) -> str:
        """Says in one line that the entries are not used."""
        return f"{self.pattern}: {self.entries} entries are not used ({self.why}); remove what you do not need"


class Journal:
    """Named entries, one JSON line each.

    Each process appends to a file of its own, `<final's stem>.part-<digest>-<process>.jsonl` next to the final file.
    The digest is that of the origin, the first line of the file: entries of another origin are neither mixed in nor
    lost. All files with the digest are read, whatever the number of processes that wrote them; a line that was cut off
    counts as not written. Of two entries of one name the later counts.

    Args:
        final: Path of the file that is written when everything is done.
        origin: What the entries depend on; plain values.
        process: Number of this process.

    Attributes:
        found: Number of entries that earlier starts left.
        earlier: Seconds that earlier starts took.
    """

    def __init__(self, final: Path, origin: Mapping[str, Any], process: int = 0) -> None:
        header = json.dumps(origin, default=str, sort_keys=True)
        self._origin: dict[str, Any] = json.loads(header)
        self._final = final
        self._digest = hashlib.sha256(header.encode()).hexdigest()[:8]
        self._own = self._path(self._digest, process)
        self._file: BinaryIO | None = None
        self._entries: dict[str, Entry] = {}
        self.earlier = 0.0
        for path in self._files(self._digest):
            for name, entry, seconds in _read(path):
                self._entries[name] = entry
                self.earlier = max(self.earlier, seconds)
        self._unused = set(self._entries)
        self.found = len(self._entries)
        self._started = time.perf_counter()

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> Entry:
        self._unused.discard(name)
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    @property
    def used(self) -> int:
        """Number of entries of earlier starts that were read."""
        return self.found - len(self._unused)

    @property
    def pattern(self) -> Path:
        """The files of all processes."""
        return self._path(self._digest, "*")

    def add(self, entries: Mapping[str, Entry]) -> None:
        """Adds entries; they are on disk when it returns.

        Args:
            entries: Plain values by name; the keys `id` and `seconds` are the journal's own.

        Raises:
            InputError: When the file cannot be written.
        """
        self._entries.update(entries)
        seconds = round(self.earlier + time.perf_counter() - self._started, 3)
        lines = [json.dumps({"id": name, **entry, "seconds": seconds}) + "\n" for name, entry in entries.items()]
        try:
            if self._file is None:
                self._file = self._open()
            self._file.write("".join(lines).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._abandon()
            remedy = "make room, or choose another folder"
            raise InputError(self._own, f"cannot be written ({error.strerror})", remedy) from error

    def close(self) -> None:
        """Closes the file; more entries may be added later."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _abandon(self) -> None:
        """Closes the file, although what it still holds in memory cannot be written."""
        with suppress(OSError):
            self.close()
        self._file = None

    def remove(self) -> None:
        """Removes the files of all processes, once the final file holds their content."""
        self.close()
        for path in self._files(self._digest):
            path.unlink(missing_ok=True)

    def others(self) -> list[Other]:
        """Returns the journals of other origins for the same final file."""
        digests = dict.fromkeys(found[1] for path in self._files("*") if (found := _DIGEST.search(path.name)))
        return [self._other(digest) for digest in digests if digest != self._digest]

    def _other(self, digest: str) -> Other:
        files = self._files(digest)
        try:
            with files[0].open("rb") as file:
                other = json.loads(file.readline())["origin"]
            key = next(key for key in [*self._origin, *other] if self._origin.get(key) != other.get(key))
            why = f"{key}: {_short(other.get(key))} there, {_short(self._origin.get(key))} now"
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
            why = "their origin cannot be read"
        return Other(self._path(digest, "*"), sum(1 for path in files for _ in _read(path)), why)

    def _path(self, digest: str, process: int | str) -> Path:
        return self._final.with_name(f"{self._final.stem}.part-{digest}-{process}.jsonl")

    def _files(self, digest: str) -> list[Path]:
        name = f"{glob.escape(self._final.stem)}.part-{digest}-*.jsonl"
        return sorted(self._final.parent.glob(name))

    def _open(self) -> BinaryIO:
        """Opens the own file for appending, on a line of its own."""
        self._own.parent.mkdir(parents=True, exist_ok=True)
        before = self._own.read_bytes() if self._own.exists() else b""
        file = self._own.open("ab" if b"\n" in before else "wb")
        if b"\n" not in before:
            file.write(json.dumps({"origin": self._origin}).encode() + b"\n")
        elif not before.endswith(b"\n"):
            file.write(b"\n")
        return file


def _read(path: Path) -> Iterator[tuple[str, Entry, float]]:
    """Yields names, entries and seconds; a line that is no entry, such as one that was cut off, is skipped."""
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
            yield str(entry.pop("id")), entry, float(entry.pop("seconds"))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:12] + "…"
