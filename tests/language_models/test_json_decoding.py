"""The constrained walk: any logits lead to an answer that fits; a model that knows what it wants gets it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kfzoo.annotation.script_draft import read_draft, schema
from kfzoo.annotation.standardise import question, standardise
from kfzoo.errors import InputError
from kfzoo.language_models.json_decoding import NUMBERS, Walk, longest
from kfzoo.language_models.loading import load_language_model, load_tokenizer
from kfzoo.language_models.local_backend import LocalModel, _Reader

PROMPT = [1, 2, 3]


class Told:
    """A model whose logits are a function of the tokens read so far."""

    def __init__(self, logits: Callable[[list[int]], Tensor]) -> None:
        self.seen: list[int] = []
        self._logits = logits

    def read(self, tokens: Sequence[int]) -> Tensor:
        assert tokens
        self.seen += tokens
        return self._logits(self.seen)


@pytest.fixture(scope="module", params=["plain", "spanning"])
def tokenizer(tiny_qwen3: str, request: pytest.FixtureRequest) -> Any:
    """A small tokenizer; "spanning" has tokens, as large vocabularies do, that end a text and choose what follows."""
    found = load_tokenizer(tiny_qwen3)
    if request.param == "spanning":
        found.add_tokens(['"},', '"}]', '."},', '", "', ' {"', ": null", ": 1"])
    return found


def fits(value: Any, node: dict[str, Any]) -> bool:
    """Tells whether a value fits a JSON Schema of the kind that `schema` makes."""
    kind = node["type"]
    if kind == "object":
        return list(value) == node["required"] and all(fits(value[key], node["properties"][key]) for key in value)
    if kind == "array":
        return node["minItems"] <= len(value) <= node["maxItems"] and all(fits(each, node["items"]) for each in value)
    return isinstance(value, str) if kind == "string" else value is None or isinstance(value, float)


@given(seed=st.integers(0, 2**32), most=st.integers(1, 4), limit=st.integers(1, 12), peak=st.sampled_from([0.1, 10.0]))
@settings(max_examples=60, deadline=None)
def test_any_logits_lead_to_an_answer_that_fits(tokenizer: Any, seed: int, most: int, limit: int, peak: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    # More logits than tokens, as models are often padded; bytes, quotes and special tokens all come first at times.
    model = Told(lambda _: peak * torch.randn(len(tokenizer) + 20, generator=generator))
    with patch("kfzoo.language_models.json_decoding.NUMBERS", ("0.0", "0.5", "1.0")):  # soon all used up
        answer = Walk(model, tokenizer, PROMPT, limit).answer(schema(most))
    assert fits(json.loads(answer), schema(most))
    read_draft("answer", answer, most)  # nothing blank, times rise
    assert "\ufffd" not in answer


def wanting(tokenizer: Any, text: str) -> Told:
    """A model that wants to write a text, in the tokeniser's own tokens."""
    wanted = [*PROMPT, *tokenizer(text, add_special_tokens=False)["input_ids"]]

    def logits(seen: list[int]) -> Tensor:
        assert seen == wanted[: len(seen)], tokenizer.decode(seen)
        return torch.nn.functional.one_hot(torch.tensor(wanted[len(seen)]), len(tokenizer)).float()

    return Told(logits)


@pytest.mark.parametrize(
    "keyframes",
    [
        [(None, "A smile.")],
        [(None, "A smile"), (None, "The mouth opens"), (None, "?")],
        [(0.0, "Das Lächeln wird größer,"), (1.5, "she's - 'happy'!"), (10.0, "微笑 😊 of joy")],
        [(0.0, "{a}, [b]:"), (None, "0.5-1.0"), (10.5, "e"), (12.0, "é"), (None, "The left eye blinks.")],
    ],
)
def test_a_model_that_knows_the_form_is_not_disturbed(tokenizer: Any, keyframes: list[tuple[float, str]]) -> None:
    found = [{"time": time, "description": text} for time, text in keyframes]
    wanted = json.dumps({"background": "Ein Saal.", "emotion": "joy", "keyframes": found}, ensure_ascii=False)
    # Every token that the model is given is the one that stands there in its own tokens of the whole answer.
    assert Walk(wanting(tokenizer, wanted), tokenizer, PROMPT).answer(schema(5)) == wanted


def favouring(tokenizer: Any, *favourites: int) -> Told:
    """A model that always wants the same tokens, the first of them most, and after them the letter a."""
    logits = torch.zeros(len(tokenizer))
    for rank, token in enumerate((*favourites, tokenizer.encode("a")[0])):
        logits[token] = 100 - rank
    return Told(lambda _: logits)


def test_what_would_break_a_text_is_passed_over(tokenizer: Any) -> None:
    unwanted = [tokenizer.encode(text)[0] for text in ("\\", "\n", "\t", "\x00", '"', " ")]
    model = favouring(tokenizer, tokenizer.eos_token_id, *unwanted)
    answer = json.loads(Walk(model, tokenizer, PROMPT, 8).answer(schema(2)))
    # The quote is refused only where nothing has been written yet.
    assert answer["background"] == answer["keyframes"][0]["description"] == "a"


def test_a_text_ends_at_its_limit_and_the_list_at_its_own(tokenizer: Any) -> None:
    model = favouring(tokenizer, tokenizer.encode(",")[0])
    answer = json.loads(Walk(model, tokenizer, PROMPT, 8).answer(schema(3)))
    assert answer["background"] == 8 * ","
    assert len(answer["keyframes"]) == 3
    shorter = favouring(tokenizer, tokenizer.encode('"},')[0], tokenizer.encode("]")[0])
    assert len(json.loads(Walk(shorter, tokenizer, PROMPT, 8).answer(schema(3)))["keyframes"]) <= 3


def test_half_characters_are_not_written(tokenizer: Any) -> None:
    begun = tokenizer.encode("😊")[0]
    answer = json.loads(Walk(favouring(tokenizer, begun), tokenizer, PROMPT, 4).answer(schema(1)))
    assert answer["emotion"] == "a"


def test_other_schemas(tokenizer: Any) -> None:
    pairs = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string"}}
    answer = Walk(favouring(tokenizer, *tokenizer.encode('"')), tokenizer, PROMPT).answer(pairs)
    assert answer == '["a", "a"]'
    with pytest.raises(ValueError, match="a schema of type boolean is not known"):
        Walk(favouring(tokenizer), tokenizer, PROMPT).answer({"type": "boolean"})


def test_a_tokenizer_without_letters_is_told(tokenizer: Any) -> None:
    with (
        patch.object(type(tokenizer), "decode", lambda *_, **__: "\n"),
        pytest.raises(InputError, match="its tokenizer has no token that a text may go on with"),
    ):
        Walk(favouring(tokenizer), tokenizer, PROMPT).answer(schema(1))


def test_no_answer_is_longer_than_said(tokenizer: Any) -> None:
    model = favouring(tokenizer, tokenizer.encode(",")[0])
    Walk(model, tokenizer, PROMPT).answer(schema(3))
    assert len(model.seen) - len(PROMPT) < longest(schema(3)) < 2 * len(model.seen)


def test_no_number_begins_another() -> None:
    assert not [(one, other) for one in NUMBERS for other in NUMBERS if one != other and other.startswith(one)]


def test_logits_that_are_no_numbers_are_told(tokenizer: Any) -> None:
    with pytest.raises(InputError, match="language model: its logits are no numbers; its weights may be damaged"):
        Walk(Told(lambda _: torch.full((600,), torch.nan)), tokenizer, PROMPT).answer(schema(1))


def test_a_local_model_answers(tiny_qwen3: str) -> None:
    model = LocalModel(tiny_qwen3)
    draft = standardise("Sie lächelt. 她笑了。", model, 2)
    assert 1 <= len(draft.moments) <= 2
    assert standardise("Sie lächelt. 她笑了。", model, 2) == draft  # greedy: the same again
    prompt = model._prompt(question("x", 2))
    assert str(model._tokenizer.decode(prompt)).endswith("<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n")


def test_reading_in_pieces_is_reading(tiny_qwen3: str) -> None:
    model = LocalModel(tiny_qwen3)
    tokens = list(range(40, 70))
    with torch.inference_mode():
        whole = model._model(input_ids=torch.tensor([tokens])).logits[0]
        reader = _Reader(model._model)
        for start, end in ((0, 11), (11, 12), (12, 30)):
            torch.testing.assert_close(reader.read(tokens[start:end]), whole[end - 1], atol=1e-4, rtol=1e-4)


def test_a_text_that_is_too_long_is_told(tiny_qwen3: str) -> None:
    model = LocalModel(tiny_qwen3)
    with pytest.raises(InputError, match=r"reads at most 15,\d\d\d tokens, and the text comes to \d\d,\d\d\d with the"):
        standardise(10_000 * "smile ", model, 2)


def test_a_model_without_a_chat_template_is_told(tiny_qwen3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def bare(specification: str, dtype: Any) -> Any:
        model, tokenizer = load_language_model(specification, dtype)
        tokenizer.chat_template = None
        return model, tokenizer

    monkeypatch.setattr("kfzoo.language_models.local_backend.load_language_model", bare)
    with pytest.raises(InputError, match="has no chat template; choose an instruction-tuned model"):
        LocalModel(tiny_qwen3)


def test_a_template_that_refuses_is_told(tiny_qwen3: str) -> None:
    model = LocalModel(tiny_qwen3)
    model._tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(InputError, match=r"refuses the messages \(System role not supported\); choose a model that"):
        model.ask(question("x", 2), schema(2))
