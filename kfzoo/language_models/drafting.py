"""Drafts of an answer: what is known of it, and guesses of the values after that, which one pass verifies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch

from kfzoo.language_models.answer_trie import AnswerTrie, Choice
from kfzoo.language_models.free_text import FreeText


class Question(NamedTuple):
    """A choice whose logits a pass computes: which token follows the one in this column?

    Attributes:
        column: Place in the row's inputs.
        slot: Number of the value.
        depth: Number of the value's choices before this one.
        choice: The allowed tokens; free text allows all but a few.
        guess: The token with which the draft continues.
    """

    column: int
    slot: int
    depth: int
    choice: Choice | FreeText
    guess: int


class Reply(NamedTuple):
    """The model's reply to a question: the most likely allowed token, and the probabilities of the allowed tokens."""

    token: int
    probabilities: list[float]


class Draft(NamedTuple):
    """A row's input for a pass: `known` tokens that are not yet in the cache, and guesses after them."""

    inputs: list[int]
    known: int
    questions: list[Question]


class ExpectedValues:
    """Accumulates the means of an answer's values under the model's probabilities, choice by choice.

    Greedy decoding writes the most likely value, which is best where an answer counts as right or wrong. Under a
    squared error the mean is best: Lukasik et al. 2024, "Regression Aware Inference with LLMs". It costs no extra pass,
    and the values before it remain those of the greedy answer.

    The mean is exact where each token that was not taken leads to one value: with one decimal, for all blendshapes
    that are not written as 1.0. A token that leads to several values, such as the negative ones of a head angle, was
    not decoded further: all its probability is given to the value nearest to the one that was taken, so that the mean
    is never further away than the model's logits imply.

    Attributes:
        values: The means so far.
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self._reached = 1.0
        self._others: list[tuple[float, tuple[float, ...]]] = []

    def take(self, choice: Choice, token: int, probabilities: Sequence[float]) -> None:
        """Adds a choice: the token that was taken, and the probabilities of `choice.tokens`, which sum to 1.

        Entries after these are padding.
        """
        shares = dict(zip(choice.tokens, probabilities, strict=False))
        reached = self._reached
        self._others += [
            (reached * shares[other], branch.values) for other, branch in choice.branches.items() if other != token
        ]
        self._reached = reached * shares[token]
        taken = choice.branches[token]
        if taken.choice is None:
            self._close(taken.values[0])

    def _close(self, value: float) -> None:
        rest = sum(
            share * min(values, key=lambda other: (abs(other - value), abs(other))) for share, values in self._others
        )
        self.values.append(self._reached * value + rest)
        self._reached, self._others = 1.0, []


class PartialAnswer:
    """The answer of one row while it is decoded.

    Attributes:
        trie: The answers that are allowed.
        answer: The tokens so far; they end at a choice.
        choice: That choice; None in the free text before the values, and when the answer is complete.
        passes: Number of forward passes for it.
        expected: The means of its values so far.
    """

    def __init__(self, trie: AnswerTrie, prompt: Sequence[int], free_text: FreeText | None = None) -> None:
        self.trie = trie
        self.expected = ExpectedValues()
        self.answer: list[int] = []
        self.choice: Choice | None = None
        self.passes = 0
        self._free_text = free_text
        self._slot = self._depth = 0
        self._pending = list(prompt)  # Known tokens that are not in the cache.
        self._guesses: dict[tuple[int, int], int] = {}  # The model's replies after guesses.
        if free_text is None:
            self._start_values([])

    @property
    def done(self) -> bool:
        """Whether the answer is complete."""
        return self.choice is None and self._free_text is None

    def draft(self, ahead: int) -> Draft:
        """Guesses at least `ahead` tokens after the known ones, up to a choice."""
        inputs, questions = list(self._pending), []
        if self._free_text is not None:  # The next word cannot be guessed.
            return Draft(inputs, len(inputs), [Question(len(inputs) - 1, -1, 0, self._free_text, -1)])
        slot, depth, choice = self._slot, self._depth, self.choice
        while choice is not None:
            guess = self._guesses.get((slot, depth), choice.default)
            if guess not in choice.branches:
                guess = choice.default
            questions.append(Question(len(inputs) - 1, slot, depth, choice, guess))
            if len(inputs) - len(self._pending) >= ahead:
                break
            run, following, choice = self.trie.follow(slot, choice, guess)
            slot, depth = following, depth + 1 if following == slot else 0
            if choice is not None:  # No question follows the last value.
                inputs += run
        return Draft(inputs, len(self._pending), questions)

    def take(self, draft: Draft, replies: Sequence[Reply]) -> int:
        """Extends the answer by the model's replies to the last draft's questions, up to the first wrong guess.

        Returns:
            How many of the draft's inputs are correct.
        """
        if self._free_text is not None:
            self._write(self._free_text, replies[0].token)
            return draft.known
        pairs = list(zip(draft.questions, replies, strict=True))
        self._guesses.update({(question.slot, question.depth): reply.token for question, reply in pairs})
        for question, (token, probabilities) in pairs:
            choice = self.choice
            assert choice is not None
            assert choice is question.choice
            self.expected.take(choice, token, probabilities)
            run, slot, self.choice = self.trie.follow(self._slot, choice, token)
            self._slot, self._depth = slot, self._depth + 1 if slot == self._slot else 0
            self.answer += run
            correct, self._pending = question.column + 1, list(run)
            if token != question.guess:
                break
        return correct

    def _start_values(self, separator: Sequence[int]) -> None:
        self._free_text = None
        self.choice = self.trie.choices[0]
        run = [*separator, *self.trie.runs[0]]
        self.answer += run
        self._pending += run

    def _write(self, free_text: FreeText, token: int) -> None:
        """Takes a token of the free text; one that ends it is dropped."""
        self._pending = []
        ended = free_text.ends(self.answer, token, self.trie.end)
        if not ended:
            self.answer.append(token)
            self._pending.append(token)
        if ended or len(self.answer) >= free_text.limit:
            self._start_values(free_text.separator(self.answer))


class DraftLength:
    """How many tokens to guess: more while guesses are correct.

    A wrong guess costs arithmetic, a pass costs the reading of all weights. Up to a number of tokens, over all rows,
    the reading dominates: guessing is free up to there.

    Attributes:
        ahead: Tokens to guess in each row.
    """

    _FREE: Final = {"cpu": 64, "cuda": 2048}
    _MOST = 192

    def __init__(self, rows: int, device: torch.device) -> None:
        self._least = max(self._FREE.get(device.type, self._FREE["cuda"]) // rows, 8)
        self._most = max(self._MOST, self._least)
        self.ahead = self._least

    def adapt(self, drafts: Sequence[Draft], kept: Sequence[int]) -> None:
        """Sets the next length to one and a half times the correct guesses, on average over the rows."""
        correct = sum(count - draft.known for draft, count in zip(drafts, kept, strict=True)) // len(drafts)
        self.ahead = min(max(correct + correct // 2, self._least), self._most)
