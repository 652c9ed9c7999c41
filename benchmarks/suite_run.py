"""One run of the whole evaluation suite on made-up keyframes: how long each part takes, and how much memory."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.process import memory
from kfzoo import metrics
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe, Script
from kfzoo.evaluation import suite, tables
from kfzoo.evaluation.embedding import SampleEmbedder
from kfzoo.evaluation.motion_encoder import MotionEncoder
from kfzoo.evaluation.suite import EvaluationSuite
from kfzoo.metrics import answers, bootstrap, distances, estimates

Faces = NDArray[np.float32]

BATCH = 256
MOVEMENTS = 16
"""Directions in which made-up faces move; each takes a quarter of the channels."""

NOISE = 4.0
"""How far a condition lies from its motion, in standard deviations: the ground truth then finds itself first in six of
ten pools. Conditions that find nothing would cost retrieval in the full set no time."""

PARTS: dict[str, tuple[tuple[Any, str], ...]] = {
    "errors": ((metrics.ErrorStatistics, "estimates"), (metrics.Detection, "estimates")),
    "agreement": ((metrics.CrossComparison, "estimates"), (suite, "channel_tables")),
    "embedding": ((SampleEmbedder, "embed_faces"),),
    "distributions": (
        (metrics.FrechetDistance, "estimates"),
        (metrics.WassersteinDistance, "estimates"),
        *((module, "moments") for module in (answers, distances)),
        (answers, "sort_channels"),
    ),
    "diversity": ((metrics.Diversity, "estimates"),),
    "retrieval in pools": ((metrics.RPrecision, "estimates"), (metrics.MultimodalDistance, "estimates")),
    "retrieval in the full set": ((metrics.RPrecisionFull, "estimates"),),
    "intervals": (
        *((bootstrap.ScriptBootstrap, name) for name in ("__init__", "sums", "quantiles")),
        *((module, "percentile_interval") for module in (estimates, tables)),
        *((distances, name) for name in ("frechet_deviations", "wasserstein_deviations")),
    ),
}
"""Functions of the suite by part, in the place where they are called. What one of them calls of another part counts
for that part alone."""

REST = "rows and the rest"


class Taken(NamedTuple):
    """What one run took.

    Attributes:
        steps: Seconds for gathering the rows, for the model's report and for the reference rows' reports.
        parts: Seconds by part; together the same.
        memory: MiB when the process began, after the import of torch, after that of the suite, and with the data made;
            last the peak.
        first: R-Precision@1 of the model and of the ground truth.
    """

    steps: list[float]
    parts: dict[str, float]
    memory: list[float]
    first: list[float]

    @property
    def seconds(self) -> float:
        """Of all steps."""
        return sum(self.steps)


class Stopwatch:
    """Says how long a program was in each of its parts.

    Args:
        rest: Name for whatever is in no part.
    """

    def __init__(self, rest: str) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside, self._since = [rest], time.perf_counter()

    def watch(self, part: str, owner: Any, name: str) -> None:
        """Puts a function in its owner's place that does the same and is counted under a part."""
        function = getattr(owner, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            self.lap()
            self._inside.append(part)
            try:
                return function(*arguments, **options)
            finally:
                self.lap()
                self._inside.pop()

        setattr(owner, name, watched)

    def restart(self) -> None:
        """Forgets all times."""
        self.seconds.clear()
        self._since = time.perf_counter()

    def lap(self) -> None:
        """Counts the time since the last call for the part that is running."""
        now = time.perf_counter()
        self.seconds[self._inside[-1]] += now - self._since
        self._since = now


class Question(NamedTuple):
    """N keyframes to be scored.

    Attributes:
        samples: With their ground truth.
        ids: Of the samples.
        training: (N, 61) ground truth of a training split.
        targets: (N, 61).
        predictions: (N, 61), one in a hundred of them no valid answer.
        valid: (N,).
    """

    samples: list[Sample]
    ids: list[str]
    training: Tensor
    targets: Tensor
    predictions: Tensor
    valid: Tensor


class UntrainedEvaluator:
    """The built-in evaluators' motion side with random weights; conditions are given, so that no text is read.

    Args:
        question: What will be asked for.
    """

    annotation = "arkit"
    digest = "untrained"

    def __init__(self, question: Question) -> None:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            self._motion = MotionEncoder(len(CHANNELS), dim=128, width=256, layers=1, heads=4, dropout=0.1).eval()
            self._mean, self._spread = question.training.mean(dim=0), question.training.std(dim=0).clamp_min(0.02)
            motions = self.embed_motion(question.targets)
            self._conditions = motions + NOISE * motions.std(dim=0) * torch.randn_like(motions)
        self._places = {name: place for place, name in enumerate(question.ids)}

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        """Looks up the conditions of N samples, (N, 128)."""
        return self._conditions[[self._places[sample.id] for sample in samples]]

    @torch.no_grad()
    def embed_motion(self, coefficients: Tensor) -> Tensor:
        """Embeds (N, 61) coefficients as the built-in evaluators do; (N, 128)."""
        return torch.cat(
            [self._motion((chunk - self._mean) / self._spread) for chunk in torch.split(coefficients, 1024)]
        )


def made_up_faces(count: int, seed: int) -> Faces:
    """Makes faces that move in a few directions and stop at the channels' ends, (count, 61); half of the values are 0.

    Args:
        count: How many.
        seed: Of the faces; the directions are always the same.
    """
    shape, generator = np.random.default_rng(0), np.random.default_rng(seed)
    size = (MOVEMENTS, len(CHANNELS))
    movements = shape.normal(0, 0.12, size) * (shape.random(size) < 0.25)
    # At rest most blendshapes would be below 0; rotations, which have two directions, are at 0.
    rest = np.where(LOWER < 0, 0, -shape.uniform(0, 0.12, len(CHANNELS)))
    values = rest + generator.normal(size=(count, MOVEMENTS)) @ movements
    values += generator.normal(0, 0.02, values.shape)
    clipped: Faces = np.clip(values, LOWER, UPPER).astype(np.float32)
    return clipped


def made_up_question(count: int) -> Question:
    """Makes keyframes in scripts of one to three, and answers that resemble them.

    Args:
        count: Number of keyframes.
    """
    generator = np.random.default_rng(1)
    target = made_up_faces(count, seed=2)
    given = np.clip(0.7 * target + 0.3 * target.mean(axis=0) + generator.normal(0, 0.05, target.shape), LOWER, UPPER)
    samples: list[Sample] = []
    while len(samples) < count:
        start, size = len(samples), int(generator.integers(1, 4))
        shown = enumerate(target[start : start + size])
        keyframes = tuple(Keyframe(index, float(index), coefficients=face) for index, face in shown)
        emotion, subject = (f"{kind} {generator.integers(most)}" for kind, most in (("emotion", 7), ("subject", 20)))
        script = Script(f"script {start}", subject, "", emotion, keyframes)
        samples += [Sample(script, position, "arkit") for position in range(len(keyframes))]
    return Question(
        samples=samples,
        ids=[sample.id for sample in samples],
        training=torch.from_numpy(made_up_faces(count, seed=3)),
        targets=torch.from_numpy(target),
        predictions=torch.from_numpy(given.astype(np.float32)),
        valid=torch.from_numpy(generator.random(count) > 0.01),
    )


def run(count: int, before: Sequence[float]) -> None:
    """Scores keyframes in this process, and prints what that took as JSON.

    Args:
        count: Number of keyframes.
        before: Memory of the process in MiB before and after the import of torch.
    """
    imported = memory().now
    question = made_up_question(count)
    evaluator = UntrainedEvaluator(question)
    ready = memory().now
    watch = Stopwatch(REST)
    for part, functions in PARTS.items():
        for owner, name in functions:
            watch.watch(part, owner, name)
    clock = [time.perf_counter()]
    watch.restart()
    made = EvaluationSuite(question.training, question.samples, evaluator)
    for start in range(0, count, BATCH):
        batch = slice(start, start + BATCH)
        made.update(question.ids[batch], question.predictions[batch], question.targets[batch], question.valid[batch])
    rows = made.gather()
    clock.append(time.perf_counter())
    report = made.report(rows)
    clock.append(time.perf_counter())
    references = made.reference_reports(rows)
    clock.append(time.perf_counter())
    watch.lap()
    taken = Taken(
        steps=np.diff(clock).tolist(),
        parts={name: watch.seconds[name] for name in (*PARTS, REST)},
        memory=[*before, imported, ready, memory().peak],
        first=[each.scores["r_precision_1"].value for each in (report, references["ground_truth"])],
    )
    print(json.dumps(taken._asdict()))
