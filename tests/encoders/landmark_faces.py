"""Made-up faces for the tests of the estimators that read landmarks, and where MediaPipe's own model is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.transform import Rotation

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.script import Keyframe, Script
from kfzoo.encoders.canonical_face import CanonicalFace
from kfzoo.encoders.landmarks import POINTS, VARIABLE, Faces
from tests import real_data


def need_landmarker(monkeypatch: pytest.MonkeyPatch | None = None) -> None:
    """Skips the test where MediaPipe or its model file is missing; names the file in the environment otherwise."""
    real_data.require()
    pytest.importorskip("mediapipe", reason="needs the package mediapipe (the extra 'landmarks')")
    if monkeypatch is not None:
        monkeypatch.setenv(VARIABLE, str(real_data.LANDMARKER))


def astronaut(left: int = 96, top: int = 0, side: int = 256) -> NDArray[np.uint8]:
    """A square of scikit-image's photograph of Eileen Collins, who smiles; by default with the whole face."""
    from skimage import data

    image: NDArray[np.uint8] = np.ascontiguousarray(data.astronaut()[top : top + side, left : left + side])  # type: ignore[no-untyped-call]
    return image


def pose(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """The matrix of a head: axes to the image's right, up and towards the camera, as scipy turns them."""
    # Seen from above, a turn to the subject's right is a negative one about the axis that points up.
    rotation: NDArray[np.float64] = Rotation.from_euler("YXZ", [-yaw, pitch, -roll]).as_matrix()
    return rotation


def faces_of(
    poses: NDArray[np.float64],
    points: NDArray[np.float64] | None = None,
    scores: NDArray[np.float64] | None = None,
    size: tuple[int, int] = (64, 64),
) -> Faces:
    """Faces with given rotations (B, 3, 3), 40 cm before the camera, in images of one height and width."""
    count = len(poses)
    matrices = np.tile(np.eye(4), (count, 1, 1))
    matrices[:, :3, :3] = poses
    matrices[:, 2, 3] = -40
    parts = (
        np.zeros((count, POINTS, 3)) if points is None else points,
        np.zeros((count, 52)) if scores is None else scores,
    )
    found, values, turned = (torch.from_numpy(part.astype(np.float32)) for part in (*parts, matrices))
    return Faces(torch.ones(count, dtype=torch.int64), found, values, turned, torch.tensor([size] * count))


def sample(
    name: str,
    coefficients: Sequence[NDArray[np.float32]] = (np.zeros(len(CHANNELS), dtype=np.float32),),
    paths: Sequence[Path] = (),
    subject: str = "anna",
    position: int = 0,
) -> Sample:
    keyframes = tuple(
        Keyframe(index, index / 10, arkit="-", coefficients=values, image_path=str(paths[index]) if paths else None)
        for index, values in enumerate(coefficients)
    )
    return Sample(Script(name, subject, "", "", keyframes), position, "arkit")


def batch_of(folder: Path, *images: NDArray[np.uint8]) -> KeyframeBatch:
    """Images of any sizes in files, as the keyframes of a batch."""
    paths = [folder / f"{number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    faces = [np.zeros(len(CHANNELS), dtype=np.float32)]
    return collate([sample(f"s{number}", faces, [path]) for number, path in enumerate(paths)])


def canonical_face() -> CanonicalFace:
    """A made-up face in centimetres, of as many points as MediaPipe's skin and lips."""
    generator = np.random.default_rng(0)
    points = generator.uniform(-1, 1, (468, 3)) * (7, 8, 4)
    return CanonicalFace(points, generator.uniform(0, 1, 468) * (np.arange(468) % 15 == 0))


def seen(points: NDArray[np.float64], size: tuple[int, int], focal: float) -> NDArray[np.float64]:
    """Where a lens with a focal length in pixels shows points before it (P, 3), as a landmarker would say it."""
    height, width = size
    away = -points[:, 2]
    across, down = focal * points[:, 0] / away / width, focal * points[:, 1] / away / height
    return np.stack([0.5 + across, 0.5 - down, away / away.mean() * focal / width], axis=1)
