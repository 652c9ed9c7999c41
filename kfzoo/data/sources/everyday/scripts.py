"""How people describe faces: any number of scripts in plain English, one keyframe each."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random

from kfzoo.arkit.describe import describe
from kfzoo.arkit.wording import HELD_OUT
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.data.sources.builtin.vocabulary import WIDE
from kfzoo.data.sources.everyday.drawing import SHARES, Drawn, actor_of, draw
from kfzoo.data.sources.everyday.instruction import KINDS, Instruction, Kind, instruction
from kfzoo.data.sources.everyday.lexicon import lexicon
from kfzoo.data.sources.everyday.performers import meant, perform
from kfzoo.errors import InputError

TIME = 1.0
"""Seconds at which the one keyframe lies; a sentence says nothing of time."""


class EverydayDescriptions(Source):
    """Sentences as everyday people, novelists and animators write them, each with the face that it means.

    A lexicon of readable tables ties wordings to faces: movements of all 61 channels, shapes of vowels and consonants,
    idioms, emotions and what implies them, words of intensity, and neutral faces. Sentences take many forms, name
    sides, join up to four movements, and say what does not move. Faces vary as the built-in actors do, at a smaller
    size. `instruction` tells what a script's sentence asks for, so that an answer can be checked.

    The split is by actor and by wording: test scripts take idioms, emotions and wordings that no other script uses;
    validation scripts use the training wordings with new actors.

    A script depends on the seed and its own number alone: a larger `n` only appends, and nothing is kept in memory.

    Args:
        n: Number of scripts.
        seed: Of everything that is left to chance.
        kinds: Kinds of sentences to make, in the proportions of all; None for all of them.

    Raises:
        InputError: For n below 1, a negative seed, or an unknown kind.
    """

    def __init__(self, n: int = 30000, seed: int = 0, kinds: Sequence[str] | None = None) -> None:
        if n < 1:
            raise InputError("data.source.n", f"expected at least 1 script, found {n}", "ask for 1 or more")
        if seed < 0:
            raise InputError(
                "data.source.seed", f"expected 0 or more, found {seed}", "choose a seed that is not negative"
            )
        wanted = KINDS if kinds is None else tuple(kinds)
        unknown = [kind for kind in wanted if kind not in KINDS]
        if unknown or not wanted:
            found = f"found '{unknown[0]}'" if unknown else "found none"
            raise InputError("data.source.kinds", f"expected some of {', '.join(KINDS)}, {found}")
        self.n = n
        self.seed = seed
        self._kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind in wanted)
        self._sums = list(accumulate(SHARES[kind] for kind in self._kinds))

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts, made as they are asked for."""
        for number in range(self.n):
            yield self.script(number)

    def __len__(self) -> int:
        """Number of scripts."""
        return self.n

    def script(self, number: int) -> Script:
        """Makes one script.

        Args:
            number: Its place, from 0.

        Raises:
            IndexError: For a number outside 0 … n - 1.
            InputError: When the lexicon cannot be read.
        """
        drawn, rng = self._drawn(number)
        actor = actor_of(number)
        asked = self._asked(drawn)
        face = perform(meant(drawn.pieces), asked.rest, actor, rng)
        wording = HELD_OUT if actor.part == "test" else WIDE
        keyframe = Keyframe(
            index=0,
            time=TIME,
            original=drawn.text,
            arkit=describe(face, wording=wording, rng=rng),
            image=describe(face, wording=wording, rng=rng, detail="coarse"),
            coefficients=face,
        )
        return Script(
            id=f"everyday-{self.seed}-{number:06d}",
            subject=actor.name,
            background=drawn.background,
            emotion=drawn.emotion or UNSPECIFIED,
            keyframes=(keyframe,),
            part=actor.part,
        )

    def instruction(self, number: int) -> Instruction:
        """Tells what a script's sentence asks for.

        Args:
            number: The script's place, from 0; the last part of its id.

        Raises:
            IndexError: As `script`.
        """
        return self._asked(self._drawn(number)[0])

    def _asked(self, drawn: Drawn) -> Instruction:
        return instruction(drawn.kind, drawn.text, drawn.pieces, drawn.rest, lexicon().steps, drawn.weaker)

    def _drawn(self, number: int) -> tuple[Drawn, Random]:
        """What a script says, and the source of chance for the rest of it."""
        if not 0 <= number < self.n:
            raise IndexError(f"script {number} of {self.n}")
        rng = Random(f"everyday/{self.seed}/{number}")
        kind = self._kinds[bisect(self._sums, rng.random() * self._sums[-1])]
        half = "test" if actor_of(number).part == "test" else "train"
        return draw(rng, half, kind), rng
