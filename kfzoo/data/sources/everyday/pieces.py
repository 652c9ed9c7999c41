"""What a sentence is made of: one entry's wording, its side and its degree; and the phrases that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TypeVar

from kfzoo.data.sources.everyday.faces import channels_of, rests_of
from kfzoo.data.sources.everyday.grammar import Emphasis, PhraseForm, Place, Reading, act, clause, noun, noun_place
from kfzoo.data.sources.everyday.lexicon import Entry, Step, Wording

_T = TypeVar("_T")
_STATE = re.compile(r"\{(?:be|feel|look|seem|appear|become|get|grow)\} [a-z-]+$")
_LOOSE = re.compile(
    r",| while | but | as if | like | without | by | that | as the | not | never "
    r"|\{be\} (?:a|an|the|on|at|without|in|under) "
)
_AFTER_SHARE = 0.6


def choose(rng: Random, options: Sequence[_T]) -> _T:
    """Draws one of several; a call costs less than `random.choice`."""
    return options[int(rng.random() * len(options))]


@dataclass(frozen=True)
class Piece:
    """One movement or expression of a sentence.

    Attributes:
        entry: What is said.
        wording: How it is said.
        face: The face that is meant, by key, one of the entry's.
        side: "left" or "right", named by the wording or not.
        step: Place of the word of intensity in the lexicon's steps, or None.
        degree: Degree of the face.
    """

    entry: Entry
    wording: Wording
    face: Mapping[str, float]
    side: str
    step: int | None
    degree: float

    @property
    def names_side(self) -> bool:
        """Whether the sentence says which side."""
        return "{side}" in self.wording.template

    @cached_property
    def channels(self) -> dict[str, float]:
        """Values by channel at full degree."""
        return channels_of(self.face, self.side, self.entry.one_sided)

    @cached_property
    def rests(self) -> tuple[str, ...]:
        """Channels that must rest, the other half's of a one-sided face among them."""
        own = self.channels
        rests = set(rests_of(self.entry.rest))
        if self.entry.one_sided:
            rests |= set(channels_of(self.face, {"left": "right", "right": "left"}[self.side], True))
        return tuple(sorted(rests - set(own)))


def is_simple(wording: Wording) -> bool:
    """Whether a wording can be joined with others and take a word of intensity at its end."""
    return _LOOSE.search(wording.template) is None


def is_present_only(wording: Wording) -> bool:
    """Whether a wording holds a verb that is not in braces and would stay in the present."""
    return " while " in wording.template or " but " in wording.template or " as the " in wording.template


def can_be_emphasized(wording: Wording) -> bool:
    """Whether a word of intensity finds a place."""
    if wording.form == "sentence" or not is_simple(wording):
        return False
    return wording.form != "noun" or noun_place(wording.template) is not None


def phrase(piece: Piece, form: PhraseForm, reading: Reading, rng: Random, steps: tuple[Step, ...]) -> str:
    """Says a piece.

    It takes the same number of draws whatever the step, so that a sentence can be said again with a weaker word.

    Args:
        piece: What to say.
        form: Of its verb; ignored for nouns and adjectives.
        reading: Who, which side.
        rng: Chooses the word of intensity.
        steps: The lexicon's.
    """
    kind, template = piece.wording
    emphasis = None if piece.step is None else _emphasis(piece.wording, rng, steps[piece.step])
    if kind == "act":
        return act(template, form, reading, emphasis)
    if kind == "clause":
        return clause(template, form, reading, emphasis)
    if kind == "noun":
        return noun(template, reading, emphasis)
    text = noun(template, reading)
    return text if emphasis is None or kind == "sentence" else f"{emphasis.word} {text}"


def _emphasis(wording: Wording, rng: Random, step: Step) -> Emphasis:
    chance, word = rng.random(), rng.random()
    place: Place
    if wording.form == "adjective" or (wording.form == "act" and _STATE.match(wording.template)):
        place = "degree_word"
    elif wording.form == "noun":
        place = noun_place(wording.template) or "before"
    else:
        is_state = wording.form == "clause" and "{be}" in wording.template
        place = "after" if chance < _AFTER_SHARE and not is_state else "before"
    words = step.words[place]
    if wording.form == "clause":
        words = tuple(each for each in words if "{poss}" not in each and "{subj}" not in each)
    elif wording.form == "act":
        words = tuple(each for each in words if "{it}" not in each)
    return Emphasis(words[int(word * len(words))], place)
