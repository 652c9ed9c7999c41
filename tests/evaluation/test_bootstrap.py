from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.evaluation import bootstrap
from kfzoo.evaluation.bootstrap import mean_intervals


def naive(values: NDArray[np.float64], clusters: NDArray[np.str_], resamples: int, seed: int) -> list[float]:
    """Draws whole scripts one resample at a time and averages the keyframes they hold."""
    generator = np.random.default_rng(seed)
    groups = [values[clusters == name] for name in np.unique(clusters)]
    means = []
    for _ in range(resamples):
        drawn = generator.integers(len(groups), size=len(groups))
        means.append(np.concatenate([groups[index] for index in drawn]).mean())
    return [float(end) for end in np.percentile(means, [2.5, 97.5])]


def test_equals_drawing_scripts_one_by_one() -> None:
    generator = np.random.default_rng(0)
    clusters = generator.integers(12, size=90).astype(str)
    values = generator.random((90, 2))
    intervals = mean_intervals(values, clusters, 200, seed=5)
    assert intervals is not None
    for column in range(2):
        assert intervals[column].tolist() == pytest.approx(naive(values[:, column], clusters, 200, 5), rel=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, clusters = np.random.default_rng(0).random((30, 1)), np.arange(30)
    whole = mean_intervals(values, clusters, 100, seed=0)
    monkeypatch.setattr(bootstrap, "BLOCK", 70)  # two resamples at a time
    parts = mean_intervals(values, clusters, 100, seed=0)
    assert whole is not None
    assert parts is not None
    np.testing.assert_allclose(parts, whole)


def test_covers_the_truth_about_95_times_in_100() -> None:
    generator = np.random.default_rng(0)
    clusters = np.repeat(np.arange(60), 4)
    covered = 0
    for _ in range(200):
        # Scripts differ more than keyframes within one: samples taken as independent would cover far less.
        values = np.repeat(generator.normal(size=60), 4) + 0.3 * generator.normal(size=240)
        interval = mean_intervals(values[:, None], clusters, 300, seed=1)
        assert interval is not None
        covered += int(interval[0, 0] <= 0 <= interval[0, 1])
    assert 0.89 <= covered / 200 <= 0.99


def test_one_script_tells_nothing_of_the_spread() -> None:
    assert mean_intervals(np.random.default_rng(0).random((5, 3)), np.array(["a"] * 5), 100, seed=0) is None
