"""The suite: every number of the benchmark, from predictions and, where it is known, the ground truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.evaluation.accuracy import cross_comparison_scores, detection_scores, error_scores
from kfzoo.evaluation.bootstrap import ScriptBootstrap
from kfzoo.evaluation.breakdown import channel_tables, group_tables
from kfzoo.evaluation.faces import FaceSet, compare_with_target, compare_with_training, influential_scores
from kfzoo.evaluation.jackknife import Influential
from kfzoo.evaluation.learned import Evaluator, compare_embeddings, embed_faces, retrieval_scores
from kfzoo.evaluation.rows import RowGatherer, Rows
from kfzoo.evaluation.samples import Samples, scripts_of
from kfzoo.evaluation.scores import METRICS, Score, Table
from kfzoo.metrics.functional.errors import SampleErrors, sample_errors
from kfzoo.metrics.functional.frechet import moments


@dataclass(frozen=True, eq=False)
class Report:
    """What the suite says of one set of predictions.

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


@dataclass(frozen=True, eq=False)
class _Question:
    """N samples before any answer: what all reports on them share."""

    ids: NDArray[np.str_]
    scripts: NDArray[np.str_]
    bootstrap: ScriptBootstrap
    targets: FaceSet | None
    mean_face_mse: NDArray[np.float64] | None
    conditions: Tensor | None


@dataclass(frozen=True, eq=False)
class _Answer:
    """N faces, and what is known of them without the question."""

    faces: FaceSet
    embeddings: Tensor | None
    statistics: dict[str, Influential] = field(default_factory=dict)

    def reordered(self, order: Tensor) -> _Answer:
        """The same faces for other samples: nothing has to be computed again."""
        statistics = {name: each._replace(influence=each.influence[order]) for name, each in self.statistics.items()}
        embeddings = None if self.embeddings is None else self.embeddings[order]
        return _Answer(self.faces.reordered(order), embeddings, statistics)


class EvaluationSuite(nn.Module):
    """Scores predictions against the ground truth, against the training split, and in a learned evaluator's space.

    `update` it with every batch on every process, then `compute`. The same rows give the same report, whatever the
    batch size, the order or the number of processes. Numbers are computed in float64 on the CPU, but for the
    evaluator's embeddings.

    It keeps the rows themselves and calls the pure functions of `kfzoo.metrics.functional` on all of them at the end:
    only then is it known which samples came twice, and reference rows and intervals need them anyway.

    A report holds every metric of `METRICS` that its data can give, and no made-up number. Each has a 95 % interval:
    R-Precision in pools that of its shuffles, all others that of a bootstrap over scripts, where there are two.

    A row without a valid answer (marked so by the model, or holding NaN or infinity) is scored as the mean face of the
    training split: failing is never cheaper than answering. Without a training split there is no such face: the row is
    counted as invalid and is in no number.

    Args:
        train_coefficients: (M, 61) ground truth of the training split, or None when there is none at hand.
        samples: What is asked for; it tells the evaluator's conditions and the tables by emotion and subject.
        evaluator: A learned one.
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
        super().__init__()
        self._training = None if train_coefficients is None else FaceSet.of(train_coefficients.detach().cpu())
        self._samples = {sample.id: sample for sample in samples}
        self._evaluator = evaluator
        self._seed = seed
        self._resamples = resamples
        self._embedded = (
            moments(embed_faces(evaluator, self._training.values)) if evaluator and self._training else None
        )
        self._question: _Question | None = None
        self.gatherer = RowGatherer(len(CHANNELS))

    def update(self, ids: Sequence[str], predictions: Tensor, targets: Tensor, valid: Tensor) -> None:
        """Adds a batch.

        Args:
            ids: B names, `<script id>#<keyframe index>`; one that comes again is counted once.
            predictions: (B, 61) coefficients.
            targets: (B, 61) ground truth.
            valid: (B,) bool; False where the model gave no usable answer.

        Raises:
            ValueError: For shapes that do not fit, or a target that is not finite.
        """
        self.gatherer.update(ids, predictions, targets, valid)

    def reset(self) -> None:
        """Forgets all rows."""
        self.gatherer.reset()

    def gather(self) -> Rows:
        """Returns the rows of all processes; every process has to call it.

        Raises:
            ValueError: When there is none, or one id stands for two different targets.
        """
        rows: Rows = self.gatherer.compute()
        return rows

    def compute(self) -> Report:
        """Returns the report on the rows of all processes; every process has to call it.

        Raises:
            ValueError: As `gather` and `report`.
        """
        return self.report(self.gather())

    def report(self, rows: Rows) -> Report:
        """Scores rows.

        Args:
            rows: N samples, at least one, each id once.

        Raises:
            ValueError: With an evaluator, for an id that is none of the suite's samples.
        """
        rows = rows.in_order()
        answered = rows.valid & np.isfinite(rows.predictions).all(axis=1)
        count, invalid = len(rows.ids), int((~answered).sum())
        if self._training is None:
            rows, answered = rows.at(answered), answered[answered]
        if not len(rows.ids):
            return Report({}, None, {}, count, invalid)
        predictions = torch.from_numpy(rows.predictions).double()
        if self._training is not None:
            predictions[torch.from_numpy(~answered)] = self._training.moments.mean
        question, answer = self._ask(rows), self._answer(FaceSet.of(predictions))
        if question.targets is None:
            return Report(self._scores(question, answer), None, {}, count, invalid)
        errors = sample_errors(predictions, question.targets.values)
        tables = channel_tables(answer.faces, question.targets, self._training)
        tables |= group_tables(question.ids, errors, self._samples, self._resamples, self._seed)
        samples = _samples(question, errors, answered)
        return Report(self._scores(question, answer), samples, tables, count, invalid)

    def reference_reports(self, rows: Rows) -> dict[str, Report]:
        """Scores what any table needs beside it to be read, by the names in `REFERENCES`; without tables.

        The ground truth itself; chance, which is the ground truth shuffled among the samples; the mean face of the
        training split; and the face at rest. Without the ground truth the first two are missing, without a training
        split the mean face.

        Args:
            rows: N samples, at least one, each id once; their predictions do not matter.

        Raises:
            ValueError: As `report`.
        """
        question = self._ask(rows.in_order())
        count = len(question.ids)
        reports: dict[str, Report] = {}
        if question.targets is not None:
            target = self._answer(question.targets)
            shuffled = torch.from_numpy(np.random.default_rng(self._seed).permutation(count))
            reports["ground_truth"] = self._reference_report(question, target)
            reports["chance"] = self._reference_report(question, target.reordered(shuffled))
            del target  # one answer at a time: at 10,000 samples it holds 20 MiB
        faces = {"zero_face": torch.zeros(len(CHANNELS))}
        if self._training is not None:
            faces = {"mean_face": self._training.moments.mean} | faces
        for name, face in faces.items():
            answer = self._answer(FaceSet.of(face.expand(count, -1)))
            reports[name] = self._reference_report(question, answer)
        return reports

    def _reference_report(self, question: _Question, answer: _Answer) -> Report:
        count = len(question.ids)
        samples = None
        if question.targets is not None:
            errors = sample_errors(answer.faces.values, question.targets.values)
            samples = _samples(question, errors, np.ones(count, dtype=bool))
        return Report(self._scores(question, answer), samples, {}, count, 0)

    def _ask(self, rows: Rows) -> _Question:
        """What the reports on rows share; kept for the next call on the same samples."""
        last = self._question
        if last is None or not _same(rows, last):
            scripts = scripts_of(rows.ids)
            target = None if rows.targets is None else FaceSet.of(torch.from_numpy(rows.targets))
            mean_face_mse = None
            if target is not None and self._training is not None:
                mean_face = self._training.moments.mean.expand_as(target.values)
                mean_face_mse = sample_errors(mean_face, target.values).mse.numpy()
            bootstrap = ScriptBootstrap(scripts, self._resamples, self._seed)
            last = _Question(rows.ids, scripts, bootstrap, target, mean_face_mse, self._conditions(rows.ids))
            self._question = last
        return last

    def _conditions(self, ids: NDArray[np.str_]) -> Tensor | None:
        if self._evaluator is None:
            return None
        missing = [name for name in ids.tolist() if name not in self._samples]
        if missing:
            raise ValueError(f"the evaluator needs the sample of every row, and knows none with the id '{missing[0]}'")
        return self._evaluator.embed_samples([self._samples[name] for name in ids.tolist()])

    def _answer(self, faces: FaceSet) -> _Answer:
        statistics = compare_with_training(faces, self._training, self._seed)
        if self._evaluator is None:
            return _Answer(faces, None, statistics)
        embeddings = embed_faces(self._evaluator, faces.values)
        if self._embedded is not None:
            statistics |= compare_embeddings(embeddings, self._embedded)
        return _Answer(faces, embeddings, statistics)

    def _scores(self, question: _Question, answer: _Answer) -> dict[str, Score]:
        """All scores there are, in the order of `METRICS`."""
        bootstrap, statistics = question.bootstrap, answer.statistics
        scores: dict[str, Score] = {}
        if question.targets is not None:
            predictions, targets = answer.faces.values, question.targets.values
            scores |= error_scores(sample_errors(predictions, targets), bootstrap)
            scores |= detection_scores(predictions, targets, bootstrap)
            scores |= cross_comparison_scores(predictions, targets, bootstrap)
            statistics = statistics | compare_with_target(answer.faces, question.targets)
        scores |= influential_scores(statistics, bootstrap)
        if question.conditions is not None and answer.embeddings is not None:
            scores |= retrieval_scores(question.conditions, answer.embeddings, question.scripts, bootstrap, self._seed)
        return {name: scores[name] for name in METRICS if name in scores and math.isfinite(scores[name].value)}


def _samples(question: _Question, errors: SampleErrors, answered: NDArray[np.bool_]) -> Samples | None:
    if question.mean_face_mse is None:
        return None
    return Samples(question.ids, answered, errors.mse.numpy(), errors.mae.numpy(), question.mean_face_mse)


def _same(rows: Rows, question: _Question) -> bool:
    if not np.array_equal(rows.ids, question.ids) or (rows.targets is None) != (question.targets is None):
        return False
    return question.targets is None or np.array_equal(torch.from_numpy(rows.targets).double(), question.targets.values)
