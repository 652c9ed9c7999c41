"""Decoding with a language model: the generator's constrained decoding next to `transformers.generate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, islice
from typing import NamedTuple

import torch

from benchmarks.page import prose, table
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.models import LLMGenerator
from kfzoo.training.checkpoint import load_module

TITLE = "Answering with a language model"
KEYFRAMES = 3
"""Of each script."""

FREE, FREE_SCRIPT = "`generate`, one at a time", "`generate`, the three keyframes of a script"


class Answers(NamedTuple):
    """What a way wrote.

    Attributes:
        texts: One a keyframe.
        valid: Whether each holds all values.
    """

    texts: list[str]
    valid: list[bool]


def measure(
    checkpoint: str = "", language_model: str = "smollm2", scripts: int = 2, rounds: int = 1, limit: int = 1024
) -> str:
    """Answers the same keyframes in all ways and returns the tables.

    Args:
        checkpoint: Of a tuned generator; by default an untuned one answers.
        language_model: Which, without a checkpoint.
        scripts: Number of built-in test scripts of three keyframes.
        rounds: That count; one more is not counted.
        limit: Most tokens that `generate` writes.

    Raises:
        InputError: For a checkpoint or a language model that cannot be loaded.
    """
    model = load_module(checkpoint, LLMGenerator) if checkpoint else LLMGenerator(language_model, tune=False)
    kind = "tuned" if checkpoint else "untuned"
    text = f"`{model.hparams['language_model']}`, {kind}, {torch.get_num_threads()} threads, {rounds} rounds in turn."
    return f"{text}\n\n{decoding(model.eval(), samples_of('test', scripts), rounds, limit)}"


def samples_of(part: str, scripts: int) -> list[Sample]:
    """Returns the keyframes of the first built-in scripts of a part that have three."""
    found = (each for each in BuiltinScripts(1_000_000) if each.part == part and len(each.keyframes) == KEYFRAMES)
    return [Sample(script, place, "arkit") for script in islice(found, scripts) for place in range(KEYFRAMES)]


def decoding(model: LLMGenerator, samples: Sequence[Sample], rounds: int, limit: int) -> str:
    """Answers keyframes in all ways, in turn, and returns a paragraph and two tables."""
    count = len(samples)
    ways: dict[str, Callable[[], Answers]] = {
        FREE: partial(by_transformers, model, samples, 1, limit),
        FREE_SCRIPT: partial(by_transformers, model, samples, KEYFRAMES, limit),
        "ours, one at a time": partial(by_kfzoo, model, samples, 1),
        "ours, the three keyframes of a script": partial(by_kfzoo, model, samples, KEYFRAMES),
        f"ours, all {count} together": partial(by_kfzoo, model, samples, count),
    }
    given: dict[str, Answers] = {}

    def job(name: str) -> Callable[[], float]:
        return clocked(lambda: given.update({name: ways[name]()}))

    seconds = in_turn({name: job(name) for name in ways}, rounds)
    free = given[FREE]
    rows = []
    for name, each in given.items():
        same = [ours == theirs for ours, theirs, valid in zip(each.texts, *free, strict=True) if valid]
        rows.append([name, f"{sum(each.valid)} of {count}", f"{sum(same)} of {len(same)}"])
    text = f"""{count} keyframes of built-in scripts, semantic prompts. `generate` of transformers is greedy and writes
        {limit:,} tokens at most; ours decodes by template with drafts, and reads the system prompt once. An answer is
        *the same* when its text is that of a valid answer of `generate`, one at a time."""
    answers = table(["way", "valid", "the same"], rows)
    return f"{prose(text)}\n\n{speeds(seconds, count, 'keyframe', [FREE, FREE_SCRIPT])}\n\n{answers}"


@torch.no_grad()
def by_kfzoo(model: LLMGenerator, samples: Sequence[Sample], size: int) -> Answers:
    """Answers keyframes, `size` at a time."""
    found = [model.generate(model.collate(samples[at : at + size])) for at in range(0, len(samples), size)]
    texts = [text for each in found for text in each.texts or ()]
    return Answers(texts, [parse_answer(text).valid for text in texts])


@torch.no_grad()
def by_transformers(model: LLMGenerator, samples: Sequence[Sample], size: int, limit: int) -> Answers:
    """Answers keyframes as a user of transformers would: greedily, padded on the left, without constraints."""
    from transformers import GenerationConfig

    tokenizer = model.chat.tokenizer
    end = tokenizer.eos_token_id
    greedy = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False, max_new_tokens=limit, eos_token_id=end, pad_token_id=tokenizer.pad_token_id
    )
    texts: list[str] = []
    for at in range(0, len(samples), size):
        prompts = [list(chain.from_iterable(model.example(each).prefix)) for each in samples[at : at + size]]
        width = max(map(len, prompts))
        ids = torch.tensor([[end] * (width - len(each)) + each for each in prompts], device=model.device)
        mask = torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in prompts], device=model.device)
        whole = model.model.generate(input_ids=ids, attention_mask=mask, generation_config=greedy)
        texts += tokenizer.batch_decode(whole[:, width:], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Answers(texts, [parse_answer(text).valid for text in texts])
