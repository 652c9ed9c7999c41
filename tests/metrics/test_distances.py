from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import distance
from torch import Tensor

from kfzoo.metrics import Diversity, FrechetDistance, WassersteinDistance, distances
from kfzoo.metrics.answers import Answers, FaceSet, TestSet
from kfzoo.metrics.bootstrap import ScriptBootstrap
from kfzoo.metrics.estimates import Estimate, MeanEstimate, with_intervals
from kfzoo.metrics.functional.frechet import frechet_distance, moments

COUNT = 120
SCRIPTS = (np.arange(COUNT) // 4).astype(str)


def values(count: int, seed: int) -> Tensor:
    """Scripts of four faces that are alike."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.rand(count // 4, 6, generator=generator).repeat_interleave(4, 0)
    return (own + 0.2 * torch.rand(count, 6, generator=generator)).double()


@pytest.fixture
def training() -> FaceSet:
    return FaceSet.of(values(400, 0) * 0.9)


@pytest.fixture
def target() -> FaceSet:
    return FaceSet.of(values(COUNT, 1))


@pytest.fixture
def answers(target: FaceSet) -> FaceSet:
    return FaceSet.of(target.values * 0.7 + 0.3 * values(COUNT, 2))


def w_dist(first: Tensor, second: Tensor) -> float:
    channels = zip(first.T.numpy(), second.T.numpy(), strict=True)
    return float(np.mean([stats.wasserstein_distance(a, b) for a, b in channels]))


def fid(first: Tensor, second: Tensor) -> float:
    return float(frechet_distance(moments(first), moments(second)))


def estimates(faces: FaceSet, target: FaceSet, training: FaceSet) -> dict[str, MeanEstimate]:
    """All distances of the answers, and their diversity."""
    answers = Answers.of(TestSet(SCRIPTS, target, None), faces)
    metrics = (
        FrechetDistance(training),
        WassersteinDistance(training),
        Diversity(),
        FrechetDistance(reference="targets"),
        WassersteinDistance(reference="targets"),
    )
    return {name: each for metric in metrics for name, each in metric.estimates(answers).items()}


def test_values(answers: FaceSet, target: FaceSet, training: FaceSet) -> None:
    expected = {
        "fid": fid(answers.values, training.values),
        "w_dist": w_dist(answers.values, training.values),
        "diversity": distance.pdist(answers.values.numpy()).mean(),
        "fid_test": fid(answers.values, target.values),
        "w_dist_test": w_dist(answers.values, target.values),
    }
    found = estimates(answers, target, training)
    assert {name: each.value for name, each in found.items()} == pytest.approx(expected, rel=1e-9)


class Squares:
    """Embeds a face as its squares."""

    def embed_conditions(self, ids: NDArray[np.str_]) -> Tensor:
        return torch.zeros(len(ids), 6)

    def embed_faces(self, values: Tensor) -> Tensor:
        return values**2


def test_fid_of_embeddings(answers: FaceSet, training: FaceSet) -> None:
    metric = FrechetDistance(training, embedder=Squares(), channels=6)
    found = metric.estimates(Answers.of(TestSet(SCRIPTS, None, None), answers, Squares()))["fid_embedding"]
    assert found.value == pytest.approx(fid(answers.values**2, training.values**2))
    assert float(found.column.mean()) == pytest.approx(0, abs=1e-9)


def test_what_cannot_be_compared_is_named(training: FaceSet) -> None:
    for metric in (FrechetDistance, WassersteinDistance):
        with pytest.raises(ValueError, match="training: expected the faces to compare with, got None"):
            metric()
    with pytest.raises(ValueError, match="embeddings are compared with the training split alone"):
        FrechetDistance(training, "targets", embedder=Squares())


def fresh_spread(count: int, training: FaceSet) -> dict[str, float]:
    """Standard deviation of the distances of as many fresh faces."""
    found: dict[str, list[float]] = {"fid": [], "w_dist": [], "diversity": [], "fid_test": [], "w_dist_test": []}
    for seed in range(10, 10 + count):
        target = values(COUNT, seed)
        answers = target * 0.7 + 0.3 * values(COUNT, seed + 1000)
        found["fid"].append(fid(answers, training.values))
        found["w_dist"].append(w_dist(answers, training.values))
        found["diversity"].append(float(distance.pdist(answers.numpy()).mean()))
        found["fid_test"].append(fid(answers, target))
        found["w_dist_test"].append(w_dist(answers, target))
    return {name: float(np.std(each)) for name, each in found.items()}


def test_intervals_are_as_wide_as_fresh_faces_spread(answers: FaceSet, target: FaceSet, training: FaceSet) -> None:
    drawn = ScriptBootstrap(SCRIPTS, 1000, 0)
    scores = with_intervals(estimates(answers, target, training), drawn)
    for name, spread in fresh_spread(60, training).items():
        score = scores[name]
        assert score.interval is not None
        low, high = score.interval
        assert 0 <= low < score.value < high
        assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.45), name


def plain_bootstrap(answers: Tensor) -> NDArray[np.float64]:
    """Diversity of resampled scripts; pairs of one sample with itself are left out, as they are no pairs."""
    generator, found = np.random.default_rng(0), []
    distances = distance.squareform(distance.pdist(answers.numpy()))
    for _ in range(300):
        rows = (4 * generator.integers(30, size=30)[:, None] + np.arange(4)).ravel()
        between = distances[np.ix_(rows, rows)][rows[:, None] != rows]
        found.append(between.mean())
    return np.array(found)


def test_diversity_spreads_as_in_plain_resamples(answers: FaceSet, target: FaceSet, training: FaceSet) -> None:
    scores = with_intervals(estimates(answers, target, training), ScriptBootstrap(SCRIPTS, 1000, 0))
    interval = scores["diversity"].interval
    assert interval is not None
    low, high = np.quantile(plain_bootstrap(answers.values), [0.025, 0.975])
    assert interval[1] - interval[0] == pytest.approx(high - low, rel=0.2)


def test_one_face_for_all_changes_with_the_target_alone(target: FaceSet, training: FaceSet) -> None:
    rest = FaceSet.of(torch.full((COUNT, 6), 0.1))
    scores = with_intervals(estimates(rest, target, training), ScriptBootstrap(SCRIPTS, 100, 0))
    assert scores["diversity"] == Estimate(0.0, (0.0, 0.0))
    assert scores["fid"].interval == (scores["fid"].value, scores["fid"].value)
    for name in ("fid_test", "w_dist_test"):
        low, high = scores[name].interval or (0, 0)
        assert low < scores[name].value < high


def test_the_ground_truth_in_another_order_is_the_same_set(target: FaceSet, training: FaceSet) -> None:
    shuffled = target.reordered(torch.randperm(COUNT))
    scores = with_intervals(estimates(shuffled, target, training), ScriptBootstrap(SCRIPTS, 20, 0))
    assert scores["w_dist_test"] == Estimate(0.0, (0.0, 0.0))
    assert scores["fid_test"].value == pytest.approx(0, abs=1e-12)


def test_diversity_of_many_faces_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = FaceSet.of(values(4000, 5))
    many = Answers.of(TestSet(np.arange(4000).astype(str), None, None), faces)
    exact = Diversity().estimates(many)["diversity"]
    monkeypatch.setattr(distances, "DIVERSITY_MOST", 512)
    some = Diversity().estimates(many)["diversity"]
    assert some.value != exact.value
    assert some.value == pytest.approx(exact.value, rel=5e-3)
    assert float(some.column.std()) == pytest.approx(float(exact.column.std()), rel=0.1)
