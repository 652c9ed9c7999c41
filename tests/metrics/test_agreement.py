from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import accuracy_score, mean_absolute_error, mean_squared_error

from kfzoo.arkit.channels import CHANNELS, INDEX, SF13, indices
from kfzoo.errors import InputError
from kfzoo.metrics import CrossComparison
from kfzoo.metrics.functional.agreement import ChannelAgreement, channel_agreement, cross_comparison


def of(predictions: np.ndarray, targets: np.ndarray, threshold: float = 0.5) -> ChannelAgreement:
    return channel_agreement(torch.from_numpy(predictions), torch.from_numpy(targets), threshold=threshold)


@pytest.mark.parametrize(
    ("scale", "offset", "decimals"),
    [(1.0, 0.0, 15), (1.0, 0.0, 1), (1e-8, 0.0, 15), (1e8, 0.0, 15), (1.0, 1e8, 15), (1e-3, 1e6, 15)],
)
def test_equals_scipy_and_sklearn(scale: float, offset: float, decimals: int) -> None:
    generator = np.random.default_rng(0)
    targets = np.round(generator.random((90, 7)), decimals)
    predictions = np.round(targets + generator.normal(size=(90, 7)), decimals) * scale + offset
    targets = targets * scale + offset
    threshold = 0.5 * scale + offset
    measured = of(predictions, targets, threshold)
    for d in range(7):
        p, t = predictions[:, d], targets[:, d]
        assert float(measured.pearson[d]) == pytest.approx(stats.pearsonr(p, t).statistic, rel=1e-6)
        assert float(measured.spearman[d]) == pytest.approx(stats.spearmanr(p, t).statistic, rel=1e-6)
        assert float(measured.accuracy[d]) == pytest.approx(accuracy_score(t >= threshold, p >= threshold), rel=1e-6)
        assert float(measured.msd[d]) == pytest.approx(mean_squared_error(t, p), rel=1e-6)
        assert float(measured.deviation[d]) == pytest.approx(mean_absolute_error(t, p), rel=1e-6)


def test_a_channel_that_does_not_vary_has_no_correlation() -> None:
    generator = np.random.default_rng(0)
    predictions, targets = generator.random((2, 20, 4))
    predictions[:, 1] = 0.1
    targets[:, 2] = 1e8
    predictions[:, 3] = targets[:, 3] = 0
    measured = of(predictions, targets)
    for correlation in (measured.pearson, measured.spearman):
        assert correlation.isnan().tolist() == [False, True, True, True]
    assert measured.msd.tolist() == pytest.approx(((predictions - targets) ** 2).mean(axis=0).tolist())
    assert float(measured.accuracy[3]) == 1


def test_the_smallest_variation_is_one() -> None:
    # 0.1 and the next double: constant to any tolerance, but it varies.
    predictions = np.full((8, 1), 0.1)
    predictions[4:] = np.nextafter(0.1, 1)
    targets = np.arange(8.0).reshape(-1, 1)
    expected = stats.pearsonr([0] * 4 + [1] * 4, range(8)).statistic
    assert float(of(predictions, targets).pearson) == pytest.approx(expected)
    assert float(of(targets * 1e-300, targets * 1e300).pearson) == pytest.approx(1)


@pytest.mark.parametrize("samples", [2, 3, 50])
def test_identity_and_its_opposite(samples: int) -> None:
    faces = np.random.default_rng(0).random((samples, 61))
    same, opposite = of(faces, faces), of(1 - faces, faces)
    for correlation, sign in ((same.pearson, 1), (same.spearman, 1), (opposite.pearson, -1), (opposite.spearman, -1)):
        np.testing.assert_allclose(correlation, sign, rtol=1e-12)
        assert float(correlation.abs().max()) <= 1
    assert same.accuracy.tolist() == [1.0] * 61
    assert same.msd.tolist() == same.deviation.tolist() == [0.0] * 61


def test_one_sample_has_errors_but_no_correlation() -> None:
    measured = of(np.array([[0.75]]), np.array([[0.25]]))
    assert measured.pearson.isnan().all()
    assert measured.spearman.isnan().all()
    assert (float(measured.accuracy), float(measured.msd), float(measured.deviation)) == (0, 0.25, 0.5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), decimals=st.sampled_from([1, 15]))
def test_ranks_see_only_the_order_of_values(seed: int, decimals: int) -> None:
    generator = np.random.default_rng(seed)
    predictions, targets = np.round(generator.random((2, 30, 3)), decimals)
    expected, measured = of(predictions, targets), of(np.exp(9 * predictions), targets**3)
    np.testing.assert_allclose(measured.spearman, expected.spearman, rtol=1e-9)
    order = generator.permutation(30)
    for moved, still in zip(of(predictions[order], targets[order]), expected, strict=True):
        np.testing.assert_allclose(moved, still, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("subset", "names"), [("sf13", SF13), ("sf14", (*SF13, "MouthLeft")), ("all61", CHANNELS), ("jaw", None)]
)
def test_cross_comparison_is_the_mean_over_the_subset(subset: str, names: tuple[str, ...] | None) -> None:
    names = names or ("JawForward", "JawRight", "JawLeft", "JawOpen")
    generator = np.random.default_rng(0)
    predictions, targets = generator.random((2, 40, 61))
    predictions[:, INDEX["JawOpen"]] = 0.5
    expected: dict[str, list[float]] = {"pearson": [], "spearman": [], "accuracy": [], "msd": [], "deviation": []}
    for p, t in ((predictions[:, INDEX[name]], targets[:, INDEX[name]]) for name in names):
        if np.std(p) > 0:
            expected["pearson"].append(stats.pearsonr(p, t).statistic)
            expected["spearman"].append(stats.spearmanr(p, t).statistic)
        expected["accuracy"].append(np.mean((p >= 0.5) == (t >= 0.5)))
        expected["msd"].append(np.mean((p - t) ** 2))
        expected["deviation"].append(np.mean(np.abs(p - t)))
    assert len(expected["msd"]) == len(expected["pearson"]) + 1
    means = cross_comparison(of(predictions, targets), indices(subset).tolist())
    measured = {name: float(value) for name, value in means._asdict().items()}
    assert measured.pop("skipped") == 1
    assert measured == pytest.approx({name: np.mean(values) for name, values in expected.items()}, rel=1e-9)


def test_nothing_that_varies_leaves_no_mean() -> None:
    result = cross_comparison(channel_agreement(torch.zeros(5, 3), torch.rand(5, 3)), [0, 2])
    assert float(result.skipped) == 2
    assert torch.stack([result.pearson, result.spearman]).isnan().all()
    assert torch.stack([result.accuracy, result.msd, result.deviation]).isfinite().all()


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected one shape, got \(2, 61\) and \(2, 52\)"):
        channel_agreement(torch.zeros(2, 61), torch.zeros(2, 52))
    with pytest.raises(ValueError, match="targets: row 1 holds NaN or infinity"):
        channel_agreement(torch.zeros(2, 1), torch.tensor([[0.0], [torch.nan]]))
    agreement = channel_agreement(torch.rand(3, 5), torch.rand(3, 5))
    with pytest.raises(ValueError, match=r"channels: expected positions from 0 to 4, got \[5, -1\]"):
        cross_comparison(agreement, [0, 5, -1])
    with pytest.raises(ValueError, match="channels: expected positions from 0 to 4, got none"):
        cross_comparison(agreement, [])
    with pytest.raises(InputError, match="subset 'sf15'"):
        CrossComparison(subsets=("sf15",))
