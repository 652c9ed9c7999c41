"""Two banks of wording for every slot: one for training, one that only test scripts use."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


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


def sentence(text: str) -> str:
    """Returns a text with a capital first letter and a full stop at its end."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", '"')) else ".")
