from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.annotation.rule import analyse, words
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.language_models.answer_trie import Template
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.free_text import Preface
from kfzoo.models.vlm_estimator.answer import SEMANTICS, Semantics, layout
from kfzoo.models.vlm_estimator.tiny_model import END, IMAGE, PAD, tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer(1, words())


@given(st.text())
@settings(max_examples=50)
def test_any_text_is_spelled(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert TOKENIZER.decode(ids, clean_up_tokenization_spaces=False) == text


@pytest.mark.parametrize(("semantics", "count"), [("A0", 63), ("A1", 124), ("A2", 124)])
@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_a_value_is_a_token(semantics: Semantics, count: int, decimals: int) -> None:
    form = layout(semantics, decimals)
    tokenizer = tiny_tokenizer(decimals, words())
    for seed in range(4):
        face = np.random.default_rng(seed).uniform(LOWER, UPPER)
        assert len(tokenizer(form.text(face), add_special_tokens=False)["input_ids"]) == count
    template = Template.of(form, ChatFormat(tokenizer))
    assert {len(choice.tokens) for choice in template.choices} == {10**decimals + 1, 2 * 10**decimals + 1}


def test_an_analysis_is_a_token_a_word() -> None:
    for script in BuiltinScripts(30):
        for keyframe in script.keyframes:
            assert keyframe.coefficients is not None
            text = analyse(keyframe.coefficients).text()
            pieces = TOKENIZER.convert_ids_to_tokens(TOKENIZER(text, add_special_tokens=False)["input_ids"])
            assert not [
                piece for piece in pieces if len(piece) == 1 and piece.isascii() and piece.isalpha() and piece != "a"
            ]
            assert len(pieces) < 170


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_forms(semantics: Semantics) -> None:
    text = layout(semantics, 1).text(np.zeros(len(CHANNELS)))
    assert text.startswith("[0.0, 0.0, " if semantics == "A0" else '{"EyeBlinkLeft": 0.0, "EyeLookDownLeft": 0.0, ')
    assert text.endswith(", 0.0]" if semantics == "A0" else ', "RightEyeRoll": 0.0}')


def test_words_end_before_they_look_like_values() -> None:
    preface = Preface(TOKENIZER, ("{", "<think"), "\n\n", 100)
    (end,) = TOKENIZER(END, add_special_tokens=False)["input_ids"]

    def ids(text: str) -> list[int]:
        found: list[int] = TOKENIZER(text, add_special_tokens=False)["input_ids"]
        return found

    assert preface.ends(ids("A smile."), ids("{")[0], end)
    assert preface.ends(ids("A smile."), end, end)
    assert not preface.ends(ids("A smile"), ids(".")[0], end)
    *before, last = ids("A <think")
    assert not preface.ends(before[:-1], before[-1], end)
    assert preface.ends(before, last, end)
    assert preface.joint(ids("A smile.")) == tuple(ids("\n\n"))
    assert preface.joint(ids("A smile.\n")) == tuple(ids("\n"))
    assert preface.joint(ids("A smile.\n\n")) == preface.joint([]) == ()


def test_words_hold_no_special_tokens() -> None:
    import torch

    preface = Preface(TOKENIZER, ("{",), "\n\n", 100)
    banned = preface.banned(len(TOKENIZER) + 5, torch.device("cpu"))
    numbers = [TOKENIZER.convert_tokens_to_ids(token) for token in (IMAGE, PAD)]
    assert banned[numbers].all()
    assert banned[-5:].all()
    assert not banned[TOKENIZER.convert_tokens_to_ids(END)]
    assert banned.sum() == 5 + 4


def test_a_width_that_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"model\.width: is 40, expected 16 or a multiple of 32"):
        tiny_model(100, 40, 1, 3)
