"""Two to four pieces in one sentence, and sentences that say what does not move."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal

from kfzoo.data.sources.everyday.frames import finished
from kfzoo.data.sources.everyday.grammar import PhraseForm, Reading, clause, denied
from kfzoo.data.sources.everyday.lexicon import Form, Step
from kfzoo.data.sources.everyday.people import PEOPLE, STRANGERS, THEY, YOU, Person, pick
from kfzoo.data.sources.everyday.pieces import Piece, choose, phrase
from kfzoo.data.sources.everyday.verbs import inflected

Pattern = Literal["acts", "clauses", "nouns", "act and clause", "adjective and act", "adjective and clause"]

PATTERNS: dict[Pattern, tuple[Form, Form]] = {
    "acts": ("act", "act"),
    "clauses": ("clause", "clause"),
    "nouns": ("noun", "noun"),
    "act and clause": ("act", "clause"),
    "adjective and act": ("adjective", "act"),
    "adjective and clause": ("adjective", "clause"),
}
"""Forms of the first piece and of the others."""

_VERB_FORMS: tuple[PhraseForm, ...] = ("present", "present", "present", "past", "ing", "base", "base")


def joined(pattern: Pattern, pieces: Sequence[Piece], rng: Random, steps: tuple[Step, ...]) -> str:
    """Writes one sentence of several pieces.

    Args:
        pattern: How; the pieces have the forms that `PATTERNS` lists for it.
        pieces: Two to four.
        rng: Chooses people, forms and joints.
        steps: The lexicon's.
    """
    person = pick(rng, PEOPLE)
    return finished(_JOINERS[pattern](pieces, person, rng, steps), rng)


def _acts(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    form = choose(rng, _VERB_FORMS)
    if form == "base":
        person = YOU
    said = [phrase(piece, form, Reading(person, piece.side), rng, steps) for piece in pieces]
    if form in ("ing", "base"):
        return listed(said)
    if rng.random() < 0.25:
        opening = phrase(pieces[0], "ing", Reading(_renamed(person), pieces[0].side), rng, steps)
        return f"{opening}, {person.subject} {listed(said[1:])}"
    return f"{person.subject} {listed(said)}"


def _clauses(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    if all("{be}" in piece.wording.template for piece in pieces) and rng.random() < 0.5:
        return ", ".join(phrase(piece, "bare", Reading(person, piece.side), rng, steps) for piece in pieces)
    impersonal = rng.random() < 0.2
    form: PhraseForm = "past" if rng.random() < 0.2 else "present"
    said = [phrase(piece, form, Reading(person, piece.side, impersonal), rng, steps) for piece in pieces]
    if len(said) == 2:
        return choose(rng, (", and ", " while ", " and ", " as ")).join(said)
    return listed(said)


def _nouns(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    said = listed([phrase(piece, "base", Reading(person, piece.side, True), rng, steps) for piece in pieces])
    stranger = pick(rng, STRANGERS)
    return choose(rng, (said, said, f"a face with {said}", f"{stranger.subject} with {said}", f"show {said}"))


def _act_and_clause(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    form = choose(rng, _VERB_FORMS)
    if form == "base":
        person = YOU
    first = phrase(pieces[0], form, Reading(person, pieces[0].side), rng, steps)
    opening = first if form in ("base", "ing") else f"{person.subject} {first}"
    finite: PhraseForm = form if form in ("present", "past") else "present"
    chance = rng.random()
    if chance < 0.5 or form == "ing":
        return f"{opening} with {listed(_said(pieces[1:], 'ing', person, rng, steps))}"
    if chance < 0.65 and form != "base":
        lead = listed(_said(pieces[1:], "ing", _renamed(person), rng, steps))
        return f"with {lead}, {opening}"
    joints = ("while", "as") if form == "base" else ("while", "as", "and")
    return f"{opening} {choose(rng, joints)} {listed(_said(pieces[1:], finite, person, rng, steps))}"


def _adjective_and_act(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    adjective = phrase(pieces[0], "base", Reading(person, pieces[0].side), rng, steps)
    said = listed(_said(pieces[1:], "present", person, rng, steps))
    if rng.random() < 0.3:
        said = listed(_said(pieces[1:], "ing", person, rng, steps))
        return f"{person.subject} {_agreeing('look', person)} {adjective}, {said}"
    return f"{person.subject} {_agreeing('look', person)} {adjective} and {said}"


def _adjective_and_clause(pieces: Sequence[Piece], person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    adjective = phrase(pieces[0], "base", Reading(person, pieces[0].side), rng, steps)
    verb = _agreeing(choose(rng, ("look", "be", "seem")), person)
    if rng.random() < 0.5:
        return f"{person.subject} {verb} {adjective}, with {listed(_said(pieces[1:], 'ing', person, rng, steps))}"
    return f"{person.subject} {verb} {adjective}, and {listed(_said(pieces[1:], 'present', person, rng, steps))}"


_JOINERS = {
    "acts": _acts,
    "clauses": _clauses,
    "nouns": _nouns,
    "act and clause": _act_and_clause,
    "adjective and act": _adjective_and_act,
    "adjective and clause": _adjective_and_clause,
}


def negated(piece: Piece, rng: Random, steps: tuple[Step, ...]) -> str:
    """Says that a movement does not happen: "She does not smile.", "Don't smile!", "Her eyes are not closed."."""
    person = pick(rng, PEOPLE)
    if piece.wording.form == "act" and rng.random() < 0.3:
        words = phrase(piece, "base", Reading(YOU, piece.side), rng, steps)
        return finished(choose(rng, (f"do not {words}", f"don't {words}", f"never {words}")), rng)
    return finished(_not(piece, person, rng, steps), rng)


def contrasted(piece: Piece, absent: Piece, rng: Random, steps: tuple[Step, ...]) -> str:
    """Says what moves and what does not: "She raises her brows without smiling."."""
    person = pick(rng, PEOPLE)
    if piece.wording.form == "act" and absent.wording.form == "act":
        form = choose(rng, _VERB_FORMS)
        if form == "base":
            person = YOU
        first = phrase(piece, form, Reading(person, piece.side), rng, steps)
        opening = first if form in ("base", "ing") else f"{person.subject} {first}"
        if rng.random() < 0.6 or form == "ing":
            without = phrase(absent, "ing", Reading(person, absent.side), rng, steps)
            return finished(f"{opening} without {without}", rng)
        base = phrase(absent, "base", Reading(person, absent.side), rng, steps)
        auxiliary = "did" if form == "past" else _agreeing("do", person)
        return finished(f"{opening} but {'do' if form == 'base' else auxiliary} not {base}", rng)
    first = phrase(piece, "present", Reading(person, piece.side), rng, steps)
    opening = first if piece.wording.form == "clause" else f"{person.subject} {first}"
    return finished(f"{opening}, but {_not(absent, _renamed(person), rng, steps)}", rng)


def with_stillness(piece: Piece, still: str, rng: Random, steps: tuple[Step, ...]) -> str:
    """Says what moves and what stays as it is: "Her mouth stays closed while her brows rise."."""
    person = pick(rng, PEOPLE)
    form: PhraseForm = "past" if rng.random() < 0.2 else "present"
    moving = phrase(piece, form, Reading(_renamed(person), piece.side), rng, steps)
    resting = clause(still, form, Reading(person))
    if piece.wording.form == "act":
        moving = f"{_renamed(person).subject} {moving}"
    if rng.random() < 0.5:
        return finished(f"{resting} {choose(rng, ('while', 'as'))} {moving}", rng)
    moving = phrase(piece, form, Reading(person, piece.side), rng, steps)
    if piece.wording.form == "act":
        moving = f"{person.subject} {moving}"
    resting = clause(still, form, Reading(_renamed(person)))
    return finished(
        choose(rng, (f"{moving}, but {resting}", f"{moving} while {resting}", f"{moving}, yet {resting}")), rng
    )


def listed(said: Sequence[str]) -> str:
    """Joins phrases: "a", "a and b", "a, b and c"."""
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _not(piece: Piece, person: Person, rng: Random, steps: tuple[Step, ...]) -> str:
    """A finite clause that denies a piece."""
    negation = "n't" if rng.random() < 0.5 else " not"
    reading = Reading(person, piece.side)
    if piece.wording.form == "clause":
        return denied(piece.wording.template, negation, reading)
    base = phrase(piece, "base", reading, rng, steps)
    return f"{person.subject} {_agreeing('do', person)}{negation} {base}"


def _said(pieces: Sequence[Piece], form: PhraseForm, person: Person, rng: Random, steps: tuple[Step, ...]) -> list[str]:
    return [phrase(piece, form, Reading(person, piece.side), rng, steps) for piece in pieces]


def _agreeing(lemma: str, person: Person) -> str:
    return inflected(lemma, "present", person.agreement)


def _renamed(person: Person) -> Person:
    """The person as one is named a second time; "the child", then "they"."""
    if person.agreement != "singular":
        return person
    if person.pronoun == "they":
        return THEY
    return Person(person.pronoun, person.possessive, person.object, "singular", person.pronoun)
