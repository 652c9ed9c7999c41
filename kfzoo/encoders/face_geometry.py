"""What can be measured of a face's landmarks: where the head and the eyes turn, and the face without its pose.

Angles are those of `kfzoo.arkit.channels`: radians, a positive yaw to the subject's right, a positive pitch down, a
positive roll to the subject's left. A head is first rolled, then pitched, then yawed, each about the fixed axes of the
camera, as Unreal's rotators are composed, from which Live Link's channels come.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

FLAT = 1e-14
"""Area between the eyes and the nose, of an image's area 1, below which a face has none."""


class Eye(NamedTuple):
    """Landmarks of one eye, by MediaPipe's numbers."""

    outer: int
    inner: int
    iris: int


LEFT = Eye(outer=263, inner=362, iris=473)
RIGHT = Eye(outer=33, inner=133, iris=468)
"""Sides are the subject's: in an image that is not mirrored the left eye is at the right."""

NOSE = 1
"""The tip of the nose."""

IRIS_TRAVEL = (0.42, 0.175)
"""How far an iris would travel across and down, in units of the eye's width, if the eye turned by a right angle.

Measured on 120 faces of twelve rendered people whom no configuration shows, with heads turned at random. The anatomy
says 0.33 (9.9 mm from the centre about which an eye turns to its iris, of 30 mm): the rendered eyeballs are large, and
the landmarker follows an iris only half way up and down.
"""

IRIS_REST = (0.012, 0.055)
"""Where the iris is when an eye looks straight ahead, from the middle between the corners: away from the nose and
up, in units of the eye's width. Measured on the same faces."""

FRONTAL = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.6]], dtype=torch.float64)
"""Where the right eye, the left eye and the tip of the nose are put: x to the image's right, y down."""


def head_angles(poses: Tensor) -> Tensor:
    """Measures how a head is turned.

    Args:
        poses: (B, 4, 4) or (B, 3, 3), as in `kfzoo.encoders.landmarks.Faces`; a uniform scale does not matter.

    Returns:
        (B, 3): yaw, pitch and roll in radians.
    """
    axes = poses[:, :3, :3]
    axes = axes / axes.norm(dim=1, keepdim=True).clamp_min(1e-12)
    forward, left, up = axes[:, :, 2], axes[:, :, 0], axes[:, :, 1]
    yaw = torch.atan2(-forward[:, 0], forward[:, 2])
    pitch = torch.asin((-forward[:, 1]).clamp(-1, 1))
    roll = torch.atan2(-left[:, 1], up[:, 1])
    return torch.stack([yaw, pitch, roll], dim=1)


def eye_angles(points: Tensor, poses: Tensor, sizes: Tensor) -> Tensor:
    """Measures how the eyes are turned in the head.

    The iris's place between the corners of the eye, seen along the face's own axes, is the sine of an angle. An eye
    rolls about its line of sight too little to be seen: its roll is 0.

    Args:
        points: (B, 478, 3), as in `kfzoo.encoders.landmarks.Faces`.
        poses: (B, 4, 4), of the heads.
        sizes: (B, 2), height and width of the images in pixels.

    Returns:
        (B, 6): yaw, pitch and roll of the left eye, then of the right one, in radians.
    """
    height, width = sizes.to(points.dtype).unbind(1)
    camera = points * torch.stack([width, -height, -width], dim=1)[:, None]
    axes = poses[:, :3, :3] / poses[:, :3, :3].norm(dim=1, keepdim=True).clamp_min(1e-12)
    found = []
    for eye, side in ((LEFT, 1), (RIGHT, -1)):
        corners = camera[:, [eye.outer, eye.inner]]
        wide = (corners[:, 0] - corners[:, 1]).norm(dim=-1, keepdim=True).clamp_min(1e-12)
        offset = torch.einsum("bji,bj->bi", axes, camera[:, eye.iris] - corners.mean(1)) / wide
        rest = torch.tensor([side * IRIS_REST[0], IRIS_REST[1]], dtype=points.dtype)
        travel = torch.tensor(IRIS_TRAVEL, dtype=points.dtype)
        turned = torch.asin(((rest - offset[:, :2]) / travel).clamp(-1, 1))
        found += [turned[:, 0], turned[:, 1], torch.zeros_like(turned[:, 0])]
    return torch.stack(found, dim=1)


def frontal(points: Tensor) -> Tensor:
    """Puts the eyes and the nose of every face in the same places, by an affine map of the image's plane.

    What is left does not change when the landmarks are moved, turned, scaled, stretched or sheared, nor with the shape
    of the image.

    Args:
        points: (B, 478, 2 or 3), as in `kfzoo.encoders.landmarks.Faces`.

    Returns:
        (B, 478, 2) float64, in units of the distance between the eyes. A face whose eyes and nose are on one line,
        such as the zeros of an image without a face, gives zeros.
    """
    plane = points[..., :2].double()
    eyes = [plane[:, [eye.outer, eye.inner]].mean(1) for eye in (RIGHT, LEFT)]
    origin = eyes[0]
    basis = torch.stack([eyes[1] - origin, plane[:, NOSE] - origin], dim=1)  # rows
    flat = torch.linalg.det(basis).abs() <= FLAT
    basis = torch.where(flat[:, None, None], torch.eye(2, dtype=torch.float64), basis)
    wanted = FRONTAL[1:] - FRONTAL[0]
    moved = (plane - origin[:, None]) @ torch.linalg.solve(basis, wanted.expand_as(basis)) + FRONTAL[0]
    return torch.where(flat[:, None, None], torch.zeros_like(moved), moved)
