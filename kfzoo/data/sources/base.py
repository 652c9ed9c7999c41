"""The one interface of every data source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from kfzoo.data.script import Script


class Source(ABC):
    """Where scripts come from; chosen in a configuration by its class path.

    A source is cheap to construct: arguments are checked there, data is read when it is iterated, and each iteration
    yields the same scripts in the same order.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts.

        Raises:
            InputError: When the data cannot be read.
        """

    def __len__(self) -> int:
        """Number of scripts; by default counted by reading them."""
        return sum(1 for _ in self)
