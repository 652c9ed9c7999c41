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
from kfzoo.language_models.answer_layout import REPRESENTATIONS, AnswerLayout, Representation
from kfzoo.language_models.answer_trie import AnswerTrie, Choice, grow
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.labels import Tokens
from tests.language_models.helpers import chat_tokenizer

CHATML = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"


def bpe(*merges: tuple[str, str], change: Any = None) -> ChatFormat:
    return ChatFormat(chat_tokenizer(CHATML, merges, change))


def small(*options: tuple[str, ...]) -> AnswerLayout:
    """A vector of a few values."""
    return AnswerLayout(("[", *[","] * (len(options) - 1), "]"), options, 1)


def walk(trie: AnswerTrie, answer: Tokens) -> Iterator[tuple[Choice, int]]:
    """Follows the tokens of an answer; yields each choice and the token there."""
    assert answer[: len(trie.runs[0])] == trie.runs[0]
    at, slot, choice = len(trie.runs[0]), 0, trie.choices[0]
    while True:
        yield choice, answer[at]
        run, slot, following = trie.follow(slot, choice, answer[at])
        assert answer[at : at + len(run)] == run
        at += len(run)
        if following is None:
            assert at == len(answer)
            assert slot == len(trie.choices)
            return
        choice = following


def sequences(choice: Choice) -> Iterator[Tokens]:
    for branch in choice.branches.values():
        if branch.choice is None:
            yield branch.run
        else:
            yield from (branch.run + rest for rest in sequences(branch.choice))


def first_texts(chat: ChatFormat, choice: Choice) -> list[str]:
    return [chat.tokenizer.decode([token]) for token in choice.branches]


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("decimals", [1, 3])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rest=st.floats(0, 1))
def test_every_answer_is_a_walk_in_the_tokenisers_own_tokens(
    chat: ChatFormat, representation: Representation, decimals: int, seed: int, rest: float
) -> None:
    generator = np.random.default_rng(seed)
    face = generator.uniform(-1, 1, 61) * (generator.uniform(0, 1, 61) > rest)
    layout = AnswerLayout.of(representation, decimals, 1)
    trie = AnswerTrie.of(layout, chat)
    tokens = chat.answer_ids(layout.text(face))
    end = tokens.index(trie.end)
    assert all(len(choice.branches) > 1 for choice, _ in walk(trie, tuple(tokens[:end])))
    assert chat.tokenizer.decode(tokens[end:]) == chat.closing
    assert trie.text(tokens[:end]) == layout.text(face)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_each_value_has_as_many_leaves_as_options(chat: ChatFormat, representation: Representation) -> None:
    layout = AnswerLayout.of(representation, 2, 0)
    for choice, options in zip(AnswerTrie.of(layout, chat).choices, layout.options, strict=True):
        assert len(set(sequences(choice))) == len(options)


def test_a_minus_sign_may_belong_to_the_neighbours_token(chat: ChatFormat) -> None:
    # As in Qwen: `":-` and `":` are two tokens, so the choice begins before the value.
    trie = AnswerTrie.of(AnswerLayout.of("semantic", 1, 0), chat)
    assert first_texts(chat, trie.choices[-1]) == ['":', '":-']
    assert first_texts(chat, trie.choices[0]) == ["0", "1"]


def test_forced_tokens_are_no_choices(chat: ChatFormat) -> None:
    layout = AnswerLayout.of("semantic", 1, 0)
    trie = AnswerTrie.of(layout, chat)
    tokens = chat.answer_ids(layout.text(np.zeros(61)))
    # Digits before and after the point, and the sign of the nine angles.
    assert len(list(walk(trie, tuple(tokens[: tokens.index(trie.end)])))) == 61 * 2 + 9


def test_the_default_answer_is_a_face_at_rest(chat: ChatFormat) -> None:
    layout = AnswerLayout.of("semantic", 3, 0)
    trie = AnswerTrie.of(layout, chat)
    slot, tokens = 0, list(trie.runs[0])
    following: Choice | None = trie.choices[0]
    while following is not None:
        run, slot, following = trie.follow(slot, following, following.default)
        tokens += run
    assert trie.text(tokens) == layout.text(np.zeros(61))


def test_three_decimals_are_fast_and_cached(chat: ChatFormat) -> None:
    start = time.process_time()
    trie = AnswerTrie.of(AnswerLayout.of("semantic", 3, 5), chat)
    assert time.process_time() - start < 2
    start = time.process_time()
    assert AnswerTrie.of(AnswerLayout.of("semantic", 3, 5), chat) is trie
    assert time.process_time() - start < 0.1
    assert len({id(choice) for choice in trie.choices}) <= 3  # Values with the same texts share their trie.


@given(st.sets(st.tuples(*[st.integers(0, 3)] * 4), min_size=1))
def test_a_trie_holds_its_sequences(rows: set[Tokens]) -> None:
    root = grow([(row, float(number)) for number, row in enumerate(sorted(rows))])
    assert root.values == tuple(range(len(rows)))
    ends = {root.run} if root.choice is None else {root.run + rest for rest in sequences(root.choice)}
    assert ends == rows


def test_tokens_are_ascending_and_the_first_option_is_the_default() -> None:
    choice = grow([((3, 1), 0.0), ((1, 1), 0.1), ((2, 1), 0.2)]).choice
    assert choice is not None
    assert choice.tokens == (1, 2, 3)
    assert choice.default == 3


def test_borders_that_depend_on_the_neighbours_are_moved() -> None:
    # "0," is one token and "1," are two: the first value includes the comma.
    chat = bpe(("0", ","))
    assert first_texts(chat, AnswerTrie.of(small(("0", "1"), ("0", "1")), chat).choices[0]) == ["0,", "1"]


def mark(backend: Any) -> None:
    """Marks the beginning of every text."""
    from tokenizers import normalizers

    backend.normalizer = normalizers.Prepend("▁")


class Slow:
    chat_template = CHATML


@pytest.mark.parametrize(
    ("chat_format", "layout", "message"),
    [
        (lambda: bpe(("0", ","), (",", "1")), small(("0", "2"), ("0", "1")), r"no token border .* \(','\)"),
        (
            lambda: bpe(change=mark),
            small(("0", "1"), ("0", "1")),
            "the tokens of a value depend on its neighbours; dec",
        ),
        (bpe, small(("0.1", "0.12"), ("0.1", "0.2")), "the tokens of one value begin those of another; decode free"),
        (lambda: ChatFormat(Slow()), small(("0", "1")), "does not report the offsets of its tokens; decode freely"),
    ],
    ids=["no common border", "marked beginning", "prefix", "no offsets"],
)
def test_a_tokeniser_that_cannot_be_constrained_is_refused(
    chat_format: Callable[[], ChatFormat], layout: AnswerLayout, message: str
) -> None:
    with pytest.raises(InputError, match=f"^tokenizer: {message}"):
        AnswerTrie.of(layout, chat_format())


def test_a_value_without_a_choice_is_refused(chat: ChatFormat) -> None:
    layout = AnswerLayout.of("semantic", 1, 0)
    with pytest.raises(InputError, match=r"^layout: a value has fewer than two options"):
        AnswerTrie.of(replace(layout, options=(("0.0",), *layout.options[1:])), chat)
