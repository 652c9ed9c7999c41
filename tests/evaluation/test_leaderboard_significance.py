from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard import boards, render_markdown
from kfzoo.evaluation.leaderboard.significance import compare
from kfzoo.evaluation.results import Run
from tests.evaluation.leaderboard_runs import COUNT, results, run, samples

FIRST, SECOND = np.random.default_rng(1).gamma(2, 0.005, (2, 60))


def clustered(differences: NDArray[np.float64], recordings: NDArray[np.str_]) -> float:
    """p-value of a mean with a standard error that is robust against anything within recordings."""
    names = np.unique(recordings)
    sums = np.array([(differences[recordings == name] - differences.mean()).sum() for name in names])
    groups = len(names)
    error = np.sqrt((sums**2).sum() * groups / (groups - 1)) / len(differences)
    return float(2 * stats.t.sf(abs(differences.mean() / error), groups - 1))


def test_alone_in_its_recording_each_sample_gives_the_plain_tests() -> None:
    found = compare(FIRST, SECOND, np.arange(60).astype(str))
    assert found.p_value == pytest.approx(stats.ttest_rel(FIRST, SECOND).pvalue)
    assert found.wilcoxon == pytest.approx(
        stats.wilcoxon(FIRST, SECOND, zero_method="wilcox", correction=False, method="asymptotic").pvalue
    )
    differences = FIRST - SECOND
    assert found.difference == pytest.approx(differences.mean())
    assert found.effect_size == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_recordings_cluster_the_t_test() -> None:
    recordings = np.array([f"take{index // 10}" for index in range(60)])
    shift = np.repeat(np.random.default_rng(2).normal(0.002, 0.003, 6), 10)  # alike within a recording
    found = compare(SECOND + shift, SECOND, recordings)
    assert found.p_value == pytest.approx(clustered(shift, recordings))
    assert found.p_value > 10 * stats.ttest_rel(SECOND + shift, SECOND).pvalue


def test_rounding_is_no_difference() -> None:
    recordings = (np.arange(60) % 6).astype(str)
    found = compare(SECOND * (1 + 1e-7), SECOND, recordings)
    assert (found.p_value, found.effect_size, found.wilcoxon, found.different) == (1.0, 0.0, 1.0, False)
    assert compare(SECOND * 1.001, SECOND, recordings).different


def board_of(
    *errors: NDArray[np.float64], mean_face: NDArray[np.float64] | float = 0.02, recordings: int = 8
) -> list[str]:
    """Markers of the models by their order, best first; the MSE of each is the mean of its errors."""
    runs = [
        Run(results(f"run{place}", float(each.mean())), samples(each, mean_face, recordings))
        for place, each in enumerate(errors)
    ]
    (board,) = boards(runs)
    return [entry.marker for entry in board.entries]


BASE = np.random.default_rng(3).uniform(0.005, 0.015, COUNT)
NOISE = np.random.default_rng(4).normal(0, 0.001, COUNT)
NOISE -= NOISE.mean()


def test_markers() -> None:
    best, even, worse = BASE, BASE + 1e-5 + NOISE, BASE + 0.003 + NOISE
    assert board_of(best, even, worse) == ["", "†", ""]
    # As bad as the mean face, worse than it, and the mean face itself.
    assert board_of(best, worse, mean_face=worse + NOISE) == ["", "‡"]
    assert board_of(best, worse, mean_face=worse - 0.002) == ["", "‡"]
    assert board_of(best, mean_face=best) == ["‡"]
    assert board_of(best, even, mean_face=best) == ["‡", "†‡"]


def test_comparisons_are_with_the_best_row_and_with_the_mean_face() -> None:
    good, bad = run("good", 0.01), run("bad", 0.02)
    (board,) = boards([bad, good])
    first, second = board.entries
    assert first.against_best is None
    assert good.samples is not None
    assert bad.samples is not None
    for found, expected in (
        (second.against_best, compare(bad.samples.mse, good.samples.mse, bad.samples.recordings)),
        (first.against_mean_face, compare(good.samples.mse, good.samples.mean_face_mse, good.samples.recordings)),
    ):
        assert found is not None
        assert asdict(found) == pytest.approx(asdict(expected))
    assert board.recordings == 8
    text = render_markdown([good, bad])
    assert "Paired tests on the MSE of each sample, clustered by recording (8 recordings)." in text
    assert second.against_best is not None
    numbers = f"\\<0.001 | +{second.against_best.effect_size:.2f} | \\<0.001 |"
    assert f"| mean\\_face | bad | {numbers}" in text


def test_the_order_of_the_samples_does_not_matter() -> None:
    good, bad = run("good", 0.01), run("bad", 0.02)
    assert good.samples is not None
    columns = ("ids", "valid", "mse", "mae", "mean_face_mse")
    turned = replace(good.samples, **{name: getattr(good.samples, name)[::-1] for name in columns})
    assert boards([good, bad]) == boards([Run(good.results, turned), bad])


def test_one_recording_is_never_significant() -> None:
    text = render_markdown([run("good", 0.01, clips=1), run("bad", 0.02, clips=1)])
    assert "No test of significance: the samples come from fewer than two recordings." in text
    assert "Wilcoxon p" not in text
    assert board_of(BASE, BASE + 1e-5 + NOISE, recordings=1) == ["", ""]


def test_other_samples_on_the_same_data_are_a_fault() -> None:
    good, bad = run("good", 0.01), run("bad", 0.02)
    assert bad.samples is not None
    ids = bad.samples.ids.copy()
    ids[5] = "take9/0#005"
    with pytest.raises(InputError) as caught:
        boards([good, Run(bad.results, replace(bad.samples, ids=ids))])
    assert str(caught.value) == (
        "samples of run 'bad': are not those of run 'good' on the same data (2 differ, 'take5/1#005' first); "
        "run `test` again for both"
    )
