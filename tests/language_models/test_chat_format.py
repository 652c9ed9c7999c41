from __future__ import annotations

import pickle
from typing import Any

import pytest

from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, Layout, Representation
from kfzoo.language_models.chat_format import IGNORED, ChatFormat, Parts, Thinking
from kfzoo.models.llm_generator.prompt import messages, parts

THOUGHT = "<think>\n\n</think>\n\n"
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A face?"}]
ASKED_TEXT = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nA face?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def tokenizer(tiny_qwen3: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_qwen3.removeprefix("huggingface:"))


def with_template(template: str | None, merges: list[tuple[str, str]] | None = None) -> Any:
    """A tokenizer of letters and the given merges, which reach over spaces, with a template of its own."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = [chr(code) for code in range(32, 127)] + ["\n"]
    merges = merges or []
    vocabulary = {each: number for number, each in enumerate([*letters, *("".join(pair) for pair in merges)])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    return PreTrainedTokenizerFast(tokenizer_object=inner, chat_template=template)  # type: ignore[no-untyped-call]


def test_a_prompt_ends_where_the_assistant_begins(tokenizer: Any) -> None:
    chat = ChatFormat(tokenizer)
    assert chat.prompt_text(ASKED) == ASKED_TEXT
    assert tokenizer.decode(chat.prompt_ids(ASKED)) == ASKED_TEXT
    assert chat.prompt_ids(ASKED) == tokenizer.apply_chat_template(ASKED, add_generation_prompt=True)["input_ids"]


def test_hybrid_models_answer_after_an_empty_thought(tokenizer: Any) -> None:
    plain, hybrid = ChatFormat(tokenizer, "none"), ChatFormat(tokenizer, "empty")
    assert hybrid.prompt_text(ASKED) == ASKED_TEXT + THOUGHT
    thought = hybrid.prompt_ids(ASKED)[len(plain.prompt_ids(ASKED)) :]
    assert [tokenizer.decode(each) for each in thought if "think" in tokenizer.decode(each)] == ["<think>", "</think>"]
    assert hybrid.answer_ids("[0.0]") == plain.answer_ids("[0.0]")


@pytest.mark.parametrize("opened", ["", "<think>\n", THOUGHT])
@pytest.mark.parametrize(("thinking", "ending"), [("none", "Answer:\n"), ("empty", f"Answer:\n{THOUGHT}")])
def test_a_thought_that_the_template_opens_is_closed_or_left_out(opened: str, thinking: Thinking, ending: str) -> None:
    template = "{{ messages[0].content }};{% if add_generation_prompt %}Answer:\n" + opened + "{% endif %}"
    assert (
        ChatFormat(with_template(template), thinking).prompt_text([{"role": "user", "content": "?"}]) == f"?;{ending}"
    )


def test_labels_are_those_of_ms_swift(tokenizer: Any) -> None:
    for chat in (ChatFormat(tokenizer, "none"), ChatFormat(tokenizer, "empty")):
        ids, labels = chat.training_ids(ASKED, "[0.0,1.0]")
        learned = [label for label in labels if label != IGNORED]
        assert len(ids) == len(labels)
        assert tokenizer.decode(learned) == "[0.0,1.0]<|im_end|>\n"
        assert tokenizer.convert_ids_to_tokens(learned)[-2:] == ["<|im_end|>", "Ċ"]
        assert ids[-len(learned) :] == learned == chat.answer_ids("[0.0,1.0]")
        assert labels[: -len(learned)] == [IGNORED] * len(chat.prompt_ids(ASKED))
        # Prompt and answer meet where the tokeniser would cut the whole, too.
        assert ids == tokenizer(chat.prompt_text(ASKED) + "[0.0,1.0]<|im_end|>\n")["input_ids"]


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
            sample = Sample(script, position, "arkit")
            found = chat.parts_ids(parts(sample, representation))
            assert [*found[0], *found[1], *found[2]] == chat.prompt_ids(messages(sample, representation))
            text = parts(sample, representation)
            assert tokenizer.decode(found[1]) == text.script
            assert tokenizer.decode(found[2]).startswith(text.instruction)
            shared.add(found[:2])
            systems.add(found[0])
        assert len(shared) == 1
    assert len(systems) == 1


def test_a_token_that_spans_a_border_goes_to_the_later_part() -> None:
    template = "{% for each in messages %}{{ each.content }}{% endfor %};{% if add_generation_prompt %}A{% endif %}"
    chat = ChatFormat(with_template(template, [("s", "t"), ("e", " "), ("e ", "O")]))
    both = Parts("sys", "tale for Keyframe", " One"), Parts("sys", "tale for Keyframe", " Two")
    for text in both:
        found = chat.parts_ids(text)
        assert [*found[0], *found[1], *found[2]] == chat.prompt_ids(text.messages())
        assert chat.tokenizer.decode(found[0]).replace(" ", "") == "sy"  # "st" is one token
        assert chat.tokenizer.convert_ids_to_tokens(found[1])[-1] == "m"
    one, two = (chat.parts_ids(text) for text in both)
    assert one[:2] == two[:2]
    assert chat.tokenizer.convert_ids_to_tokens(one[2])[0] == "e O"
    assert chat.tokenizer.convert_ids_to_tokens(two[2])[0] == "e "


def test_a_full_memory_of_beginnings_changes_nothing(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ChatFormat(tokenizer)
    text = Parts("Be brief.", "One tale for Keyframe", " One.")
    before = chat.parts_ids(text)
    monkeypatch.setattr("kfzoo.language_models.chat_format._REMEMBERED", 1)
    assert chat.parts_ids(text) == chat.parts_ids(text) == before


def test_a_format_travels_to_a_loaders_worker(tokenizer: Any) -> None:
    chat = pickle.loads(pickle.dumps(ChatFormat(tokenizer, "empty")))
    assert chat.prompt_text(ASKED) == ASKED_TEXT + THOUGHT


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_answers_are_the_layouts_text_in_tokens(tokenizer: Any, representation: Representation) -> None:
    text = Layout.of(representation, 1, 0).text([0.2] * 52 + [-0.4] * 9)
    assert tokenizer.decode(ChatFormat(tokenizer).answer_ids(text)) == f"{text}<|im_end|>\n"


REFUSED = {
    None: r"has no chat template; choose an instruction-tuned model, such as a \*-Instruct$",
    "{{ raise_exception('no system role') }}": "^tokenizer: the chat template refuses the messages "
    r"\(no system role\); choose a model that takes a system message$",
    "{% for each in messages %}{{ each.content | upper }}{% endfor %}": "^tokenizer: the chat template changes the "
    "user's message; choose a model whose template hands it on as it is$",
}


@pytest.mark.parametrize("template", REFUSED)
def test_a_template_that_cannot_serve_is_told(template: str | None) -> None:
    with pytest.raises(InputError, match=REFUSED[template]):
        ChatFormat(with_template(template)).parts_ids(Parts("Be brief.", "tale", " One."))


def test_a_template_that_never_ends_an_answer_is_told() -> None:
    chat = ChatFormat(with_template("{% for each in messages %}{{ each.content }}{% endfor %}"))
    with pytest.raises(InputError, match=r"^tokenizer: the chat template does not close an answer; choose a model "):
        chat.answer_ids("[0.0]")


def test_another_way_of_thinking_is_told(tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"^thinking: is 'long', expected none or empty$"):
        ChatFormat(tokenizer, "long")  # type: ignore[arg-type]
