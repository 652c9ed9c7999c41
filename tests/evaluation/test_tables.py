from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS, REGIONS, SUBSETS, indices
from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe, Script
from kfzoo.evaluation import tables as module
from kfzoo.evaluation.scores import Table
from kfzoo.evaluation.tables import channel_tables, group_tables
from kfzoo.metrics.answers import Answers, FaceSet, TestSet
from kfzoo.metrics.bootstrap import ScriptBootstrap, percentile_interval
from kfzoo.metrics.functional.errors import SampleErrors, sample_errors

COUNT = 48


def sample(
    script: str, index: int, subject: str = "ann", emotion: str = "joy", emotions: Mapping[str, float] | None = None
) -> Sample:
    keyframe = Keyframe(index, 0.0, emotions=emotions or {})
    return Sample(Script(script, subject, "", emotion, (keyframe,)), 0, "arkit")


@pytest.fixture
def predictions() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def targets() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(2)).double()


@pytest.fixture
def errors(predictions: Tensor, targets: Tensor) -> SampleErrors:
    return sample_errors(predictions, targets)


def answers(predictions: Tensor, targets: Tensor) -> Answers:
    return Answers.of(TestSet(np.arange(COUNT).astype(str), FaceSet.of(targets), None), FaceSet.of(predictions))


def row(table: Table, name: str) -> dict[str, float | None]:
    return dict(zip(table.columns, table.rows[name], strict=True))


def test_by_channel(predictions: Tensor, targets: Tensor) -> None:
    train = torch.rand(70, 61, generator=torch.Generator().manual_seed(3)).double()
    tables = channel_tables(answers(predictions, targets), FaceSet.of(train))
    assert list(tables) == ["channel", "head_pose", "cross_comparison", "region"]
    assert tuple(tables["channel"].rows) == CHANNELS
    p, t, r = predictions.numpy(), targets.numpy(), train.numpy()
    for d in (0, 17, 60):
        both, either = ((p >= 0.5) & (t >= 0.5))[:, d].sum(), (p >= 0.5)[:, d].sum() + (t >= 0.5)[:, d].sum()
        assert row(tables["channel"], CHANNELS[d]) == pytest.approx(
            {
                "mse": ((p - t)[:, d] ** 2).mean(),
                "pearson": stats.pearsonr(p[:, d], t[:, d])[0],
                "spearman": stats.spearmanr(p[:, d], t[:, d])[0],
                "deviation": np.abs(p - t)[:, d].mean(),
                "accuracy": ((p >= 0.5) == (t >= 0.5))[:, d].mean(),
                "f1": 2 * both / either,
                "w_dist": stats.wasserstein_distance(p[:, d], r[:, d]),
            }
        )
    assert list(tables["head_pose"].rows) == ["HeadYaw", "HeadPitch", "HeadRoll"]
    pitch = tables["channel"].rows["HeadPitch"]
    assert tables["head_pose"].rows["HeadPitch"] == (pitch[1], pitch[2], pitch[0], pitch[3])
    assert tables["head_pose"].columns == ("pearson", "spearman", "msd", "deviation")


def test_by_subset_and_region(predictions: Tensor, targets: Tensor) -> None:
    predictions[:, 0] = 0.0
    tables = channel_tables(answers(predictions, targets), None)
    difference = (predictions - targets).numpy()
    for name, channels in (("sf13", SUBSETS["sf13"]), ("sf14", SUBSETS["sf14"]), ("all61", CHANNELS)):
        found = row(tables["cross_comparison"], name)
        assert found["skipped"] == 1
        assert found["msd"] == pytest.approx((difference[:, indices(channels)] ** 2).mean())
        pearson = [tables["channel"].rows[channel][1] for channel in channels[1:]]
        assert found["pearson"] == pytest.approx(np.mean([each for each in pearson if each is not None]))
    assert list(tables["region"].rows) == list(REGIONS)
    jaw = difference[:, indices("jaw")]
    assert row(tables["region"], "jaw") == pytest.approx(
        {"channels": 4, "mse": (jaw**2).mean(), "mae": np.abs(jaw).mean()}
    )
    assert sum(row(tables["region"], name)["channels"] or 0 for name in REGIONS) == 61


def test_what_is_not_defined_is_none(targets: Tensor) -> None:
    tables = channel_tables(answers(torch.zeros_like(targets), targets / 3), None)
    values = row(tables["channel"], "JawOpen")
    assert [name for name, value in values.items() if value is None] == ["pearson", "spearman", "f1", "w_dist"]
    assert row(tables["cross_comparison"], "sf13")["pearson"] is None


def test_by_emotion_subject_and_keyframe(errors: SampleErrors) -> None:
    asked = [
        sample(f"clip {index // 4}", index % 4, f"subject {index // 16}", "joy" if index % 8 < 4 else "fear")
        for index in range(COUNT)
    ]
    ids = np.array([each.id for each in asked])
    tables = group_tables(ids, errors, {each.id: each for each in asked}, 100, 7)
    assert {name: list(table.rows) for name, table in tables.items()} == {
        "emotion": ["fear", "joy"],
        "subject": ["subject 0", "subject 1", "subject 2"],
        "keyframe": ["0", "1", "2", "3"],
    }
    inside = np.arange(COUNT) % 8 < 4
    mse, scripts = errors.mse.numpy()[inside], np.array([name.partition("#")[0] for name in ids[inside]])
    low, high = percentile_interval(ScriptBootstrap(scripts, 100, 7).means(mse[:, None])[:, 0]) or (0, 0)
    assert row(tables["emotion"], "joy") == pytest.approx(
        {"n": 24, "mse": mse.mean(), "mse_low": low, "mse_high": high, "mae": errors.mae.numpy()[inside].mean()}
    )
    assert sum(row(tables["keyframe"], name)["n"] or 0 for name in tables["keyframe"].rows) == COUNT


def test_a_group_of_one_script_has_no_interval(errors: SampleErrors) -> None:
    asked = [sample("a" if index < 4 else f"b{index}", index, "ann" if index < 4 else "bob") for index in range(COUNT)]
    ids = np.array([each.id for each in asked])
    table = group_tables(ids, errors, {each.id: each for each in asked}, 100, 0)["subject"]
    assert row(table, "ann")["mse_low"] is row(table, "ann")["mse_high"] is None
    assert row(table, "bob")["mse_low"] is not None


def test_keyframes_are_in_the_order_of_their_numbers(errors: SampleErrors) -> None:
    ids = np.array([f"a#{index}" for index in range(12)] + ["b#3", "b#10"])
    few = SampleErrors(*(each[:14] for each in errors))
    tables = group_tables(ids, few, {}, 20, 0)
    assert list(tables) == ["keyframe"]  # subjects and emotions come from the samples
    assert list(tables["keyframe"].rows) == [str(index) for index in range(12)]
    assert row(tables["keyframe"], "10")["n"] == 2
    assert group_tables(np.array(["a#0", "b"]), SampleErrors(*(each[:2] for each in errors)), {}, 20, 0) == {}


def test_small_groups_are_one_row_at_the_end(errors: SampleErrors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EMOTIONS", 2)
    emotions = ["z"] * 20 + ["y"] * 20 + ["a"] * 5 + ["b"] * 3
    asked = [sample(f"s{index}", 0, emotion=emotion) for index, emotion in enumerate(emotions)]
    table = group_tables(np.array([each.id for each in asked]), errors, {each.id: each for each in asked}, 20, 0)
    assert list(table["emotion"].rows) == ["y", "z", "other"]
    assert row(table["emotion"], "other")["n"] == 8
    assert row(table["emotion"], "other")["mse"] == pytest.approx(float(errors.mse[40:].mean()))
