from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, Layout, Representation
from kfzoo.language_models.answer_trie import Choice, Template, Tokens, grow
from kfzoo.language_models.chat_format import ChatFormat

CHATML = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"


@pytest.fixture(scope="module")
def chat(tiny_qwen3: str) -> ChatFormat:
    from transformers import AutoTokenizer

    return ChatFormat(AutoTokenizer.from_pretrained(tiny_qwen3.removeprefix("huggingface:")))


def bpe(merges: list[tuple[str, str]], change: Callable[[Any], None] = lambda inner: None) -> ChatFormat:
    """A tokenizer of letters and merges that nothing keeps apart."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = [*map(chr, range(32, 127)), "\n", "▁"]
    vocabulary = {each: number for number, each in enumerate([*letters, *map("".join, merges), "<|im_end|>"])}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    change(inner)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner, eos_token="<|im_end|>", chat_template=CHATML
    )
    return ChatFormat(tokenizer)


def small(*options: tuple[str, ...]) -> Layout:
    """A bare vector of a few values."""
    return Layout(("[", *[","] * (len(options) - 1), "]"), options, 1)


def walk(template: Template, wanted: Tokens) -> Iterator[tuple[Choice, int]]:
    """Goes through a template by the tokens of an answer; yields each choice and what was taken there."""
    assert wanted[: len(template.runs[0])] == template.runs[0]
    at, slot, choice = len(template.runs[0]), 0, template.choices[0]
    while True:
        yield choice, wanted[at]
        run, slot, following = template.follow(slot, choice, wanted[at])
        assert wanted[at : at + len(run)] == run
        at += len(run)
        if following is None:
            assert at == len(wanted)
            assert slot == len(template.choices)
            return
        choice = following


def sequences(choice: Choice) -> Iterator[Tokens]:
    for branch in choice.branches.values():
        if branch.choice is None:
            yield branch.run
        else:
            yield from (branch.run + rest for rest in sequences(branch.choice))


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("decimals", [1, 3])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rest=st.floats(0, 1))
def test_every_answer_is_a_walk_in_the_tokenisers_own_tokens(
    chat: ChatFormat, representation: Representation, decimals: int, seed: int, rest: float
) -> None:
    generator = np.random.default_rng(seed)
    face = generator.uniform(-1, 1, 61) * (generator.uniform(0, 1, 61) > rest)
    layout = Layout.of(representation, decimals, 1)
    template = Template.of(layout, chat)
    tokens = chat.answer_ids(layout.text(face))
    end = tokens.index(template.end)
    taken = list(walk(template, tuple(tokens[:end])))
    assert all(len(choice.branches) > 1 for choice, _ in taken)
    assert chat.tokenizer.decode(tokens[end:]) == chat.closing
    assert template.text(tokens[:end]) == layout.text(face)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_each_value_has_as_many_ends_as_options(chat: ChatFormat, representation: Representation) -> None:
    layout = Layout.of(representation, 2, 0)
    template = Template.of(layout, chat)
    for choice, options in zip(template.choices, layout.options, strict=True):
        assert len(set(sequences(choice))) == len(options)


def test_a_minus_sign_may_be_the_neighbours(chat: ChatFormat) -> None:
    # As Qwen does: `":-` and `":` are two tokens, so the choice begins before the value.
    template = Template.of(Layout.of("semantic", 1, 0), chat)
    texts = [chat.tokenizer.decode([token]) for token in template.choices[-1].branches]
    assert texts == ['":', '":-']
    assert [chat.tokenizer.decode([token]) for token in template.choices[0].branches] == ["0", "1"]


def test_what_is_forced_is_no_choice(chat: ChatFormat) -> None:
    template = Template.of(Layout.of("semantic", 1, 0), chat)
    tokens = chat.answer_ids(Layout.of("semantic", 1, 0).text(np.zeros(61)))
    # Digits before and after the point, and the sign of the nine angles.
    assert len(list(walk(template, tuple(tokens[: tokens.index(template.end)])))) == 61 * 2 + 9


def test_the_value_at_rest_is_the_first_guess(chat: ChatFormat) -> None:
    layout = Layout.of("semantic", 3, 0)
    template = Template.of(layout, chat)
    slot, tokens = 0, list(template.runs[0])
    following: Choice | None = template.choices[0]
    while following is not None:
        run, slot, following = template.follow(slot, following, following.likeliest)
        tokens += run
    assert template.text(tokens) == layout.text(np.zeros(61))


def test_three_decimals_take_no_time(chat: ChatFormat) -> None:
    layout = Layout.of("semantic", 3, 5)
    start = time.process_time()
    template = Template.of(layout, chat)
    assert time.process_time() - start < 2
    start = time.process_time()
    assert Template.of(Layout.of("semantic", 3, 5), chat) is template
    assert time.process_time() - start < 0.1
    assert len({id(choice) for choice in template.choices}) <= 3  # Values that are written alike share their trie.


@given(st.sets(st.tuples(*[st.integers(0, 3)] * 4), min_size=1))
def test_a_trie_holds_its_sequences(rows: set[Tokens]) -> None:
    root = grow([(row, float(number)) for number, row in enumerate(sorted(rows))])
    assert root.values == tuple(range(len(rows)))
    ends = {root.run} if root.choice is None else {root.run + rest for rest in sequences(root.choice)}
    assert ends == rows


def test_tokens_are_asked_for_in_ascending_order() -> None:
    choice = grow([((3, 1), 0.0), ((1, 1), 0.1), ((2, 1), 0.2)]).choice
    assert choice is not None
    assert choice.tokens == (1, 2, 3)
    assert choice.likeliest == 3


def test_borders_that_move_with_the_neighbours_are_passed_over() -> None:
    # "0," is one token and "1," are two: the first value takes the comma in.
    chat = bpe([("0", ",")])
    template = Template.of(small(("0", "1"), ("0", "1")), chat)
    assert [chat.tokenizer.decode([token]) for token in template.choices[0].branches] == ["0,", "1"]


def test_a_tokeniser_without_common_borders_is_refused() -> None:
    chat = bpe([("0", ","), (",", "1")])
    with pytest.raises(InputError, match=r"^tokenizer: no token border between two values is the same .* \(','\)"):
        Template.of(small(("0", "2"), ("0", "1")), chat)


def test_a_tokeniser_that_marks_a_texts_beginning_is_refused() -> None:
    def mark(inner: Any) -> None:
        from tokenizers import normalizers

        inner.normalizer = normalizers.Prepend("▁")

    with pytest.raises(InputError, match=r"^tokenizer: the tokens of a value depend on the values beside it; decode"):
        Template.of(small(("0", "1"), ("0", "1")), bpe([], mark))


def test_values_that_begin_each_other_are_refused() -> None:
    with pytest.raises(InputError, match=r"^tokenizer: the tokens of one value begin those of another; decode freely"):
        Template.of(small(("0.1", "0.12"), ("0.1", "0.2")), bpe([]))


def test_a_tokeniser_without_offsets_is_refused(chat: ChatFormat) -> None:
    class Slow:
        chat_template = CHATML

    with pytest.raises(
        InputError, match=r"^tokenizer: does not tell where in the text its tokens stand; decode freely"
    ):
        Template.of(small(("0", "1")), ChatFormat(Slow()))


def test_a_value_that_is_no_choice_is_refused(chat: ChatFormat) -> None:
    layout = Layout.of("semantic", 1, 0)
    with pytest.raises(InputError, match=r"^layout: a value has fewer than two options"):
        Template.of(replace(layout, options=(("0.0",), *layout.options[1:])), chat)
