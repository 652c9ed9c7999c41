"""The suite: every number of the benchmark, from predictions and truth alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from kfzoo.evaluation.bootstrap import mean_intervals
from kfzoo.evaluation.rows import RowGatherer, Rows
from kfzoo.evaluation.samples import Samples, scripts_of
from kfzoo.evaluation.scores import METRICS, Score
from kfzoo.metrics.functional.diversity import diversity
from kfzoo.metrics.functional.errors import NAMES, SampleErrors, error_statistics, sample_errors
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.functional.wasserstein import sort_channels, wasserstein_of_sorted


@dataclass(frozen=True, eq=False)
class Report:
    """What the suite says of one set of predictions.

    Attributes:
        scores: By the names in `METRICS`.
        samples: Errors of each sample.
    """

    scores: dict[str, Score]
    samples: Samples

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def invalid(self) -> int:
        """Number of samples without a valid answer."""
        return int((~self.samples.valid).sum())

    def scalars(self) -> dict[str, float]:
        """All numbers by name, with `invalid` and `n`, for logs."""
        values = {name: score.value for name, score in self.scores.items()}
        return values | {"invalid": float(self.invalid), "n": float(self.count)}


class EvaluationSuite(nn.Module):
    """Scores predictions against the truth, and against the training split.

    `update` it with every batch on every process, then `compute`. The same rows give the same report, whatever the
    batch size, the order or the number of processes. Numbers are computed in float64 on the CPU.

    It keeps the rows themselves and calls the pure functions of `kfzoo.metrics.functional` on all of them at the end:
    only then is it known which samples came twice, and reference rows and intervals need them anyway.

    A row without a valid answer (marked so by the model, or holding NaN or infinity) is scored as the mean face of the
    training split: failing is never cheaper than answering.

    Args:
        train_coefficients: (M, D) ground truth of the training split.
        seed: Of the bootstrap and of the chance row.
        resamples: Of the bootstrap.

    Raises:
        ValueError: When the training split is empty or not finite.
    """

    def __init__(self, train_coefficients: Tensor, seed: int = 0, resamples: int = 1000) -> None:
        super().__init__()
        train = train_coefficients.detach().cpu()
        self._train_moments = moments(train)
        self._train_sorted = sort_channels(train)
        self._seed = seed
        self._resamples = resamples
        self.gatherer = RowGatherer(train.shape[1])

    def update(self, ids: Sequence[str], predictions: Tensor, targets: Tensor, valid: Tensor) -> None:
        """Adds a batch.

        Args:
            ids: B names, `<script id>#<keyframe index>`; one that comes again is counted once.
            predictions: (B, D) coefficients.
            targets: (B, D) ground truth.
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
            ValueError: As `gather`.
        """
        return self.report(self.gather())

    def report(self, rows: Rows) -> Report:
        """Scores rows.

        Args:
            rows: N samples, at least one.
        """
        answered = rows.valid & np.isfinite(rows.predictions).all(axis=1)
        predictions = torch.from_numpy(rows.predictions).double()
        predictions[torch.from_numpy(~answered)] = self._train_moments.mean
        targets = torch.from_numpy(rows.targets).double()
        errors = sample_errors(predictions, targets)
        values = error_statistics(errors) | self._distances(predictions, targets)
        intervals = self._intervals(rows, errors)
        samples = Samples(rows.ids, answered, *(error.numpy() for error in errors))
        return Report({name: Score(float(values[name]), intervals.get(name)) for name in METRICS}, samples)

    def reference_reports(self, rows: Rows) -> dict[str, Report]:
        """Scores what any table needs beside it to be read, by the names in `REFERENCES`.

        The truth itself; chance, which is the truth shuffled among the samples; the mean face of the training split;
        and the face at rest.

        Args:
            rows: N samples, at least one; their predictions do not matter.
        """
        shuffled = np.random.default_rng(self._seed).permutation(len(rows.ids))
        mean = self._train_moments.mean.numpy().astype(np.float32)
        answers = {
            "ground_truth": rows.targets,
            "chance": rows.targets[shuffled],
            "mean_face": np.broadcast_to(mean, rows.targets.shape).copy(),
            "zero_face": np.zeros_like(rows.targets),
        }
        everywhere = np.ones(len(rows.ids), dtype=bool)
        return {
            name: self.report(rows._replace(predictions=answer, valid=everywhere)) for name, answer in answers.items()
        }

    def _distances(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        predicted, ordered = moments(predictions), sort_channels(predictions)
        return {
            "fid": frechet_distance(predicted, self._train_moments),
            "fid_test": frechet_distance(predicted, moments(targets)),
            "w_dist": wasserstein_of_sorted(ordered, self._train_sorted).mean(),
            "w_dist_test": wasserstein_of_sorted(ordered, sort_channels(targets)).mean(),
            "diversity": diversity(predictions),
        }

    def _intervals(self, rows: Rows, errors: SampleErrors) -> dict[str, tuple[float, float]]:
        means = torch.stack(errors, dim=1).numpy()
        ends = mean_intervals(means, scripts_of(rows.ids), self._resamples, self._seed)
        return (
            {}
            if ends is None
            else {name: (float(low), float(high)) for name, (low, high) in zip(NAMES, ends, strict=True)}
        )
