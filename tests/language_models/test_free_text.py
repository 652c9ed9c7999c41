from __future__ import annotations

import torch

from kfzoo.annotation.rule import words
from kfzoo.language_models.free_text import FreeText
from kfzoo.models.vlm_estimator.tiny_model import END, IMAGE, PAD, tiny_tokenizer

TOKENIZER = tiny_tokenizer(1, words())
TEXT = FreeText(TOKENIZER, ("{", "<think"), "\n\n", 100)


def ids(text: str) -> list[int]:
    found: list[int] = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    return found


def test_it_ends_before_it_looks_like_values() -> None:
    (end,) = ids(END)
    assert TEXT.ends(ids("A smile."), ids("{")[0], end)
    assert TEXT.ends(ids("A smile."), end, end)
    assert not TEXT.ends(ids("A smile"), ids(".")[0], end)
    *before, last = ids("A <think")
    assert not TEXT.ends(before[:-1], before[-1], end)
    assert TEXT.ends(before, last, end)


def test_the_separator_is_completed() -> None:
    assert TEXT.separator(ids("A smile.")) == tuple(ids("\n\n"))
    assert TEXT.separator(ids("A smile.\n")) == tuple(ids("\n"))
    assert TEXT.separator(ids("A smile.\n\n")) == TEXT.separator([]) == ()


def test_it_contains_no_special_tokens() -> None:
    forbidden = TEXT.forbidden(len(TOKENIZER) + 5, torch.device("cpu"))
    assert forbidden[[TOKENIZER.convert_tokens_to_ids(token) for token in (IMAGE, PAD)]].all()
    assert forbidden[-5:].all()
    assert not forbidden[TOKENIZER.convert_tokens_to_ids(END)]
    assert forbidden.sum() == 5 + 4
