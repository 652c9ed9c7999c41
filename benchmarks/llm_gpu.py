"""Tuning and answering with KeyframeFace's architecture at its full size, random weights, on a graphics card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from tqdm import tqdm
from transformers import AutoModelForCausalLM

from benchmarks.llm_answers import least_work
from benchmarks.llm_setup import apart, libraries, prose, scripts_of_three
from benchmarks.llm_work import Sizes, counted, machine, now, separate_work, tree_work
from benchmarks.report import table
from kfzoo.data.batch import Sample
from kfzoo.files import replacing
from kfzoo.language_models.answer_layout import AnswerLayout
from kfzoo.language_models.answer_trie import AnswerTrie
from kfzoo.language_models.batched_cache import CachedPrefix
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.constrained_decoding import DecodingMode, decode
from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import language_config, load_tokenizer
from kfzoo.language_models.lora import add_lora
from kfzoo.language_models.shared_prefix_loss import plain_loss, tree_loss
from kfzoo.models.llm_generator.prompt import prompt_parts

TITLE = "The language model on a graphics card"
ARCHITECTURE = "Qwen/Qwen3-4B-Instruct-2507"

NONE = "No GPU could be had: not measured. On a machine with one, `python -m benchmarks llm_gpu` writes this page anew."
"""What the page says instead."""

_AHEAD = 2  # Steps that are not counted.
_TOGETHER = 2  # Separate sequences.

PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12, "L4": 121e12}
"""Operations a second in bfloat16, dense, by the makers' data sheets; of other cards what a matrix product reaches."""

TUNING = {
    "separate": "tuning, separate sequences, two at a time",
    "tree": "tuning, prefix tree, one answer at a time",
    "whole_tree": "tuning, prefix tree, all answers at a time",
}
ANSWERING = {
    "free": ("answering, `generate`, one at a time, as many tokens as an answer has", 1),
    "drafted": ("answering, drafted, one at a time", 1),
    "script": ("answering, drafted, three in lockstep", 3),
    "lockstep": ("answering, drafted, all in lockstep", 0),
}


class Found(NamedTuple):
    """What a way took on the card.

    Attributes:
        seconds: Of each step, or of all answers.
        keyframes: Of each step, or of all answers.
        tokens: That went through the model in that time, padding included when answering.
        passes: Of the model, over all answers; 0 when tuning.
        flops: Operations that were needed in that time.
        peak: GiB of the card at most.
    """

    seconds: float
    keyframes: int
    tokens: int
    passes: int
    flops: float
    peak: float


def measure(
    architecture: str = ARCHITECTURE,
    tokenizer: str = "smollm2",
    scripts: int = 4,
    steps: int = 5,
    ways: Sequence[str] = (*TUNING, *ANSWERING),
    device: str = "cuda",
    record: Path | None = None,
) -> str:
    """Tunes and answers in all ways, each in a process of its own, and returns the table.

    Args:
        architecture: Name in `KNOWN_SIZES`, or any specification of a language model: only its sizes are taken.
        tokenizer: Specification of the language model whose tokeniser writes the texts.
        scripts: Of three keyframes each, a step, and to be answered.
        steps: Counted steps of tuning; two more go ahead.
        ways: Some of `TUNING` and `ANSWERING`.
        device: Where.
        record: File for the numbers as JSON.
    """
    if device == "cuda" and not torch.cuda.is_available():
        return NONE
    settings = {"architecture": architecture, "tokenizer": tokenizer, "scripts": scripts, "device": device}
    found: dict[str, Found | None] = {}
    for way in tqdm(ways, desc="On the card", unit=" ways", leave=False):
        taken = apart("llm_gpu.run", way=way, steps=steps, **settings)
        found[way] = None if taken is None else Found(*taken)
    best, source = card_peak(device)
    if record is not None:
        numbers = {way: None if each is None else each._asdict() for way, each in found.items()}
        with replacing(record) as path:
            text = json.dumps({**settings, "steps": steps, "peak": best, "ways": numbers}, indent=1)
            path.write_text(text + "\n", encoding="utf-8")
    return "\n".join(
        [
            prose(
                f"""Architecture of `{architecture}` with random weights, made on the card, bfloat16; {libraries()}.
                Texts in the tokens of `{tokenizer}`. {scripts} built-in scripts of three keyframes, semantic prompts
                with the full system prompt. Tuning: LoRA and AdamW, median of {steps} steps. Answering: the system
                prompt is kept but for `generate`; random weights choose values at random, which is harder to draft than
                a face. Tokens: all that go through the model. Share of the card's best: the operations that are needed,
                each token once, in a second, of {best / 1e12:,.0f} TFLOP/s ({source})."""
            ),
            "",
            _table(found, best),
        ]
    )


def card_peak(device: str) -> tuple[float, str]:
    """Returns the most operations a second of a device in bfloat16, and where that is known from."""
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    for card, peak in PEAKS.items():
        if card in name:
            return peak, "data sheet, dense"
    return machine(
        "bfloat16", device, size=8192 if device == "cuda" else 512
    ).flops, "measured, product of two large matrices"


def run(way: str, architecture: str, tokenizer: str, scripts: int, steps: int, device: str) -> Found | None:
    """Tunes or answers in one way in this process.

    Args:
        way: One of `TUNING` or `ANSWERING`.
        architecture: As in `measure`.
        tokenizer: As in `measure`.
        scripts: As in `measure`.
        steps: As in `measure`.
        device: As in `measure`.

    Returns:
        What it took; None when the memory did not suffice.
    """
    chat = ChatFormat(load_tokenizer(tokenizer))
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = AutoModelForCausalLM.from_config(language_config(architecture), dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
    model.requires_grad_(False)
    samples = list(chain.from_iterable(scripts_of_three("train" if way in TUNING else "test", scripts)))
    try:
        return _tune(way, model, chat, samples, steps) if way in TUNING else _answer(way, model, chat, samples)
    except torch.OutOfMemoryError:
        return None


def _tune(way: str, model: Any, chat: ChatFormat, samples: Sequence[Sample], steps: int) -> Found:
    tuned = add_lora(model).train()
    learned = [each for each in tuned.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-4)
    pad = int(chat.tokenizer.pad_token_id)
    examples = [_example(chat, sample) for sample in samples]
    answers = sum(len(example.answer) for example in examples)
    seconds = []
    for _ in range(_AHEAD + steps):
        start = now()
        if way == "separate":
            for at in range(0, len(examples), _TOGETHER):
                some = examples[at : at + _TOGETHER]
                share = sum(len(example.answer) for example in some) / answers
                (plain_loss(tuned, some, pad) * share).backward()  # type: ignore[no-untyped-call]
        else:
            tree_loss(tuned, examples, pad, rows=1 if way == "tree" else None).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(now() - start)
    work = separate_work(examples) if way == "separate" else tree_work(examples)
    flops = Sizes.of(tuned).training(*work)
    return Found(median(seconds[_AHEAD:]), len(samples), work.tokens, 0, flops, _peak())


def _answer(way: str, model: Any, chat: ChatFormat, samples: Sequence[Sample]) -> Found:
    model.eval()
    size = ANSWERING[way][1] or len(samples)
    templates = [AnswerTrie.of(AnswerLayout.of("semantic", 1, sample.position), chat) for sample in samples]
    prompts = [chat.parts_ids(prompt_parts(sample, "semantic")) for sample in samples]
    whole = [list(chain.from_iterable(prompt)) for prompt in prompts]
    prefix = None if way == "free" else CachedPrefix.of(model, prompts[0][0])
    mode: DecodingMode = "free" if way == "free" else "drafted"
    limit = len(_example(chat, samples[0]).answer)
    decode(model, templates[:size], whole[:size], mode, prefix=prefix, limit=limit)  # not counted
    sizes = Sizes.of(model)
    seconds = flops = 0.0
    with counted(model) as passes:
        for at in range(0, len(samples), size):
            unit = slice(at, at + size)
            start = now()
            answers = decode(model, templates[unit], whole[unit], mode, prefix=prefix, limit=limit)
            seconds += now() - start
            flops += sizes.forward(*least_work(prompts[unit], templates[unit], answers, prefix))
    return Found(seconds, len(samples), sum(one.tokens for one in passes), len(passes), flops, _peak())


def _example(chat: ChatFormat, sample: Sample) -> Example:
    coefficients = sample.keyframe.coefficients
    assert coefficients is not None  # built-in scripts know them
    answer = AnswerLayout.of("semantic", 1, sample.position).text(coefficients)
    return Example(chat.parts_ids(prompt_parts(sample, "semantic")), tuple(chat.answer_ids(answer)))


def _peak() -> float:
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


def _table(found: Mapping[str, Found | None], best: float) -> str:
    titles = TUNING | {way: title for way, (title, _) in ANSWERING.items()}
    rows = []
    for way, each in found.items():
        if each is None:
            rows.append([titles[way], "the memory does not suffice", *["–"] * 6])
            continue
        rows.append(
            [
                titles[way],
                f"{each.seconds:.3g}",
                f"{each.keyframes / each.seconds:.3g}",
                f"{each.tokens / each.seconds:,.0f}",
                f"{each.passes / each.keyframes:.1f}" if each.passes else "–",
                f"{each.flops / each.seconds / 1e12:.3g}",
                f"{each.flops / each.seconds / best:.1%}",
                f"{each.peak:.1f}",
            ]
        )
    columns = ["s a step, or in all", "keyframes/s", "tokens/s", "passes a keyframe", "TFLOP/s"]
    return table(["way", *columns, "of the card's best", "peak, GiB"], rows)
