from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance
from torch import Tensor

from kfzoo.evaluation.scores import METRICS, REFERENCES
from kfzoo.evaluation.suite import EvaluationSuite
from tests.evaluation.suite_samples import (
    COUNT,
    ERRORS,
    LEARNED,
    OF_TARGETS,
    OF_TRAINING,
    Evaluator,
    evaluate,
    everywhere,
    ids,
    rows_of,
    samples_of,
)


def test_scores_equal_numpy_and_scipy(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    report = evaluate(train, predictions, wanted)
    p, t, r = (each.double().numpy() for each in (predictions, wanted, train))
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
    assert set(report.scores) == OF_TARGETS | OF_TRAINING | {"diversity"}
    assert (report.count, report.invalid) == (COUNT, 0)
    assert report.scalars() == {name: score.value for name, score in report.scores.items()} | {"invalid": 0, "n": COUNT}


def test_samples_carry_their_own_errors(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    samples = evaluate(train, predictions, wanted).samples
    assert samples is not None
    assert samples.ids.tolist() == sorted(ids())
    position = ids().index("take 7#2")
    found = samples.ids.tolist().index("take 7#2")
    expected = float((predictions[position] - wanted[position]).double().square().mean())
    assert samples.mse[found] == pytest.approx(expected)
    assert samples.scripts[found] == "take 7"
    of_mean_face = float((train.double().mean(0) - wanted[position]).square().mean())
    assert samples.mean_face_mse[found] == pytest.approx(of_mean_face)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, COUNT - 1), unique=True, max_size=5).map(sorted), seed=st.integers(0, 1000))
def test_batches_order_and_repeats_change_nothing(cuts: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    train, predictions, wanted = torch.rand(3, COUNT, 61, generator=generator)
    valid = torch.rand(COUNT, generator=generator) > 0.2
    suite = EvaluationSuite(train, resamples=20)
    suite.update(ids(), predictions, wanted, valid)
    whole = suite.report(suite.gather())
    suite.reset()
    order = torch.randperm(COUNT, generator=generator)
    for part in [*torch.tensor_split(order, cuts), order[:3]]:  # three come twice, as samplers repeat them
        suite.update([ids()[index] for index in part], predictions[part], wanted[part], valid[part])
    again = suite.report(suite.gather())
    assert again.scores == whole.scores
    assert again.tables == whole.tables
    assert again.samples is not None
    assert whole.samples is not None
    assert again.samples.ids.tolist() == whole.samples.ids.tolist()


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), None])
def test_rows_without_an_answer_score_as_the_mean_face(
    broken: float | None, train: Tensor, predictions: Tensor, wanted: Tensor
) -> None:
    answers, valid = predictions.clone(), everywhere()
    if broken is None:
        valid[[3, 5]] = False
    else:
        answers[[3, 5], 60] = broken
    report = evaluate(train, answers, wanted, valid)
    replaced = predictions.clone()
    replaced[[3, 5]] = train.double().mean(0).float()
    expected = evaluate(train, replaced, wanted)
    assert report.scalars() == pytest.approx(expected.scalars() | {"invalid": 2}, rel=1e-6)
    assert report.samples is not None
    assert sorted(report.samples.ids[~report.samples.valid]) == ["take 0#3", "take 1#1"]
    assert report.scores["mse"].interval == pytest.approx(expected.scores["mse"].interval, rel=1e-6)


def test_reference_rows(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    references = EvaluationSuite(train).reference_reports(rows_of(ids(), predictions, wanted).in_order())
    assert list(references) == list(REFERENCES)
    target, chance, mean, zero = references.values()
    assert target.scores["mse"].value == target.scores["w_dist_test"].value == 0
    assert target.scores["fid_test"].value == pytest.approx(0, abs=1e-10)
    assert target.scores["fid"].value > 0
    # Shuffling changes who answers what, not the set of answers.
    for name in ("fid", "w_dist", "diversity"):
        assert chance.scores[name].value == pytest.approx(target.scores[name].value, rel=1e-9)
    assert chance.scores["mse"].value == pytest.approx(2 * float(wanted.var(0).mean()), rel=0.1)
    assert mean.scores["mse"].value == pytest.approx(float((wanted - train.mean(0)).square().mean()), rel=1e-6)
    assert mean.scores["diversity"].value == pytest.approx(0, abs=1e-9)
    assert zero.scores["mae"].value == pytest.approx(float(wanted.mean()), rel=1e-6)


def test_references_do_not_depend_on_the_model(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    found = []
    for answers in (predictions, torch.zeros_like(predictions)):
        reports = EvaluationSuite(train).reference_reports(rows_of(ids(), answers, wanted))
        found.append({name: report.scores for name, report in reports.items()})
    assert found[0] == found[1]


def test_intervals_hold_the_mean_and_follow_the_seed(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    report = evaluate(train, predictions, wanted)
    for name in ("mse", "mae", "rmse"):
        score = report.scores[name]
        assert score.interval is not None
        assert score.interval[0] < score.value < score.interval[1]
    assert report.scores == evaluate(train, predictions, wanted).scores
    other = EvaluationSuite(train, seed=1).report(rows_of(ids(), predictions, wanted))
    assert other.scores["mse"] != report.scores["mse"]


def test_one_sample_is_enough(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    report = EvaluationSuite(train).report(rows_of(["take 0#0"], predictions[:1], wanted[:1]))
    assert set(report.scores) >= ERRORS | OF_TRAINING | {"diversity", "all61_msd"}
    assert "all61_pearson" not in report.scores
    assert all(np.isfinite(value) for value in report.scalars().values())
    assert report.scores["mse"].interval is None
    assert report.count == 1


def test_ids_of_any_script_survive(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names = ["日本語#0", "é#1", "", "a#b#2"]
    suite = EvaluationSuite(train)
    suite.update(names, predictions[:4], wanted[:4], everywhere(4))
    samples = suite.report(suite.gather()).samples
    assert samples is not None
    assert samples.ids.tolist() == sorted(names)
    assert samples.scripts.tolist() == ["", "a#b", "é", "日本語"]


def test_low_precision_predictions_are_taken(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    report = evaluate(train, predictions.bfloat16(), wanted)
    assert report.scores == evaluate(train, predictions.bfloat16().float(), wanted).scores


def test_rows_can_be_scored_without_updates(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    report = EvaluationSuite(train).report(rows_of(ids(), predictions, wanted))
    expected = evaluate(train, predictions, wanted)
    assert report.scores == expected.scores
    assert report.tables == expected.tables


def test_every_metric_there_is_with_its_interval(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names = [f"take {index}#0" for index in range(COUNT)]
    answers = 0.7 * wanted + 0.3 * predictions
    suite = EvaluationSuite(train, samples_of(names, wanted), Evaluator())
    report = suite.report(rows_of(names, answers, wanted))
    assert list(report.scores) == list(METRICS)
    for name, score in report.scores.items():
        assert score.interval is not None, name
        assert score.interval[0] <= score.value <= score.interval[1], name
        exact = name.startswith("r_precision") and score.value == 1
        assert exact or score.interval[0] < score.interval[1], name
    expected = {"channel", "head_pose", "cross_comparison", "region", "emotion", "subject", "keyframe"}
    assert set(report.tables) == expected


def test_the_reference_rows_of_a_learned_evaluator(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names, evaluator = [f"take {index}#0" for index in range(COUNT)], Evaluator()
    suite = EvaluationSuite(train, samples_of(names, wanted), evaluator)
    rows = rows_of(names, predictions, wanted)
    suite.report(rows)
    references = suite.reference_reports(rows)
    assert evaluator.conditions == COUNT  # embedded once for all rows of the table
    target, chance, mean, zero = references.values()
    assert target.scores["r_precision_1"].value == target.scores["r_precision_full_1"].value == 1
    assert target.scores["mmd"].value == pytest.approx(0, abs=1e-6)
    assert chance.scores["fid_embedding"].value == target.scores["fid_embedding"].value
    assert chance.scores["r_precision_1"].value < 0.3
    for k in (1, 2, 3):
        for each in (mean, zero):
            for name in ("r_precision", "r_precision_reverse", "r_precision_distinct"):
                assert each.scores[f"{name}_{k}"].value == pytest.approx(k / 32, rel=1e-12)
            assert each.scores[f"r_precision_full_{k}"].value == pytest.approx(k / COUNT, rel=1e-12)
    assert all(report.tables == {} for report in references.values())


def test_without_the_target(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names = [f"take {index}#0" for index in range(COUNT)]
    suite = EvaluationSuite(train, samples_of(names, wanted), Evaluator())
    predictions[3] = torch.nan
    rows = rows_of(names, predictions, None)
    report = suite.report(rows)
    assert set(report.scores) == LEARNED | OF_TRAINING | {"diversity", "fid_embedding"}
    assert (report.samples, report.tables, report.count, report.invalid) == (None, {}, COUNT, 1)
    references = suite.reference_reports(rows)
    assert list(references) == ["mean_face", "zero_face"]
    assert all(set(each.scores) == set(report.scores) and each.samples is None for each in references.values())
    # Nothing of an earlier test set is kept.
    assert set(suite.report(rows._replace(targets=wanted.numpy())).scores) == set(report.scores) | OF_TARGETS


def test_without_a_training_split(predictions: Tensor, wanted: Tensor) -> None:
    names = [f"take {index}#0" for index in range(COUNT)]
    suite = EvaluationSuite(None, samples_of(names, wanted), Evaluator())
    rows = rows_of(names, predictions, wanted)
    whole = suite.report(rows)
    assert set(whole.scores) == LEARNED | OF_TARGETS | {"diversity"}
    assert whole.samples is None
    assert list(suite.reference_reports(rows)) == ["ground_truth", "chance", "zero_face"]
    # No face replaces a missing answer: it is counted, and in no number.
    broken = rows._replace(predictions=np.concatenate([rows.predictions[:-2], np.full((2, 61), np.nan, np.float32)]))
    kept = rows.at(np.arange(COUNT - 2))
    found, expected = suite.report(broken), suite.report(kept)
    assert (found.count, found.invalid) == (COUNT, 2)
    assert found.scores == expected.scores
    assert found.tables == expected.tables
    nothing = suite.report(rows._replace(valid=np.zeros(COUNT, dtype=bool)))
    assert (nothing.scores, nothing.samples, nothing.tables) == ({}, None, {})
    assert (nothing.count, nothing.invalid) == (COUNT, COUNT)


def test_with_nothing_but_predictions(predictions: Tensor) -> None:
    report = EvaluationSuite(None).report(rows_of(ids(), predictions, None))
    assert set(report.scores) == {"diversity"}
    references = EvaluationSuite(None).reference_reports(rows_of(ids(), predictions, None))
    assert list(references) == ["zero_face"]


def test_what_is_not_defined_is_left_out(train: Tensor, wanted: Tensor) -> None:
    report = evaluate(train, torch.zeros(COUNT, 61), wanted / 3)
    assert {"detection_f1", "sf13_pearson", "sf14_spearman", "all61_pearson"}.isdisjoint(report.scores)
    assert {"detection_accuracy", "sf13_accuracy", "all61_msd"} <= set(report.scores)
    jaw = dict(zip(report.tables["channel"].columns, report.tables["channel"].rows["JawOpen"], strict=True))
    assert (jaw["pearson"], jaw["f1"]) == (None, None)
    assert jaw["w_dist"] is not None


def test_one_script_has_no_interval(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    names = [f"take 0#{index}" for index in range(COUNT)]
    suite = EvaluationSuite(train, samples_of(names, wanted), Evaluator())
    scores = suite.report(rows_of(names, predictions, wanted)).scores
    # The pools are drawn again and again from any number of scripts.
    drawn = {f"r_precision{direction}_{k}" for direction in ("", "_reverse") for k in (1, 2, 3)}
    assert {name for name in scores if scores[name].interval} == drawn
    assert "r_precision_distinct_1" not in scores


def test_the_order_of_the_rows_changes_nothing(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    suite = EvaluationSuite(train, samples_of(ids(), wanted), Evaluator(), resamples=50)
    rows = rows_of(ids(), predictions, wanted)
    shuffled = rows.at(np.random.default_rng(0).permutation(COUNT))
    assert suite.report(shuffled).scores == suite.report(rows).scores
    for name, reference in suite.reference_reports(shuffled).items():
        assert reference.scores == suite.reference_reports(rows)[name].scores


def test_an_evaluator_needs_every_sample(train: Tensor, predictions: Tensor, wanted: Tensor) -> None:
    suite = EvaluationSuite(train, samples_of(ids()[1:], wanted[1:]), Evaluator())
    message = "the evaluator needs the sample of every row; there is none with the id 'take 0#0'"
    with pytest.raises(ValueError, match=message):
        suite.report(rows_of(ids(), predictions, wanted))
    tables = EvaluationSuite(train, samples_of(ids()[1:], wanted[1:])).report(rows_of(ids(), predictions, wanted))
    assert {"emotion", "subject"}.isdisjoint(tables.tables)


def test_nothing_to_score_is_refused(train: Tensor) -> None:
    with pytest.raises(ValueError, match="no sample was scored; expected at least one"):
        EvaluationSuite(train).gather()
    assert EvaluationSuite(None).report(rows_of(["a"], torch.full((1, 61), torch.nan), None)).invalid == 1
