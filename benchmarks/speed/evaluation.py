"""The evaluation suite, with all metrics and intervals, next to the usual loops for a few of its metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.page import prose, table
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.statistics import coefficients_of
from kfzoo.evaluation.suite import EvaluationSuite

TITLE = "Scoring with the whole suite"
BATCH = 256
POOL, SHUFFLES = 32, 20
OURS = "`EvaluationSuite`"

Values = NDArray[np.float64]


class RandomEvaluator:
    """An evaluator that is a fixed random projection; conditions are the ground truth's embeddings with noise.

    Args:
        samples: Whose conditions it knows.
        dim: Size of an embedding.
    """

    annotation = "arkit"
    digest = "random"

    def __init__(self, samples: Sequence[Sample], dim: int = 128) -> None:
        draw = torch.Generator().manual_seed(0)
        self._weights = torch.randn(61, dim, generator=draw)
        motions = self.embed_motion(coefficients_of(samples))
        noise = 2 * motions.std(dim=0) * torch.randn(motions.shape, generator=draw)
        self._conditions = dict(zip((sample.id for sample in samples), motions + noise, strict=True))

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        """Looks up the conditions of N samples, (N, dim)."""
        return torch.stack([self._conditions[sample.id] for sample in samples])

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        """Embeds (N, 61) coefficients."""
        return torch.tanh(coefficients @ self._weights)


def measure(sizes: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000), rounds: int = 3, loops: int = 10_000) -> str:
    """Scores noisy keyframes of built-in scripts and returns the tables.

    Args:
        sizes: Numbers of keyframes, at least 32.
        rounds: That count; one more is not counted.
        loops: Most keyframes for which the loops run, too: some are quadratic.
    """
    parts = [
        prose(
            f"""Keyframes of built-in scripts with noise, compared with as many of a training part; an evaluator that is
            a random projection, so that no encoder is timed. {OURS}: `update` in batches of {BATCH} and `compute`, all
            metrics, tables and 95 % intervals. The loops compute MSE, FID, W-Dist, Diversity and R-Precision alone,
            without intervals: NumPy's `cov` and SciPy's `sqrtm`, `wasserstein_distance` for each channel, `pdist`, and
            `argsort` for each query in {SHUFFLES} × pools of {POOL}. {rounds} rounds in turn."""
        )
    ]
    for size in sizes:
        training, samples, answers = _data(size)
        values: dict[str, dict[str, float]] = {}
        jobs: dict[str, Callable[[], object]] = {
            OURS: lambda: values.update({OURS: suite_scores(training, samples, answers)})  # noqa: B023
        }
        if size <= loops:
            jobs["loops"] = lambda: values.update({"loops": loop_scores(training, samples, answers)})  # noqa: B023
        seconds = in_turn({name: clocked(work) for name, work in jobs.items()}, rounds)
        parts += [f"## {size:,} keyframes", speeds(seconds, size, "keyframe", ["loops"])]
        if size <= loops:
            rows = [[name, f"{value:.6g}", f"{values[OURS][name]:.6g}"] for name, value in values["loops"].items()]
            parts += [table(["metric", "loops", f"{OURS}, {len(values[OURS])} metrics"], rows)]
    return "\n\n".join(parts)


def _data(size: int) -> tuple[Tensor, list[Sample], Tensor]:
    """Returns (N, 61) training faces, N samples and (N, 61) answers that resemble them."""
    every = (Sample(each, place, "arkit") for each in BuiltinScripts(2 * size) for place in range(len(each.keyframes)))
    samples = list(islice(every, 2 * size))
    targets = coefficients_of(samples[size:])
    noise = 0.05 * torch.randn(targets.shape, generator=torch.Generator().manual_seed(1))
    return coefficients_of(samples[:size]), samples[size:], 0.7 * targets + 0.3 * targets.mean(dim=0) + noise


def suite_scores(training: Tensor, samples: Sequence[Sample], answers: Tensor) -> dict[str, float]:
    """Returns all scores of the suite."""
    suite = EvaluationSuite(training, samples, RandomEvaluator(samples))
    targets, valid = coefficients_of(samples), torch.ones(len(samples), dtype=torch.bool)
    for start in range(0, len(samples), BATCH):
        part = slice(start, start + BATCH)
        suite.update([sample.id for sample in samples[part]], answers[part], targets[part], valid[part])
    return {name: score.value for name, score in suite.report(suite.gather()).scores.items()}


def loop_scores(training: Tensor, samples: Sequence[Sample], answers: Tensor) -> dict[str, float]:
    """Returns the scores that the usual loops compute, by the suite's names."""
    from scipy.linalg import sqrtm
    from scipy.spatial.distance import pdist
    from scipy.stats import wasserstein_distance

    evaluator = RandomEvaluator(samples)
    ours, theirs = answers.double().numpy(), training.double().numpy()
    covariances = [np.cov(each, rowvar=False, ddof=0) for each in (ours, theirs)]
    shift = ours.mean(axis=0) - theirs.mean(axis=0)
    trace = sum(np.trace(each) for each in covariances) - 2 * np.trace(np.real(sqrtm(covariances[0] @ covariances[1])))
    hits = retrieval(evaluator.embed_samples(samples).numpy(), evaluator.embed_motion(answers).numpy())
    return {
        "mse": float(((ours - coefficients_of(samples).numpy()) ** 2).mean()),
        "fid": float(shift @ shift + trace),
        "w_dist": float(np.mean([wasserstein_distance(one, two) for one, two in zip(ours.T, theirs.T, strict=True)])),
        "diversity": float(pdist(ours).mean()),
        **{f"r_precision_{k}": hit for k, hit in enumerate(hits, start=1)},
    }


def retrieval(queries: Values, gallery: Values) -> list[float]:
    """Returns R-Precision@1 to 3 of rows (N, E): each query's own row among those of its random pool, by cosine."""
    queries, gallery = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (queries, gallery))
    hits, count = np.zeros(3), 0
    for shuffle in range(SHUFFLES):
        order = np.random.default_rng(shuffle).permutation(len(queries))
        for pool in order[: len(order) // POOL * POOL].reshape(-1, POOL):
            for place, row in enumerate(pool):
                ranking = np.argsort(-(gallery[pool] @ queries[row]))
                hits += np.cumsum(ranking[:3] == place)
                count += 1
    found: list[float] = (hits / count).tolist()
    return found
