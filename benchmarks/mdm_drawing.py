"""Drawing keyframes by diffusion in several ways from one model, and judging what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.mdm_published import Network, ancestral
from kfzoo.data.batch import Sample
from kfzoo.data.datamodule import KeyframeDataModule
from kfzoo.data.statistics import coefficients_of
from kfzoo.encoders.frozen import FrozenTextEncoder
from kfzoo.errors import InputError
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.rows import Rows
from kfzoo.models.mdm.diffusion import STEPS
from kfzoo.models.mdm.diffusion_module import DiffusionModule
from kfzoo.models.mdm.keyframes import KeyframeMDM
from kfzoo.runs import RunFolder
from kfzoo.training.checkpoint import load_module

FLOOR_DRAWS = 20
NAMES = {"ddpm": "DDPM", "ddim": "DDIM", "dpm_solver": "DPM-Solver++"}


class Way(NamedTuple):
    """How `sample` draws."""

    scheduler: str
    steps: int

    @property
    def title(self) -> str:
        """For tables."""
        return f"ours, {NAMES[self.scheduler]}, {self.steps:,} steps"


DDPM = Way("ddpm", STEPS)


class Question(NamedTuple):
    """What is asked of all ways.

    Attributes:
        ids: N names of keyframes.
        texts: Their prompts.
        target: (N, 61).
        training: (M, 61) faces of the training part.
        suite: Evaluators.
    """

    ids: list[str]
    texts: list[str]
    targets: Tensor
    training: Tensor
    suite: EvaluationSuite


class Drawn(NamedTuple):
    """Faces, and how long the first batch of them took.

    Attributes:
        faces: (N, 61).
        seconds: Of the first batch, its texts encoded.
        texts: Of encoding them.
    """

    faces: Tensor
    seconds: float
    texts: float


class Slice(NamedTuple):
    """Some steps of the published loop, in seconds a step.

    Attributes:
        texts: Of encoding the texts, in both calls of the network; of the steps that do.
        kept: Of everything else.
    """

    texts: float
    kept: float

    @property
    def anew(self) -> float:
        """Of a whole step, as it is published."""
        return self.texts + self.kept


def load(checkpoint: str | Path) -> tuple[KeyframeMDM, KeyframeDataModule]:
    """Loads a model and the data that it was trained on.

    Args:
        checkpoint: In the folder of its run.

    Raises:
        InputError: When either cannot be had, or they do not belong together.
    """
    model = load_module(checkpoint, KeyframeMDM)
    folder = Path(checkpoint).parent
    data = RunFolder(folder).data()
    if model.provenance.get("data") != data.fingerprint or model.provenance.get("split") != data.split_digest:
        remedy = "give a checkpoint that still lies in the folder of its run"
        raise InputError(checkpoint, f"was not trained on the data that {folder / 'config.yaml'} tells of", remedy)
    return model, data


def ask(model: KeyframeMDM, data: KeyframeDataModule, prompts: int) -> Question:
    """Chooses keyframes of the test part, by whole scripts but for the last, and the prompts that the model reads."""
    samples = some(data.samples("test"), prompts)
    training = data.train_coefficients
    ids, texts, target = [sample.id for sample in samples], model.prompts(samples), coefficients_of(samples)
    return Question(ids, texts, target, training, EvaluationSuite(training, samples))


def some(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Takes keyframes of scripts that are drawn by chance, the same each time."""
    scripts: dict[str, list[Sample]] = {}
    for sample in samples:
        scripts.setdefault(sample.script.id, []).append(sample)
    names = list(scripts)
    order = np.random.default_rng(0).permutation(len(names)).tolist()
    return [sample for number in order for sample in scripts[names[number]]][:count]


def score(question: Question, faces: Tensor, names: Sequence[str]) -> dict[str, tuple[float, tuple[float, float]]]:
    """Evaluators faces (N, 61) by the suite's metrics of some names; each with its interval, by resampling scripts."""
    valid = np.ones(len(faces), dtype=bool)
    rows = Rows(np.array(question.ids), faces.float().numpy(), question.targets.float().numpy(), valid)
    scores = question.suite.report(rows).scores
    return {name: (scores[name].value, scores[name].interval or (scores[name].value,) * 2) for name in names}


def floor(question: Question) -> float:
    """Returns the FID between the ground truth and as many faces of the training part; the mean of several draws."""
    target, generator = moments(question.targets), torch.Generator().manual_seed(0)
    count, found = min(len(question.targets), len(question.training)), []
    for _ in range(FLOOR_DRAWS):
        chosen = question.training[torch.randperm(len(question.training), generator=generator)[:count]]
        found.append(float(frechet_distance(moments(chosen), target)))
    return sum(found) / len(found)


@torch.no_grad()
def encoded(model: DiffusionModule, texts: Sequence[str]) -> Tensor:
    """Encodes texts as the model does, though it has seen them before."""
    knowing, forgetful = model.text, FrozenTextEncoder(model.text.specification, model.text.unit)
    vars(forgetful)["encoder"] = knowing.encoder
    model.text = forgetful
    try:
        return model.vectors(texts)
    finally:
        model.text = knowing


@torch.no_grad()
def draw(model: KeyframeMDM, texts: Sequence[str], way: Way, seed: int, batch: int) -> Drawn:
    """Draws a face for each text, as the model's own `generate` does.

    Args:
        model: Its scheduler and steps are set to the way's.
        texts: N prompts that the model has seen; those of the first batch are encoded all the same.
        way: How.
        seed: Gives each prompt noise of its own.
        batch: Prompts at a time.
    """
    settings: dict[str, object] = {"scheduler": way.scheduler, "steps": way.steps}
    model.hparams.update(settings)
    seeds, parts = seeds_of(seed, len(texts)), []
    seconds, spent = 0.0, 0.0
    for begin in range(0, len(texts), batch):
        chosen = texts[begin : begin + batch]
        start = time.perf_counter()
        if not begin:
            encoded(model, chosen)
            spent = time.perf_counter() - start
        parts.append(model.motions(chosen, [1] * len(chosen), seeds[begin : begin + batch])[:, 0])
        if not begin:
            seconds = time.perf_counter() - start
    return Drawn(torch.cat(parts), seconds, spent)


def seeds_of(seed: int, count: int) -> list[int]:
    """Returns a seed for each of `count` prompts."""
    return [seed * 1_000_003 + number for number in range(count)]


class PublishedLoop:
    """The published sampling of the same prompts, batch by batch, the first of them in slices that are timed.

    Args:
        model: Whose weights are used.
        texts: N prompts that the model has seen.
        batch: Prompts at a time.
    """

    def __init__(self, model: KeyframeMDM, texts: Sequence[str], batch: int) -> None:
        self._model, self._texts, self._batch = model, texts, batch
        self._anew, self._spent = False, 0.0
        self._network = Network(model.denoiser if model.averaged is None else model.averaged, self._encode).eval()
        self._seeds = seeds_of(0, len(texts))
        self._first = self._sampling(0)
        self._faces: Tensor | None = None

    def run(self, steps: int, anew: int) -> Slice:
        """Takes further steps on the first batch; all slices together are 1,000 steps.

        Args:
            steps: How many.
            anew: In how many of them the texts are encoded, at least one.
        """
        texts, kept = 0.0, 0.0
        for number in range(steps):
            self._anew, self._spent = number < anew, 0.0
            start = time.perf_counter()
            x = next(self._first)
            kept += time.perf_counter() - start - self._spent
            texts += self._spent if self._anew else 0.0
        self._anew = False
        self._faces = self._restored(x)
        return Slice(texts / anew, kept / steps)

    def rest(self) -> Tensor:
        """Draws the other batches, their texts kept, and returns all faces (N, 61)."""
        if self._faces is None or next(self._first, None) is not None:
            raise RuntimeError("the first batch has not taken all of its steps")
        faces = [self._faces]
        for begin in range(self._batch, len(self._texts), self._batch):
            *_, last = self._sampling(begin)
            faces.append(self._restored(last))
        return torch.cat(faces)

    def _sampling(self, begin: int) -> Iterator[Tensor]:
        texts = self._texts[begin : begin + self._batch]
        generators = [torch.Generator().manual_seed(each) for each in self._seeds[begin : begin + self._batch]]
        channels = len(self._model.motion_mean)

        def noise() -> Tensor:
            """Of each prompt its own, as `sample` draws it: both then draw the same faces."""
            return torch.stack([torch.randn(channels, generator=each) for each in generators])[..., None, None]

        settings = self._model.hparams
        return ancestral(self._network, texts, settings["guidance"], noise, settings["prediction"])

    def _encode(self, texts: Sequence[str]) -> Tensor:
        start = time.perf_counter()
        found = encoded(self._model, texts) if self._anew else self._model.vectors(texts)
        self._spent += time.perf_counter() - start
        return found

    def _restored(self, x: Tensor) -> Tensor:
        return self._model.restored(x[:, :, 0, 0])
