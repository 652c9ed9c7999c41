"""How fast the diffusion models are trained: our step, and the published one, on keyframes and on clips."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from benchmarks.llm_setup import prose
from benchmarks.mdm_drawing import encoded
from benchmarks.mdm_published import Network, Tables, Training, losses
from benchmarks.report import clocked, interleaved, spread, table
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample, collate
from kfzoo.data.clip import MAX_FRAMES, Clip
from kfzoo.data.clip_batch import ClipBatch, collate_clips
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.statistics import coefficients_of, statistics_of
from kfzoo.files import replacing
from kfzoo.models.mdm.clips import ClipMDM
from kfzoo.models.mdm.diffusion_module import DiffusionModule
from kfzoo.models.mdm.keyframes import KeyframeMDM

TITLE = "Training the diffusion models"
KEYFRAMES, CLIPS, FRAMES = 64, 16, 120

PUBLISHED, KEPT, PADDED, OURS = "as published", "as published, texts kept", f"ours, padded to {MAX_FRAMES}", "ours"


class Setup(NamedTuple):
    """One model of ours, and the same batch in both forms.

    Attributes:
        model: Ours.
        batches: What its loss is given, by way.
        texts: B texts.
        motion: (B, 61, 1, T) standardised, padded as published.
        mask: (B, 1, 1, T) bool.
    """

    model: Any
    batches: Mapping[str, Any]
    texts: list[str]
    motion: Tensor
    mask: Tensor


def measure(
    steps: int = 4, rounds: int = 5, text_encoder: str = "minilm", record: Path | None = None, **changes: Any
) -> str:
    """Trains in all ways in turn and returns the tables.

    Args:
        steps: Of each way in a round.
        rounds: That count; one more goes ahead.
        text_encoder: Of both.
        record: File for the numbers as JSON.
        changes: Arguments of the models that differ from their defaults.
    """
    torch.manual_seed(0)
    settings = {"text_encoder": text_encoder} | changes
    keyframes, clips = keyframes_of(KeyframeMDM(**settings)), clips_of(ClipMDM(**settings))
    parameters = sum(each.numel() for each in keyframes.model.denoiser.parameters())
    apart = {name: _apart(first_losses(each)) for name, each in (("keyframes", keyframes), ("clips", clips))}
    seconds = {"keyframes": _timed(keyframes, steps, rounds), "clips": _timed(clips, steps, rounds)}
    if record is not None:
        with replacing(record) as path:
            found = {"threads": torch.get_num_threads(), "steps": steps, "seconds_a_step": seconds}
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return "\n".join(
        [
            prose(
                f"""Networks of {parameters / 1e6:.2f} M parameters from random weights, texts by `{text_encoder}`,
                float32, {torch.get_num_threads()} threads. *As published* is MDM's step, written anew: motions as
                (B, C, 1, T), a transformer with time first, the process looked up in NumPy's float64 tables, the texts
                encoded by the frozen encoder at every step; its logging is left out. *Texts kept* is the same with the
                texts' vectors looked up. *Ours* is the step of `KeyframeMDM` and `ClipMDM`: vectors that were computed
                before training, fused AdamW. All take batches that are made and standardised or, ours, to be
                standardised; {rounds} rounds of {steps} steps each in turn; medians, ratios those of the rounds."""
            ),
            "",
            f"## Keyframes, {KEYFRAMES} a batch",
            "",
            _table(keyframes, seconds["keyframes"]),
            "",
            apart["keyframes"],
            "",
            f"## Clips of {FRAMES} frames, {CLIPS} a batch",
            "",
            prose(
                f"""Published batches are padded to {MAX_FRAMES} frames whatever is in them; ours to their longest clip,
                and so gain nothing where one of {MAX_FRAMES} is among them."""
            ),
            "",
            _table(clips, seconds["clips"]),
            "",
            apart["clips"],
        ]
    )


def keyframes_of(model: KeyframeMDM) -> Setup:
    """Prepares built-in keyframes."""
    samples = _samples(KEYFRAMES)
    target = coefficients_of(samples)
    model.set_statistics(statistics_of(target))
    motion = model.standardized(target)[:, :, None, None]
    mask = torch.ones(len(samples), 1, 1, 1, dtype=torch.bool)
    return Setup(model, {OURS: collate(samples)}, model.prompts(samples), motion, mask)


def clips_of(model: ClipMDM) -> Setup:
    """Prepares clips of made-up motion, told by the descriptions of built-in keyframes."""
    generator = np.random.default_rng(0)
    seconds = np.arange(FRAMES)[:, None] / 20
    clips = []
    for number, sample in enumerate(_samples(CLIPS)):
        rates, phases = generator.uniform(0.1, 1.0, (2, len(CHANNELS)))
        motion = (0.5 + 0.5 * np.sin(2 * np.pi * (rates * seconds + phases))).astype(np.float32)
        clips.append(Clip(f"{number}", motion, (sample.description,), "subject", f"{number}"))
    batch = collate_clips(clips)
    model.set_statistics(statistics_of(batch.motion.flatten(0, 1)))
    behind = MAX_FRAMES - FRAMES
    padded = replace(batch, motion=pad(batch.motion, (0, 0, 0, behind)), mask=pad(batch.mask, (0, behind)))
    motion = model.standardized(padded.motion).masked_fill(~padded.mask[..., None], 0).permute(0, 2, 1)[:, :, None]
    return Setup(model, {PADDED: padded, OURS: batch}, list(batch.captions), motion, padded.mask[:, None, None])


def _samples(count: int) -> list[Sample]:
    scripts = BuiltinScripts(count)
    every = (Sample(script, place, "arkit") for script in scripts for place in range(len(script.keyframes)))
    return list(islice(every, count))


def first_losses(setup: Setup) -> dict[str, float]:
    """Returns the loss of each way from the same weights, steps and noise, with nothing dropped."""
    model: DiffusionModule = setup.model.eval()
    network = Network(model.denoiser, model.vectors).eval()
    draw = torch.Generator().manual_seed(0)
    t, noise = model.diffusion.draw(setup.motion[:, :, 0].mT, draw)
    with torch.no_grad():
        theirs = losses(network, Tables(), setup.motion, setup.texts, setup.mask, t, noise.mT[:, :, None])
        found = {PUBLISHED: float(theirs.mean())}
        for name, batch in setup.batches.items():
            target = batch.motion if isinstance(batch, ClipBatch) else batch.targets[:, None]
            mask = batch.mask if isinstance(batch, ClipBatch) else None
            given = (model.standardized(target), model.vectors(setup.texts), t, noise[:, : target.shape[1]], mask)
            found[name] = float(model.diffusion.loss(model.denoiser, *given))
    return found


def _apart(found: Mapping[str, float]) -> str:
    most = max(abs(each / found[PUBLISHED] - 1) for each in found.values())
    return f"From the same weights, steps and noise, nothing dropped, the losses differ by {most:.1g} of one at most."


def _timed(setup: Setup, steps: int, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds that a step takes on one batch, by way and round."""
    jobs = {name: clocked(_several(work, steps)) for name, work in _works(setup).items()}
    taken = interleaved(jobs, rounds, "Training")
    return {name: [each / steps for each in seconds] for name, seconds in taken.items()}


def _table(setup: Setup, seconds: Mapping[str, Sequence[float]]) -> str:
    count = len(setup.texts)
    rows = [
        [
            name,
            *spread(taken),
            f"{count / median(taken):.4g}",
            *(_ratio(seconds[other], taken) for other in (PUBLISHED, KEPT)),
        ]
        for name, taken in seconds.items()
    ]
    columns = ["s a step", "fastest", "slowest", "samples/s", "as fast as published", "as with texts kept"]
    return table(["way", *columns], rows)


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    return f"{median(one / other for one, other in zip(theirs, ours, strict=True)):.2f} ×"


def _several(work: Callable[[], None], steps: int) -> Callable[[], None]:
    def several() -> None:
        for _ in range(steps):
            work()

    return several


def _works(setup: Setup) -> dict[str, Callable[[], None]]:
    """Returns a training step of each way, each from the same weights and with an optimizer of its own."""
    model: DiffusionModule = setup.model
    model.vectors(setup.texts)
    works: dict[str, Callable[[], None]] = {}
    encoders: dict[str, Callable[[Sequence[str]], Tensor]] = {
        PUBLISHED: lambda texts: encoded(model, texts),
        KEPT: model.vectors,
    }
    for name, encode in encoders.items():
        dropout = model.hparams["dropout"]
        training = Training(Network(model.denoiser, encode, dropout, model.hparams["text_dropout"]))
        works[name] = _published(training, setup)
    for name, batch in setup.batches.items():
        works[name] = _ours(setup.model, batch)
    return works


def _published(training: Training, setup: Setup) -> Callable[[], None]:
    return lambda: training.step(setup.motion, setup.texts, setup.mask)


def _ours(model: Any, batch: Any) -> Callable[[], None]:
    optimizer = model.configure_optimizers()
    place = SimpleNamespace(global_step=0)  # the model draws by the number of the step

    def step() -> None:
        model.trainer = place
        model.train()
        optimizer.zero_grad()
        model.loss(batch)["loss"].backward()
        optimizer.step()
        place.global_step += 1

    return step
