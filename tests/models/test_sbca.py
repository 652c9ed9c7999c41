from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from sklearn.linear_model import LinearRegression

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.batch import Sample
from kfzoo.data.statistics import statistics_of
from kfzoo.encoders.face_geometry import LEFT, NOSE, RIGHT
from kfzoo.encoders.landmarks import POINTS, Faces
from kfzoo.errors import InputError
from kfzoo.models.sbca import SBCA
from kfzoo.models.sbca.fitting import Settings, as_arrays, fit_all, fit_channel
from kfzoo.models.sbca.selection import correlations, f_statistics, select
from kfzoo.training.checkpoint import load_module
from tests.encoders.landmark_faces import faces_of, pose, sample

FIXED = sorted({LEFT.outer, LEFT.inner, RIGHT.outer, RIGHT.inner, NOSE})
OWN = 7
"""Landmarks that a made-up channel moves."""

LEARNT = [number for number in range(len(CHANNELS)) if not CHANNELS[number].startswith("Head")]
Array = np.ndarray[Any, Any]


class LinearFaces:
    """Faces whose landmarks are a linear function of 58 coefficients, each of which moves seven points of its own."""

    def __init__(self, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.rest = generator.uniform(0.3, 0.7, (POINTS, 2))
        for eye, places in ((RIGHT, (0.38, 0.46)), (LEFT, (0.62, 0.54))):
            self.rest[eye.outer], self.rest[eye.inner] = [(place, 0.42) for place in places]
        self.rest[NOSE] = 0.5, 0.55
        free = generator.permutation([number for number in range(POINTS) if number not in FIXED])
        self.own = {channel: free[OWN * k : OWN * (k + 1)] for k, channel in enumerate(LEARNT)}
        self.moves = np.zeros((len(CHANNELS), POINTS, 2))
        for channel, points in self.own.items():
            self.moves[channel, points] = generator.normal(0, 0.02, (OWN, 2))

    def draw(self, count: int, seed: int, *, moved: bool = True) -> tuple[Array, Faces]:
        """Returns coefficients (N, 61) and faces, each under an affine map of its own."""
        generator = np.random.default_rng(seed)
        values = generator.uniform(0, 1, (count, len(CHANNELS))).astype(np.float32)
        plane = self.rest + np.tensordot(values, self.moves, axes=1)
        if moved:
            maps = np.eye(2) + generator.uniform(-0.25, 0.25, (count, 2, 2))
            plane = np.einsum("nij,npj->npi", maps, plane) + generator.uniform(-0.2, 0.2, (count, 1, 2))
        points = np.concatenate([plane, np.zeros((count, POINTS, 1))], axis=2)
        return values, faces_of(np.tile(np.eye(3), (count, 1, 1)), points)


LINEAR = LinearFaces()


def samples_of(values: Array) -> list[Sample]:
    return [sample(f"s{number}", (row,), subject=f"S{number % 5}") for number, row in enumerate(values)]


def fitted(values: Array, faces: Faces, **settings: Any) -> SBCA:
    model = SBCA(**settings)
    model.fit(samples_of(values), faces)
    return model


@pytest.mark.parametrize("selection", ["correlation", "f_regression", "svr"])
def test_a_linear_map_is_recovered_under_affine_motion(selection: str) -> None:
    values, faces = LINEAR.draw(400, seed=1)
    if selection == "svr":  # one channel is enough: each asks for 21 support vector machines
        values[:, [c for c in LEARNT if c != INDEX["JawOpen"]]] = 0.5
    model = fitted(values, faces, points=OWN, components=4, selection=selection)
    target, unseen = LINEAR.draw(100, seed=2)
    errors = (model.measure(unseen).numpy() - target)[:, INDEX["JawOpen"]]
    assert np.abs(errors).max() < 0.01
    assert set(model.chosen[INDEX["JawOpen"]].tolist()) == set(LINEAR.own[INDEX["JawOpen"]].tolist())
    if selection != "svr":
        assert all(set(model.chosen[c].tolist()) == set(points.tolist()) for c, points in LINEAR.own.items())
        assert np.abs(model.measure(unseen).numpy() - target)[:, LEARNT].max() < 0.02


@pytest.mark.parametrize("regression", ["ridge", "svr"])
def test_arrays_predict_as_scikit_learn_does(regression: Any) -> None:
    generator = np.random.default_rng(0)
    settings = Settings(points=6, selection="correlation", components=5, regression=regression)
    points = generator.normal(size=(120, 30, 2))
    targets = np.stack(
        [np.sin(points[:, 3, 0]) + points[:, 4, 1] ** 2, points[:, :6].sum((1, 2)), np.full(120, 0.3)], 1
    )
    chosen = np.stack([generator.permutation(30)[:6] for _ in range(3)])
    machines = [fit_channel(points[:, chosen[c]].reshape(120, -1), targets[:, c], settings) for c in (0, 1)]
    arrays = as_arrays([*machines, None], chosen, targets.mean(0), settings)
    unseen = generator.normal(size=(40, 30, 2))
    found = arrays(torch.from_numpy(unseen)).numpy()
    for channel, machine in enumerate(machines):
        expected = machine.predict(unseen[:, chosen[channel]].reshape(40, -1))
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-6)
    np.testing.assert_allclose(found[:, 2], 0.3, atol=1e-12)


def test_scores_of_points() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(80, 5, 2))
    points[:, 4] = 1.0  # rests
    target = points[:, 1, 0] + 0.5 * points[:, 1, 1] + generator.normal(size=80)
    found = correlations(points, target)
    assert found[1, 0] == pytest.approx(np.corrcoef(points[:, 1, 0], target)[0, 1])
    assert (found[4] == 0).all()
    explained = LinearRegression().fit(points[:, 1], target).score(points[:, 1], target)
    assert f_statistics(points, target)[1] == pytest.approx(explained / 2 / ((1 - explained) / 77))
    held_out = np.arange(80) % 2 == 1
    assert all(select(points, target, held_out, 1, by)[0] == 1 for by in ("correlation", "f_regression", "svr"))


def test_support_vectors_see_what_correlation_does_not() -> None:
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (400, 6, 2))
    target = (points[:, 2] ** 2).sum(1)  # even: no correlation
    held_out = np.arange(400) % 2 == 1
    assert select(points, target, held_out, 2, "svr")[0] == 2


def test_a_channel_that_rests_is_its_mean_and_the_head_is_measured() -> None:
    values, faces = LINEAR.draw(60, seed=1)
    values[:, INDEX["TongueOut"]] = 0.125
    values[:, INDEX["HeadRoll"]] = 0.0
    turned = faces._replace(poses=faces_of(np.tile(pose(0.2, 0.1, 0.3), (60, 1, 1))).poses)
    model = fitted(values, turned, selection="correlation")
    answer = model.measure(turned)
    assert (answer[:, INDEX["TongueOut"]] == 0.125).all()
    assert (answer[:, INDEX["HeadRoll"]] == 0).all()  # never moved in training
    np.testing.assert_allclose(answer[:, INDEX["HeadYaw"]], 0.2, atol=1e-5)


def test_images_without_a_face_are_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    values, faces = LINEAR.draw(60, seed=1)
    blind = torch.arange(60) % 3 == 0
    lost = Faces(*(torch.where(blind.view(-1, *[1] * (part.ndim - 1)), torch.zeros_like(part), part) for part in faces))
    model = fitted(values, lost, selection="correlation")
    assert caplog.messages == ["20 of 60 training images show no face and are left out"]
    kept = fitted(values[~blind.numpy()], Faces(*(part[~blind] for part in faces)), selection="correlation")
    assert torch.equal(model.weights, kept.weights)
    with pytest.raises(InputError, match="0 of 60 training images show a face, expected at least 20"):
        fitted(values, faces._replace(shown=torch.zeros(60, dtype=torch.int64)))


def test_fitting_is_deterministic() -> None:
    generator = np.random.default_rng(0)
    points, targets = generator.normal(size=(60, 40, 2)), generator.uniform(size=(60, 3))
    settings = Settings(points=5, selection="svr", components=3, regression="svr")
    one, other = (fit_all(points, targets, np.arange(60) % 2 == 1, settings) for _ in range(2))
    assert torch.equal(one.weights, other.weights)
    assert torch.equal(one.chosen, other.chosen)


@pytest.mark.parametrize("regression", ["ridge", "svr"])
def test_a_checkpoint_gives_the_same_answers(regression: Any, tmp_path: Path) -> None:
    values, faces = LINEAR.draw(60, seed=1)
    model = fitted(values, faces, points=4, components=3, selection="correlation", regression=regression)
    model.train_mean.copy_(statistics_of(torch.from_numpy(values)).mean)
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    loaded = load_module(tmp_path / "model.ckpt", SBCA)  # reads with weights_only=True
    assert torch.equal(loaded.measure(faces), model.measure(faces))
    assert torch.equal(loaded.train_mean, model.train_mean)
    assert loaded.hparams == model.hparams


def test_without_fit_there_is_no_answer() -> None:
    with pytest.raises(InputError, match="SBCA: is not fitted; run `python -m kfzoo fit` first"):
        SBCA().measure(LINEAR.draw(1, seed=0)[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"points": 0}, "model.points: is 0, expected 1 to 159"),
        ({"components": 21}, "model.components: is 21, expected 1 to 20"),
        ({"selection": "best"}, "model.selection: expected 'correlation', 'f_regression' or 'svr', found 'best'"),
        ({"regression": "lasso"}, "model.regression: expected 'ridge' or 'svr', found 'lasso'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SBCA(**settings)
