"""Greedy decoding of answers that are always valid: the model chooses among the tokens that its template allows.

The answer is the walk that takes, at every place, the likeliest of the tokens that some allowed answer has there.
"template" takes this walk a choice at a time: what is forced between two choices goes through the model in one piece.
"drafted" finds the same walk in fewer passes. A pass carries a guess of many values; its logits tell what the model
takes at each of their choices if all guesses before were right. So the pass confirms the guesses up to the first wrong
one and puts that one right, and what the model took at the later ones is the next guess for them (Jacobi decoding:
Santilli et al. 2023, "Accelerating Transformer Inference for Translation via Parallel Decoding"; verification:
Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding"). A first guess is the value at rest.

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
from kfzoo.models.llm_generator.expectation import Expectation
from kfzoo.models.llm_generator.lockstep import Prefix, answering, behind_prompts
from kfzoo.models.llm_generator.tries import Choice, Template

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
    limit: int = LIMIT,
) -> list[Decoded]:
    """Answers prompts, all in one batch.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
        templates: The answers that each prompt allows.
        prompts: Token numbers, at least one each.
        mode: One of `MODES`.
        prefix: What all prompts begin with, kept from an earlier batch.
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
        return _constrained(model, templates, prompts, mode == "drafted", prefix)


def _constrained(
    model: Any, templates: Sequence[Template], prompts: Sequence[Sequence[int]], drafted: bool, prefix: Prefix | None
) -> list[Decoded]:
    lockstep, rests = behind_prompts(model, prompts, prefix)
    rows = [_Row(template, rest) for template, rest in zip(templates, rests, strict=True)]
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
        going = [number for number, row in enumerate(active) if row.choice is not None]
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
        choice: The allowed tokens.
        guess: The token that the draft goes on with.
    """

    column: int
    slot: int
    depth: int
    choice: Choice
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
        choice: That choice; None when the answer is complete.
        passes: How often the model ran for it.
        expectation: The means of its values so far.
    """

    def __init__(self, template: Template, prompt: Sequence[int]) -> None:
        self.template = template
        self.expectation = Expectation()
        self.answer = list(template.runs[0])
        self.choice: Choice | None = template.choices[0]
        self.passes = 0
        self._slot = self._depth = 0
        self._waiting = [*prompt, *self.answer]  # Known tokens that the cache does not hold.
        self._guesses: dict[tuple[int, int], int] = {}  # What the model took at a choice behind guesses.

    def draft(self, ahead: int) -> _Draft:
        """Guesses on from where the answer stands, for at least so many tokens and up to a choice."""
        inputs, questions = list(self._waiting), []
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
        asked = list(zip(draft.questions, answers, strict=True))
        self._guesses.update({(at.slot, at.depth): answer.token for at, answer in asked})
        for question, (token, likelihoods) in asked:
            assert self.choice is question.choice
            self.expectation.take(question.choice, token, likelihoods)
            run, slot, self.choice = self.template.follow(self._slot, question.choice, token)
            self._slot, self._depth = slot, self._depth + 1 if slot == self._slot else 0
            self.answer += run
            kept, self._waiting = question.column + 1, list(run)
            if token != question.guess:
                break
        return kept


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
    asked = [(row, question) for row, draft in enumerate(drafts) for question in draft.questions]
    width = max(len(question.choice.tokens) for _, question in asked)
    counts = torch.tensor([len(question.choice.tokens) for _, question in asked], device=logits.device)
    # Filled up with the first token, which changes no maximum; its repetitions are then left out of the likelihoods.
    tokens = [
        [*question.choice.tokens, *[question.choice.tokens[0]] * (width - len(question.choice.tokens))]
        for _, question in asked
    ]
    allowed = torch.tensor(tokens, device=logits.device)
    rows = torch.tensor([row for row, _ in asked], device=logits.device)
    places = torch.tensor([place[question.column] for _, question in asked], device=logits.device)
    found = logits[rows[:, None], places[:, None], allowed].float()
    best, at = found.max(dim=1)
    if not torch.isfinite(best).all():
        raise InputError(
            "model", "its logits are no finite numbers", "its weights may be damaged, or too large for 16 bits"
        )
    found = found.masked_fill(torch.arange(width, device=logits.device) >= counts[:, None], -torch.inf)
    told = zip(allowed.gather(1, at[:, None]).squeeze(1).tolist(), found.softmax(1).tolist(), strict=True)
    return [[_Answer(*next(told)) for _ in draft.questions] for draft in drafts]


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
