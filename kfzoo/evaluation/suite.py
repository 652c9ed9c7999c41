"""The suite: every number of the benchmark, from predictions and, where it is known, the ground truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MetricCollection

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.evaluation.embedding import Evaluator, SampleEmbedder
from kfzoo.evaluation.samples import Samples
from kfzoo.evaluation.scores import METRICS, Score, Table
from kfzoo.evaluation.tables import channel_tables, group_tables
from kfzoo.metrics import (
    CrossComparison,
    Detection,
    Diversity,
    ErrorStatistics,
    FrechetDistance,
    MultimodalDistance,
    RowMetric,
    RPrecision,
    RPrecisionFull,
    WassersteinDistance,
)
from kfzoo.metrics.answers import Answers, Embedder, FaceSet, TestSet, with_mean_face
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, MeanEstimate, with_intervals
from kfzoo.metrics.functional.errors import sample_errors
from kfzoo.metrics.rows import Rows


@dataclass(frozen=True, eq=False)
class Report:
    """The suite's result for one set of predictions.

    Attributes:
        scores: By the names in `METRICS`, in their order, without those that the data cannot give.
        samples: Errors of each sample; None without the ground truth, or without the training split's mean face.
        tables: Breakdowns by name; empty without the ground truth.
        count: Number of samples.
        invalid: Number of samples without a valid answer.
    """

    scores: dict[str, Score]
    samples: Samples | None
    tables: dict[str, Table]
    count: int
    invalid: int

    def scalars(self) -> dict[str, float]:
        """All numbers by name, with `invalid` and `n`, for logs."""
        values = {name: score.value for name, score in self.scores.items()}
        return values | {"invalid": float(self.invalid), "n": float(self.count)}


def suite_metrics(training: FaceSet | None, embedder: Embedder | None, seed: int) -> dict[str, RowMetric]:
    """Returns all metrics of the suite by name.

    Args:
        training: Ground truth of the training split; without it no distance to it is measured.
        embedder: Embeds samples and faces; without it there is no metric in the space of a learned evaluator.
        seed: Of the pools, and of Diversity in large sets.
    """
    metrics: dict[str, RowMetric] = {
        "errors": ErrorStatistics(training),
        "detection": Detection(training),
        "cross_comparison": CrossComparison(training),
        "diversity": Diversity(training, seed),
        "fid_test": FrechetDistance(training, "targets"),
        "w_dist_test": WassersteinDistance(training, "targets"),
    }
    if training is not None:
        metrics |= {"fid": FrechetDistance(training), "w_dist": WassersteinDistance(training)}
    if embedder is not None:
        metrics |= {
            "r_precision": RPrecision(training, embedder, seed=seed),
            "r_precision_reverse": RPrecision(training, embedder, seed=seed, reverse=True),
            "r_precision_distinct": RPrecision(training, embedder, seed=seed, distinct=True),
            "r_precision_full": RPrecisionFull(training, embedder),
            "mmd": MultimodalDistance(training, embedder),
            "mmd_unnormalised": MultimodalDistance(training, embedder, normalised=False),
        }
    if training is not None and embedder is not None:
        metrics["fid_embedding"] = FrechetDistance(training, embedder=embedder)
    return metrics


class EvaluationSuite(MetricCollection):
    """Scores predictions against the ground truth, against the training split, and in a learned evaluator's space.

    `update` it with every batch on every process, as each of its metrics: `(ids, predictions, targets, valid)`. Then
    `report` what `gather` returns, or `compute` the values alone. All metrics are one compute group: the rows are kept
    and gathered once. The same rows give the same report for any batch size, order or number of processes.

    A report holds every metric of `METRICS` that its data can give, and no made-up number. Each has a 95 % interval:
    R-Precision in pools that of its shuffles, all others that of a bootstrap over scripts, where there are two.

    A row without a valid answer (marked so by the model, or holding NaN or infinity) is scored as the mean face of the
    training split: failing is never cheaper than answering. Without a training split there is no such face: the row is
    counted as invalid and is in no number.

    Args:
        train_coefficients: (M, 61) ground truth of the training split, or None when there is none at hand.
        samples: The test samples: the evaluator's conditions and the tables by emotion and subject come from them.
        evaluator: A learned one; only a process that calls `report` needs it.
        seed: Of the bootstrap, the pools and the chance row.
        resamples: Of the bootstrap.

    Raises:
        ValueError: When the training split is empty or not finite.
    """

    def __init__(
        self,
        train_coefficients: Tensor | None,
        samples: Sequence[Sample] = (),
        evaluator: Evaluator | None = None,
        seed: int = 0,
        resamples: int = 1000,
    ) -> None:
        training = None if train_coefficients is None else FaceSet.of(train_coefficients)
        embedder = None if evaluator is None else SampleEmbedder(evaluator, samples)
        metrics = suite_metrics(training, embedder, seed)
        # Given in advance, or the first update would keep the rows of each metric to compare them.
        super().__init__(dict(metrics), compute_groups=[sorted(metrics)])
        self._training = training
        self._embedder = embedder
        self._samples = {sample.id: sample for sample in samples}
        self._seed = seed
        self._resamples = resamples
        self._last: tuple[TestSet, ScriptBootstrap] | None = None

    @property
    def metrics(self) -> list[RowMetric]:
        """All metrics, on their common state."""
        return [cast(RowMetric, metric) for metric in self.values(copy_state=False)]

    def gather(self) -> Rows:
        """Returns the rows of all processes; every process has to call it.

        Raises:
            ValueError: When there is none, or one id has two different targets.
        """
        return self.metrics[0].gather()

    def compute(self) -> dict[str, Any]:
        """Returns the values of all metrics, without intervals; every process has to call it.

        Raises:
            ValueError: As `gather` and `report`.
        """
        rows, predictions, _ = with_mean_face(self.gather(), self._training)
        if not len(rows.ids):
            return {}
        test, _ = self._test_set(rows)
        found = self._estimates(Answers.of(test, FaceSet.of(predictions), self._embedder), None)
        return {name: torch.tensor(each.value, dtype=torch.float64) for name, each in found.items()}

    def report(self, rows: Rows) -> Report:
        """Scores rows.

        Args:
            rows: N samples, at least one, each id once.

        Raises:
            ValueError: With an evaluator, for an id that is none of the suite's samples.
        """
        count = len(rows.ids)
        rows, predictions, answered = with_mean_face(rows, self._training)
        invalid = count - int(answered.sum())
        if not len(rows.ids):
            return Report({}, None, {}, count, invalid)
        test, bootstrap = self._test_set(rows)
        answers = Answers.of(test, FaceSet.of(predictions), self._embedder)
        scores = _scores(self._estimates(answers, bootstrap), bootstrap)
        if test.targets is None:
            return Report(scores, None, {}, count, invalid)
        tables = channel_tables(answers, self._training)
        tables |= group_tables(test.ids, answers.errors, self._samples, self._resamples, self._seed)
        return Report(scores, self._sample_errors(answers, answered), tables, count, invalid)

    def reference_reports(self, rows: Rows) -> dict[str, Report]:
        """Scores the reference rows of a table, by the names in `REFERENCES`; scores alone.

        The ground truth itself; chance, which is the ground truth shuffled among the samples; the mean face of the
        training split; and the face at rest. Without the ground truth the first two are missing, without a training
        split the mean face.

        Args:
            rows: N samples, at least one, each id once; their predictions do not matter.

        Raises:
            ValueError: As `report`.
        """
        test, bootstrap = self._test_set(rows.in_order())
        count = len(test.ids)
        scores: dict[str, dict[str, Score]] = {}
        if test.targets is not None:
            answers = Answers.of(test, test.targets, self._embedder)
            of_set, of_pairs = self._estimates_of_set(answers), self._estimates_of_pairs(answers, bootstrap)
            scores["ground_truth"] = _scores(of_set | of_pairs, bootstrap)
            order = torch.from_numpy(np.random.default_rng(self._seed).permutation(count))
            # The same set of faces: nothing of it has to be computed again.
            of_set = {name: each.reordered(order) for name, each in of_set.items()}
            of_pairs = self._estimates_of_pairs(answers.reordered(order), bootstrap)
            scores["chance"] = _scores(of_set | of_pairs, bootstrap)
            del answers, of_set, of_pairs  # one set of answers at a time: with 10,000 samples it holds 20 MiB
        faces = {"zero_face": torch.zeros(len(CHANNELS))}
        if self._training is not None:
            faces = {"mean_face": self._training.moments.mean} | faces
        for name, face in faces.items():
            answers = Answers.of(test, FaceSet.of(face.expand(count, -1)), self._embedder)
            scores[name] = _scores(self._estimates(answers, bootstrap), bootstrap)
        return {name: Report(each, None, {}, count, 0) for name, each in scores.items()}

    def _test_set(self, rows: Rows) -> tuple[TestSet, ScriptBootstrap]:
        """The samples of rows and a bootstrap over their scripts; kept for the next call on the same samples."""
        if self._last is None or not _same(rows, self._last[0]):
            test = TestSet.of(rows, self._embedder)
            self._last = test, ScriptBootstrap(test.scripts, self._resamples, self._seed)
        return self._last

    def _estimates(self, answers: Answers, bootstrap: ScriptBootstrap | None) -> dict[str, Estimate | MeanEstimate]:
        return self._estimates_of_set(answers) | self._estimates_of_pairs(answers, bootstrap)

    def _estimates_of_set(self, answers: Answers) -> dict[str, Any]:
        """What does not depend on which face answers which sample."""
        return {
            name: each
            for metric in self.metrics
            if not metric.needs
            for name, each in metric.estimates(answers).items()
        }

    def _estimates_of_pairs(self, answers: Answers, bootstrap: ScriptBootstrap | None) -> dict[str, Any]:
        """What compares each face with its own sample."""
        return {
            name: each
            for metric in self.metrics
            if metric.needs and getattr(answers.test, metric.needs) is not None
            for name, each in metric.estimates(answers, bootstrap).items()
        }

    def _sample_errors(self, answers: Answers, answered: NDArray[np.bool_]) -> Samples | None:
        if self._training is None:
            return None
        targets = answers.targets.values
        mean_face = sample_errors(self._training.moments.mean.expand_as(targets), targets)
        errors = answers.errors
        return Samples(
            answers.test.ids, answered, errors.mse.numpy(), errors.mae.numpy(), mean_face_mse=mean_face.mse.numpy()
        )


def _scores(estimates: dict[str, Estimate | MeanEstimate], bootstrap: ScriptBootstrap) -> dict[str, Score]:
    """All scores that are defined, in the order of `METRICS`."""
    found = with_intervals(estimates, bootstrap)
    return {name: Score(*found[name]) for name in METRICS if name in found and math.isfinite(found[name].value)}


def _same(rows: Rows, test: TestSet) -> bool:
    if not np.array_equal(rows.ids, test.ids) or (rows.targets is None) != (test.targets is None):
        return False
    return test.targets is None or np.array_equal(torch.from_numpy(rows.targets).double(), test.targets.values)
