"""How 61 coefficients are written as an answer: fixed text with slots for the values.

The answer is `{"Keyframe_one":{"EyeBlinkLeft":0.0,…}}` as KeyframeFace released it, or `[0.0,0.2,…]` in the
configuration without semantics (section 5.1). All values have the same number of decimals, so that a slot has a finite
list of texts, to which a decoder can be constrained, and a face has one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.chat_requests import number_word
from kfzoo.errors import InputError

Representation = Literal["semantic", "non_semantic"]
"""Values by channel name, or a vector of values."""

REPRESENTATIONS: tuple[Representation, ...] = ("semantic", "non_semantic")

MOST_DECIMALS = 3
"""SemanticFace's prompts ask for as many."""


@dataclass(frozen=True)
class AnswerLayout:
    """The form of an answer: fixed texts, and between each two of them a slot for a channel's value.

    Attributes:
        literals: The 62 fixed texts: before the first value, between two, after the last.
        options: For each of the 61 slots the texts of all values, ascending and one step apart; zero has no sign.
        decimals: Digits after the point; a step is `10 ** -decimals`.
    """

    literals: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    decimals: int

    @classmethod
    def of(cls, representation: Representation, decimals: int, index: int) -> AnswerLayout:
        """Returns the form of the answer for one keyframe.

        Args:
            representation: Values by channel name or a vector.
            decimals: Digits after the point, 1 to `MOST_DECIMALS`.
            index: Position of the keyframe in its script, from 0; not in a vector.

        Raises:
            InputError: For another representation or number of decimals.
        """
        if representation not in REPRESENTATIONS:
            problem = f"is '{representation}', expected one of {', '.join(REPRESENTATIONS)}"
            raise InputError("representation", problem)
        if representation == "semantic":
            names = [f'"{name}":' for name in CHANNELS]
            opening = f'{{"Keyframe_{number_word(index + 1).lower()}":{{{names[0]}'
            literals = (opening, *(f",{name}" for name in names[1:]), "}}")
        else:
            literals = ("[", *[","] * (len(CHANNELS) - 1), "]")
        return cls.between(literals, decimals)

    @classmethod
    def between(cls, literals: tuple[str, ...], decimals: int) -> AnswerLayout:
        """Returns the form of an answer with these 62 fixed texts.

        Raises:
            InputError: For another number of decimals.
        """
        if decimals not in range(1, MOST_DECIMALS + 1):
            raise InputError("decimals", f"is {decimals}, expected 1 to {MOST_DECIMALS}")
        return cls(literals, _options(decimals), decimals)

    def nearest(self, coefficients: ArrayLike) -> tuple[int, ...]:
        """Returns the number of each slot's option that is nearest to a value.

        A value out of its channel's range is clamped. A value exactly between two options is rounded to the even
        number of steps, so that rounding shifts no mean.

        Args:
            coefficients: (61,).

        Raises:
            InputError: When these are not 61 finite numbers.
        """
        face = np.asarray(coefficients, dtype=np.float64)
        if face.shape != (len(CHANNELS),):
            raise InputError("answer", f"expected ({len(CHANNELS)},) coefficients, found shape {face.shape}")
        if not np.isfinite(face).all():
            name = CHANNELS[int(np.flatnonzero(~np.isfinite(face))[0])]
            raise InputError("answer", f"{name} is not a finite number", "leave such keyframes out")
        scale = 10**self.decimals
        steps = np.rint(np.clip(face, LOWER, UPPER) * scale) - LOWER * scale
        return tuple(steps.astype(int).tolist())

    def text(self, coefficients: ArrayLike) -> str:
        """Writes a face (61,) as an answer, each value as its `nearest` option.

        Raises:
            InputError: As `nearest`.
        """
        return self.filled(self.nearest(coefficients))

    def filled(self, chosen: Sequence[int]) -> str:
        """Writes the answer with one option number for each slot."""
        pieces = [self.literals[0]]
        for texts, option, literal in zip(self.options, chosen, self.literals[1:], strict=True):
            pieces += (texts[option], literal)
        return "".join(pieces)


@lru_cache
def _options(decimals: int) -> tuple[tuple[str, ...], ...]:
    scale = 10**decimals
    # Integers are divided, not steps added: no rounding error accumulates, and zero is 0, never -0.
    texts = [f"{number / scale:.{decimals}f}" for number in range(-scale, scale + 1)]
    weights, angles = tuple(texts[scale:]), tuple(texts)
    return tuple(angles if low < 0 else weights for low in LOWER)
