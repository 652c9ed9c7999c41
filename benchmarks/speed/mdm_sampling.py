"""Sampling keyframes by diffusion: the published loop of 1,000 steps next to ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import torch

from benchmarks.page import prose
from benchmarks.speed.mdm_published import STEPS, Network, ancestral, noise_of
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.data.batch import Sample
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.errors import InputError
from kfzoo.models import KeyframeMDM
from kfzoo.runs import RunFolder
from kfzoo.training.checkpoint import load_module

TITLE = "Drawing keyframes by diffusion"
PUBLISHED, ONCE = "as published", "as published, texts encoded once"
Solver = tuple[str, int]
"""Scheduler and number of steps."""


def measure(checkpoint: str, prompts: int = 64, steps: int = 20, rounds: int = 3) -> str:
    """Samples one batch in all ways and returns the table.

    Args:
        checkpoint: Of a `KeyframeMDM`, in the folder of its run.
        prompts: Keyframes of the run's test part.
        steps: Steps of the published loop that are timed in a round; it has 1,000.
        rounds: That count; one more is not counted.

    Raises:
        InputError: For a checkpoint that cannot be used.
    """
    model, data = load(checkpoint)
    samples = data.samples("test")[:prompts]
    own = (str(model.hparams["scheduler"]), int(model.hparams["steps"]))
    seconds = timed(model, samples, sorted({own, ("ddpm", STEPS)}), steps, rounds)
    return "\n\n".join(
        [
            prose(
                f"""{len(samples)} keyframes of the test part in one batch, guidance {model.hparams["guidance"]:g},
                {torch.get_num_threads()} threads, {rounds} rounds in turn. *As published* is ancestral sampling (Ho et
                al. 2020, algorithm 2) in the form of MDM's code: each step calls the network twice, with the texts and
                without, and each call encodes the texts. Its time is {STEPS:,} times that of a step, of which {steps}
                are timed in a round. Ours encodes the texts once and calls the network once a step. How good the
                keyframes are: `python -m benchmarks.tables.mdm_steps`."""
            ),
            speeds(seconds, len(samples), "keyframe", [PUBLISHED, ONCE]),
        ]
    )


def load(checkpoint: str | Path) -> tuple[KeyframeMDM, KeyframeDataModule]:
    """Loads a model and the data that it was trained on.

    Raises:
        InputError: When either cannot be loaded, or the data has changed.
    """
    model = load_module(checkpoint, KeyframeMDM)
    folder = Path(checkpoint).parent
    data = RunFolder(folder).data()
    if model.provenance.get("data") != data.fingerprint or model.provenance.get("split") != data.split_digest:
        problem = f"was not trained on the data of {folder / 'config.yaml'}"
        raise InputError(checkpoint, problem, "give a checkpoint in the folder of its run")
    return model, data


def timed(
    model: KeyframeMDM, samples: Sequence[Sample], solvers: Sequence[Solver], steps: int, rounds: int
) -> Mapping[str, list[float]]:
    """Returns the seconds of a batch by way and round; all times include the encoding of the texts."""
    batch, texts = model.collate(samples), model.prompts(samples)
    model.vectors(texts)  # keeps them: what encodes again calls the encoder itself
    network = Network(model.denoiser if model.averaged is None else model.averaged, model.vectors).eval()

    def loop() -> None:
        noise = noise_of(model.seeds_of(batch.ids), len(model.motion_mean))
        list(islice(ancestral(network, texts, model.hparams["guidance"], noise, model.hparams["prediction"]), steps))

    def ours(solver: Solver) -> None:
        model.hparams.update(dict(zip(("scheduler", "steps"), solver, strict=True)))
        model.generate(batch)

    jobs = {"texts": clocked(lambda: model.text.encoder(texts)), "loop": clocked(loop)}
    with torch.no_grad():
        found = in_turn(jobs | {title(each): clocked(partial(ours, each)) for each in solvers}, rounds)
    encoding, loops = found.pop("texts"), found.pop("loop")
    pairs = [(each / steps, text) for each, text in zip(loops, encoding, strict=True)]
    published = {
        PUBLISHED: [STEPS * (step + 2 * text) for step, text in pairs],
        ONCE: [STEPS * step + text for step, text in pairs],
    }
    own = {name: [one + text for one, text in zip(each, encoding, strict=True)] for name, each in found.items()}
    return published | own


def title(solver: Solver) -> str:
    """Names a way of ours."""
    names = {"ddpm": "DDPM", "ddim": "DDIM", "dpm_solver": "DPM-Solver++"}
    return f"ours, {names[solver[0]]}, {solver[1]:,} steps"
