"""Greedy decoding of answers that are always valid: the model chooses among the tokens that a trie allows.

The answer takes, at every place, the most likely of the tokens that some allowed answer has there. Two modes find it:

- "template" decodes choice by choice: the forced tokens between two choices are forwarded together.
- "drafted" needs fewer passes. A pass contains guesses of many values, and its logits say what the model takes at each
  of their choices if all earlier guesses are correct. So the pass confirms the guesses up to the first wrong one and
  corrects that one; the replies after it are the next guesses (Jacobi decoding: Santilli et al. 2023, "Accelerating
  Transformer Inference for Translation via Parallel Decoding"; verification: Leviathan et al. 2023, "Fast Inference
  from Transformers via Speculative Decoding"). The first guess of a value is its smallest absolute value.

An answer may begin with free text (`FreeText`), token by token; the constraints apply from its end on.

The rows of a batch are decoded together (`BatchedCache`). All modes and batches give the same answer up to rounding: in
bfloat16, two tokens of nearly equal probability may swap where a pass has another shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.errors import InputError
from kfzoo.language_models.answer_trie import AnswerTrie, Choice
from kfzoo.language_models.batched_cache import BatchedCache, CachedPrefix, evaluation_mode, prefill
from kfzoo.language_models.drafting import Draft, DraftLength, PartialAnswer, Reply
from kfzoo.language_models.free_text import FreeText

DecodingMode = Literal["drafted", "template", "free"]
"""How an answer is found: by verified guesses, choice by choice, or by generation without constraints."""

MODES: tuple[DecodingMode, ...] = ("drafted", "template", "free")

Values = Literal["greedy", "mean"]
"""How coefficients are read from an answer: from its text, or as means under the model's probabilities."""

MAX_FREE_TOKENS = 1024
"""Length of an unconstrained answer: KeyframeFace's own setting."""


@dataclass(frozen=True)
class Decoded:
    """An answer.

    Attributes:
        ids: Its tokens, without the one that ends it.
        text: Its text.
        passes: Number of forward passes for it, the prompt included; a pass for several rows counts for each.
        expected: The mean of each value under the model's probabilities (`ExpectedValues`); empty for an answer
            without constraints.
    """

    ids: tuple[int, ...]
    text: str
    passes: int
    expected: tuple[float, ...] = ()

    def coefficients(self, values: Values) -> NDArray[np.float32] | None:
        """Returns the answer's 61 coefficients; None where its text is not valid."""
        found = parse_answer(self.text).coefficients
        if found is None or values == "greedy":
            return found
        return np.array(self.expected, dtype=np.float32)


_RENAMED = {"lockstep": "decode_batch_size", "longest_analysis": "max_analysis_tokens"}


def current_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a checkpoint's hyper-parameters of decoding by their names in this version."""
    settings = {_RENAMED.get(name, name): value for name, value in stored.items()}
    return settings | ({"values": "greedy"} if settings.get("values") == "likeliest" else {})


def decode(
    model: Any,
    tries: Sequence[AnswerTrie],
    prompts: Sequence[Sequence[int]],
    mode: DecodingMode = "drafted",
    *,
    prefix: CachedPrefix | None = None,
    free_text: FreeText | None = None,
    limit: int = MAX_FREE_TOKENS,
) -> list[Decoded]:
    """Decodes the answers to prompts, all in one batch.

    Args:
        model: A causal language model of transformers, or PEFT's wrapper of one.
        tries: The answers that each prompt allows.
        prompts: Token numbers, at least one each.
        mode: One of `MODES`.
        prefix: The cache of a prefix of all prompts.
        free_text: The text before the values; None for none. Not for mode "free", which has no constraints.
        limit: Maximum number of tokens in mode "free".

    Returns:
        An answer for each prompt, in their order. In mode "free" it may be invalid.

    Raises:
        InputError: For another mode, a model that cannot be decoded under constraints, and logits that are not finite.
    """
    if mode not in MODES:
        raise InputError("decoding", f"is '{mode}', expected one of {', '.join(MODES)}")
    if not prompts:
        return []
    with evaluation_mode(model):
        if mode == "free":
            return _generate(model, tries, prompts, limit)
        cache, rests = prefill(model, prompts, prefix)
        rows = [PartialAnswer(trie, rest, free_text) for trie, rest in zip(tries, rests, strict=True)]
        return _constrained(cache, rows, mode == "drafted")


def _constrained(cache: BatchedCache, rows: Sequence[PartialAnswer], drafted: bool) -> list[Decoded]:
    length = DraftLength(len(rows), cache.device)
    active = rows
    while active:
        drafts = [row.draft(length.ahead if drafted else 0) for row in active]
        columns = sorted({question.column for draft in drafts for question in draft.questions})
        logits = cache.feed([draft.inputs for draft in drafts], columns)
        replies = _replies(logits, columns, drafts)
        kept = [row.take(draft, found) for row, draft, found in zip(active, drafts, replies, strict=True)]
        cache.keep(kept)
        length.adapt(drafts, kept)
        for row in active:
            row.passes = cache.passes
        unfinished = [number for number, row in enumerate(active) if not row.done]
        if unfinished and len(unfinished) < len(active):
            cache.select(unfinished)
        active = [active[number] for number in unfinished]
    return [
        Decoded(tuple(row.answer), row.trie.text(row.answer), row.passes, tuple(row.expected.values)) for row in rows
    ]


def _replies(logits: Tensor, columns: Sequence[int], drafts: Sequence[Draft]) -> list[list[Reply]]:
    """Reads the replies to each draft's questions from logits (rows, columns, vocabulary)."""
    place = {column: number for number, column in enumerate(columns)}
    asked = [
        (row, place[question.column], question.choice)
        for row, draft in enumerate(drafts)
        for question in draft.questions
    ]
    free = [(row, at, choice) for row, at, choice in asked if isinstance(choice, FreeText)]
    values = [(row, at, choice) for row, at, choice in asked if isinstance(choice, Choice)]
    of_free = iter(_free_replies(logits, free) if free else ())
    of_values = iter(_value_replies(logits, values) if values else ())
    replies = iter([next(of_free if isinstance(choice, FreeText) else of_values) for _, _, choice in asked])
    return [[next(replies) for _ in draft.questions] for draft in drafts]


def _free_replies(logits: Tensor, asked: Sequence[tuple[int, int, FreeText]]) -> list[Reply]:
    """Returns the most likely tokens at (row, column) of those that free text allows."""
    rows, places, texts = zip(*asked, strict=True)
    found = logits[list(rows), list(places)].float()
    best, tokens = found.masked_fill(texts[0].forbidden(found.shape[-1], found.device), -torch.inf).max(dim=1)
    _check_finite(best)
    return [Reply(token, []) for token in tokens.tolist()]


def _value_replies(logits: Tensor, asked: Sequence[tuple[int, int, Choice]]) -> list[Reply]:
    """Returns the most likely tokens at (row, column) of those that a choice allows, and their probabilities."""
    counts = [len(choice.tokens) for _, _, choice in asked]
    width = max(counts)
    # Padded with the first token, which changes no maximum; the padding gets no probability.
    tokens = [[*choice.tokens, *[choice.tokens[0]] * (width - len(choice.tokens))] for _, _, choice in asked]
    allowed = torch.tensor(tokens, device=logits.device)
    rows = torch.tensor([row for row, _, _ in asked], device=logits.device)
    places = torch.tensor([place for _, place, _ in asked], device=logits.device)
    found = logits[rows[:, None], places[:, None], allowed].float()
    best, at = found.max(dim=1)
    _check_finite(best)
    padding = torch.arange(width, device=logits.device) >= torch.tensor(counts, device=logits.device)[:, None]
    probabilities = found.masked_fill(padding, -torch.inf).softmax(1).tolist()
    return list(map(Reply, allowed.gather(1, at[:, None]).squeeze(1).tolist(), probabilities))


def _check_finite(best: Tensor) -> None:
    if not torch.isfinite(best).all():
        raise InputError("model", "its logits are not finite", "its weights may be damaged, or too large for 16 bits")


def _generate(model: Any, tries: Sequence[AnswerTrie], prompts: Sequence[Sequence[int]], limit: int) -> list[Decoded]:
    """Decodes without constraints, by transformers' greedy generation."""
    from transformers import GenerationConfig

    end = tries[0].end
    longest = max(map(len, prompts))
    device = next(model.parameters()).device
    ids = torch.tensor([[end] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device)
    # The model's own generation settings apply where nothing is set here: they may sample, or penalise repetitions.
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, num_beams=1, temperature=1.0, top_p=1.0, top_k=50, repetition_penalty=1.0,
        max_new_tokens=limit, eos_token_id=end, pad_token_id=end,
    )  # fmt: skip
    written = model.generate(input_ids=ids, attention_mask=mask, generation_config=greedy)[:, longest:].tolist()
    answers = []
    for trie, tokens in zip(tries, written, strict=True):
        answer = tuple(tokens[: tokens.index(end)] if end in tokens else tokens)
        answers.append(Decoded(answer, trie.text(answer), min(len(answer) + 1, len(tokens))))
    return answers
