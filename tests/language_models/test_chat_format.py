from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, AnswerLayout, Representation
from kfzoo.language_models.chat_format import ChatFormat, PromptParts, Thinking, message, prompt_text
from kfzoo.language_models.labels import Example, label_mask
from kfzoo.models.llm_generator.prompt import prompt_parts
from tests.language_models.helpers import chat_tokenizer

THOUGHT = "<think>\n\n</think>\n\n"
CHAT = [message("system", "Be brief."), message("user", "A face?")]
TEXT = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nA face?<|im_end|>\n<|im_start|>assistant\n"


def test_a_prompt_ends_where_the_assistant_begins(tokenizer: Any, chat: ChatFormat) -> None:
    assert prompt_text(tokenizer, CHAT, "none") == prompt_text(tokenizer, CHAT) == TEXT
    assert tokenizer.decode(chat.prompt_ids(CHAT)) == TEXT
    assert chat.prompt_ids(CHAT) == tokenizer.apply_chat_template(CHAT, add_generation_prompt=True)["input_ids"]


def test_hybrid_models_answer_after_an_empty_thought(tokenizer: Any, chat: ChatFormat) -> None:
    hybrid = ChatFormat(tokenizer, "empty")
    assert prompt_text(tokenizer, CHAT, "empty") == TEXT + THOUGHT
    thought = hybrid.prompt_ids(CHAT)[len(chat.prompt_ids(CHAT)) :]
    assert [tokenizer.decode(each) for each in thought if "think" in tokenizer.decode(each)] == ["<think>", "</think>"]
    assert hybrid.answer_ids("[0.0]") == chat.answer_ids("[0.0]")


@pytest.mark.parametrize("opened", ["", "<think>\n", THOUGHT])
@pytest.mark.parametrize(("thinking", "ending"), [("none", ""), ("empty", THOUGHT), (None, None)])
def test_an_open_thought_of_the_template_is_closed_or_removed(
    opened: str, thinking: Thinking | None, ending: str | None
) -> None:
    template = "{{ messages[0].content }};{% if add_generation_prompt %}Answer:\n" + opened + "{% endif %}"
    if ending is None:  # The template decides: its empty thought is kept.
        ending = THOUGHT if opened == THOUGHT else ""
    assert prompt_text(chat_tokenizer(template), [message("user", "?")], thinking) == f"?;Answer:\n{ending}"


def test_a_template_that_knows_thinking_turns_it_off() -> None:
    template = "{{ messages[0].content }}{% if enable_thinking is false %}" + THOUGHT + "{% endif %}"
    assert prompt_text(chat_tokenizer(template), [message("user", "?")]) == f"?{THOUGHT}"
    assert prompt_text(chat_tokenizer(template), [message("user", "?")], "none") == "?"


@pytest.mark.parametrize("thinking", ["none", "empty"])
def test_labels_are_those_of_ms_swift(tokenizer: Any, thinking: Thinking) -> None:
    chat = ChatFormat(tokenizer, thinking)
    prompt, answer = chat.prompt_ids(CHAT), chat.answer_ids("[0.0,1.0]")
    assert tokenizer.decode(answer) == "[0.0,1.0]<|im_end|>\n"
    assert tokenizer.convert_ids_to_tokens(answer)[-2:] == ["<|im_end|>", "Ċ"]
    # Prompt and answer meet where the tokeniser would cut the whole, too.
    text = prompt_text(tokenizer, CHAT, thinking) + "[0.0,1.0]<|im_end|>\n"
    assert prompt + answer == tokenizer(text)["input_ids"]
    example = Example((tuple(prompt),), tuple(answer))
    length = len(example.inputs)
    (mask,) = label_mask(torch.tensor([length]), torch.tensor([len(answer)]), length + 3)
    # Each masked place predicts the next token: all of the answer and nothing of the prompt.
    assert [(prompt + answer)[at + 1] for at in mask.nonzero().flatten().tolist()] == answer


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("thinking", ["none", "empty"])
def test_parts_are_the_prompt_and_are_shared(
    tokenizer: Any, representation: Representation, thinking: Thinking
) -> None:
    chat = ChatFormat(tokenizer, thinking)
    systems = set()
    for script in BuiltinScripts(5):
        shared = set()
        for position in range(len(script.keyframes)):
            parts = prompt_parts(Sample(script, position, "arkit"), representation)
            found = chat.parts_ids(parts)
            assert [*found[0], *found[1], *found[2]] == chat.prompt_ids(parts.messages())
            assert tokenizer.decode(found[1]) == parts.script
            assert tokenizer.decode(found[2]).startswith(parts.instruction)
            shared.add(found[:2])
            systems.add(found[0])
        assert len(shared) == 1
    assert len(systems) == 1


def test_a_token_that_spans_a_border_belongs_to_the_later_part() -> None:
    template = "{% for each in messages %}{{ each.content }}{% endfor %};{% if add_generation_prompt %}A{% endif %}"
    chat = ChatFormat(chat_tokenizer(template, [("s", "t"), ("e", " "), ("e ", "O")]))
    both = PromptParts("sys", "tale for Keyframe", " One"), PromptParts("sys", "tale for Keyframe", " Two")
    one, two = (chat.parts_ids(parts) for parts in both)
    for parts, found in zip(both, (one, two), strict=True):
        assert [*found[0], *found[1], *found[2]] == chat.prompt_ids(parts.messages())
        assert chat.tokenizer.decode(found[0]).replace(" ", "") == "sy"  # "st" is one token
        assert chat.tokenizer.convert_ids_to_tokens(found[1])[-1] == "m"
    assert one[:2] == two[:2]
    assert chat.tokenizer.convert_ids_to_tokens(one[2])[0] == "e O"
    assert chat.tokenizer.convert_ids_to_tokens(two[2])[0] == "e "


def test_a_full_cache_of_prefixes_changes_nothing(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ChatFormat(tokenizer)
    parts = PromptParts("Be brief.", "One tale for Keyframe", " One.")
    before = chat.parts_ids(parts)
    monkeypatch.setattr("kfzoo.language_models.chat_format._CACHED", 1)
    assert chat.parts_ids(parts) == chat.parts_ids(parts) == before


def test_a_format_can_be_sent_to_a_loaders_worker(tokenizer: Any) -> None:
    chat = ChatFormat(tokenizer, "empty")
    assert pickle.loads(pickle.dumps(chat)).prompt_ids(CHAT) == chat.prompt_ids(CHAT)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_answers_are_the_layouts_text_in_tokens(chat: ChatFormat, representation: Representation) -> None:
    text = AnswerLayout.of(representation, 1, 0).text([0.2] * 52 + [-0.4] * 9)
    assert chat.tokenizer.decode(chat.answer_ids(text)) == f"{text}<|im_end|>\n"


CONTENTS = "{% for each in messages %}{{ each.content }}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, r"has no chat template; choose an instruction-tuned model, such as a \*-Instruct"),
        ("{{ raise_exception('x') }}", r".* refuses the messages \(x\); choose a model that takes a system message"),
        (CONTENTS.replace("content ", "content | upper "), ".* changes the user's message; choose a model whose .*"),
        (CONTENTS, ".* does not close an answer; choose a model whose template ends each message with a token"),
    ],
)
def test_an_unsuitable_template_is_refused(template: str | None, message: str) -> None:
    def use() -> None:
        chat = ChatFormat(chat_tokenizer(template))
        chat.parts_ids(PromptParts("Be brief.", "tale", " One."))
        chat.answer_ids("[0.0]")

    with pytest.raises(InputError, match=f"^tokenizer.*: {message}$"):
        use()


def test_another_way_of_thinking_is_refused(tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"^thinking: is 'long', expected none or empty$"):
        ChatFormat(tokenizer, "long")  # type: ignore[arg-type]
