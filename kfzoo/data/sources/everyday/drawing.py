"""Drawing what a script says: its kind, its entries, sides and degrees, from the seed and the script's number alone."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from random import Random
from types import MappingProxyType

from kfzoo.data.sources.builtin.actors import ACTORS, Actor
from kfzoo.data.sources.everyday import joining
from kfzoo.data.sources.everyday.faces import reach, region, rests_of
from kfzoo.data.sources.everyday.frames import sentence
from kfzoo.data.sources.everyday.instruction import Kind
from kfzoo.data.sources.everyday.lexicon import Entry, Form, Wording, lexicon
from kfzoo.data.sources.everyday.pieces import Piece, can_be_emphasized, choose, is_simple

SHARES: Mapping[Kind, float] = MappingProxyType(
    {
        "movement": 0.40, "gaze": 0.05, "asymmetry": 0.13, "idiom": 0.085, "emotion": 0.12, "composite": 0.085,
        "negation": 0.05, "intensity": 0.07, "neutral": 0.01,
    }
)  # fmt: skip
"""Share of scripts by kind."""

SITUATION_SHARE = 0.5
"""Share of the sentences that imply an emotion ("The milk has gone sour.") that are a script's background."""

_COUNTS = (2, 2, 2, 2, 2, 2, 3, 3, 3, 4)
_STEP_IN_COMPOSITE = 0.15
_WEAKER_BY = 3
_VISEME_WEIGHT = 0.25
_TRIES = 30
_IS_SHORT = re.compile(r"\{\w+\}(?: (?:up|down|out))?$|.*\{poss\}")
_SHUT = frozenset({"MouthPress", "MouthRoll", "MouthPucke", "CheekPuff", "MouthClose", "MouthShrug"})
_OPEN = frozenset({"JawOpen", "TongueOut", "MouthLowe", "MouthUppe", "MouthFunne"})


@dataclass(frozen=True)
class Drawn:
    """What a script says, before it is performed.

    Attributes:
        kind: Kind of the sentence.
        text: The sentence.
        pieces: What moves.
        rest: Channels that the sentence asks to rest, besides those of the pieces.
        weaker: The sentence with a weaker word of intensity, or "".
        background: The situation, or "".
        emotion: Name of an emotion, or "".
    """

    kind: Kind
    text: str
    pieces: tuple[Piece, ...]
    rest: tuple[str, ...] = ()
    weaker: str = ""
    background: str = ""
    emotion: str = ""


class Choices:
    """Entries with the wordings that suit, drawn by the entries' weights."""

    def __init__(self, entries: Sequence[Entry], half: str, suits: Callable[[Entry, Wording], bool]) -> None:
        found = [(entry, tuple(each for each in entry.wordings(half) if suits(entry, each))) for entry in entries]
        self._found = [(entry, wordings) for entry, wordings in found if wordings]
        self._sums = list(accumulate(entry.weight for entry, _ in self._found))

    def __bool__(self) -> bool:
        return bool(self._found)

    def pick(self, rng: Random) -> tuple[Entry, Wording]:
        """Draws an entry and one of its wordings."""
        entry, wordings = self._found[bisect(self._sums, rng.random() * self._sums[-1])]
        return entry, choose(rng, wordings)


def actor_of(number: int) -> Actor:
    """Who performs a script; the actor decides its part of the split."""
    return ACTORS[number % len(ACTORS)]


def draw(rng: Random, half: str, kind: Kind) -> Drawn:
    """Draws a sentence.

    Args:
        rng: Source of chance.
        half: "train" or "test": which wordings.
        kind: Kind of the sentence.
    """
    if kind in _DRAWERS:
        return _DRAWERS[kind](rng, half, kind)
    # A lexicon may lack a kind, idioms for example.
    return _single(rng, half, kind if _choices(kind, half) else "movement")


def _suits(entry: Entry, wording: Wording, kind: Kind) -> bool:
    named = "{side}" in wording.template
    if kind == "movement":
        return entry.kind in ("movement", "viseme") and not (entry.one_sided and named)
    if kind == "gaze":
        return entry.kind == "gaze" and not (entry.one_sided and named)
    if kind == "asymmetry":
        return entry.one_sided and named
    if kind == "intensity":
        if entry.kind == "idiom" and wording.form == "act" and not _IS_SHORT.match(wording.template):
            return False  # "takes a bow intensely"
        return entry.kind not in ("viseme", "neutral") and not entry.fixed and can_be_emphasized(wording)
    return entry.kind == kind


@cache
def _choices(kind: Kind, half: str) -> Choices:
    tables = lexicon()
    entries = [replace(entry, weight=entry.weight * _weight(entry, kind, half)) for entry in tables.entries]
    return Choices(entries, half, lambda entry, wording: _suits(entry, wording, kind))


def _weight(entry: Entry, kind: Kind, half: str) -> float:
    """Visemes count less than movements; one-sided entries less where the sentence does not name the side.

    Among sentences with a word of intensity, idioms and emotions make up a third between them, however many they are.
    """
    if entry.kind == "viseme":
        return _VISEME_WEIGHT
    if kind in ("movement", "gaze") and entry.one_sided:
        return 0.25
    if kind == "intensity" and entry.kind in ("idiom", "emotion"):
        count = len(lexicon().by_kind[entry.kind])
        return 15.0 / count
    return 1.0


@cache
def _joinable(forms: tuple[Form, ...], half: str, kinds: tuple[str, ...]) -> Choices:
    return Choices(
        [entry for entry in lexicon().entries if entry.kind in kinds],
        half,
        lambda entry, wording: wording.form in forms and is_simple(wording) and not _is_wild(wording),
    )


def _is_wild(wording: Wording) -> bool:
    """Whether a wording's possessive would be wrong in a sentence about several things."""
    return "somebody" in wording.template or "{poss} own" in wording.template


def _piece(rng: Random, entry: Entry, wording: Wording, step: int | None = None) -> Piece:
    face = choose(rng, entry.faces)
    side = "left" if rng.random() < 0.5 else "right"
    low, high = entry.degree if step is None else lexicon().steps[step].degree
    return Piece(entry, wording, face, side, step, rng.uniform(low, high))


def _single(rng: Random, half: str, kind: Kind) -> Drawn:
    choices = _choices(kind, half)
    entry, wording = choices.pick(rng)
    piece = _piece(rng, entry, wording)
    background = ""
    if kind == "emotion" and wording.form == "sentence" and rng.random() < SITUATION_SHARE:
        others = [each for each in entry.wordings(half) if each.form != "sentence"]
        if others:
            background = wording.template
            piece = replace(piece, wording=choose(rng, others))
    text = sentence(piece, rng, lexicon().steps)
    emotion = entry.name.replace("_", " ") if entry.kind == "emotion" else ""
    return Drawn(kind, text, (piece,), background=background, emotion=emotion)


def _intensity(rng: Random, half: str, kind: Kind) -> Drawn:
    steps = lexicon().steps
    entry, wording = _choices(kind, half).pick(rng)
    step = int(rng.random() * len(steps))
    piece = _piece(rng, entry, wording, step)
    words = rng.getrandbits(64)
    weaker = ""
    if step >= _WEAKER_BY:
        lower = replace(piece, step=int(rng.random() * (step - _WEAKER_BY + 1)))
        weaker = sentence(lower, Random(words), steps)
    emotion = entry.name.replace("_", " ") if entry.kind == "emotion" else ""
    return Drawn(kind, sentence(piece, Random(words), steps), (piece,), weaker=weaker, emotion=emotion)


def _composite(rng: Random, half: str, kind: Kind) -> Drawn:
    while True:
        pattern = choose(rng, _PATTERNS)
        first, others = joining.PATTERNS[pattern]
        pieces: list[Piece] = []
        wanted = choose(rng, _COUNTS)
        for _ in range(_TRIES):
            form = others if pieces else first
            kinds = ("emotion",) if form == "adjective" else ("movement", "gaze")
            choices = _joinable((form,), half, kinds)
            if not choices:
                break
            entry, wording = choices.pick(rng)
            step = None
            if not entry.fixed and can_be_emphasized(wording) and rng.random() < _STEP_IN_COMPOSITE:
                step = int(rng.random() * len(lexicon().steps))
            piece = _piece(rng, entry, wording, step)
            if all(_go_together(piece, other) for other in pieces):
                pieces.append(piece)
            if len(pieces) == wanted:
                break
        if len(pieces) >= 2:
            text = joining.joined(pattern, pieces, rng, lexicon().steps)
            emotion = pieces[0].entry.name.replace("_", " ") if pieces[0].entry.kind == "emotion" else ""
            return Drawn(kind, text, tuple(pieces), emotion=emotion)


_PATTERNS: tuple[joining.Pattern, ...] = (
    "acts", "acts", "acts", "clauses", "clauses", "nouns", "act and clause", "act and clause", "adjective and act",
    "adjective and clause",
)  # fmt: skip


def _negation(rng: Random, half: str, kind: Kind) -> Drawn:
    steps = lexicon().steps
    choices = _joinable(("act", "clause"), half, ("movement", "gaze"))
    piece = _piece(rng, *choices.pick(rng))
    chance = rng.random()
    if chance < 0.25:
        return Drawn(kind, joining.negated(piece, rng, steps), (), _denied(piece))
    if chance < 0.65:
        for _ in range(_TRIES):
            absent = _piece(rng, *choices.pick(rng))
            same = piece.wording.form == absent.wording.form
            if same and _go_together(piece, absent) and not set(_denied(absent)) & set(piece.channels):
                return Drawn(kind, joining.contrasted(piece, absent, rng, steps), (piece,), _denied(absent))
    for _ in range(_TRIES):
        still = choose(rng, lexicon().stills)
        rest = rests_of(still.rest)
        if not set(rest) & set(piece.channels) and still.region not in _regions(piece):
            text = joining.with_stillness(piece, choose(rng, still.clauses(half)), rng, steps)
            return Drawn(kind, text, (piece,), rest)
    return _negation(rng, half, kind)


_DRAWERS: dict[Kind, Callable[[Random, str, Kind], Drawn]] = {
    "intensity": _intensity,
    "composite": _composite,
    "negation": _negation,
}


def _denied(piece: Piece) -> tuple[str, ...]:
    """Channels that rest when a piece is denied: those that it moves most, and of an open side the other one's."""
    found = {name for name, value in piece.channels.items() if abs(value) >= 0.3 * reach(name)}
    if (piece.entry.one_sided or piece.entry.directed) and not piece.names_side:
        turned = replace(piece, side="right" if piece.side == "left" else "left")
        found |= {name for name, value in turned.channels.items() if abs(value) >= 0.3 * reach(name)}
    return tuple(sorted(found))


def _regions(piece: Piece) -> set[str]:
    return {region(name) for name, value in piece.channels.items() if abs(value) >= 0.1 * reach(name)}


def _go_together(one: Piece, other: Piece) -> bool:
    """Whether one face can do both."""
    if _regions(one) & _regions(other):
        return False
    first, second = one.channels, other.channels
    if set(one.rests) & set(second) or set(other.rests) & set(first):
        return False
    return not (_crosses(first, second) or _crosses(second, first))


def _crosses(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
    if any(name[:10] in _SHUT or name[:9] in _SHUT for name in first) and any(
        name[:9] in _OPEN or name in _OPEN or name[:11] in _OPEN for name in second
    ):
        return True
    shut = any(name.startswith("EyeBlink") and value > 0.5 for name, value in first.items())
    return shut and any(name.startswith("EyeLook") for name in second)
