"""English phrases from templates: agreement, possessives, articles, and where words of intensity stand."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from kfzoo.data.sources.everyday.faces import OTHER
from kfzoo.data.sources.everyday.people import Person
from kfzoo.data.sources.everyday.verbs import Agreement, VerbForm, inflected

WORD = re.compile(r"\{(\w+)\}")
"""A word in braces."""

PhraseForm = Literal["present", "past", "ing", "base", "progressive", "bare"]
"""Forms of a verb phrase or clause; "bare" drops a clause's possessive and its "be": "left eye closed"."""

Place = Literal["before", "after", "adjective", "degree_word"]

_FIRST_VERB = re.compile(r"\{(?!poss\}|side\}|other\}|subj\}|it\})(\w+)\}")
_PREPOSITIONS = re.compile(r" (?:of|on|at|in|above|over|between|under|along|beside|for|from|with|behind|around) ")
_PLURALS = frozenset({"teeth", "people", "both", "feet", "children", "men", "women"})
_SINGULARS = frozenset({"this", "focus", "happiness", "sadness", "bliss", "chorus", "pus", "bus", "nothing", "news"})
_VOWEL = re.compile(r"\b([Aa]) (?=[aeioAEIOu])(?!one|eu|un[ai]|use|u-|u ')", re.ASCII)
_PARTICIPLE = re.compile(r"^(?:[a-z-]+ed|shut|drawn|bitten|bent|wide-open|upturned|downturned)$")
_NOT_PARTICIPLES = frozenset({"lopsided", "one-sided", "left-sided", "sudden-ed", "red", "beloved", "tired"})


class Emphasis(NamedTuple):
    """A word of intensity and where it stands."""

    word: str
    place: Place


class Reading(NamedTuple):
    """Who does it, on which side, and whether possessives become "the"."""

    person: Person
    side: str = ""
    impersonal: bool = False

    @property
    def possessive(self) -> str:
        """The word before a part of the face."""
        return "the" if self.impersonal else self.person.possessive


def act(template: str, form: PhraseForm, reading: Reading, emphasis: Emphasis | None = None) -> str:
    """Puts a verb phrase into a form: "raises her left eyebrow", "is raising …", "raise your …".

    Args:
        template: As in the lexicon, beginning with its verb.
        form: Any but "bare".
        reading: Who, and which side.
        emphasis: A word of intensity.
    """
    template = _emphasized(template, emphasis)
    agreement = reading.person.agreement
    if form == "progressive":
        if template.startswith("{be}"):
            return _filled(template, "present", agreement, reading)
        return f"{inflected('be', 'present', agreement)} {_filled(template, 'ing', agreement, reading)}"
    return _filled(template, _verb_form(form), agreement, reading)


def clause(template: str, form: PhraseForm, reading: Reading, emphasis: Emphasis | None = None) -> str:
    """Puts a subject and its verb into a form: "her left eye closes", "her left eye closing", "left eye closed".

    Args: As `act`.
    """
    agreement = agreement_of(template)
    template = _emphasized(template, emphasis)
    with_be = "{be}" in template
    if form in ("ing", "bare") and with_be:
        template = template.replace("{be} ", "", 1)
    elif form == "progressive" and not with_be:
        template = _FIRST_VERB.sub(
            lambda match: f"{inflected('be', 'present', agreement)} {inflected(match[1], 'ing')}", template, 1
        )
    if form == "bare":
        template = template.replace("{poss} ", "", 1) if template.startswith("{poss} ") else template
        return _filled(template, "ing", agreement, reading._replace(impersonal=True))
    return _filled(template, "present" if form == "progressive" else _verb_form(form), agreement, reading)


def denied(template: str, negation: str, reading: Reading) -> str:
    """Denies a clause: "her left eye does not close", "her eyes aren't closed".

    Args:
        template: As in the lexicon.
        negation: " not" or "n't".
        reading: Who, and which side.
    """
    agreement = agreement_of(template)
    verb = _FIRST_VERB.search(template)
    assert verb is not None
    head, tail = template[: verb.start()], template[verb.end() :]
    if verb[1] == "be":
        said = f"{head}{inflected('be', 'present', agreement)}{negation}{tail}"
    else:
        said = f"{head}{inflected('do', 'present', agreement)}{negation} {verb[0]}{tail}"
    return _filled(said, "base", agreement, reading)


def noun(template: str, reading: Reading, emphasis: Emphasis | None = None) -> str:
    """Puts a noun phrase into words: "a slightly raised eyebrow", "a faint smile"."""
    if emphasis is not None:
        template = _emphasized_noun(template, emphasis.word) or template
    return _filled(template, "base", "singular", reading)


def noun_place(template: str) -> Place | None:
    """Where a word of intensity may stand in a noun phrase, or None where none can.

    Before a participle it is an adverb ("slightly raised eyebrows"); before the only word after an article, or the one
    before "of" and the like, an adjective ("a slight smile", "a slight tilt of the head").
    """
    words = template.split()
    bare = words[1:] if words[0] in ("a", "an") else words
    if _is_participle(bare[0]) or (len(bare) > 1 and words is bare and _is_participle(bare[1])):
        return "before"
    if bare is not words and (len(bare) == 1 or bare[1] in ("of", "to", "on", "up", "down", "at", "with")):
        return "adjective"
    return None


def agreement_of(template: str) -> Agreement:
    """What a clause's subject asks of its verb, found from the subject's head."""
    verb = _FIRST_VERB.search(template)
    subject = template[: verb.start()].strip() if verb else template
    if " and " in subject:
        return "plural"
    head = _PREPOSITIONS.split(f" {subject} ")[0].split()[-1].strip(",")
    plural = head in _PLURALS or (head.endswith("s") and not head.endswith(("ss", "'s")) and head not in _SINGULARS)
    return "plural" if plural and not subject.startswith(("one of", "neither", "each", "every")) else "singular"


def with_article(text: str) -> str:
    """Corrects "a" before a vowel: "an open mouth"."""
    return _VOWEL.sub(r"\1n ", text)


def capitalized(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _verb_form(form: PhraseForm) -> VerbForm:
    return form if form in ("present", "past", "ing", "base") else "present"


def _emphasized(template: str, emphasis: Emphasis | None) -> str:
    if emphasis is None:
        return template
    if emphasis.place == "after":
        return f"{template} {emphasis.word}"
    verb = _FIRST_VERB.search(template)
    assert verb is not None
    if verb[1] == "be" or emphasis.place == "degree_word":
        return f"{template[: verb.end()]} {emphasis.word}{template[verb.end() :]}"
    return f"{template[: verb.start()]}{emphasis.word} {template[verb.start() :]}"


def _emphasized_noun(template: str, word: str) -> str | None:
    place = noun_place(template)
    words = template.split()
    if place is None:
        return None
    first = 1 if words[0] in ("a", "an") else 0
    if place == "before" and not _is_participle(words[first]):
        first += 1
    return with_article(" ".join(("a" if each == "an" else each) for each in (*words[:first], word, *words[first:])))


def _is_participle(word: str) -> bool:
    return word not in _NOT_PARTICIPLES and _PARTICIPLE.match(word) is not None


def _filled(template: str, form: VerbForm, agreement: Agreement, reading: Reading) -> str:
    return WORD.sub(lambda match: _word(match[1], form, agreement, reading), template)


def _word(word: str, form: VerbForm, agreement: Agreement, reading: Reading) -> str:
    if word == "poss":
        return reading.possessive
    if word == "side":
        return reading.side
    if word == "other":
        return OTHER[reading.side]
    if word == "subj":
        return reading.person.pronoun
    if word == "it":
        return "it" if agreement == "singular" else "they"
    if word == "can":
        return "could" if form == "past" else "can"
    return inflected(word, form, agreement)
