"""Sentences around one phrase: third person, past, imperative, participle, "as if to …", noun phrase, direction."""

from __future__ import annotations

import re
from bisect import bisect
from itertools import accumulate
from random import Random
from typing import Literal, NamedTuple

from kfzoo.data.sources.everyday.grammar import PhraseForm, Reading, capitalized, with_article
from kfzoo.data.sources.everyday.lexicon import Form, Step
from kfzoo.data.sources.everyday.people import PEOPLE, STRANGERS, YOU, Person, pick
from kfzoo.data.sources.everyday.pieces import Piece, is_present_only, phrase
from kfzoo.data.sources.everyday.verbs import inflected

Who = Literal["anyone", "you", "stranger", "the"]


class Frame(NamedTuple):
    """A sentence with a gap.

    Attributes:
        weight: How often it is drawn.
        form: Form of the phrase in the gap.
        text: `{x}` is the phrase, `{S}`, `{O}`, `{P}` the person as subject, object and possessor; a verb in brackets
            agrees with the subject.
        who: Who is drawn; "the" is anyone whose possessive becomes "the".
    """

    weight: float
    form: PhraseForm
    text: str
    who: Who = "anyone"


class Frames:
    """Frames to draw from."""

    def __init__(self, *frames: Frame) -> None:
        self._frames = frames
        self._sums = list(accumulate(frame.weight for frame in frames))

    def pick(self, rng: Random) -> Frame:
        """Draws a frame by weight."""
        return self._frames[bisect(self._sums, rng.random() * self._sums[-1])]


_ACTS = Frames(
    Frame(9.0, "present", "{S} {x}."),
    Frame(3.0, "past", "{S} {x}."),
    Frame(2.5, "progressive", "{S} {x}."),
    Frame(4.0, "base", "{x}.", "you"),
    Frame(0.8, "base", "{x}!", "you"),
    Frame(0.5, "base", "please {x}.", "you"),
    Frame(0.4, "base", "now {x}.", "you"),
    Frame(0.4, "base", "can you {x}?", "you"),
    Frame(0.3, "base", "try to {x}.", "you"),
    Frame(2.0, "ing", "{x}."),
    Frame(0.5, "base", "have {O} {x}."),
    Frame(0.5, "base", "make {O} {x}."),
    Frame(0.4, "base", "let {O} {x}."),
    Frame(0.4, "base", "as if to {x}."),
    Frame(0.4, "base", "{S} [move] as if to {x}."),
    Frame(0.7, "ing", "{S} {x}.", "stranger"),
    Frame(0.4, "present", "{S} who {x}.", "stranger"),
    Frame(0.4, "ing", "show {S} {x}.", "stranger"),
    Frame(0.3, "ing", "a picture of {S} {x}.", "stranger"),
    Frame(0.3, "ing", "a close-up of {S} {x}.", "stranger"),
)
_STATE_ACTS = Frames(
    Frame(9.0, "present", "{S} {x}."), Frame(3.0, "past", "{S} {x}."), Frame(1.0, "base", "{x}!", "you"),
    Frame(0.6, "base", "make {O} {x}."), Frame(0.7, "present", "{S} who {x}.", "stranger"),
    Frame(0.5, "present", "show {S} who {x}.", "stranger"),
)  # fmt: skip
_ACTS_NOW = Frames(
    Frame(9.0, "present", "{S} {x}."), Frame(4.0, "base", "{x}.", "you"), Frame(2.0, "ing", "{x}."),
    Frame(0.5, "base", "have {O} {x}."), Frame(0.7, "ing", "{S} {x}.", "stranger"),
)  # fmt: skip
_CLAUSES = Frames(
    Frame(8.0, "present", "{x}."),
    Frame(2.5, "present", "{x}.", "the"),
    Frame(3.0, "past", "{x}."),
    Frame(1.5, "progressive", "{x}."),
    Frame(0.6, "ing", "with {x}."),
    Frame(1.0, "ing", "a face with {x}.", "the"),
    Frame(1.0, "ing", "{S} with {x}.", "stranger"),
    Frame(0.6, "ing", "{S} [sit] there with {x}."),
    Frame(0.6, "present", "show how {x}."),
    Frame(0.5, "ing", "show {S} with {x}.", "stranger"),
)
_STATES = Frames(
    Frame(6.0, "present", "{x}."),
    Frame(2.0, "past", "{x}."),
    Frame(3.5, "bare", "{x}."),
    Frame(1.0, "ing", "with {x}."),
    Frame(1.0, "ing", "a face with {x}.", "the"),
    Frame(1.0, "ing", "{S} with {x}.", "stranger"),
    Frame(0.8, "ing", "{S} [sit] there with {x}."),
    Frame(0.5, "ing", "draw {S} with {x}.", "stranger"),
)
_CLAUSES_NOW = Frames(Frame(4.0, "present", "{x}."), Frame(1.0, "present", "{x}.", "the"))
_NOUNS = Frames(
    Frame(5.0, "base", "{x}.", "the"),
    Frame(4.0, "base", "{S} GIVE {x}."),
    Frame(1.0, "base", "with {x}.", "the"),
    Frame(1.5, "base", "a face with {x}.", "the"),
    Frame(1.2, "base", "{S} with {x}.", "stranger"),
    Frame(0.7, "base", "show {x}.", "the"),
    Frame(0.4, "base", "draw {S} with {x}.", "stranger"),
    Frame(0.4, "base", "give me {x}.", "the"),
)
_LOOKS = Frames(
    Frame(5.0, "base", "{x}.", "the"), Frame(4.0, "base", "{S} GIVE {x}."), Frame(0.8, "base", "show {x}.", "the"),
    Frame(0.8, "base", "{S} with {x}.", "stranger"), Frame(0.5, "base", "give me {x}.", "the"),
)  # fmt: skip
_FEELINGS = Frames(
    Frame(3.0, "base", "{x}.", "the"),
    Frame(2.0, "base", "{S} GIVE {x}."),
    Frame(1.5, "base", "a look of {x}.", "the"),
    Frame(1.5, "base", "an expression of {x}.", "the"),
    Frame(1.0, "base", "{P} face [show] {x}."),
    Frame(0.8, "base", "{x} is written all over {P} face."),
    Frame(1.0, "base", "a face full of {x}.", "the"),
    Frame(0.6, "base", "{S} [look] at us with {x}."),
    Frame(0.5, "base", "show {x}.", "the"),
    Frame(0.5, "base", "act out {x}.", "the"),
)
_ADJECTIVES = Frames(
    Frame(4.0, "base", "{S} [be] {x}."),
    Frame(4.0, "base", "{S} [look] {x}."),
    Frame(1.2, "base", "{S} [seem] {x}."),
    Frame(2.0, "base", "{x}."),
    Frame(0.8, "base", "look {x}!", "you"),
    Frame(0.6, "base", "{S} who [look] {x}.", "stranger"),
    Frame(0.6, "base", "{S} looking {x}.", "stranger"),
    Frame(0.5, "base", "make {O} look {x}."),
    Frame(0.4, "base", "play someone who is {x}."),
)
_ATTRIBUTES = Frames(
    Frame(2.0, "base", "a {x} face."), Frame(1.5, "base", "a {x} look."), Frame(1.5, "base", "a {x} expression."),
    Frame(0.8, "base", "{S} [have] a {x} face."), Frame(0.8, "base", "{S} [have] a {x} expression."),
    Frame(0.5, "base", "make a {x} face.", "you"),
)  # fmt: skip
_ATTRIBUTE_SHARE = 0.35

_DONE = frozenset(
    ["wink", "blink", "nod", "lift", "raise", "tilt", "turn", "twist", "curl", "dip", "bow", "shrug", "pout", "pucker"]
)
_MADE = frozenset({"funnel", "pucker"})
_CAST = frozenset({"glance", "look", "gaze"})
_STATE_VERB = re.compile(r"\{(?:be|feel|seem|appear|have|need|want|know|mean)\}")
_BRACKET = re.compile(r"\[(\w+)\]")
_PLAIN_SHARE = 0.06


def sentence(piece: Piece, rng: Random, steps: tuple[Step, ...]) -> str:
    """Writes a sentence around one piece.

    Args:
        piece: What is said.
        rng: Chooses the frame, the people and the word of intensity.
        steps: The lexicon's.
    """
    frame = frames_for(piece, rng).pick(rng)
    person = person_for(frame.who, rng)
    reading = Reading(person, piece.side, frame.who == "the" and "{poss} own" not in piece.wording.template)
    text = frame.text.replace("GIVE", f"[{piece.entry.give or giving(piece.wording.template)}]")
    words = phrase(piece, frame.form, reading, rng, steps)
    return finished(filled(text, words, person), rng)


def frames_for(piece: Piece, rng: Random) -> Frames:
    """The frames that suit a wording."""
    form: Form = piece.wording.form
    template = piece.wording.template
    chance = rng.random()
    if form == "act":
        if is_present_only(piece.wording):
            return _ACTS_NOW
        return _STATE_ACTS if _STATE_VERB.match(template) else _ACTS
    if form == "clause":
        if is_present_only(piece.wording):
            return _CLAUSES_NOW
        return _STATES if "{be}" in template else _CLAUSES
    if form == "noun":
        if piece.entry.kind == "emotion" and not template.startswith(("a ", "an ", "the ")):
            return _FEELINGS
        return _LOOKS if re.search(r"\b(?:face|look|expression|mouth|head|no)\b", template) else _NOUNS
    if form == "adjective":
        attributive = piece.entry.attributive and " " not in template
        return _ATTRIBUTES if attributive and chance < _ATTRIBUTE_SHARE else _ADJECTIVES
    return Frames(Frame(1.0, "base", "{x}", "anyone"))


def giving(template: str) -> str:
    """The verb that joins a person and a noun phrase: "give" a wink, "cast" a glance, "have" raised eyebrows."""
    words = template.split()
    if words[0] in ("a", "an") and _CAST & set(words[1:3]) and "eyed" not in words[1]:
        return "cast"
    if words[0] == "a" and words[1] in _MADE:
        return "make"
    return "give" if words[0] == "a" and words[1] in _DONE else "have"


def person_for(who: Who, rng: Random) -> Person:
    """Draws who the sentence is about."""
    if who == "you":
        rng.random()
        return YOU
    return pick(rng, STRANGERS if who == "stranger" else PEOPLE)


def filled(text: str, words: str, person: Person) -> str:
    """Puts phrase and person into a frame."""
    text = _BRACKET.sub(lambda match: inflected(match[1], "present", _agreement(text, person)), text)
    return text.format(x=words, S=person.subject, O=person.object, P=person.possessive)


def finished(text: str, rng: Random) -> str:
    """Corrects articles, and writes a sentence as one does, or as one types in a hurry."""
    text = with_article(text.replace("both the ", "both ").replace("Both the ", "Both "))
    if rng.random() < _PLAIN_SHARE:
        return text.rstrip(".")
    return capitalized(text if text.endswith((".", "!", "?", "'", '"')) else text + ".")


def _agreement(text: str, person: Person) -> Literal["I", "singular", "plural"]:
    return "singular" if text.startswith("{P} face") else person.agreement
