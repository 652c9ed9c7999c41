from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.encoders.canonical_face import CanonicalFace
from kfzoo.encoders.landmarks import FaceLandmarker
from kfzoo.errors import InputError
from tests.encoders.landmark_faces import astronaut, canonical_face, need_landmarker, pose, seen

ANGLE = st.floats(-0.6, 0.6)


@given(ANGLE, ANGLE, ANGLE, st.floats(0.5, 2), st.sampled_from([(256, 256), (360, 640), (640, 360)]))
def test_a_head_before_any_lens_is_measured_exactly(
    yaw: float, pitch: float, roll: float, lens: float, size: tuple[int, int]
) -> None:
    face, turn, focal = canonical_face(), pose(yaw, pitch, roll), lens * size[1]
    points = np.stack([seen(face.points @ turn.T + place, size, focal) for place in ([0, 0, -40], [9, -4, -60])])
    found = face.rotations(torch.from_numpy(points), torch.tensor([size] * 2), torch.tensor([focal] * 2))
    np.testing.assert_allclose(found.numpy(), np.stack([turn, turn]), atol=1e-6)


def test_with_the_landmarkers_own_lens_it_is_its_own_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    landmarker = FaceLandmarker()
    images = [astronaut(), np.ascontiguousarray(np.pad(astronaut(), ((0, 0), (200, 40), (0, 0))))]
    faces = landmarker(images)
    focal = faces.sizes[:, 0] / (2 * np.tan(np.radians(63) / 2))
    found = landmarker.canonical_face.rotations(faces.points, faces.sizes, focal)
    np.testing.assert_allclose(found.numpy(), faces.poses[:, :3, :3].numpy(), atol=2e-3)
    wide = landmarker.canonical_face.rotations(faces.points, faces.sizes, faces.sizes[:, 1])
    assert (wide[1] - found[1]).abs().max() > 0.01  # the lens matters


def field(number: int, value: bytes) -> bytes:
    """A field of bytes in protobuf, of less than 128 of them."""
    return bytes([number << 3 | 2, len(value)]) + value


def task_of(path: Path, content: bytes, name: str = "geometry_pipeline_metadata_landmarks.binarypb") -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr(name, content)
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_the_face_is_read_from_the_landmarkers_file(packed: bool, tmp_path: Path) -> None:
    points: NDArray[np.float32] = np.arange(15, dtype=np.float32).reshape(3, 5)
    numbers = [struct.pack("<f", each) for each in points.ravel()]
    vertices = field(3, b"".join(numbers)) if packed else b"".join(bytes([3 << 3 | 5]) + each for each in numbers)
    mesh = bytes([1 << 3, 1]) + vertices + b"".join(bytes([4 << 3, each]) for each in (0, 1, 2))
    weight = bytes([1 << 3, 2, 2 << 3 | 5]) + struct.pack("<f", 0.25)
    face = CanonicalFace.of_landmarker(task_of(tmp_path / "a.task", field(1, mesh) + field(2, weight)))
    np.testing.assert_array_equal(face.points, points[:, :3])
    np.testing.assert_array_equal(face.weights, [0, 0, 0.25])


def test_files_without_a_face_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.task").write_text("no archive")
    weight = bytes([1 << 3, 9, 2 << 3 | 5]) + struct.pack("<f", 0.25)
    for path in (
        tmp_path / "text.task",
        task_of(tmp_path / "other.task", b"", "face_detector.tflite"),
        task_of(tmp_path / "cut.task", field(1, b"12345")[:-2]),
        task_of(tmp_path / "endless.task", b"\xff"),
        task_of(tmp_path / "odd.task", field(1, field(3, b"1234" * 4))),
        task_of(tmp_path / "few.task", field(1, field(3, b"1234" * 5)) + field(2, weight)),
    ):
        with pytest.raises(InputError, match="holds no geometry of a face that can be read; get face_landmarker"):
            CanonicalFace.of_landmarker(path)
