from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance
from torch import Tensor

from kfzoo.evaluation.rows import Rows
from kfzoo.evaluation.scores import METRICS, REFERENCES
from kfzoo.evaluation.suite import EvaluationSuite, Report

COUNT = 40


def ids(count: int = COUNT) -> list[str]:
    """Four keyframes a script."""
    return [f"take {index // 4}#{index % 4}" for index in range(count)]


@pytest.fixture
def train() -> Tensor:
    return torch.rand(70, 61, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def predictions() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def targets() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(3))


def everywhere(count: int = COUNT) -> Tensor:
    return torch.ones(count, dtype=torch.bool)


def evaluate(train: Tensor, predictions: Tensor, targets: Tensor, valid: Tensor | None = None) -> Report:
    suite = EvaluationSuite(train)
    suite.update(ids(), predictions, targets, everywhere() if valid is None else valid)
    return suite.compute()


def test_scores_equal_numpy_and_scipy(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    report = evaluate(train, predictions, targets)
    p, t, r = (each.double().numpy() for each in (predictions, targets, train))
    mse = np.mean((p - t) ** 2, axis=1)
    expected = {
        "mse": mse.mean(),
        "mse_median": np.median(mse),
        "mse_std": mse.std(),
        "mse_p90": np.percentile(mse, 90),
        "mae": np.abs(p - t).mean(),
        "rmse": np.sqrt(mse).mean(),
        "w_dist": np.mean([stats.wasserstein_distance(p[:, d], r[:, d]) for d in range(61)]),
        "w_dist_test": np.mean([stats.wasserstein_distance(p[:, d], t[:, d]) for d in range(61)]),
        "diversity": distance.pdist(p).mean(),
    }
    assert {name: report.scores[name].value for name in expected} == pytest.approx(expected, rel=1e-6)
    assert list(report.scores) == list(METRICS)
    assert (report.count, report.invalid) == (COUNT, 0)
    assert report.scalars() == {name: score.value for name, score in report.scores.items()} | {"invalid": 0, "n": COUNT}


def test_samples_carry_their_own_errors(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    samples = evaluate(train, predictions, targets).samples
    assert samples.ids.tolist() == sorted(ids())
    position = ids().index("take 7#2")
    found = samples.ids.tolist().index("take 7#2")
    expected = float((predictions[position] - targets[position]).double().square().mean())
    assert samples.mse[found] == pytest.approx(expected)
    assert samples.scripts[found] == "take 7"


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, COUNT - 1), unique=True, max_size=5).map(sorted), seed=st.integers(0, 1000))
def test_batches_order_and_repeats_change_nothing(cuts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    train, predictions, targets = torch.rand(3, COUNT, 61, generator=generator)
    valid = torch.rand(COUNT, generator=generator) > 0.2
    suite = EvaluationSuite(train, resamples=20)
    suite.update(ids(), predictions, targets, valid)
    whole = suite.compute()
    suite.reset()
    order = torch.randperm(COUNT, generator=generator)
    for part in [*torch.tensor_split(order, cuts), order[:3]]:  # three come twice, as samplers repeat them
        suite.update([ids()[index] for index in part], predictions[part], targets[part], valid[part])
    again = suite.compute()
    assert again.scores == whole.scores
    assert again.samples.ids.tolist() == whole.samples.ids.tolist()


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), None])
def test_rows_without_an_answer_score_as_the_mean_face(
    broken: float | None, train: Tensor, predictions: Tensor, targets: Tensor
) -> None:
    answers, valid = predictions.clone(), everywhere()
    if broken is None:
        valid[[3, 5]] = False
    else:
        answers[[3, 5], 60] = broken
    report = evaluate(train, answers, targets, valid)
    replaced = predictions.clone()
    replaced[[3, 5]] = train.double().mean(0).float()
    expected = evaluate(train, replaced, targets)
    assert report.scalars() == pytest.approx(expected.scalars() | {"invalid": 2}, rel=1e-6)
    assert sorted(report.samples.ids[~report.samples.valid]) == ["take 0#3", "take 1#1"]
    assert report.scores["mse"].interval == pytest.approx(expected.scores["mse"].interval, rel=1e-6)


def test_reference_rows(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    suite = EvaluationSuite(train)
    suite.update(ids(), predictions, targets, everywhere())
    references = suite.reference_reports(suite.gather())
    assert list(references) == list(REFERENCES)
    truth, chance, mean, zero = references.values()
    assert truth.scores["mse"].value == truth.scores["w_dist_test"].value == 0
    assert truth.scores["fid_test"].value == pytest.approx(0, abs=1e-10)
    assert truth.scores["fid"].value > 0
    # Shuffling changes who answers what, not the set of answers.
    for name in ("fid", "w_dist", "diversity"):
        assert chance.scores[name].value == pytest.approx(truth.scores[name].value, rel=1e-9)
    assert chance.scores["mse"].value == pytest.approx(2 * float(targets.var(0).mean()), rel=0.1)
    assert mean.scores["mse"].value == pytest.approx(float((targets - train.mean(0)).square().mean()), rel=1e-6)
    assert mean.scores["diversity"].value == pytest.approx(0, abs=1e-9)
    assert zero.scores["mae"].value == pytest.approx(float(targets.mean()), rel=1e-6)


def test_references_do_not_depend_on_the_model(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    found = []
    for answers in (predictions, torch.zeros_like(predictions)):
        suite = EvaluationSuite(train)
        suite.update(ids(), answers, targets, everywhere())
        found.append({name: report.scores for name, report in suite.reference_reports(suite.gather()).items()})
    assert found[0] == found[1]


def test_intervals_hold_the_mean_and_follow_the_seed(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    report = evaluate(train, predictions, targets)
    for name in ("mse", "mae", "rmse"):
        score = report.scores[name]
        assert score.interval is not None
        assert score.interval[0] < score.value < score.interval[1]
    assert report.scores == evaluate(train, predictions, targets).scores
    suite = EvaluationSuite(train, seed=1)
    suite.update(ids(), predictions, targets, everywhere())
    assert suite.compute().scores["mse"] != report.scores["mse"]


def test_one_sample_is_enough(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    suite = EvaluationSuite(train)
    suite.update(["take 0#0"], predictions[:1], targets[:1], everywhere(1))
    report = suite.compute()
    assert all(np.isfinite(value) for value in report.scalars().values())
    assert report.scores["mse"].interval is None
    assert report.count == 1


def test_ids_of_any_script_survive(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    names = ["日本語#0", "é#1", "", "a#b#2"]
    suite = EvaluationSuite(train)
    suite.update(names, predictions[:4], targets[:4], everywhere(4))
    samples = suite.compute().samples
    assert samples.ids.tolist() == sorted(names)
    assert samples.scripts.tolist() == ["", "a#b", "é", "日本語"]


def test_low_precision_predictions_are_taken(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    report = evaluate(train, predictions.bfloat16(), targets)
    assert report.scores == evaluate(train, predictions.bfloat16().float(), targets).scores


def test_rows_can_be_scored_without_updates(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    rows = Rows(np.array(ids()), predictions.numpy(), targets.numpy(), np.ones(COUNT, dtype=bool))
    assert EvaluationSuite(train).report(rows).scalars() == pytest.approx(
        evaluate(train, predictions, targets).scalars(), rel=1e-12
    )


def test_one_id_with_two_truths_is_refused(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    suite = EvaluationSuite(train)
    suite.update(["a#0", "b#0", "a#0"], predictions[:3], targets[:3], everywhere(3))
    with pytest.raises(ValueError, match="'a#0' stands for two different targets; sample ids must be unique"):
        suite.compute()


def test_what_does_not_fit_is_named(train: Tensor, predictions: Tensor, targets: Tensor) -> None:
    suite = EvaluationSuite(train)
    with pytest.raises(ValueError, match=r"as many ids as predictions.* got 39, 40, 40, 40"):
        suite.update(ids()[1:], predictions, targets, everywhere())
    with pytest.raises(ValueError, match=r"predictions: expected rows of shape \(61,\), got \(52,\)"):
        suite.update(ids(), predictions[:, :52], targets, everywhere())
    with pytest.raises(ValueError, match="target of 'take 1#0' holds NaN or infinity"):
        suite.update(ids(), predictions, targets.index_fill(0, torch.tensor([4]), torch.nan), everywhere())
    with pytest.raises(ValueError, match="samples: row 0 holds NaN or infinity"):
        EvaluationSuite(torch.full((2, 61), torch.nan))


def test_nothing_to_score_is_refused(train: Tensor) -> None:
    with (
        pytest.warns(UserWarning, match="was called before"),
        pytest.raises(ValueError, match="no sample was scored; expected at least one"),
    ):
        EvaluationSuite(train).compute()
