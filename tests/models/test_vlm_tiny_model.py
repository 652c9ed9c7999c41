from __future__ import annotations

from string import ascii_letters

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.annotation.rule import analyse, words
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.language_models.answer_trie import AnswerTrie
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.models.vlm_estimator.answer import SEMANTICS, Semantics, layout
from kfzoo.models.vlm_estimator.tiny_model import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer(1, words())


@given(st.text())
@settings(max_examples=50)
def test_any_text_is_encoded(text: str) -> None:
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
    trie = AnswerTrie.of(form, ChatFormat(tokenizer))
    assert {len(choice.tokens) for choice in trie.choices} == {10**decimals + 1, 2 * 10**decimals + 1}


def test_an_analysis_is_a_token_a_word() -> None:
    for script in BuiltinScripts(30):
        for keyframe in script.keyframes:
            assert keyframe.coefficients is not None
            text = analyse(keyframe.coefficients).text()
            pieces = TOKENIZER.convert_ids_to_tokens(TOKENIZER(text, add_special_tokens=False)["input_ids"])
            assert not set(pieces) & set(ascii_letters) - {"a"}
            assert len(pieces) < 170


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_forms(semantics: Semantics) -> None:
    text = layout(semantics, 1).text(np.zeros(len(CHANNELS)))
    assert text.startswith("[0.0, 0.0, " if semantics == "A0" else '{"EyeBlinkLeft": 0.0, "EyeLookDownLeft": 0.0, ')
    assert text.endswith(", 0.0]" if semantics == "A0" else ', "RightEyeRoll": 0.0}')


def test_a_width_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(InputError, match=r"model\.width: is 40, expected 16 or a multiple of 32"):
        tiny_model(100, 40, 1, 3)
