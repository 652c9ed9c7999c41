"""The ways in which training a language model is timed, each run in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

from benchmarks.llm_setup import scripts_of_three
from benchmarks.llm_work import Sizes, Work, separate_work, tree_work
from benchmarks.process import memory
from kfzoo.data.batch import Sample
from kfzoo.language_models.answer_layout import AnswerLayout
from kfzoo.language_models.labels import Example
from kfzoo.language_models.shared_prefix_loss import plain_loss, tree_loss
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.llm_generator.prompt import prompt_parts

LEARNING_RATE = 1e-4
CLIP = 1.0
"""Largest norm of the gradient: the Trainer's default, for all ways."""

WAYS = {
    "trainer": "`transformers.Trainer`, {} at a time",
    "separate": "bare loop, separate sequences, one at a time",
    "tree": "prefix tree, one answer at a time (`LLMGenerator` on a CPU)",
    "whole_tree": "prefix tree, all answers at a time",
}


class Found(NamedTuple):
    """What a way took.

    Attributes:
        seconds: Of each step.
        losses: Of each step.
        work: Of each step, as `Work`: what goes through the model, without padding.
        sizes: As `Sizes`.
        loaded: MiB of the process with the model loaded.
        peak: MiB at most.
    """

    seconds: list[float]
    losses: list[float]
    work: list[list[int]]
    sizes: dict[str, int]
    loaded: float
    peak: float


def run(way: str, precision: str, language_model: str, scripts: int, steps: int, rows: int) -> Found:
    """Trains in one way in this process.

    Args:
        way: One of `WAYS`.
        precision: Of the weights.
        language_model: Which is tuned.
        scripts: Of three keyframes each, a step.
        steps: Number of steps, each on other scripts.
        rows: Sequences that the Trainer puts through the model at a time.
    """
    torch.manual_seed(0)  # LoRA begins with the same numbers in all ways
    module = LLMGenerator(language_model, dropout=0.0, precision=precision)  # type: ignore[arg-type]
    loaded = memory().now
    drawn = scripts_of_three("train", scripts * steps)
    batches = [list(chain.from_iterable(drawn[at : at + scripts])) for at in range(0, len(drawn), scripts)]
    _first_pass(module)
    seconds, losses = _trainer(module, batches, rows) if way == "trainer" else _loop(module, batches, way)
    return Found(
        seconds=seconds,
        losses=losses,
        work=[list(work_of(module, batch, way)) for batch in batches],
        sizes=asdict(Sizes.of(module.model)),
        loaded=loaded,
        peak=memory().peak,
    )


def _first_pass(module: LLMGenerator) -> None:
    """Lets happen what happens once a process; it is short, so that it does not tell in the peak of memory."""
    token = int(module.chat.tokenizer.eos_token_id)
    plain_loss(module.model, [Example(((token,) * 16,), (token,) * 16)], _pad(module)).backward()  # type: ignore[no-untyped-call]
    module.zero_grad()


def work_of(module: LLMGenerator, batch: Sequence[Sample], way: str) -> Work:
    """Counts what a way puts through the model for a batch, without padding."""
    examples = [module.example(sample) for sample in batch]
    if "tree" in way:
        return tree_work(examples)
    found = separate_work(examples)
    if way == "separate":
        return found
    # The Trainer's sequences hold the last token too, and it asks for the logits of all places.
    tokens = found.tokens + len(examples)
    return Work(tokens, found.pairs + sum(len(each.inputs) + 1 for each in examples), tokens)


def _loop(module: LLMGenerator, batches: Sequence[list[Sample]], way: str) -> tuple[list[float], list[float]]:
    """Trains with AdamW; tokenising counts, as in `LLMGenerator.loss`."""
    learned = [each for each in module.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=0.0)
    seconds, losses = [], []
    for batch in batches:
        start = time.perf_counter()
        optimizer.zero_grad()
        losses.append(_gradients(module, batch, way))
        torch.nn.utils.clip_grad_norm_(learned, CLIP)
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds, losses


def _gradients(module: LLMGenerator, batch: Sequence[Sample], way: str) -> float:
    examples = [module.example(sample) for sample in batch]
    if way != "separate":
        loss = tree_loss(module.model, examples, _pad(module), rows=1 if way == "tree" else None)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())
    tokens = sum(len(example.answer) for example in examples)
    total = 0.0
    for example in examples:
        loss = plain_loss(module.model, [example], _pad(module)) * len(example.answer) / tokens
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total


class _Watch(TrainerCallback):
    """Takes the time of each step, from the end of the one before."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._since = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self._since)
        self._since = now


def _trainer(module: LLMGenerator, batches: Sequence[list[Sample]], rows: int) -> tuple[list[float], list[float]]:
    """Trains as a user of transformers and PEFT would: padded to the longest, labels on the answers."""
    sequences = [_sequence(module, sample) for sample in chain.from_iterable(batches)]
    watch = _Watch()
    with TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=rows,
            gradient_accumulation_steps=len(batches[0]) // rows,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="constant",
            train_sampling_strategy="sequential",  # the same batches as the others
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=module.model,
            args=settings,
            train_dataset=sequences,
            data_collator=DataCollatorForSeq2Seq(module.chat.tokenizer),
            callbacks=[watch],
        )
        trainer.train()
    return watch.seconds, [float(each["loss"]) for each in trainer.state.log_history if "loss" in each]


def _sequence(module: LLMGenerator, sample: Sample) -> dict[str, list[int]]:
    asked = module.hparams
    layout = AnswerLayout.of(asked["representation"], asked["decimals"], sample.position)
    coefficients = sample.keyframe.coefficients
    assert coefficients is not None  # built-in scripts know them
    prompt = module.chat.prompt_ids(prompt_parts(sample, asked["representation"]).messages())
    answer = module.chat.answer_ids(layout.text(coefficients))
    ids, labels = prompt + answer, [-100] * len(prompt) + answer
    return {"input_ids": ids, "labels": labels, "attention_mask": [1] * len(ids)}


def _pad(module: LLMGenerator) -> int:
    return int(module.chat.tokenizer.pad_token_id)
