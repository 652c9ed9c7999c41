"""Constrained decoding: any logits lead to an answer that fits; a model that knows the form is not disturbed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kfzoo.annotation.analysis import analysis_schema, check_analysis
from kfzoo.annotation.script_draft import check_draft, draft_schema
from kfzoo.annotation.script_prompt import draft_script
from kfzoo.errors import InputError
from kfzoo.language_models.loading import load_language_model, load_tokenizer
from kfzoo.language_models.local_backend import MAX_CHARACTERS, JsonDecoder, LocalBackend, max_tokens

PROMPT = [1, 2, 3]


@pytest.fixture(scope="module", params=["plain", "spanning"])
def tokenizer(tiny_qwen3: str, request: pytest.FixtureRequest) -> Any:
    """A small tokenizer; "spanning" has tokens, as large vocabularies do, that end a text and choose what follows."""
    found = load_tokenizer(tiny_qwen3)
    if request.param == "spanning":
        found.add_tokens(['"},', '"}]', '."},', '", "', ' {"', ": null", ": 1"])
    return found


@pytest.fixture(scope="module")
def decoder(tokenizer: Any) -> JsonDecoder:
    return JsonDecoder(tokenizer, len(tokenizer) + 20)  # More logits than tokens, as models are often padded.


class FakeModel:
    """A model whose logits are a function of the tokens read so far."""

    def __init__(self, logits: Callable[[list[int]], Tensor]) -> None:
        self.seen: list[int] = []
        self._logits = logits

    def __call__(self, tokens: Sequence[int]) -> Tensor:
        assert tokens
        self.seen += tokens
        return self._logits(self.seen)


def favouring(tokenizer: Any, *favourites: int) -> FakeModel:
    """A model that always prefers the same tokens, in this order, and after them the letter a."""
    logits = torch.zeros(len(tokenizer) + 20)
    for rank, token in enumerate((*favourites, tokenizer.encode("a")[0])):
        logits[token] = 100 - rank
    return FakeModel(lambda _: logits)


@given(seed=st.integers(0, 2**32), most=st.integers(1, 4), peak=st.sampled_from([0.1, 10.0]))
@settings(max_examples=4, deadline=None)
def test_any_logits_lead_to_an_answer_that_fits(
    tokenizer: Any, decoder: JsonDecoder, seed: int, most: int, peak: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    model = FakeModel(lambda _: peak * torch.randn(len(tokenizer) + 20, generator=generator))
    answer = json.loads(decoder.decode(model, PROMPT, draft_schema(most)))
    draft = check_draft("answer", answer, most, mend_times=True)
    times = [each["time"] for each in answer["keyframes"]]
    assert all(time is None or time in [half / 2 for half in range(61)] for time in times)
    for text in (draft.background, *(each.description for each in draft.keyframes)):
        assert len(text) <= MAX_CHARACTERS
        assert not any(unicodedata.category(character) == "Cc" for character in text)
    check_analysis("answer", json.loads(decoder.decode(model, PROMPT, analysis_schema())))


@pytest.mark.parametrize(
    "keyframes",
    [
        [(None, "A smile.")],
        [(None, "A smile"), (None, "The mouth opens"), (None, "?")],
        [(0, "Das Lächeln wird größer,"), (1.5, "she's - 'happy'!"), (10, "微笑 😊 of joy")],
        [(0, "(a), [b]:"), (None, "0.5-1.0"), (10.5, "e"), (12, "é"), (None, "The left eye blinks.")],
    ],
)
def test_a_model_that_knows_the_form_is_not_disturbed(
    tokenizer: Any, decoder: JsonDecoder, keyframes: list[tuple[float, str]]
) -> None:
    found = [{"time": time, "description": text} for time, text in keyframes]
    text = json.dumps({"background": "Ein Saal.", "emotion": "joy", "keyframes": found}, ensure_ascii=False)
    tokens = [*PROMPT, *tokenizer(text, add_special_tokens=False)["input_ids"]]

    def logits(seen: list[int]) -> Tensor:
        assert seen == tokens[: len(seen)], tokenizer.decode(seen)  # in the tokenizer's own tokens of the whole answer
        return torch.nn.functional.one_hot(torch.tensor(tokens[len(seen)]), len(tokenizer) + 20).float()

    assert decoder.decode(FakeModel(logits), PROMPT, draft_schema(5)) == text


def test_a_text_has_no_control_characters_and_is_not_blank(tokenizer: Any, decoder: JsonDecoder) -> None:
    unwanted = [tokenizer.encode(text)[0] for text in ("\\", "\n", "\t", "\x00", '"', " ", "{")]
    model = favouring(tokenizer, tokenizer.eos_token_id, *unwanted)
    answer = json.loads(decoder.decode(model, PROMPT, draft_schema(2)))
    # The quote is refused only where nothing has been written yet.
    assert answer["background"] == answer["keyframes"][0]["description"] == "a"


@pytest.mark.parametrize("favourite", [",", "😊"])  # the second begins with a token of half a character
def test_texts_and_lists_end_at_their_limits(tokenizer: Any, decoder: JsonDecoder, favourite: str) -> None:
    model = favouring(tokenizer, *tokenizer.encode(favourite), tokenizer.encode(",")[0])
    answer = json.loads(decoder.decode(model, PROMPT, draft_schema(3)))
    assert len(answer["background"]) == MAX_CHARACTERS
    assert len(answer["keyframes"]) == 3
    if favourite == ",":
        assert len(model.seen) - len(PROMPT) < max_tokens(draft_schema(3)) < 2 * len(model.seen)


def test_what_cannot_be_decoded(tokenizer: Any, decoder: JsonDecoder) -> None:
    with pytest.raises(InputError, match="language model: its logits are NaN; its weights may be damaged"):
        decoder.decode(FakeModel(lambda _: torch.full((600,), torch.nan)), PROMPT, draft_schema(1))
    with pytest.raises(ValueError, match="sometype"):
        decoder.decode(favouring(tokenizer), PROMPT, {"type": "sometype"})
    with pytest.raises(InputError, match="tokenizer: cannot be constrained"):
        JsonDecoder(object(), 100)


def test_a_local_model_answers(tiny_qwen3: str) -> None:
    backend = LocalBackend(tiny_qwen3)
    draft = draft_script("Sie lächelt. 她笑了。", backend, 2)
    assert 1 <= len(draft.keyframes) <= 2
    assert draft_script("Sie lächelt. 她笑了。", backend, 2) == draft  # greedy: the same again
    with pytest.raises(InputError, match=r"reads at most 15,\d\d\d tokens, and the text comes to \d\d,\d\d\d with the"):
        draft_script(10_000 * "smile ", backend, 2)


def test_a_local_model_answers_with_its_most_likely_tokens(tiny_qwen3: str) -> None:
    """Reading in pieces, with a cache, gives what reading everything at once gives."""
    backend = LocalBackend(tiny_qwen3)
    model, tokenizer = load_language_model(tiny_qwen3, torch.float32)
    prompt = [{"role": "user", "content": "x"}]
    text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    seen: list[int] = []

    @torch.inference_mode()
    def read(tokens: Sequence[int]) -> Tensor:
        seen.extend(tokens)
        logits: Tensor = model(input_ids=torch.tensor([seen])).logits[0, -1]
        return logits

    expected = JsonDecoder(tokenizer, model.config.vocab_size).decode(
        read, tokenizer(text, add_special_tokens=False)["input_ids"], {"type": "string"}
    )
    assert backend.ask(prompt, {"type": "string"}) == expected
