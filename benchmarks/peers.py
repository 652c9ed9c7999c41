"""The loops with which such metrics are usually computed, written down anew, beside this project's functions."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import clocked, interleaved, table
from benchmarks.suite_run import UntrainedEvaluator, made_up_question
from kfzoo.metrics.functional._order import canonical_order
from kfzoo.metrics.functional.diversity import diversity, diversity_of_pairs
from kfzoo.metrics.functional.frechet import frechet_distance, moments
from kfzoo.metrics.functional.retrieval import pools, r_precision
from kfzoo.metrics.functional.wasserstein import wasserstein_distance

Values = NDArray[np.float64]
Places = NDArray[np.int64]
Work = Callable[[], Values]

TOP = 3
SHUFFLES = 20
PAIRS = 300
WIDE = 512
"""Size of the embedding of the second Fréchet distance."""


def r_precision_by_query(queries: Values, gallery: Values, drawn: Places) -> Values:
    """R-Precision@1 to 3: a query's own row, then the others of its pool; ties go by index, hence to its own.

    Args:
        queries: (N, E).
        gallery: (N, E).
        drawn: (pools, 32) rows of each pool.
    """
    hits = np.zeros(TOP)
    for pool in drawn:
        for place, row in enumerate(pool):
            candidates = gallery[np.roll(pool, -place)]
            ranking = np.argsort(np.linalg.norm(candidates - queries[row], axis=1))
            hits += np.cumsum(ranking[:TOP] == 0)
    return hits / drawn.size


def r_precision_by_pool(queries: Values, gallery: Values, drawn: Places) -> Values:
    """R-Precision@1 to 3 with one matrix of distances a pool; ties go by index, to whoever stands first in the pool."""
    hits = np.zeros(TOP)
    own = np.arange(drawn.shape[1])[:, None]
    for pool in drawn:
        a, b = queries[pool], gallery[pool]
        squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        ranking = np.argsort(np.sqrt(np.maximum(squares, 0)), axis=1)
        hits += np.cumsum(ranking[:, :TOP] == own, axis=1).sum(axis=0)
    return hits / drawn.size


def frechet_by_sqrtm(first: Values, second: Values, ddof: int = 1) -> Values:
    """Fréchet distance by the root of the product of both covariances, a matrix that is not symmetric."""
    from scipy.linalg import sqrtm

    ours, theirs = (np.cov(each, rowvar=False, ddof=ddof) for each in (first, second))
    shift = first.mean(axis=0) - second.mean(axis=0)
    root = np.real(sqrtm(ours @ theirs))
    return np.asarray(shift @ shift + np.trace(ours) + np.trace(theirs) - 2 * np.trace(root))


def diversity_by_loop(samples: Values) -> Values:
    """Mean distance of random pairs, one after the other."""
    pairs = np.random.default_rng(0).integers(len(samples), size=(PAIRS, 2))
    return np.asarray(np.mean([np.linalg.norm(samples[i] - samples[j]) for i, j in pairs]))


def diversity_by_pdist(samples: Values) -> Values:
    """Mean distance of all pairs, of which each is held."""
    from scipy.spatial.distance import pdist

    return np.asarray(pdist(samples).mean())


def wasserstein_by_channel(first: Values, second: Values) -> Values:
    """Mean of the distances of the channels."""
    from scipy.stats import wasserstein_distance as distance

    return np.asarray(np.mean([distance(a, b) for a, b in zip(first.T, second.T, strict=True)]))


class Pair(NamedTuple):
    """One metric in both ways, on the same inputs.

    Attributes:
        metric: Its name.
        usual: How it is usually computed.
        theirs: That.
        name: Of this project's function.
        ours: A call of it.
        remark: What else than rounding makes the results differ.
    """

    metric: str
    usual: str
    theirs: Work
    name: str
    ours: Work
    remark: str = ""


class Inputs(NamedTuple):
    """What both ways are given, all float64.

    Attributes:
        answers: (N, 61).
        training: (N, 61).
        conditions: (N, 128) embeddings.
        motions: (N, 128) embeddings of the answers.
    """

    answers: Values
    training: Values
    conditions: Values
    motions: Values


def inputs(count: int) -> Inputs:
    """Makes the inputs: the keyframes of the suite's own benchmark.

    Args:
        count: N, at least a pool's.
    """
    question = made_up_question(count)
    evaluator = UntrainedEvaluator(question)
    tensors = (
        question.predictions,
        question.training,
        evaluator.embed_samples(question.samples),
        evaluator.embed_motion(question.predictions),
    )
    return Inputs(*(each.double().numpy() for each in tensors))


def same_pools(queries: Values, gallery: Values) -> Places:
    """The pools that `r_precision` draws for these rows, (pools, 32) of all shuffles."""
    order = canonical_order(torch.from_numpy(queries), torch.from_numpy(gallery))
    found: Places = order[pools(len(queries), shuffles=SHUFFLES)].flatten(0, 1).numpy()
    return found


def pairs(given: Inputs) -> list[Pair]:
    """Returns what is compared."""
    faces = given.answers, given.training
    answers, training = (torch.from_numpy(each) for each in faces)
    queries, gallery = (_unit(each) for each in (given.conditions, given.motions))
    drawn = same_pools(queries, gallery)
    rows = torch.from_numpy(queries), torch.from_numpy(gallery)
    in_pools = f"R-Precision@1–{TOP}, {SHUFFLES} × pools of 32"

    def retrieve() -> Values:
        return r_precision(*rows, top=TOP, shuffles=SHUFFLES).mean(dim=0).numpy()

    return [
        Pair(
            in_pools,
            "`argsort` a query",
            lambda: r_precision_by_query(queries, gallery, drawn),
            "`r_precision`",
            retrieve,
        ),
        Pair(
            in_pools,
            "`argsort` a pool",
            lambda: r_precision_by_pool(queries, gallery, drawn),
            "`r_precision`",
            retrieve,
        ),
        _frechet(*faces),
        _frechet(*(_embedded(each) for each in faces)),
        Pair(
            "Diversity, all pairs",
            "`pdist`",
            lambda: diversity_by_pdist(given.answers),
            "`diversity`",
            lambda: diversity(answers).numpy(),
        ),
        Pair(
            f"Diversity, {PAIRS} random pairs",
            "a loop",
            lambda: diversity_by_loop(given.answers),
            "`diversity_of_pairs`",
            lambda: diversity_of_pairs(answers, PAIRS, seed=0).numpy(),
            "other pairs",
        ),
        Pair(
            "W-Dist",
            "`scipy.stats` a channel",
            lambda: wasserstein_by_channel(*faces),
            "`wasserstein_distance`",
            lambda: wasserstein_distance(answers, training).numpy(),
        ),
    ]


def compare(count: int, runs: int) -> str:
    """Computes every metric in both ways and returns the table.

    Args:
        count: Number of keyframes, at least a pool's.
        runs: Of each way.
    """
    given = inputs(count)
    compared = pairs(given)
    results: dict[str, Values] = {}

    def job(key: str, work: Work) -> Callable[[], float]:
        return clocked(lambda: results.__setitem__(key, work()))

    both = [(f"{place} theirs", f"{place} ours") for place in range(len(compared))]
    jobs: dict[str, Callable[[], float]] = {}
    for (theirs, ours), pair in zip(both, compared, strict=True):
        jobs |= {theirs: job(theirs, pair.theirs), ours: job(ours, pair.ours)}
    taken = {key: median(seconds) for key, seconds in interleaved(jobs, runs, "Comparing").items()}
    rows = []
    for (theirs, ours), pair in zip(both, compared, strict=True):
        difference = float(np.max(np.abs(results[theirs] - results[ours]) / np.abs(results[ours])))
        milliseconds = [f"{taken[key] * 1000:,.1f}" for key in (theirs, ours)]
        ratio = f"{taken[theirs] / taken[ours]:.2f} ×"
        apart = f"{difference:.1e}" + (f" ({pair.remark})" if pair.remark else "")
        rows.append([pair.metric, pair.usual, milliseconds[0], pair.name, milliseconds[1], ratio, apart])
    header = ["metric", "usual way", "its ms", "here", "our ms", "ratio", "relative difference"]
    return "\n".join([table(header, rows), "", *definitions(given)])


def definitions(given: Inputs) -> list[str]:
    """Says what the table's inputs leave out: where the usual definitions give other results."""
    drawn = same_pools(given.conditions, given.motions)[: len(given.answers) // 32]
    by_distance = r_precision_by_pool(given.conditions, given.motions, drawn)[0]
    by_angle = r_precision_by_pool(_unit(given.conditions), _unit(given.motions), drawn)[0]
    constant = np.tile(given.motions[0], (len(given.motions), 1))
    own_first, in_place = (
        way(given.conditions, constant, drawn) for way in (r_precision_by_query, r_precision_by_pool)
    )
    tied = r_precision(torch.from_numpy(given.conditions), torch.from_numpy(constant), shuffles=2)
    averaged = float(tied[:, 0].mean())
    return [
        "R-Precision is given rows of length 1: Euclidean distance and cosine then rank alike. As the rows come,",
        f"distances give R-Precision@1 {by_distance:.4f} where cosines give {by_angle:.4f}. With one motion for",
        f"everything it is {own_first[0]:.4f} by index where the query's own row stands first in its pool,",
        f"{in_place[0]:.4f} by index where it stands in its place, and {averaged:.5f} = 1/32 with ties averaged.",
    ]


def _frechet(first: Values, second: Values) -> Pair:
    sets = torch.from_numpy(first), torch.from_numpy(second)

    def ours() -> Values:
        distance: Values = frechet_distance(*(moments(each) for each in sets)).numpy()
        return distance

    rest = abs(frechet_by_sqrtm(first, second, ddof=0) / ours() - 1)
    return Pair(
        f"FID, D = {first.shape[1]}",
        "`cov` and `sqrtm`",
        lambda: frechet_by_sqrtm(first, second),
        "`frechet_distance`",
        ours,
        f"`cov` divides by N − 1; else {rest:.0e}",
    )


def _unit(rows: Values) -> Values:
    unit: Values = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _embedded(faces: Values) -> Values:
    """A fixed embedding of (N, 61) faces in which every direction has some variance, (N, WIDE)."""
    weights = np.random.default_rng(4).normal(size=(faces.shape[1], WIDE))
    found: Values = np.tanh(faces @ weights)
    return found
