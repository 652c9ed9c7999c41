from __future__ import annotations

import pytest

from kfzoo.data.sources.everyday.grammar import WORD
from kfzoo.data.sources.everyday.lexicon import lexicon
from kfzoo.data.sources.everyday.verbs import PASTS, inflected


@pytest.mark.parametrize(
    ("lemma", "present", "past", "ing"),
    [
        ("be", "is", "was", "being"), ("have", "has", "had", "having"), ("do", "does", "did", "doing"),
        ("go", "goes", "went", "going"), ("raise", "raises", "raised", "raising"),
        ("shut", "shuts", "shut", "shutting"),
        ("purse", "purses", "pursed", "pursing"), ("press", "presses", "pressed", "pressing"),
        ("cry", "cries", "cried", "crying"), ("play", "plays", "played", "playing"), ("lie", "lies", "lay", "lying"),
        ("drop", "drops", "dropped", "dropping"), ("open", "opens", "opened", "opening"),
        ("knit", "knits", "knitted", "knitting"),
        ("squint", "squints", "squinted", "squinting"), ("look", "looks", "looked", "looking"),
        ("bow", "bows", "bowed", "bowing"), ("fix", "fixes", "fixed", "fixing"),
        ("panic", "panics", "panicked", "panicking"),
        ("see", "sees", "saw", "seeing"), ("regret", "regrets", "regretted", "regretting"),
        ("admit", "admits", "admitted", "admitting"), ("swallow", "swallows", "swallowed", "swallowing"),
        ("bite", "bites", "bit", "biting"), ("stick", "sticks", "stuck", "sticking"),
        ("blow", "blows", "blew", "blowing"), ("draw", "draws", "drew", "drawing"),
        ("hide", "hides", "hid", "hiding"),
        ("suck", "sucks", "sucked", "sucking"),
        ("catch", "catches", "caught", "catching"), ("quit", "quits", "quit", "quitting"),
        ("free", "frees", "freed", "freeing"),
    ],
)  # fmt: skip
def test_verbs_are_inflected(lemma: str, present: str, past: str, ing: str) -> None:
    assert [inflected(lemma, form) for form in ("present", "past", "ing", "base")] == [present, past, ing, lemma]


def test_be_agrees_with_every_subject() -> None:
    assert [inflected("be", "present", each) for each in ("I", "singular", "plural")] == ["am", "is", "are"]
    assert [inflected("be", "past", each) for each in ("I", "singular", "plural")] == ["was", "was", "were"]
    assert inflected("raise", "present", "plural") == inflected("raise", "present", "I") == "raise"


def test_no_irregular_past_is_regular_after_all() -> None:
    assert [lemma for lemma, past in PASTS.items() if past == f"{lemma}ed"] == []


def test_every_verb_of_the_lexicon_is_one_word_in_lower_case() -> None:
    templates = [wording.template for entry in lexicon().entries for wording in entry.train + entry.test]
    lemmas = {match[1] for template in templates for match in WORD.finditer(template)}
    for lemma in lemmas - {"poss", "side", "other", "subj", "it"}:
        assert lemma.isalpha()
        assert lemma.islower()
        assert not lemma.endswith("ies"), lemma
