"""The built-in data set: any number of scripts made by rule, the zoo's default."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from kfzoo.arkit.describe import describe
from kfzoo.arkit.wording import HELD_OUT
from kfzoo.data.script import Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.data.sources.builtin.actors import ACTORS
from kfzoo.data.sources.builtin.intent import original
from kfzoo.data.sources.builtin.performance import perform
from kfzoo.data.sources.builtin.phrases import emotion_phrase
from kfzoo.data.sources.builtin.situations import background
from kfzoo.data.sources.builtin.stories import draw_story
from kfzoo.data.sources.builtin.vocabulary import WIDE
from kfzoo.errors import InputError


class BuiltinScripts(Source):
    """Scripts made by rule: a situation, an emotion, keyframes, and an actor who performs them.

    The proportions are KeyframeFace's (appendix D): keyframes a clip, emotions (softened), actors, durations. What is
    performed differs from what was scripted: `original` is the intent; `arkit` and `image` describe what the muscles
    did and what an image would show of it, between two sentences on the emotion, as the annotations of KeyframeFace do.

    The split is by actor: 15 train, 3 validate, 3 test. Test scripts take every phrase of background, emotion
    and descriptions from banks that no other script uses. Validation scripts use the training banks with new actors, so
    that a checkpoint is never chosen by the wording that it is tested on.

    A script depends on the seed and its own number alone: a larger `n` only appends, and nothing is kept in memory.

    Args:
        n: Number of scripts.
        seed: Of everything that is left to chance.

    Raises:
        InputError: For n below 1 or a negative seed.
    """

    def __init__(self, n: int = 3000, seed: int = 0) -> None:
        if n < 1:
            raise InputError("data.source.n", f"expected at least 1 script, found {n}", "ask for 1 or more")
        if seed < 0:
            raise InputError(
                "data.source.seed", f"expected 0 or more, found {seed}", "choose a seed that is not negative"
            )
        self.n = n
        self.seed = seed

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
        """
        if not 0 <= number < self.n:
            raise IndexError(f"script {number} of {self.n}")
        rng = Random(f"{self.seed}/{number}")
        actor = ACTORS[number % len(ACTORS)]
        held_out = actor.part == "test"
        wording = HELD_OUT if held_out else WIDE
        story = draw_story(rng)
        faces = perform(story.moments, actor, rng)
        keyframes = tuple(
            Keyframe(
                index=index,
                time=time,
                original=original(story, moment, rng, held_out),
                arkit=describe(face, wording=wording, rng=rng),
                image=describe(face, wording=wording, rng=rng, detail="coarse"),
                coefficients=face,
                emotions=moment.scores,
            )
            for index, (time, moment, face) in enumerate(zip(story.times, story.moments, faces, strict=True))
        )
        return Script(
            id=f"builtin-{self.seed}-{number:06d}",
            subject=actor.name,
            background=background(story.way, story.felt, rng, held_out),
            emotion=emotion_phrase(story.way, story.felt, story.shown, story.scale, rng, held_out),
            keyframes=keyframes,
            part=actor.part,
        )
