"""Training the diffusion models: our step and the published step, on keyframes and on clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from benchmarks.page import prose
from benchmarks.speed.mdm_published import Network, Training
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample, collate
from kfzoo.data.clip import MAX_FRAMES, Clip
from kfzoo.data.clip_batch import collate_clips
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.statistics import coefficients_of, statistics_of
from kfzoo.models import ClipMDM, KeyframeMDM

TITLE = "Training the diffusion models"
KEYFRAMES, CLIPS, FRAMES = 64, 16, 120
PUBLISHED, KEPT, PADDED, OURS = "as published", "as published, texts kept", f"ours, padded to {MAX_FRAMES}", "ours"


class Setup(NamedTuple):
    """One of our models, and the same batch in both forms.

    Attributes:
        model: Ours.
        batches: What its loss gets, by way.
        texts: B texts.
        motion: (B, 61, 1, T) standardised, padded as published.
        mask: (B, 1, 1, T) bool.
    """

    model: Any
    batches: Mapping[str, Any]
    texts: list[str]
    motion: Tensor
    mask: Tensor


def measure(steps: int = 4, rounds: int = 5, text_encoder: str = "minilm", width: int = 512, layers: int = 8) -> str:
    """Trains in all ways, in turn, and returns the tables.

    Args:
        steps: Of each way in a round.
        rounds: That count; one more is not counted.
        text_encoder: Of all ways.
        width: Of the networks; the published size by default.
        layers: Likewise.
    """
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"text_encoder": text_encoder, "width": width, "layers": layers}
    parts = [
        prose(
            f"""Networks of the published size from random weights, texts by `{text_encoder}`, float32,
            {torch.get_num_threads()} threads, {rounds} rounds of {steps} steps in turn. *As published* is MDM's step:
            motions as (B, C, 1, T), a transformer with time first, the process read from NumPy's float64 tables, the
            texts encoded by the frozen encoder at every step. *Texts kept* is the same with vectors that were computed
            before. *Ours* is the step of `KeyframeMDM` and `ClipMDM`, which keep them. Published batches of clips are
            padded to {MAX_FRAMES} frames; ours to their longest clip, here {FRAMES}."""
        )
    ]
    for name, setup in (("keyframe", keyframes_of(KeyframeMDM(**sizes))), ("clip", clips_of(ClipMDM(**sizes)))):
        count = len(setup.texts)
        jobs = {way: clocked(_several(work, steps)) for way, work in _works(setup).items()}
        parts += [f"## {name.title()}s, {count} a batch"]
        parts += [speeds(in_turn(jobs, rounds), count * steps, name, [PUBLISHED, KEPT])]
    return "\n\n".join(parts)


def keyframes_of(model: KeyframeMDM) -> Setup:
    """Prepares built-in keyframes."""
    samples = _samples(KEYFRAMES)
    targets = coefficients_of(samples)
    model.set_statistics(statistics_of(targets))
    motion = model.standardized(targets)[:, :, None, None]
    mask = torch.ones(len(samples), 1, 1, 1, dtype=torch.bool)
    return Setup(model, {OURS: collate(samples)}, model.prompts(samples), motion, mask)


def clips_of(model: ClipMDM) -> Setup:
    """Prepares clips of made-up motion with the descriptions of built-in keyframes."""
    generator = np.random.default_rng(0)
    seconds = np.arange(FRAMES)[:, None] / 20
    clips = []
    for number, sample in enumerate(_samples(CLIPS)):
        rates, phases = generator.uniform(0.1, 1.0, (2, len(CHANNELS)))
        motion = (0.5 + 0.5 * np.sin(2 * np.pi * (rates * seconds + phases))).astype(np.float32)
        clips.append(Clip(f"{number}", motion, (sample.description,), "subject", f"{number}"))
    batch = collate_clips(clips)
    model.set_statistics(statistics_of(batch.motion.flatten(0, 1)))
    rest = MAX_FRAMES - FRAMES
    padded = replace(batch, motion=pad(batch.motion, (0, 0, 0, rest)), mask=pad(batch.mask, (0, rest)))
    motion = model.standardized(padded.motion).masked_fill(~padded.mask[..., None], 0).permute(0, 2, 1)[:, :, None]
    return Setup(model, {PADDED: padded, OURS: batch}, list(batch.captions), motion, padded.mask[:, None, None])


def _samples(count: int) -> list[Sample]:
    scripts = BuiltinScripts(count)
    every = (Sample(script, place, "arkit") for script in scripts for place in range(len(script.keyframes)))
    return list(islice(every, count))


def _several(work: Callable[[], None], steps: int) -> Callable[[], None]:
    def several() -> None:
        for _ in range(steps):
            work()

    return several


def _works(setup: Setup) -> dict[str, Callable[[], None]]:
    """Returns a training step of each way, with an optimizer of its own."""
    model = setup.model.train()
    model.vectors(setup.texts)

    def again(texts: Sequence[str]) -> Tensor:
        with torch.no_grad():
            model.text.encoder(list(texts))
        found: Tensor = model.vectors(texts)
        return found

    works: dict[str, Callable[[], None]] = {}
    for name, encode in ((PUBLISHED, again), (KEPT, model.vectors)):
        network = Network(model.denoiser, encode, model.hparams["dropout"], model.hparams["text_dropout"])
        works[name] = _published(Training(network), setup)
    return works | {name: _ours(model, batch) for name, batch in setup.batches.items()}


def _published(training: Training, setup: Setup) -> Callable[[], None]:
    return lambda: training.step(setup.motion, setup.texts, setup.mask)


def _ours(model: Any, batch: Any) -> Callable[[], None]:
    optimizer = model.configure_optimizers()

    def step() -> None:
        optimizer.zero_grad()
        model.loss(batch)["loss"].backward()
        optimizer.step()

    return step
