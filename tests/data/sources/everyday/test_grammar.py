from __future__ import annotations

import pytest

from kfzoo.data.sources.everyday.grammar import (
    Emphasis,
    PhraseForm,
    Reading,
    act,
    agreement_of,
    clause,
    denied,
    noun,
    noun_place,
    with_article,
)
from kfzoo.data.sources.everyday.people import HE, SHE, THEY, YOU, I

RAISE = "{raise} {poss} {side} eyebrow"
CLOSE = "{poss} {side} eye {close}"
CLOSED = "{poss} eyes {be} closed"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("present", "raises her left eyebrow"), ("past", "raised her left eyebrow"),
        ("ing", "raising her left eyebrow"),
        ("base", "raise her left eyebrow"), ("progressive", "is raising her left eyebrow"),
    ],
)  # fmt: skip
def test_a_verb_phrase_takes_every_form(form: PhraseForm, said: str) -> None:
    assert act(RAISE, form, Reading(SHE, "left")) == said


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("present", "his right eye closes"), ("past", "his right eye closed"), ("ing", "his right eye closing"),
        ("progressive", "his right eye is closing"), ("bare", "right eye closing"),
    ],
)  # fmt: skip
def test_a_clause_takes_every_form(form: PhraseForm, said: str) -> None:
    assert clause(CLOSE, form, Reading(HE, "right")) == said


def test_a_state_drops_its_verb_where_none_is_finite() -> None:
    assert clause(CLOSED, "present", Reading(SHE)) == "her eyes are closed"
    assert clause(CLOSED, "past", Reading(SHE)) == "her eyes were closed"
    assert clause(CLOSED, "ing", Reading(SHE)) == "her eyes closed"
    assert clause(CLOSED, "bare", Reading(SHE)) == "eyes closed"
    assert clause(CLOSED, "present", Reading(SHE, impersonal=True)) == "the eyes are closed"


def test_people_agree_with_their_verbs() -> None:
    said = [act("{be} {poss} own boss", "present", Reading(person)) for person in (HE, SHE, THEY, YOU, I)]
    assert said == ["is his own boss", "is her own boss", "are their own boss", "are your own boss", "am my own boss"]


@pytest.mark.parametrize(
    ("template", "agreement"),
    [
        (CLOSE, "singular"), (CLOSED, "plural"), ("the corners of {poss} mouth {rise}", "plural"),
        ("one of {poss} eyes {close}", "singular"), ("both of {poss} eyes {close}", "plural"),
        ("{poss} nose and cheeks {rest}", "plural"), ("{poss} upper teeth {show}", "plural"),
        ("the brow above {poss} {side} eye {lift}", "singular"), ("the skin around {poss} eyes {wrinkle}", "singular"),
        ("{poss} face {be} relaxed", "singular"), ("happiness {fill} {poss} eyes", "singular"),
    ],
)  # fmt: skip
def test_the_head_of_a_subject_decides(template: str, agreement: str) -> None:
    assert agreement_of(template) == agreement


def test_words_of_intensity_find_their_place() -> None:
    reading = Reading(SHE, "left")
    assert act(RAISE, "present", reading, Emphasis("slightly", "before")) == "slightly raises her left eyebrow"
    assert act(RAISE, "base", reading, Emphasis("a little", "after")) == "raise her left eyebrow a little"
    assert act("{be} sad", "present", reading, Emphasis("very", "degree_word")) == "is very sad"
    assert clause(CLOSED, "present", reading, Emphasis("fully", "before")) == "her eyes are fully closed"
    assert clause(CLOSE, "past", reading, Emphasis("all the way", "after")) == "her left eye closed all the way"
    word = Emphasis("as far as {subj} {can}", "after")
    assert act(RAISE, "past", reading, word) == "raised her left eyebrow as far as she could"


def test_nouns_take_adverbs_before_participles_and_adjectives_else() -> None:
    reading = Reading(SHE, "left")
    assert noun("a raised {side} eyebrow", reading, Emphasis("slightly", "before")) == "a slightly raised left eyebrow"
    assert noun("raised eyebrows", reading, Emphasis("fully", "before")) == "fully raised eyebrows"
    assert noun("eyes turned up", reading, Emphasis("extremely", "before")) == "eyes extremely turned up"
    assert noun("a smile", reading, Emphasis("almost imperceptible", "adjective")) == "an almost imperceptible smile"
    assert noun("an underbite", reading, Emphasis("slight", "adjective")) == "a slight underbite"
    assert [noun_place(each) for each in ("a smile", "raised brows", "wide eyes", "the tongue out")] == [
        "adjective", "before", None, None,
    ]  # fmt: skip


def test_a_clause_is_denied() -> None:
    assert denied(CLOSE, " not", Reading(SHE, "left")) == "her left eye does not close"
    assert denied(CLOSED, "n't", Reading(HE)) == "his eyes aren't closed"
    assert denied("{poss} eyebrows {rise}", "n't", Reading(THEY)) == "their eyebrows don't rise"


def test_articles_follow_the_sound() -> None:
    said = with_article("A open mouth, a upper lip, a one-sided smile, a uneasy look, a O, a smile")
    assert said == "An open mouth, an upper lip, a one-sided smile, an uneasy look, an O, a smile"
