from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from kfzoo.arkit.channels import INDEX, LOWER, MEDIAPIPE, UPPER
from kfzoo.encoders.face_geometry import LEFT, RIGHT
from kfzoo.encoders.landmarks import POINTS, Faces
from kfzoo.errors import InputError
from kfzoo.models.landmark_estimator import smooth, take_out
from kfzoo.models.mediapipe_landmarks import MediapipeLandmarks
from tests.encoders.landmark_faces import (
    astronaut,
    batch_of,
    canonical_face,
    faces_of,
    need_landmarker,
    pose,
    sample,
    seen,
)
from tests.real_data import DEADFACE, REASON

ANGLE = st.floats(-0.9, 0.9)
FACE = canonical_face()


def column(values: torch.Tensor, *names: str) -> list[float]:
    return [float(values[INDEX[name]]) for name in names]


def test_every_score_goes_to_its_name() -> None:
    scores = np.arange(52)[None] / 100
    values = MediapipeLandmarks().measure(faces_of(np.eye(3)[None], scores=scores))[0]
    for number, name in enumerate(MEDIAPIPE[1:], start=1):
        assert float(values[INDEX[name[0].upper() + name[1:]]]) == pytest.approx(number / 100)
    assert column(values, "TongueOut") == [0.0]


def test_that_no_tongue_is_seen_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    model = MediapipeLandmarks()
    for _ in range(2):
        model.measure(faces_of(np.eye(3)[None]))
    assert caplog.messages == ["MediaPipe sees no tongue: TongueOut is 0 in every answer"]


def test_fixed_measures_the_head() -> None:
    values = MediapipeLandmarks().measure(faces_of(pose(0.3, -0.2, 0.1)[None]))[0]
    assert column(values, "HeadYaw", "HeadPitch", "HeadRoll") == pytest.approx([0.3, -0.2, 0.1], abs=1e-6)


# The faults of DeadFace, one by one.


def compat_model() -> MediapipeLandmarks:
    model = MediapipeLandmarks(mode="compat")
    model.landmarker.__dict__["canonical_face"] = FACE
    return model


def points_of(turn: NDArray[np.float64], size: tuple[int, int] = (64, 64)) -> NDArray[np.float64]:
    """Landmarks of a turned head, before a lens as long as the image is wide."""
    points = np.zeros((1, POINTS, 3))
    points[0, : len(FACE.points)] = seen(FACE.points @ turn.T + (3, 2, -50), size, size[1])
    return points


@given(ANGLE, ANGLE, ANGLE, st.sampled_from([(64, 64), (90, 160), (160, 90)]))
def test_compat_1_and_2_pitch_and_yaw_change_places_and_all_senses_are_eulers(
    yaw: float, pitch: float, roll: float, size: tuple[int, int]
) -> None:
    matrix = pose(yaw, pitch, roll)
    faces = faces_of(np.eye(3)[None], points_of(matrix, size), size=size)  # DeadFace does not look at the landmarker's
    values = compat_model().measure(faces)[0]
    about_x, about_y, about_z = Rotation.from_matrix(matrix).as_euler("xyz")  # fixed axes
    expected = pytest.approx([-about_x, about_y, about_z], abs=1e-5)
    assert column(values, "HeadYaw", "HeadPitch", "HeadRoll") == expected


def test_compat_3_and_4_eyes_are_places_in_the_image_and_change_sides() -> None:
    points = points_of(np.eye(3))
    points[0, LEFT.iris], points[0, RIGHT.iris] = (0.6, 0.4, 0.0), (0.35, 0.45, 0.0)
    values = compat_model().measure(faces_of(np.eye(3)[None], points, size=(100, 300)))[0]
    assert column(values, "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll") == pytest.approx([0.35, 0.45, 0])
    assert column(values, "RightEyeYaw", "RightEyePitch", "RightEyeRoll") == pytest.approx([0.6, 0.4, 0])


def test_compat_gives_an_image_without_a_face_finite_angles() -> None:
    faces = faces_of(np.zeros((2, 3, 3)), np.concatenate([points_of(np.eye(3)), np.zeros((1, POINTS, 3))]))
    values = compat_model().measure(faces._replace(shown=torch.tensor([1, 0])))
    assert values.isfinite().all()


def test_the_modes_differ_in_the_angles_alone() -> None:
    scores = np.random.default_rng(0).uniform(size=(3, 52))
    turns = [pose(0.1 * k, 0.2, 0.3) for k in range(3)]
    faces = faces_of(np.stack(turns), np.concatenate([points_of(turn) for turn in turns]), scores)
    fixed, compat = (model.measure(faces) for model in (MediapipeLandmarks(), compat_model()))
    assert torch.equal(fixed[:, :52], compat[:, :52])
    assert (fixed[:, 52:] != compat[:, 52:]).any()


# Calibration and smoothing.


def test_smoothing_is_a_mean_over_time_of_images_with_a_face() -> None:
    values, found = torch.rand(4, 61), torch.tensor([True, True, False, True])
    times = [0.0, 0.1, 0.2, 0.5]
    result = smooth(values, found, times, 0.1)
    weights = np.exp([-0.5, 0, -8])
    expected = (weights[:, None] * values[found].numpy()).sum(0) / weights.sum()
    np.testing.assert_allclose(result[1], expected, rtol=1e-5)
    assert torch.equal(result[2], values[2])


def test_a_rest_is_taken_out_and_never_stretches_more_than_fourfold() -> None:
    values = torch.zeros(1, 61)
    values[0, [0, 1]] = torch.tensor([0.6, 0.95])
    rest = np.zeros(61, dtype=np.float32)
    rest[[0, 1, INDEX["HeadYaw"]]] = 0.2, 0.9, 0.1
    result = take_out(values, rest)[0]
    np.testing.assert_allclose(result[[0, 1, INDEX["HeadYaw"]]], [0.5, 0.8, -0.1], atol=1e-6)


class Brightness:
    """Stands in for the landmarker: JawOpen is an image's brightness; a black one shows no face, a white one two."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, images: Iterable[NDArray[np.uint8]]) -> Faces:
        light = torch.tensor([image.mean() / 255 for image in images])
        self.asked += len(light)
        scores = np.zeros((len(light), 52))
        scores[:, MEDIAPIPE.index("jawOpen")] = light.numpy()
        faces = faces_of(np.tile(np.eye(3), (len(light), 1, 1)), scores=scores)
        return faces._replace(shown=(light > 0).long() + (light > 0.99).long())


@pytest.fixture
def greys(tmp_path: Path) -> list[Path]:
    """Images of 40, 50, 60, 0 and 100 % brightness."""
    paths = []
    for light in (102, 127, 153, 0, 255):
        paths.append(tmp_path / f"{light}.png")
        Image.fromarray(np.full((40, 40, 3), light, dtype=np.uint8)).save(paths[-1])
    return paths


def model_of(**settings: Any) -> MediapipeLandmarks:
    model = MediapipeLandmarks(**settings)
    model.landmarker = Brightness()  # type: ignore[assignment]
    return model


def answers(model: MediapipeLandmarks, paths: list[Path], positions: list[int]) -> list[float]:
    faces = [np.zeros(61, dtype=np.float32)] * len(paths)
    samples = [sample("s", faces, paths, position=position) for position in positions]
    found = model.generate(model.collate(samples)).coefficients[:, INDEX["JawOpen"]]
    return [round(float(value), 3) for value in found]


def test_calibration_by_the_script(greys: list[Path]) -> None:
    assert answers(model_of(), greys[:3], [0, 1, 2]) == [0.4, 0.498, 0.6]
    expected = [0.0, 0.0, pytest.approx(0.102 / 0.502, abs=2e-3)]
    assert answers(model_of(neutral="script"), greys[:3], [0, 1, 2]) == expected


def test_calibration_by_an_image_of_the_subject(greys: list[Path]) -> None:
    folder = greys[0].parent / "rest"
    folder.mkdir()
    Image.open(greys[0]).save(folder / "anna.png")
    assert answers(model_of(neutral=str(folder)), greys[:3], [2, 0]) == [pytest.approx(0.2 / 0.6, abs=2e-3), 0.0]
    (folder / "anna.png").unlink()
    with pytest.raises(InputError, match=r"has no image 'anna\.png' or '\.jpg'"):
        answers(model_of(neutral=str(folder)), greys[:3], [2])
    Image.open(greys[3]).save(folder / "anna.png")
    with pytest.raises(InputError, match=r"anna\.png: shows no face"):
        answers(model_of(neutral=str(folder)), greys[:3], [2])


def test_neighbours_count_in_any_batch(greys: list[Path]) -> None:
    whole = answers(model_of(smoothing=0.1), greys[:3], [0, 1, 2])
    assert whole == [answers(model_of(smoothing=0.1), greys[:3], [k])[0] for k in range(3)]
    assert whole[0] > 0.4
    assert whole[2] < 0.6
    model = model_of(smoothing=0.1)
    for position in range(3):
        answers(model, greys[:3], [position])
    assert model.landmarker.asked == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("settings", [{}, {"smoothing": 1e-3}])
def test_no_face_is_not_valid_and_of_several_the_largest_counts(
    settings: dict[str, Any], greys: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    model = model_of(**settings)
    model.train_mean.fill_(0.25)
    faces = [np.zeros(61, dtype=np.float32)] * 3
    paths = [greys[1], greys[3], greys[4]]
    batch = model.collate([sample("s", faces, paths, position=position) for position in range(3)])
    with caplog.at_level(logging.WARNING):
        answer = model.generate(batch)
    assert answer.valid.tolist() == [True, False, True]
    assert (answer.coefficients[1] == 0.25).all()
    assert [line for line in caplog.messages if "shows" in line] == [
        f"{paths[1]}: shows no face; the answer is marked not valid",
        f"{paths[2]}: shows 2 faces; the largest counts",
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "deadface"}, "model.mode: expected 'fixed' or 'compat', found 'deadface'"),
        ({"mode": "compat", "smoothing": 0.1}, "know neither a neutral face nor smoothing"),
        ({"mode": "compat", "neutral": "script"}, "know neither a neutral face nor smoothing"),
        ({"neutral": "/nowhere"}, "there is no folder '/nowhere'"),
        ({"smoothing": -1.0}, "expected seconds, at least 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MediapipeLandmarks(**settings)


def test_keyframes_without_an_image_are_refused() -> None:
    model = model_of()
    with pytest.raises(InputError, match=r"keyframe 's#0': has no image"):
        model.generate(model.collate([sample("s")]))


def test_settings_of_checkpoints_that_cut_squares_are_read() -> None:
    assert MediapipeLandmarks.current_settings({"mode": "fixed", "size": 256}) == {"mode": "fixed"}


# The real landmarker.


def test_a_photographs_face_and_smile_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_landmarker(monkeypatch)
    image = astronaut()
    answer = MediapipeLandmarks().generate(batch_of(tmp_path, image, image[:, ::-1], np.zeros_like(image)))
    assert answer.valid.tolist() == [True, True, False]
    assert ((answer.coefficients >= torch.tensor(LOWER)) & (answer.coefficients <= torch.tensor(UPPER))).all()
    assert min(column(answer.coefficients[0], "MouthSmileLeft", "MouthSmileRight")) > 0.8
    assert max(column(answer.coefficients[0], "MouthFrownLeft", "MouthPucker", "EyeBlinkLeft", "JawOpen")) < 0.2
    # In the mirror yaw and roll change their sign, and the head does not nod.
    (yaw, pitch, roll), mirrored = (column(row, "HeadYaw", "HeadPitch", "HeadRoll") for row in answer.coefficients[:2])
    assert mirrored == pytest.approx([-yaw, pitch, -roll], abs=0.03)


def test_a_face_at_the_edge_of_a_large_image_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_landmarker(monkeypatch)
    image = astronaut()
    wide = np.full((300, 800, 3), 120, dtype=np.uint8)
    wide[22:278, 540:796] = image
    tall = np.full((800, 300, 3), 120, dtype=np.uint8)
    tall[4:260, 22:278] = image
    answer = MediapipeLandmarks().generate(batch_of(tmp_path, image, wide, tall))
    assert answer.valid.all()
    seen_alone, *others = answer.coefficients[:, : INDEX["TongueOut"]]
    assert all((each - seen_alone).abs().max() < 0.25 for each in others)


@pytest.mark.parametrize("name", ["square_256", "wide_640x360_face_right", "tall_360x640_face_top"])
def test_compat_answers_as_deadface_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    path = DEADFACE / f"{name}.png"
    if not path.is_file():
        pytest.skip(REASON)
    with path.with_suffix(".csv").open() as file:
        row = next(csv.DictReader(file))
    model = MediapipeLandmarks(mode="compat")
    found = model.generate(model.collate([sample("s", [np.zeros(61, dtype=np.float32)], [path])])).coefficients[0]
    expected = np.array([float(row[channel]) for channel in INDEX])
    head = slice(INDEX["HeadYaw"], INDEX["HeadYaw"] + 3)
    np.testing.assert_allclose(found[head], expected[head], atol=1e-6)
    np.testing.assert_allclose(found, expected, atol=2e-6)  # 1e-6 is what other processors' kernels change


def test_a_turned_photograph_is_a_tilted_head(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_landmarker(monkeypatch)
    upright = Image.fromarray(astronaut())
    images = [np.asarray(upright.rotate(angle, Image.Resampling.BICUBIC)) for angle in (0, 20, -20)]
    roll = MediapipeLandmarks().generate(batch_of(tmp_path, *images)).coefficients[:, INDEX["HeadRoll"]]
    # Turned anticlockwise, her crown goes to the image's left: to her right.
    assert float(roll[1] - roll[0]) == pytest.approx(-np.radians(20), abs=0.05)
    assert float(roll[2] - roll[0]) == pytest.approx(np.radians(20), abs=0.05)


def test_the_numbers_of_the_eyes_are_the_subjects_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    points = MediapipeLandmarks().landmarker([astronaut()]).points[0]
    across = points[[RIGHT.outer, RIGHT.iris, RIGHT.inner, LEFT.inner, LEFT.iris, LEFT.outer], 0]
    assert (across.diff() > 0).all()  # from the image's left
