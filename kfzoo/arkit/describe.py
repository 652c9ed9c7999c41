"""A face in words: muscle-level English for a coefficient vector, by rule.

It replaces the language models that annotate the papers' data from ARKit values (KF, section 3.1.4; SF, stage I):
no parameter names, no numbers, but as much of the vector as English can carry.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from numpy.typing import ArrayLike

from kfzoo.arkit.movements import Detail, Movement, movements
from kfzoo.arkit.wording import CANONICAL, Frame, Wording

MOST_WORDS = 100
"""Words of a description at most; the weakest movements of a very busy face are left out."""

PROMINENCE = 0.45
"""Share of the strongest movement below which another one goes unsaid: a quiet face is described with all its small
movements, a strong one without them. Next to a smile they say little of the face, and drown the smile in words: a
linear reader of frozen sentence embeddings errs a fifth less on real takes without them."""

ALWAYS_SAID = 0.25
"""Strength from which a movement is always said: a blink hides nothing."""

_SENTENCES = {
    "brows": 0, "eyes": 1, "gaze": 1, "nose": 2, "cheeks": 2, "mouth": 3, "jaw": 4, "tongue": 4, "head": 5,
}  # fmt: skip
"""The sentence that each region goes into."""

_LAST_SENTENCE = max(_SENTENCES.values())

_OTHER = {"left": "right", "right": "left"}

_T = TypeVar("_T")
_Pick = Callable[[tuple[Any, ...]], Any]
_Words = tuple[tuple[str, ...], ...]


def describe(
    coefficients: ArrayLike,
    *,
    wording: Wording = CANONICAL,
    rng: random.Random | None = None,
    detail: Detail = "full",
    neutral: ArrayLike | None = None,
) -> str:
    """Describes a face in English.

    Args:
        coefficients: (61,) in Live Link order.
        wording: The bank to take words from.
        rng: Chooses among synonyms and sentence frames; None takes the first of each, so that one face has one text.
        detail: "full" for what the muscles do, "coarse" for what can be seen in an image.
        neutral: The subject's face at rest, (61,), to be subtracted first; None for none.

    Returns:
        One to six sentences, from the brows down to the head; `MOST_WORDS` words at most.

    Raises:
        InputError: When there are not 61 finite numbers.
    """
    found = _prominent(movements(coefficients, detail=detail, neutral=neutral))
    pick = _first if rng is None else _Picker(rng)
    if not found:
        return pick(wording.neutral)
    frame = pick(wording.frames)
    intensities = wording.intensities if detail == "full" else wording.coarse
    clauses = [_clause(movement, wording, intensities, frame, pick) for movement in found]
    _shorten(found, clauses, frame)
    return _sentences(found, clauses, frame)


def phrases(
    coefficients: ArrayLike, *, wording: Wording = CANONICAL, detail: Detail = "full", neutral: ArrayLike | None = None
) -> list[tuple[Movement, str]]:
    """Says each movement of a face by itself: "outer brows slightly lifted".

    Args:
        coefficients: As in `describe`, and so are the others; of several words for a thing the first is taken.
        wording: The bank to take words from.
        detail: How much is said.
        neutral: The subject's face at rest.

    Returns:
        The movements that `describe` names, from the brows down, each with its words; as many as there are.

    Raises:
        InputError: When there are not 61 finite numbers.
    """
    intensities = wording.intensities if detail == "full" else wording.coarse
    clauses = []
    for movement in _prominent(movements(coefficients, detail=detail, neutral=neutral)):
        clause = _clause(movement, wording, intensities, wording.frames[0], _first)
        clauses.append((movement, f"{clause.subject} {clause.rest}"))
    return clauses


class _Picker:
    """Chooses at random; a call costs less than `random.choice`."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random

    def __call__(self, options: tuple[_T, ...]) -> _T:
        return options[int(self._random() * len(options))]


def _first(options: tuple[_T, ...]) -> _T:
    return options[0]


class _Clause(NamedTuple):
    subject: str
    plural: bool
    rest: str


def _clause(movement: Movement, wording: Wording, words: _Words, frame: Frame, pick: _Pick) -> _Clause:
    """Puts one movement into words: its subject, and how strongly it does what."""
    side, weaker = movement.side, movement.weaker_level
    phrase = pick(wording.phrases[movement.name])
    predicate = phrase.predicate
    strong = pick(words[movement.level])
    if "{side}" in predicate:
        predicate = predicate.replace("{side}", side)
    elif side in _OTHER:
        if weaker is None:
            return _Clause(f"{side} {phrase.one}", False, _rest(strong, predicate, frame))
        if weaker != movement.level:
            weak = pick(words[weaker])
            uneven = pick(wording.uneven).format(
                strong=strong, weak=weak, predicate=predicate, side=side, other=_OTHER[side]
            )
            return _Clause(phrase.both, phrase.plural, uneven)
        predicate_and_lean = _rest(strong, predicate, frame) + pick(wording.leaning).replace("{side}", side)
        return _Clause(phrase.both, phrase.plural, predicate_and_lean)
    return _Clause(phrase.both, phrase.plural, _rest(strong, predicate, frame))


def _prominent(found: list[Movement]) -> list[Movement]:
    """Leaves out what is weak compared with the strongest movement."""
    bar = min(ALWAYS_SAID, PROMINENCE * max((movement.value for movement in found), default=0.0))
    return [movement for movement in found if movement.value >= bar]


def _rest(intensity: str, predicate: str, frame: Frame) -> str:
    return f"{intensity} {predicate}" if frame.adverb_first else f"{predicate} {intensity}"


def _shorten(found: list[Movement], clauses: list[_Clause], frame: Frame) -> None:
    """Takes the weakest movements out of both lists until the text keeps to `MOST_WORDS`."""
    sizes = [2 + clause.subject.count(" ") + clause.rest.count(" ") for clause in clauses]
    each = len(frame.opening.split()) + frame.verb + len(frame.last.split())  # a sentence's opening, verb and joint
    total = sum(sizes) + each * len({_SENTENCES[movement.region] for movement in found})
    while total > MOST_WORDS:
        weakest = min(range(len(found)), key=lambda place: found[place].value)
        total -= sizes.pop(weakest)
        del found[weakest], clauses[weakest]


def _sentences(found: list[Movement], clauses: list[_Clause], frame: Frame) -> str:
    parts: list[list[_Clause]] = [[] for _ in range(_LAST_SENTENCE + 1)]
    for movement, clause in zip(found, clauses, strict=True):
        part = parts[_SENTENCES[movement.region]]
        if part and part[-1].subject == clause.subject:  # "eyes narrowed and turned up", not "eyes narrowed, eyes …"
            clause = clause._replace(rest=f"{part.pop().rest} and {clause.rest}")
        part.append(clause)
    return " ".join([_sentence(part, frame) for part in parts if part])


def _sentence(clauses: list[_Clause], frame: Frame) -> str:
    subject, plural, rest = clauses[0]
    verb = ("are " if plural else "is ") if frame.verb else ""
    opening = f"{frame.opening}{subject} {verb}{rest}"
    text = opening if frame.opening else opening[0].upper() + opening[1:]
    for clause in clauses[1:-1]:
        text += f", {clause.subject} {clause.rest}"
    if len(clauses) > 1:
        text += f"{frame.last}{clauses[-1].subject} {clauses[-1].rest}"
    return text + "."
