"""Errors, detection and cross comparison: values and intervals against SciPy and a loop over resampled scripts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from kfzoo.arkit.channels import SUBSETS, indices
from kfzoo.metrics import CrossComparison, Detection, ErrorStatistics
from kfzoo.metrics.answers import Answers, FaceSet, TestSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate

COUNT, SCRIPTS, RESAMPLES = 60, 15, 40
Floats = NDArray[np.float64]


@pytest.fixture
def predictions() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def targets(predictions: Tensor) -> Tensor:
    other = torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(2)).double()
    return 0.5 * predictions + 0.5 * other


@pytest.fixture
def scripts() -> NDArray[np.str_]:
    return (np.arange(COUNT) % SCRIPTS).astype(str)


@pytest.fixture
def drawn(scripts: NDArray[np.str_]) -> ScriptBootstrap:
    return ScriptBootstrap(scripts, RESAMPLES, seed=3)


def naive(statistic: Callable[[NDArray[np.intp]], float], scripts: NDArray[np.str_]) -> tuple[float, float]:
    """Ends of the middle 95 % of a statistic over samples drawn by script, with the draws of `ScriptBootstrap`."""
    generator = np.random.default_rng(3)
    groups = [np.flatnonzero(scripts == name) for name in np.unique(scripts)]
    draws = [
        statistic(np.concatenate([groups[index] for index in generator.integers(SCRIPTS, size=SCRIPTS)]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


def answers(predictions: Tensor, targets: Tensor) -> Answers:
    return Answers.of(TestSet(np.arange(COUNT).astype(str), FaceSet.of(targets), None), FaceSet.of(predictions))


def check(score: Estimate, statistic: Callable[[NDArray[np.intp]], float], scripts: NDArray[np.str_]) -> None:
    assert score.value == pytest.approx(statistic(np.arange(COUNT)), rel=1e-9)
    assert score.interval == pytest.approx(naive(statistic, scripts), rel=1e-9)


def test_errors(predictions: Tensor, targets: Tensor, scripts: NDArray[np.str_], drawn: ScriptBootstrap) -> None:
    difference = (predictions - targets).numpy()
    mse = (difference**2).mean(1)
    of: dict[str, Floats] = {"mse": mse, "mae": np.abs(difference).mean(1), "rmse": np.sqrt(mse)}
    scores = ErrorStatistics().estimates(answers(predictions, targets), drawn)
    assert len(scores) == 12
    for name, values in of.items():
        check(scores[name], lambda rows, v=values: float(v[rows].mean()), scripts)  # type: ignore[misc]
        check(scores[f"{name}_std"], lambda rows, v=values: float(v[rows].std()), scripts)  # type: ignore[misc]
        check(scores[f"{name}_median"], lambda rows, v=values: float(np.median(v[rows])), scripts)  # type: ignore[misc]
        p90 = lambda rows, v=values: float(np.percentile(v[rows], 90))  # noqa: E731
        check(scores[f"{name}_p90"], p90, scripts)


def test_detection(predictions: Tensor, targets: Tensor, scripts: NDArray[np.str_], drawn: ScriptBootstrap) -> None:
    scores = Detection().estimates(answers(predictions, targets), drawn)
    p, t = predictions.numpy(), targets.numpy()
    found, there = p >= 0.5, t >= 0.5

    def f1(rows: NDArray[np.intp]) -> float:
        both = (found & there)[rows].sum()
        precision, recall = both / found[rows].sum(), both / there[rows].sum()
        return float(2 * precision * recall / (precision + recall))

    check(scores["detection_accuracy"], lambda rows: float((found == there)[rows].mean()), scripts)
    check(scores["detection_f1"], f1, scripts)
    check(scores["tolerance_accuracy"], lambda rows: float((np.abs(p - t)[rows] <= 0.25).mean()), scripts)


def test_cross_comparison(
    predictions: Tensor, targets: Tensor, scripts: NDArray[np.str_], drawn: ScriptBootstrap
) -> None:
    scores = CrossComparison().estimates(answers(predictions, targets), drawn)
    p, t = predictions.numpy(), targets.numpy()
    ranks = [stats.rankdata(each, axis=0) for each in (p, t)]

    def correlation(first: Floats, second: Floats, channels: NDArray[np.int64]) -> Callable[[NDArray[np.intp]], float]:
        return lambda rows: float(np.mean([stats.pearsonr(first[rows, d], second[rows, d])[0] for d in channels]))

    for subset in ("sf13", "sf14"):
        channels = indices(SUBSETS[subset])
        check(scores[f"{subset}_pearson"], correlation(p, t, channels), scripts)
        check(scores[f"{subset}_spearman"], correlation(ranks[0], ranks[1], channels), scripts)
        expected = np.mean([stats.spearmanr(p[:, d], t[:, d])[0] for d in channels])
        assert scores[f"{subset}_spearman"].value == pytest.approx(expected, rel=1e-9)
    difference = p - t
    check(scores["all61_msd"], lambda rows: float((difference[rows] ** 2).mean()), scripts)
    check(scores["all61_deviation"], lambda rows: float(np.abs(difference[rows]).mean()), scripts)
    check(scores["all61_accuracy"], lambda rows: float(((p >= 0.5) == (t >= 0.5))[rows].mean()), scripts)


def test_a_channel_that_is_constant_in_a_resample_is_left_out_of_it(
    predictions: Tensor, targets: Tensor, scripts: NDArray[np.str_], drawn: ScriptBootstrap
) -> None:
    first, second = indices(SUBSETS["sf13"])[:2]
    predictions[:, indices(SUBSETS["sf13"])[2:]] = 0.1  # never varies: in no mean
    # Moves in one script alone, and far from 0, where sums leave the largest rounding.
    predictions[:, first] = torch.where(torch.from_numpy(scripts == "3"), predictions[:, first], 7.3)
    p, t = predictions.numpy(), targets.numpy()

    def pearson(rows: NDArray[np.intp]) -> float:
        kept = [d for d in (first, second) if np.ptp(p[rows, d]) > 0]
        return float(np.mean([stats.pearsonr(p[rows, d], t[rows, d])[0] for d in kept]))

    check(CrossComparison().estimates(answers(predictions, targets), drawn)["sf13_pearson"], pearson, scripts)


def test_what_is_not_defined_is_nan_and_has_no_interval(targets: Tensor, drawn: ScriptBootstrap) -> None:
    rest = torch.zeros_like(targets)
    scores = CrossComparison().estimates(answers(rest, targets), drawn)
    scores |= Detection().estimates(answers(rest, targets / 3), drawn)
    for name in ("sf13_pearson", "all61_spearman", "detection_f1"):
        assert np.isnan(scores[name].value)
        assert scores[name].interval is None
    assert scores["detection_accuracy"] == Estimate(1.0, (1.0, 1.0))
    assert scores["all61_msd"].interval is not None
