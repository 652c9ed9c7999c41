from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.metrics import bootstrap
from kfzoo.metrics.bootstrap import ScriptBootstrap, percentile_interval

Floats = NDArray[np.float64]


def naive(
    statistic: Callable[[Floats], float], values: Floats, scripts: NDArray[np.str_], resamples: int, seed: int
) -> list[float]:
    """Draws whole scripts one resample at a time and takes the statistic of all the samples they hold."""
    generator = np.random.default_rng(seed)
    groups = [values[scripts == name] for name in np.unique(scripts)]
    drawn = (generator.integers(len(groups), size=len(groups)) for _ in range(resamples))
    return [statistic(np.concatenate([groups[index] for index in indices])) for indices in drawn]


@pytest.fixture
def scripts() -> NDArray[np.str_]:
    return np.random.default_rng(0).integers(12, size=90).astype(str)


def test_sums_and_means_equal_drawing_scripts_one_by_one(scripts: NDArray[np.str_]) -> None:
    values = np.random.default_rng(1).random((90, 2))
    drawn = ScriptBootstrap(scripts, 200, seed=5)
    for column in range(2):
        sums = naive(np.sum, values[:, column], scripts, 200, 5)
        assert drawn.sums(values)[:, column].tolist() == pytest.approx(sums, rel=1e-12)
        means = naive(np.mean, values[:, column], scripts, 200, 5)
        assert drawn.means(values)[:, column].tolist() == pytest.approx(means, rel=1e-12)
    assert drawn.sizes.tolist() == naive(len, values, scripts, 200, 5)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(2, 30),
    groups=st.integers(2, 30),
    levels=st.integers(1, 50),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_quantiles_equal_those_of_numpy(count: int, groups: int, levels: int, shares: list[float], seed: int) -> None:
    generator = np.random.default_rng(seed)
    scripts, values = generator.integers(groups, size=count).astype(str), generator.integers(levels, size=count) / 7
    found = ScriptBootstrap(scripts, 20, seed).quantiles(values, shares)
    if len(np.unique(scripts)) < 2:
        assert found.shape == (0, len(shares))
        return
    for column, share in enumerate(shares):
        expected = naive(lambda drawn: float(np.quantile(drawn, share)), values, scripts, 20, seed)  # noqa: B023
        assert found[:, column].tolist() == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_columns_may_be_made_block_by_block(scripts: NDArray[np.str_], monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).random((90, 3))
    whole = ScriptBootstrap(scripts, 100, seed=0)
    quantiles = whole.quantiles(values[:, 0], (0.5, 0.9))
    monkeypatch.setattr(bootstrap, "ROWS", 7)  # cuts scripts in two
    monkeypatch.setattr(bootstrap, "DRAWS", 30)  # two resamples at a time
    parts = ScriptBootstrap(scripts, 100, seed=0)
    seen: list[int] = []

    def columns(rows: NDArray[np.intp]) -> Floats:
        seen.extend(rows.tolist())
        return values[rows]

    np.testing.assert_allclose(parts.sums(columns), whole.sums(values), rtol=1e-12)
    assert sorted(seen) == list(range(90))
    np.testing.assert_array_equal(parts.quantiles(values[:, 0], (0.5, 0.9)), quantiles)


def test_the_order_of_the_samples_changes_nothing(scripts: NDArray[np.str_]) -> None:
    values, order = np.random.default_rng(1).random((90, 1)), np.random.default_rng(2).permutation(90)
    one, other = ScriptBootstrap(scripts, 50, 0), ScriptBootstrap(scripts[order], 50, 0)
    np.testing.assert_allclose(one.means(values), other.means(values[order]), rtol=1e-12)
    np.testing.assert_array_equal(one.quantiles(values[:, 0], [0.3]), other.quantiles(values[order, 0], [0.3]))


def test_covers_the_true_value_about_95_times_in_100() -> None:
    generator = np.random.default_rng(0)
    scripts = np.repeat(np.arange(60), 4)
    drawn = ScriptBootstrap(scripts, 300, seed=1)
    covered = np.zeros(2)
    for _ in range(300):
        # Scripts differ more than keyframes within one: samples taken as independent would cover far less.
        values = np.repeat(generator.normal(size=60), 4) + 0.3 * generator.normal(size=240)
        for place, draws in enumerate((drawn.means(values[:, None])[:, 0], drawn.quantiles(values, [0.5])[:, 0])):
            low, high = percentile_interval(draws) or (np.nan, np.nan)
            covered[place] += low <= 0 <= high
    assert (covered / 300 >= 0.9).all()
    assert (covered / 300 <= 0.99).all()


def test_one_script_has_no_spread() -> None:
    drawn = ScriptBootstrap(np.array(["a"] * 5), 100, seed=0)
    assert drawn.resamples == 0
    assert drawn.means(np.ones((5, 3))).shape == (0, 3)
    assert drawn.quantiles(np.ones(5), (0.5, 0.9)).shape == (0, 2)
    assert percentile_interval(drawn.means(np.ones((5, 1)))[:, 0]) is None


def test_an_interval_holds_the_middle_95_percent_of_what_is_defined() -> None:
    assert percentile_interval(np.arange(201.0)) == pytest.approx((5, 195))
    assert percentile_interval(np.array([np.nan, 1, np.inf, 1])) == (1.0, 1.0)
    assert percentile_interval(np.array([np.nan])) is None
