"""MediaPipe's canonical face, and the pose of a head by it for a lens of any length.

The landmarker's own matrix assumes a lens that sees 63° from top to bottom. This is the same calculation (MediaPipe,
`geometry_pipeline`, 2020) with the lens as an argument, such as DeadFace's, whose focal length is the image's width.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.errors import InputError

Array = NDArray[np.float64]

_GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"
_MESH, _WEIGHT = 1, 2  # fields of the file's message
_VERTICES, _NUMBERS = 3, 5  # field of the mesh; x, y, z and two of a texture for each vertex
_LANDMARK, _SHARE = 1, 2  # fields of a weight


@dataclass(frozen=True, eq=False)
class CanonicalFace:
    """A face in centimetres, and the landmarks by which it is laid onto others.

    Attributes:
        points: (P, 3) to the subject's left, up and out of the face.
        weights: (P,) of the landmarks; most are 0.
    """

    points: Array
    weights: Array

    @classmethod
    def of_landmarker(cls, path: Path) -> CanonicalFace:
        """Reads the face from a `face_landmarker.task`.

        Raises:
            InputError: When the file holds none.
        """
        try:
            with zipfile.ZipFile(path) as bundle:
                fields = list(_fields(bundle.read(_GEOMETRY)))
            mesh = b"".join(value for field, value in fields if field == _MESH)
            vertices = b"".join(value for field, value in _fields(mesh) if field == _VERTICES)
            points = np.frombuffer(vertices, "<f4").reshape(-1, _NUMBERS)[:, :3].astype(np.float64)
            weights = np.zeros(len(points))
            for own in (dict(_fields(value)) for field, value in fields if field == _WEIGHT):
                weights[own[_LANDMARK]] = struct.unpack("<f", own[_SHARE])[0]
        except (OSError, KeyError, IndexError, TypeError, ValueError, struct.error, zipfile.BadZipFile) as error:
            problem = "holds no geometry of a face that can be read"
            raise InputError(path, problem, "get face_landmarker.task again") from error
        return cls(points, weights)

    def rotations(self, points: Tensor, sizes: Tensor, focal: Tensor) -> Tensor:
        """Returns how heads are turned.

        Args:
            points: (B, 468 or more, 3), as in `kfzoo.encoders.landmarks.Faces`.
            sizes: (B, 2), height and width of the images in pixels.
            focal: (B,), focal length of the lens in pixels.

        Returns:
            (B, 3, 3) float32, as the rotation in `kfzoo.encoders.landmarks.Faces.poses`.
        """
        shares = points[:, : len(self.points)].double().numpy()
        height, width = (sizes.double() / focal.double()[:, None]).numpy().T[:, :, None]
        across, up = (shares[..., 0] - 0.5) * width, (0.5 - shares[..., 1]) * height
        depth = shares[..., 2] * width  # in the unit of `across`, at the distance 1 from the camera
        depth = depth - depth.mean(1, keepdims=True) + 1
        _, first = self._laid_onto(np.stack([across, up, -depth], axis=-1))
        away = depth / first
        _, second = self._laid_onto(np.stack([across * away, up * away, -away], axis=-1))
        away = depth / (first * second)
        rotations, _ = self._laid_onto(np.stack([across * away, up * away, -away], axis=-1))
        return torch.from_numpy(rotations).float()

    def _laid_onto(self, targets: Array) -> tuple[Array, Array]:
        """Turns and scales the face to be nearest to targets (B, P, 3): rotations (B, 3, 3) and scales (B, 1)."""
        weights = self.weights[:, None] / self.weights.sum()
        centred = self.points - (weights * self.points).sum(0)
        left, _, right = np.linalg.svd(np.einsum("bpi,pj->bij", targets, weights * centred))
        left[:, :, 2] *= np.sign(np.linalg.det(left) * np.linalg.det(right))[:, None]  # no mirror
        rotations = left @ right
        turned = np.einsum("bij,pj->bpi", rotations, weights * centred)
        return rotations, ((turned * targets).sum((1, 2)) / (weights * centred**2).sum())[:, None]


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yields the fields of a protobuf message: whole numbers as such, everything else as its bytes."""
    place = 0
    while place < len(data):
        key, place = _whole_number(data, place)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _whole_number(data, place)
            yield field, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            size, place = _whole_number(data, place)
        if size is None or place + size > len(data):
            raise ValueError(f"no field of protobuf at byte {place}")
        yield field, data[place : place + size]
        place += size


def _whole_number(data: bytes, place: int) -> tuple[int, int]:
    """Returns a number of seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
