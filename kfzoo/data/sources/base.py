"""The interfaces of data sources: of scripts, and of clips of motion.

A source is chosen in a configuration by its class path. Its constructor is cheap and checks the arguments; data is read
when the source is iterated, and each iteration yields the same items in the same order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

from kfzoo.data.clip import Clip
from kfzoo.data.script import Script


class Source(ABC):
    """Where scripts come from."""

    @abstractmethod
    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts.

        Raises:
            InputError: When the data cannot be read.
        """

    def __len__(self) -> int:
        """Number of scripts; by default counted by reading them."""
        return sum(1 for _ in self)

    @property
    def remarks(self) -> list[str]:
        """What the last reading decided where the data left it open, in sentences."""
        return []


class CachedSource(Source):
    """A source that is read once and kept: a second reading would log everything again."""

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts; the first call reads them."""
        yield from self._scripts

    def __len__(self) -> int:
        """Number of scripts that could be read."""
        return len(self._scripts)

    @cached_property
    def _scripts(self) -> list[Script]:
        return list(self._read())

    @abstractmethod
    def _read(self) -> Iterator[Script]:
        """Reads the scripts."""


class ClipSource(ABC):
    """Where clips come from. It has no length: counting would be reading it twice."""

    @abstractmethod
    def __iter__(self) -> Iterator[Clip]:
        """Yields the clips.

        Raises:
            InputError: When the data cannot be read.
        """
