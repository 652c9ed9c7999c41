"""Training of a language model with LoRA: prompts shared in one prefix tree next to `transformers.Trainer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from benchmarks.page import prose, table
from benchmarks.speed.llm_decoding import KEYFRAMES, samples_of
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.data.batch import Sample
from kfzoo.models import LLMGenerator

TITLE = "Tuning a language model"
LEARNING_RATE = 1e-4
CLIP = 1.0
"""Largest norm of the gradient: the Trainer's default, for all ways."""

TRAINER, SEPARATE, TREE = "`transformers.Trainer`", "ours, separate sequences", "ours, one prefix tree a step"


def measure(
    language_model: str = "smollm2",
    scripts: int = 4,
    rounds: int = 1,
    size: int = 1,
    precision: Literal["float32", "bfloat16"] = "bfloat16",
) -> str:
    """Takes training steps in all ways and returns the tables.

    Args:
        language_model: Which is tuned.
        scripts: Built-in training scripts of three keyframes in a step.
        rounds: Steps of each way; one more is not counted.
        size: Sequences that go through the model at a time where prompts are not shared.
        precision: Of the weights.

    Raises:
        InputError: For a language model that cannot be loaded.
    """
    torch.manual_seed(0)
    model = LLMGenerator(language_model, dropout=0.0, precision=precision)
    text = f"`{language_model}` in {precision}, {torch.get_num_threads()} threads."
    return f"{text}\n\n{training(model, samples_of('train', scripts), rounds, size)}"


def training(model: LLMGenerator, samples: Sequence[Sample], rounds: int, size: int) -> str:
    """Takes steps in all ways, in turn and always from the same weights; returns a paragraph and two tables."""
    begin = {name: values.detach().clone() for name, values in model.stored().items()}
    losses: dict[str, float] = {}

    def job(name: str, step: Callable[[], float]) -> Callable[[], float]:
        timed = clocked(lambda: losses.update({name: step()}))

        def run() -> float:
            model.load_state_dict(begin, strict=False)
            return timed()

        return run

    ways = {
        TRAINER: partial(with_trainer, model, samples, size),
        SEPARATE: partial(with_kfzoo, model, samples, size, False),
        TREE: partial(with_kfzoo, model, samples, len(samples), True),
    }
    seconds = in_turn({name: job(name, step) for name, step in ways.items()}, rounds)
    text = f"""LoRA on all linear layers. A step: {len(samples) // KEYFRAMES} scripts of {KEYFRAMES} keyframes, semantic
        prompts with the system prompt, AdamW, gradients clipped; {rounds} steps of each way in turn. The Trainer has
        its default settings but for {size} padded sequences at a time, accumulated, their order and a constant rate; it
        gets sequences that are tokenised. It makes logits for all tokens, ours for the answers' alone."""
    shown = table(["way", "loss before the step"], [[name, f"{loss:.6f}"] for name, loss in losses.items()])
    return f"{prose(text)}\n\n{speeds(seconds, len(samples), 'keyframe', [TRAINER, SEPARATE])}\n\n{shown}"


def with_kfzoo(model: LLMGenerator, samples: Sequence[Sample], size: int, shared: bool) -> float:
    """Takes a step on batches of `size` keyframes; returns the loss, the mean over all answer tokens."""
    model.train()
    model.hparams["share_prefixes"] = shared
    learned = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=0.0)
    tokens = [len(model.example(each).answer) for each in samples]
    total = 0.0
    for at in range(0, len(samples), size):
        part = slice(at, at + size)
        loss = model.loss(model.collate(samples[part]))["loss"] * sum(tokens[part]) / sum(tokens)
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_(learned, CLIP)
    optimizer.step()
    optimizer.zero_grad()
    return total


def with_trainer(model: LLMGenerator, samples: Sequence[Sample], size: int) -> float:
    """Takes a step as a user of transformers and PEFT would: padded to the longest, labels on the answers."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model.model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=size,
                gradient_accumulation_steps=len(samples) // size,
                max_steps=1,
                learning_rate=LEARNING_RATE,
                lr_scheduler_type="constant",
                train_sampling_strategy="sequential",
                use_cpu=model.device.type == "cpu",
                report_to="none",
                save_strategy="no",
                logging_steps=1,
                disable_tqdm=True,
            ),
            train_dataset=[_sequence(model, each) for each in samples],
            data_collator=DataCollatorForSeq2Seq(model.chat.tokenizer),
        )
        trainer.train()
    return float(trainer.state.log_history[0]["loss"])


def _sequence(model: LLMGenerator, sample: Sample) -> dict[str, Any]:
    example = model.example(sample)
    prompt, answer = list(chain.from_iterable(example.prefix)), list(example.answer)
    ids = prompt + answer
    return {"input_ids": ids, "labels": [-100] * len(prompt) + answer, "attention_mask": [1] * len(ids)}
