"""The ways in which a language model's answers are timed, each run in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import GenerationConfig

from benchmarks.llm_setup import KEYFRAMES, answering_model, scripts_of_three
from benchmarks.llm_work import Sizes, Work, counted, pairs, tree_work
from benchmarks.process import memory
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.language_models.answer_layout import AnswerLayout
from kfzoo.language_models.answer_trie import AnswerTrie, Choice
from kfzoo.language_models.batched_cache import CachedPrefix
from kfzoo.language_models.constrained_decoding import Decoded, decode
from kfzoo.language_models.labels import Example

LIMIT = 1024
"""Most tokens of an answer by `generate`."""


class Arm(NamedTuple):
    """One way to answer.

    Attributes:
        title: In the table.
        mode: A mode of `decode`, or "grammar": `generate`, held to the template's tokens.
        size: Keyframes that go through the model together.
        kept: Whether the system prompt is read once for all, before the clock starts.
        slow: Whether only the first keyframes are answered.
    """

    title: str
    mode: str
    size: int = 1
    kept: bool = False
    slow: bool = False

    @property
    def ours(self) -> bool:
        """Whether kfzoo's own decoding answers."""
        return self.mode in ("template", "drafted")


ARMS = {
    "free": Arm("free: `generate`, one at a time", "free", slow=True),
    "free_script": Arm("free: `generate`, a script's three as a batch", "free", KEYFRAMES, slow=True),
    "grammar": Arm("grammar only: `generate`, one at a time", "grammar", slow=True),
    "template": Arm("template, one at a time", "template"),
    "drafted": Arm("drafted, one at a time", "drafted"),
    "drafted_kept": Arm("drafted, one at a time, system prompt kept", "drafted", kept=True),
    "script": Arm("drafted, a script's three in lockstep", "drafted", KEYFRAMES),
    "script_kept": Arm("drafted, a script's three in lockstep, system prompt kept", "drafted", KEYFRAMES, kept=True),
    "lockstep": Arm("drafted, 16 in lockstep, system prompt kept", "drafted", 16, kept=True),
}


class Found(NamedTuple):
    """What an arm took.

    Attributes:
        seconds: By unit: keyframes that went together.
        ids: Tokens of each answer.
        valid: Of each answer, whether it can be read.
        passes: As `Pass`.
        least: As `Work`: what no way to these answers can do without.
        sizes: As `Sizes`.
        templates: Seconds to lay out the answers in tokens, once a process.
        loaded: MiB of the process with the model loaded.
        peak: MiB at most.
    """

    seconds: list[float]
    ids: list[list[int]]
    valid: list[bool]
    passes: list[list[int]]
    least: list[int]
    sizes: dict[str, int]
    templates: float
    loaded: float
    peak: float


def run(name: str, scripts: int, checkpoint: str | None, language_model: str, merged: bool) -> Found:
    """Answers by one arm in this process.

    Args:
        name: Of the arm.
        scripts: Number of scripts, from the test part's beginning.
        checkpoint: Of a tuned generator, or None.
        language_model: Which, where there is no checkpoint.
        merged: Add the adapter to the weights.
    """
    arm, module = ARMS[name], answering_model(language_model, checkpoint, merged)
    model, asked = module.model, module.hparams
    loaded = memory().now
    samples = list(chain.from_iterable(scripts_of_three("test", scripts)))
    start = time.perf_counter()
    layouts = [AnswerLayout.of(asked["representation"], asked["decimals"], sample.position) for sample in samples]
    templates = [AnswerTrie.of(layout, module.chat) for layout in layouts]
    laid_out = time.perf_counter() - start
    prompts = [module.example(sample).prefix for sample in samples]
    whole = [list(chain.from_iterable(prompt)) for prompt in prompts]
    prefix = CachedPrefix.of(model, prompts[0][0]) if arm.kept and prompts[0][0] else None
    answer_by(model, arm, templates[:1], whole[:1], prefix, limit=2)  # not counted
    units = [slice(at, at + arm.size) for at in range(0, len(samples), arm.size)]
    seconds: list[float] = []
    answers: list[Decoded] = []
    with counted(model) as passes:
        for unit in units:
            start = time.perf_counter()
            answers += answer_by(model, arm, templates[unit], whole[unit], prefix, LIMIT)
            seconds.append(time.perf_counter() - start)
    least = [least_work(prompts[unit], templates[unit], answers[unit], prefix) for unit in units]
    return Found(
        seconds=seconds,
        ids=[list(each.ids) for each in answers],
        valid=[parse_answer(each.text).valid for each in answers],
        passes=[list(one) for one in passes],
        least=[sum(column) for column in zip(*least, strict=True)],
        sizes=asdict(Sizes.of(model)),
        templates=laid_out,
        loaded=loaded,
        peak=memory().peak,
    )


def answer_by(
    model: Any,
    arm: Arm,
    templates: Sequence[AnswerTrie],
    prompts: Sequence[list[int]],
    prefix: CachedPrefix | None,
    limit: int,
) -> list[Decoded]:
    """Answers prompts that go together; `limit` is the most tokens of an answer by `generate`."""
    if arm.mode == "grammar":
        return [by_grammar(model, *each, limit) for each in zip(templates, prompts, strict=True)]
    return decode(model, templates, prompts, arm.mode, prefix=prefix, limit=limit)  # type: ignore[arg-type]


class Walk:
    """What a template allows next, for `generate`, which asks token by token.

    Args:
        template: The answers.
        start: Length of the prompt.
    """

    def __init__(self, template: AnswerTrie, start: int) -> None:
        self._template, self._start = template, start
        self._known, self._slot = list(template.runs[0]), 0
        self._choice: Choice | None = template.choices[0]

    def __call__(self, _: int, sent: Tensor) -> list[int]:
        """Returns the tokens that may follow prompt and answer so far."""
        done = len(sent) - self._start
        if done > len(self._known) and self._choice is not None:
            run, self._slot, self._choice = self._template.follow(self._slot, self._choice, int(sent[-1]))
            self._known += run
        if done < len(self._known):
            return [self._known[done]]
        return [self._template.end] if self._choice is None else list(self._choice.tokens)


def by_grammar(model: Any, template: AnswerTrie, prompt: list[int], limit: int) -> Decoded:
    """Answers as a user of transformers would: greedily, every token masked to those that the template allows."""
    ids = torch.tensor([prompt], device=next(model.parameters()).device)
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, temperature=1.0, top_p=1.0, top_k=50, repetition_penalty=1.0,
        max_new_tokens=limit, eos_token_id=template.end, pad_token_id=template.end,
    )  # fmt: skip
    written = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        generation_config=greedy,
        prefix_allowed_tokens_fn=Walk(template, len(prompt)),
    )
    (row,) = written[:, len(prompt) :].tolist()
    tokens = tuple(row[: row.index(template.end)] if template.end in row else row)
    return Decoded(tokens, template.text(tokens), len(row))


def least_work(
    prompts: Sequence[tuple[tuple[int, ...], ...]],
    templates: Sequence[AnswerTrie],
    answers: Sequence[Decoded],
    prefix: CachedPrefix | None,
) -> Work:
    """Counts what cannot be left out on the way to answers: every token once, shared ones once, and all choices."""
    work = tree_work([Example(*each) for each in zip(prompts, (answer.ids for answer in answers), strict=True)])
    read = 0 if prefix is None else len(prefix.ids)
    asked = sum(_choices(*each) for each in zip(templates, answers, strict=True))
    return Work(work.tokens - read, work.pairs - pairs(0, read), asked)


def _choices(template: AnswerTrie, answer: Decoded) -> int:
    """Returns at how many places of an answer a model had to be asked: at each, where it is not the template's."""
    at, slot, asked = len(template.runs[0]), 0, 0
    choice: Choice | None = template.choices[0]
    while choice is not None:
        if at >= len(answer.ids) or answer.ids[at] not in choice.branches:
            return len(answer.ids)
        run, slot, choice = template.follow(slot, choice, answer.ids[at])
        at, asked = at + len(run), asked + 1
    return asked
