from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from kfzoo.metrics.functional.paired import PairedTest, paired_t_test, wilcoxon_test


def errors(count: int, scale: float = 1.0, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of two systems on the same samples, the second a little worse."""
    generator = np.random.default_rng(seed)
    first = generator.exponential(size=count)
    return first * scale, (first + generator.normal(0.1, 0.5, size=count)) * scale


def sandwich(differences: NDArray[np.float64], clusters: NDArray[np.int64]) -> tuple[float, float]:
    """Statistic and p-value of a regression on a constant with a cluster-robust covariance (CR1), as in textbooks."""
    constant = np.ones((len(differences), 1))
    bread = np.linalg.inv(constant.T @ constant)
    slope = bread @ constant.T @ differences
    residuals, names = differences - constant @ slope, np.unique(clusters)
    scores = np.stack([constant[clusters == name].T @ residuals[clusters == name] for name in names])
    small = len(names) / (len(names) - 1)
    statistic = float(slope[0] / np.sqrt(small * (bread @ scores.T @ scores @ bread)[0, 0]))
    return statistic, float(2 * stats.t.cdf(-abs(statistic), len(names) - 1))


def compare(first: NDArray[np.float64], second: NDArray[np.float64], clusters: object = None) -> PairedTest:
    groups = None if clusters is None else torch.as_tensor(clusters)
    return paired_t_test(torch.from_numpy(first), torch.from_numpy(second), groups)


def numbers(values: tuple[Tensor, ...]) -> list[float]:
    assert all(value.dtype == torch.float64 and value.shape == () for value in values)
    return [float(value) for value in values]


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("count", [2, 5, 200])
def test_plain_equals_scipy(count: int, scale: float) -> None:
    first, second = errors(count, scale)
    expected = stats.ttest_rel(first, second)
    difference, effect, statistic, degrees, p_value = numbers(compare(first, second))
    assert difference == pytest.approx(np.mean(first - second), rel=1e-6)
    assert effect == pytest.approx(np.mean(first - second) / np.std(first - second, ddof=1), rel=1e-6)
    assert statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert degrees == expected.df
    assert p_value == pytest.approx(expected.pvalue, rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
def test_clustered_equals_the_sandwich(scale: float) -> None:
    first, second = errors(120, scale)
    clusters = np.random.default_rng(1).integers(-3, 14, size=120)
    measured = compare(first, second, clusters)
    statistic, p_value = sandwich(first - second, clusters)
    assert float(measured.statistic) == pytest.approx(statistic, rel=1e-6)
    assert float(measured.p_value) == pytest.approx(p_value, rel=1e-6)
    assert float(measured.degrees) == len(set(clusters.tolist())) - 1
    # What the clusters change is how sure one may be, not what was measured.
    plain = compare(first, second)
    assert (measured.difference, measured.effect_size) == (plain.difference, plain.effect_size)


def test_every_sample_its_own_cluster_is_the_plain_test() -> None:
    first, second = errors(40)
    assert numbers(compare(first, second, np.arange(40) * 3)) == pytest.approx(numbers(compare(first, second)))


def test_clusters_of_one_size_are_a_test_of_their_means() -> None:
    first, second = errors(60)
    measured = compare(first, second, np.arange(60) // 6)
    expected = stats.ttest_rel(first.reshape(10, 6).mean(axis=1), second.reshape(10, 6).mean(axis=1))
    assert float(measured.statistic) == pytest.approx(expected.statistic)
    assert float(measured.p_value) == pytest.approx(expected.pvalue)


def test_frames_repeated_make_nobody_surer_once_clustered() -> None:
    first, second = errors(12)
    repeated = compare(np.repeat(first, 50), np.repeat(second, 50), np.repeat(np.arange(12), 50))
    once = compare(first, second)
    assert float(repeated.p_value) == pytest.approx(float(once.p_value))
    assert float(compare(np.repeat(first, 50), np.repeat(second, 50)).p_value) < float(once.p_value) / 4


@pytest.mark.parametrize("clusters", [None, [0, 0, 1, 1]])
def test_no_difference_and_a_constant_one(clusters: object) -> None:
    values = np.array([0.25, 0.5, 1.0, 2.0])
    difference, effect, statistic, _, p_value = numbers(compare(values, values, clusters))
    assert (difference, effect, statistic, p_value) == (0, 0, 0, 1)
    difference, effect, statistic, _, p_value = numbers(compare(values, values + 0.25, clusters))
    assert (difference, effect, statistic, p_value) == (-0.25, -np.inf, -np.inf, 0)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("decimals", [1, 15])
def test_wilcoxon_equals_scipy(scale: float, decimals: int) -> None:
    first, second = (np.round(values, decimals) for values in errors(80))
    if decimals == 1:
        # Tenths as whole numbers: equal differences are equal, and some are 0.
        first, second = np.round(first * 10), np.round(second * 10)
        assert (first == second).any()
    first, second = first * scale, second * scale
    expected = stats.wilcoxon(first, second)
    statistic, p_value = numbers(wilcoxon_test(torch.from_numpy(first), torch.from_numpy(second)))
    assert statistic == pytest.approx(expected.statistic, rel=1e-6)
    assert p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_wilcoxon_without_a_difference() -> None:
    values = torch.rand(9)
    assert numbers(wilcoxon_test(values, values)) == [0, 1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), clustered=st.booleans())
def test_exchanged_systems_change_the_sign_and_order_changes_nothing(seed: int, clustered: bool) -> None:
    first, second = errors(30, seed=seed)
    generator = np.random.default_rng(seed)
    clusters, order = generator.integers(0, 8, size=30), generator.permutation(30)
    forth = numbers(compare(first, second, clusters if clustered else None))
    back = numbers(compare(second[order], first[order], clusters[order] if clustered else None))
    assert back == pytest.approx([-forth[0], -forth[1], -forth[2], forth[3], forth[4]], rel=1e-9)
    tensors = [torch.from_numpy(values) for values in (first, second)]
    expected = numbers(wilcoxon_test(*tensors))
    assert numbers(wilcoxon_test(tensors[1][order], tensors[0][order])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.rand(5), torch.rand(4)), r"expected one number for each sample, got \(5,\) and \(4,\)"),
        ((torch.zeros(2), torch.tensor([0, torch.nan])), "second: row 1 holds NaN or infinity"),
        ((torch.rand(1), torch.rand(1)), "expected at least two samples, got 1"),
        ((*torch.rand(2, 5), torch.zeros(5, dtype=torch.int32)), "expected at least two clusters, got 1"),
        ((*torch.rand(2, 5), torch.arange(4)), r"clusters: expected one for each of 5 samples, got \(4,\)"),
        (torch.rand(3, 5), r"clusters: expected integers, got torch\.float32"),
    ],
)
def test_what_does_not_fit_is_named(arguments: Sequence[Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired_t_test(*arguments)


@pytest.mark.parametrize(("shape", "message"), [((5, 2), r"got \(5, 2\) and \(5, 2\)"), ((0,), "at least one sample")])
def test_wilcoxon_of_what_does_not_fit(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wilcoxon_test(torch.rand(shape), torch.rand(shape))
