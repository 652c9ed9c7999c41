from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.evaluation.scores import METRICS
from kfzoo.metrics import MultimodalDistance, RowMetric, RPrecision, RPrecisionFull, retrieval
from kfzoo.metrics.answers import Answers, FaceSet, TestSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, with_intervals
from kfzoo.metrics.functional.retrieval import r_precision

COUNT = 160
SCRIPTS = np.array([f"script {index // 4}" for index in range(COUNT)])
LEARNED = [name for name in METRICS if name.startswith(("r_precision", "mmd"))]


@pytest.fixture
def conditions() -> Tensor:
    return torch.randn(COUNT, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def motions(conditions: Tensor) -> Tensor:
    return conditions + 0.7 * torch.randn(COUNT, 8, generator=torch.Generator().manual_seed(1))


def retrieval_scores(
    conditions: Tensor, motions: Tensor, scripts: NDArray[np.str_], drawn: ScriptBootstrap
) -> dict[str, Estimate]:
    """All numbers of the retrieval metrics; the rows are embeddings."""
    ids = np.array([f"{script}#{index}" for index, script in enumerate(scripts)])
    answers = Answers.of(TestSet(ids, FaceSet.of(conditions), None), FaceSet.of(motions))
    metrics: tuple[RowMetric, ...] = (
        RPrecision(),
        RPrecision(reverse=True),
        RPrecision(distinct=True),
        RPrecisionFull(),
        MultimodalDistance(),
        MultimodalDistance(normalised=False),
    )
    found = {name: each for metric in metrics for name, each in metric.estimates(answers).items()}
    return with_intervals(found, drawn)


@pytest.fixture
def drawn() -> ScriptBootstrap:
    return ScriptBootstrap(SCRIPTS, 200, 0)


def test_every_score_with_its_interval(conditions: Tensor, motions: Tensor, drawn: ScriptBootstrap) -> None:
    scores = retrieval_scores(conditions, motions, SCRIPTS, drawn)
    assert sorted(scores) == sorted(LEARNED)
    for name, score in scores.items():
        assert score.interval is not None, name
        assert 0 <= score.interval[0] <= score.value <= score.interval[1], name
    for k in (1, 2, 3):
        assert k / 32 < scores[f"r_precision_{k}"].value < 1
        assert scores[f"r_precision_full_{k}"].value < scores[f"r_precision_{k}"].value
    unit = [each.double() / each.double().norm(dim=1, keepdim=True) for each in (conditions, motions)]
    assert scores["mmd"].value == pytest.approx(float((unit[0] - unit[1]).norm(dim=1).mean()))
    assert scores["mmd_unnormalised"].value == pytest.approx(float((conditions - motions).double().norm(dim=1).mean()))


def test_the_directions_differ(drawn: ScriptBootstrap) -> None:
    # Each motion is nearest to its own condition, but the first condition is nearest to all motions.
    conditions = torch.eye(COUNT)
    motions = torch.eye(COUNT) + 0.9 * torch.ones(COUNT, 1) @ torch.eye(COUNT)[:1]
    forward = retrieval_scores(conditions, motions, SCRIPTS, drawn)
    backward = retrieval_scores(motions, conditions, SCRIPTS, drawn)
    assert forward["r_precision_reverse_1"] == backward["r_precision_1"]
    assert forward["r_precision_1"] == backward["r_precision_reverse_1"]


def test_one_face_for_all_is_exactly_chance(conditions: Tensor, drawn: ScriptBootstrap) -> None:
    same = torch.rand(1, 8).expand(COUNT, 8)
    scores = retrieval_scores(conditions, same, SCRIPTS, drawn)
    for k in (1, 2, 3):
        for name in ("r_precision", "r_precision_reverse", "r_precision_distinct"):
            assert scores[f"{name}_{k}"].value == pytest.approx(k / 32, rel=1e-12)
        assert scores[f"r_precision_full_{k}"].value == pytest.approx(k / COUNT, rel=1e-12)
    # Nothing is drawn or compared for it; the function gives the same.
    assert r_precision(same, conditions).mean(0).tolist() == pytest.approx([1 / 32, 2 / 32, 3 / 32], rel=1e-12)


def test_the_own_motion_finds_itself(conditions: Tensor, drawn: ScriptBootstrap) -> None:
    scores = retrieval_scores(conditions, conditions, SCRIPTS, drawn)
    assert all(score == Estimate(1.0, (1.0, 1.0)) for name, score in scores.items() if name.startswith("r_precision"))
    assert scores["mmd"].value == scores["mmd_unnormalised"].value == 0


@pytest.mark.parametrize(
    ("count", "scripts", "missing"),
    [
        (32, 32, ()),
        (40, 31, ("r_precision_distinct",)),
        (31, 31, ("r_precision_distinct", "r_precision_reverse", "r_precision")),
        (2, 2, ("r_precision_distinct", "r_precision_reverse", "r_precision", "r_precision_full")),
    ],
)
def test_what_needs_more_samples_is_left_out(
    count: int, scripts: int, missing: tuple[str, ...], conditions: Tensor, motions: Tensor
) -> None:
    names = (np.arange(count) % scripts).astype(str)
    scores = retrieval_scores(conditions[:count], motions[:count], names, ScriptBootstrap(names, 10, 0))
    expected = [name for name in LEARNED if name.rpartition("_")[0] not in missing]
    assert sorted(scores) == sorted(expected)


def test_the_full_set_has_a_limit(
    conditions: Tensor, motions: Tensor, drawn: ScriptBootstrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "FULL_SET_LIMIT", COUNT - 1)
    scores = retrieval_scores(conditions, motions, SCRIPTS, drawn)
    assert not [name for name in scores if name.startswith("r_precision_full")]
    assert "mmd" in scores


def test_the_interval_of_the_full_set_is_a_bootstrap_over_scripts(
    conditions: Tensor, motions: Tensor, drawn: ScriptBootstrap
) -> None:
    score = retrieval_scores(conditions, motions, SCRIPTS, drawn)["r_precision_full_1"]
    assert score.interval is not None
    similarities = torch.nn.functional.cosine_similarity(conditions[:, None], motions[None], dim=2)
    hits = (similarities.argmax(1) == torch.arange(COUNT)).double().numpy().reshape(-1, 4).mean(1)
    assert score.value == pytest.approx(hits.mean())
    assert score.interval[1] - score.interval[0] == pytest.approx(2 * 1.96 * hits.std() / 40**0.5, rel=0.15)
