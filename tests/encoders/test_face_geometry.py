from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.encoders.face_geometry import IRIS_REST, IRIS_TRAVEL, LEFT, NOSE, RIGHT, eye_angles, frontal, head_angles
from kfzoo.encoders.landmarks import POINTS
from tests.encoders.landmark_faces import faces_of, pose

ANGLE = st.floats(-1, 1)


@given(ANGLE, ANGLE, ANGLE)
def test_a_heads_angles_are_exact(yaw: float, pitch: float, roll: float) -> None:
    found = head_angles(faces_of(2.5 * pose(yaw, pitch, roll)[None]).poses)
    np.testing.assert_allclose(found[0].numpy(), [yaw, pitch, roll], atol=1e-6)


@pytest.mark.parametrize(
    ("angles", "face_axis", "direction"),
    [
        ((0.4, 0, 0), (0, 0, 1), (-np.sin(0.4), 0, np.cos(0.4))),  # out of the face, to the subject's right: left here
        ((0, 0.3, 0), (0, 0, 1), (0, -np.sin(0.3), np.cos(0.3))),  # down
        ((0, 0, 0.2), (0, 1, 0), (np.sin(0.2), np.cos(0.2), 0)),  # the crown, to the subject's left: right here
    ],
)
def test_the_senses_of_the_angles(
    angles: tuple[float, float, float], face_axis: tuple[float, ...], direction: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(pose(*angles) @ face_axis, direction, atol=1e-12)


def eyeball(yaw: float, pitch: float, side: int, width: float = 3.0) -> np.ndarray:
    """Outer corner, inner corner and iris of an eye in the head's axes, seen from in front."""
    middle = np.array([side * 3.2, 0.5, 2.0])
    half = np.array([side * width / 2, 0, 0])
    rest = np.array([side * IRIS_REST[0], IRIS_REST[1], 0]) * width
    line = np.array([-np.sin(yaw) * IRIS_TRAVEL[0], -np.sin(pitch) * IRIS_TRAVEL[1], 0]) * width
    return np.stack([middle + half, middle - half, middle + rest + line])


@given(ANGLE, ANGLE, ANGLE, st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(-0.8, 0.8))
def test_an_eyes_angles_do_not_depend_on_the_head(
    yaw: float, pitch: float, roll: float, left_yaw: float, left_pitch: float, right_yaw: float, right_pitch: float
) -> None:
    height, width = 200, 300
    turn = pose(yaw, pitch, roll)
    points = np.zeros((1, POINTS, 3))
    for eye, side, angles in ((LEFT, 1, (left_yaw, left_pitch)), (RIGHT, -1, (right_yaw, right_pitch))):
        camera = 12 * eyeball(*angles, side) @ turn.T  # pixels, up and towards the camera
        shares = np.array([150, 100, 0]) + camera * [1, -1, -1]
        points[0, [eye.outer, eye.inner, eye.iris]] = shares / [width, height, width]
    faces = faces_of(turn[None], points, size=(height, width))
    found = eye_angles(faces.points, faces.poses, faces.sizes)[0].numpy()
    np.testing.assert_allclose(found, [left_yaw, left_pitch, 0, right_yaw, right_pitch, 0], atol=2e-4)


@given(st.integers(0, 2**32 - 1))
def test_frontal_faces_do_not_change_under_affine_motion(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = generator.uniform(0.2, 0.8, (1, POINTS, 3))
    points[0, [RIGHT.outer, RIGHT.inner, LEFT.inner, LEFT.outer], 0] = [0.3, 0.4, 0.6, 0.7]
    points[0, [RIGHT.outer, RIGHT.inner, LEFT.inner, LEFT.outer], 1] = 0.4
    points[0, NOSE, :2] = [0.5, 0.6]
    matrix = np.eye(2) + generator.uniform(-0.4, 0.4, (2, 2))
    moved = points.copy()
    moved[..., :2] = points[..., :2] @ matrix.T + generator.uniform(-0.5, 0.5, 2)
    before, after = (frontal(torch.from_numpy(each)) for each in (points, moved))
    torch.testing.assert_close(before, after, atol=1e-9, rtol=0)
    eyes = [before[0, [eye.outer, eye.inner]].mean(0).tolist() for eye in (RIGHT, LEFT)]
    np.testing.assert_allclose([*eyes, before[0, NOSE].tolist()], [[-0.5, 0], [0.5, 0], [0, 0.6]], atol=1e-9)


def test_the_images_shape_does_not_matter() -> None:
    points = torch.rand(1, POINTS, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(frontal(points * torch.tensor([3, 1, 1])), frontal(points))


def test_an_image_without_a_face_gives_finite_numbers() -> None:
    nobody = torch.zeros(1, POINTS, 3)
    assert (frontal(nobody) == 0).all()
    assert eye_angles(nobody, torch.zeros(1, 4, 4), torch.tensor([[64, 64]])).isfinite().all()
    assert head_angles(torch.zeros(1, 4, 4)).isfinite().all()
