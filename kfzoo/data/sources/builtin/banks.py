"""Two banks of wording for every slot: one for training, one that only test scripts use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType


@dataclass(frozen=True)
class Bank:
    """The phrases that may fill one slot of a text.

    Attributes:
        train: Phrases of training and validation scripts.
        held_out: Phrases of test scripts; none of them is in `train`.
    """

    train: tuple[str, ...]
    held_out: tuple[str, ...]

    def pick(self, rng: Random, held_out: bool) -> str:
        """Draws one phrase, from the held-out bank or from the other."""
        bank = self.held_out if held_out else self.train
        return bank[int(rng.random() * len(bank))]


def read_table(table: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Reads two lists by name, written `name: a | b || c | d`; further lines of an entry are indented."""
    found = {}
    for entry in re.split(r"\n(?=\S)", table.strip()):
        name, lists = entry.split(": ", 1)
        first, second = (tuple(" ".join(each.split()) for each in part.split("|")) for part in lists.split("||"))
        found[name] = first, second
    return found


def read_banks(table: str) -> Mapping[str, Bank]:
    """Reads banks by name, written `name: phrase | phrase || held-out phrase | …`."""
    return MappingProxyType({name: Bank(*phrases) for name, phrases in read_table(table).items()})


def sentence(text: str) -> str:
    """Returns a text with a capital first letter and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", '"')) else ".")
