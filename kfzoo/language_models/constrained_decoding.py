"""Greedy decoding of answers that are always valid: the model chooses among the tokens that its template allows.

The answer is the walk that takes, at every place, the likeliest of the tokens that some allowed answer has there.
"template" takes this walk a choice at a time: what is forced between two choices goes through the model in one piece.
"drafted" finds the same walk in fewer passes. A pass carries a guess of many values; its logits tell what the model
takes at each of their choices if all guesses before were right. So the pass confirms the guesses up to the first wrong
one and puts that one right, and what the model took at the later ones is the next guess for them (Jacobi decoding:
Santilli et al. 2023, "Accelerating Transformer Inference for Translation via Parallel Decoding"; verification:
Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding"). A first guess is the value at rest.

An answer may begin with words that are not constrained (`Preface`), a token at a time; the constraints hold from where
the words end.

Rows of a batch go on together, each at its own place, behind what their prompts share (`lockstep`). All ways give one
answer as far as the model's arithmetic is exact: in bfloat16 two tokens of nearly the same likelihood may change places
when a pass has another shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.answer_trie import Choice, Template
from kfzoo.language_models.batched_cache import Lockstep, Prefix, answering, behind_prompts
from kfzoo.language_models.expected_value import Expectation
from kfzoo.language_models.free_text import Preface

Mode = Literal["drafted", "template", "free"]
"""How an answer is found: by guesses that are verified, a choice at a time, or by generation without any constraint."""

MODES: tuple[Mode, ...] = ("drafted", "template", "free")

LIMIT = 1024
"""Most tokens of a free answer: KeyframeFace's own setting."""


@dataclass(frozen=True)
class Decoded:
    """An answer.

    Attributes:
        ids: Its tokens, without the one that ends it.
        text: What they spell.
        passes: How often the model ran for it, the prompt included; a pass that served several rows counts for each.
        expected: The mean of each value under the model's own likelihoods (`Expectation`); empty where it was found
            freely.
    """

    ids: tuple[int, ...]
    text: str
    passes: int
    expected: tuple[float, ...] = ()


def decode(
    model: Any,
    templates: Sequence[Template],
    prompts: Sequence[Sequence[int]],
    mode: Mode = "drafted",
    *,
    prefix: Prefix | None = None,
    preface: Preface | None = None,
    limit: int = LIMIT,
) -> list[Decoded]:
    """Answers prompts, all in one batch.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
        templates: The answers that each prompt allows.
        prompts: Token numbers, at least one each.
        mode: One of `MODES`.
        prefix: What all prompts begin with, kept from an earlier batch.
        preface: The words before the values; None for none. A free answer needs no such permission.
        limit: Most tokens of a free answer.

    Returns:
        An answer for each prompt, in their order. One that was found freely may be anything.

    Raises:
        InputError: For another mode, a model that cannot be decoded under constraints, or one whose logits are no
            numbers.
    """
    if mode not in MODES:
        raise InputError("decoding", f"is '{mode}', expected one of {', '.join(MODES)}")
    if not prompts:
        return []
    with answering(model):
        if mode == "free":
            return _free(model, templates, prompts, limit)
        lockstep, rests = behind_prompts(model, prompts, prefix)
        rows = [_Row(template, rest, preface) for template, rest in zip(templates, rests, strict=True)]
        return _constrained(lockstep, rows, mode == "drafted")


def _constrained(lockstep: Lockstep, rows: Sequence[_Row], drafted: bool) -> list[Decoded]:
    pace = _Pace(len(rows), lockstep.device)
    active = rows
    while active:
        drafts = [row.draft(pace.ahead if drafted else 0) for row in active]
        columns = sorted({question.column for draft in drafts for question in draft.questions})
        logits = lockstep.feed([draft.inputs for draft in drafts], columns)
        answers = _answers(logits, columns, drafts)
        kept = [row.take(draft, told) for row, draft, told in zip(active, drafts, answers, strict=True)]
        lockstep.keep(kept)
        pace.adapt(drafts, kept)
        for row in active:
            row.passes = lockstep.passes
        going = [number for number, row in enumerate(active) if not row.done]
        if going and len(going) < len(active):
            lockstep.select(going)
        active = [active[number] for number in going]
    return [
        Decoded(tuple(row.answer), row.template.text(row.answer), row.passes, tuple(row.expectation.values))
        for row in rows
    ]


class _Question(NamedTuple):
    """A choice whose logits a pass tells: which token follows the one in this column?

    Attributes:
        column: Place in the row's inputs.
        slot: Number of the value.
        depth: How many choices the value had before.
        choice: The allowed tokens; a preface allows all but a few.
        guess: The token that the draft goes on with.
    """

    column: int
    slot: int
    depth: int
    choice: Choice | Preface
    guess: int


class _Draft(NamedTuple):
    """What a row sends through the model: what is known and not yet in the cache, and the guess after it."""

    inputs: list[int]
    known: int
    questions: list[_Question]


class _Row:
    """An answer on its way.

    Attributes:
        template: What it may be.
        answer: Its tokens so far; they end where the model has a choice.
        choice: That choice; None while the words before the values are written, and when the answer is complete.
        passes: How often the model ran for it.
        expectation: The means of its values so far.
    """

    def __init__(self, template: Template, prompt: Sequence[int], preface: Preface | None = None) -> None:
        self.template = template
        self.expectation = Expectation()
        self.answer: list[int] = []
        self.choice: Choice | None = None
        self.passes = 0
        self._preface = preface
        self._slot = self._depth = 0
        self._waiting = list(prompt)  # Known tokens that the cache does not hold.
        if preface is None:
            self._begin([])
        self._guesses: dict[tuple[int, int], int] = {}  # What the model took at a choice behind guesses.

    @property
    def done(self) -> bool:
        """Whether the answer is complete."""
        return self.choice is None and self._preface is None

    def _begin(self, joint: Sequence[int]) -> None:
        """Goes on to the values, behind what joins them to the words."""
        self._preface = None
        self.choice = self.template.choices[0]
        run = [*joint, *self.template.runs[0]]
        self.answer += run
        self._waiting += run

    def draft(self, ahead: int) -> _Draft:
        """Guesses on from where the answer stands, for at least so many tokens and up to a choice."""
        inputs, questions = list(self._waiting), []
        if self._preface is not None:  # Of the next word nothing can be guessed.
            return _Draft(inputs, len(inputs), [_Question(len(inputs) - 1, -1, 0, self._preface, -1)])
        slot, depth, choice = self._slot, self._depth, self.choice
        while choice is not None:
            guess = self._guesses.get((slot, depth), choice.likeliest)
            if guess not in choice.branches:
                guess = choice.likeliest
            questions.append(_Question(len(inputs) - 1, slot, depth, choice, guess))
            if len(inputs) - len(self._waiting) >= ahead:
                break
            run, following, choice = self.template.follow(slot, choice, guess)
            slot, depth = following, depth + 1 if following == slot else 0
            if choice is not None:  # Nothing is asked behind the last value.
                inputs += run
        return _Draft(inputs, len(self._waiting), questions)

    def take(self, draft: _Draft, answers: Sequence[_Answer]) -> int:
        """Goes on by what the model says to a draft.

        Args:
            draft: The row's last draft.
            answers: To each of its questions.

        Returns:
            How many of the draft's inputs are now known to be right.
        """
        if self._preface is not None:
            self._write(self._preface, answers[0].token)
            return draft.known
        asked = list(zip(draft.questions, answers, strict=True))
        self._guesses.update({(at.slot, at.depth): answer.token for at, answer in asked})
        for question, (token, likelihoods) in asked:
            choice = self.choice
            assert choice is not None
            assert choice is question.choice
            self.expectation.take(choice, token, likelihoods)
            run, slot, self.choice = self.template.follow(self._slot, choice, token)
            self._slot, self._depth = slot, self._depth + 1 if slot == self._slot else 0
            self.answer += run
            kept, self._waiting = question.column + 1, list(run)
            if token != question.guess:
                break
        return kept

    def _write(self, preface: Preface, token: int) -> None:
        """Takes a token of the words before the values; one that ends them is dropped."""
        self._waiting = []
        if preface.ends(self.answer, token, self.template.end):
            self._begin(preface.joint(self.answer))
            return
        self.answer.append(token)
        self._waiting.append(token)
        if len(self.answer) >= preface.limit:
            self._begin(preface.joint(self.answer))


class _Pace:
    """How far ahead to guess: further while guesses hold.

    A token that is guessed in vain costs arithmetic, a pass costs the reading of all weights. Below a number of tokens,
    over all rows, the reading is what takes time: guessing is free up to there.

    Attributes:
        ahead: Tokens to guess in each row.
    """

    _FREE: Final = {"cpu": 64, "cuda": 2048}
    _MOST = 192

    def __init__(self, rows: int, device: torch.device) -> None:
        self._least = max(self._FREE.get(device.type, self._FREE["cuda"]) // rows, 8)
        self._most = max(self._MOST, self._least)
        self.ahead = self._least

    def adapt(self, drafts: Sequence[_Draft], kept: Sequence[int]) -> None:
        """Guesses half as far again next time as held this time, on average over the rows."""
        held = sum(count - draft.known for draft, count in zip(drafts, kept, strict=True)) // len(drafts)
        self.ahead = min(max(held + held // 2, self._least), self._most)


class _Answer(NamedTuple):
    """What the model says to a question: the likeliest allowed token, and how likely each is among them."""

    token: int
    likelihoods: list[float]


def _answers(logits: Tensor, columns: Sequence[int], drafts: Sequence[_Draft]) -> list[list[_Answer]]:
    """Reads off the answers to each draft's questions; logits (rows, columns, vocabulary)."""
    place = {column: number for number, column in enumerate(columns)}
    asked = [
        (row, place[question.column], question.choice)
        for row, draft in enumerate(drafts)
        for question in draft.questions
    ]
    words = [(row, at, choice) for row, at, choice in asked if isinstance(choice, Preface)]
    values = [(row, at, choice) for row, at, choice in asked if isinstance(choice, Choice)]
    of_words = iter(_words(logits, words) if words else ())
    of_values = iter(_values(logits, values) if values else ())
    told = [next(of_words if isinstance(choice, Preface) else of_values) for _, _, choice in asked]
    answers = iter(told)
    return [[next(answers) for _ in draft.questions] for draft in drafts]


def _words(logits: Tensor, asked: Sequence[tuple[int, int, Preface]]) -> list[_Answer]:
    """Returns the likeliest tokens at (row, column), of those that a preface allows."""
    rows, places, prefaces = zip(*asked, strict=True)
    found = logits[list(rows), list(places)].float()
    best, tokens = found.masked_fill(prefaces[0].banned(found.shape[-1], found.device), -torch.inf).max(dim=1)
    _refuse_broken(best)
    return [_Answer(token, []) for token in tokens.tolist()]


def _values(logits: Tensor, asked: Sequence[tuple[int, int, Choice]]) -> list[_Answer]:
    """Returns the likeliest tokens at (row, column), of those that a choice has, and how likely each of them is."""
    counts = [len(choice.tokens) for _, _, choice in asked]
    width = max(counts)
    # Filled up with the first token, which changes no maximum; its repetitions are then left out of the likelihoods.
    tokens = [[*choice.tokens, *[choice.tokens[0]] * (width - len(choice.tokens))] for _, _, choice in asked]
    allowed = torch.tensor(tokens, device=logits.device)
    rows = torch.tensor([row for row, _, _ in asked], device=logits.device)
    places = torch.tensor([place for _, place, _ in asked], device=logits.device)
    found = logits[rows[:, None], places[:, None], allowed].float()
    best, at = found.max(dim=1)
    _refuse_broken(best)
    beyond = torch.arange(width, device=logits.device) >= torch.tensor(counts, device=logits.device)[:, None]
    likelihoods = found.masked_fill(beyond, -torch.inf).softmax(1).tolist()
    return list(map(_Answer, allowed.gather(1, at[:, None]).squeeze(1).tolist(), likelihoods))


def _refuse_broken(best: Tensor) -> None:
    if not torch.isfinite(best).all():
        raise InputError(
            "model", "its logits are no finite numbers", "its weights may be damaged, or too large for 16 bits"
        )


def _free(model: Any, templates: Sequence[Template], prompts: Sequence[Sequence[int]], limit: int) -> list[Decoded]:
    """Answers by transformers' own greedy generation."""
    from transformers import GenerationConfig

    end = templates[0].end
    longest = max(map(len, prompts))
    device = next(model.parameters()).device
    ids = torch.tensor([[end] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    # A model's own generation settings fill what is left open here: sampling and penalties must not.
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, num_beams=1, temperature=1.0, top_p=1.0, top_k=50, repetition_penalty=1.0,
        max_new_tokens=limit, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    written = model.generate(input_ids=ids, attention_mask=mask, generation_config=greedy)[:, longest:].tolist()
    answers = []
    for template, tokens in zip(templates, written, strict=True):
        answer = tuple(tokens[: tokens.index(end)] if end in tokens else tokens)
        answers.append(Decoded(answer, template.text(answer), min(len(answer) + 1, len(tokens))))
    return answers
