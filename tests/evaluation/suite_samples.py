"""Faces, samples and a linear evaluator for the tests of the suite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe, Script
from kfzoo.evaluation.scores import METRICS
from kfzoo.evaluation.suite import EvaluationSuite, Report
from kfzoo.metrics.rows import Rows

COUNT = 40


def ids(count: int = COUNT) -> list[str]:
    """Four keyframes a script."""
    return [f"take {index // 4}#{index % 4}" for index in range(count)]


class Evaluator:
    """A linear map of the face; the condition is the face that the words are about."""

    annotation = "arkit"
    digest = "e" * 64

    def __init__(self) -> None:
        self.weight = torch.randn(61, 16, generator=torch.Generator().manual_seed(4))
        self.conditions = 0

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        return (coefficients - 0.5) @ self.weight

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        self.conditions += len(samples)
        faces = [sample.keyframe.coefficients for sample in samples]
        return self.embed_motion(torch.from_numpy(np.stack([face for face in faces if face is not None])))


def samples_of(names: Sequence[str], wanted: Tensor) -> list[Sample]:
    """A script for each sample, with the right id."""
    made = []
    for name, face in zip(names, wanted.numpy(), strict=True):
        script, _, index = name.rpartition("#")
        keyframe = Keyframe(int(index), 0.0, coefficients=face)
        made.append(Sample(Script(script, f"subject {script[-1]}", "", "joy", (keyframe,)), 0, "arkit"))
    return made


def rows_of(names: Sequence[str], predictions: Tensor, wanted: Tensor | None) -> Rows:
    target = None if wanted is None else wanted.numpy()
    return Rows(np.array(names), predictions.numpy(), target, np.ones(len(names), dtype=bool))


ERRORS = {name for name in METRICS if name.startswith(("mse", "mae", "rmse"))}
COMPARED = {name for name in METRICS if name.startswith(("sf13", "sf14", "all61", "detection", "tolerance"))}
OF_TARGETS = ERRORS | COMPARED | {"fid_test", "w_dist_test"}
OF_TRAINING = {"fid", "w_dist"}
LEARNED = {name for name in METRICS if name.startswith(("r_precision", "mmd"))}


def everywhere(count: int = COUNT) -> Tensor:
    return torch.ones(count, dtype=torch.bool)


def evaluate(train: Tensor, predictions: Tensor, wanted: Tensor, valid: Tensor | None = None) -> Report:
    suite = EvaluationSuite(train)
    suite.update(ids(), predictions, wanted, everywhere() if valid is None else valid)
    return suite.report(suite.gather())
