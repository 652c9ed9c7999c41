"""A made-up face model in the order of ICT-FaceKit's vertices: grids on ellipsoids, shapes that are bumps.

It holds none of ICT-FaceKit's geometry, so what is drawn from it can be tested where those meshes are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.rendering.mesh import mesh_faces
from kfzoo.rendering.mesh.facekit_files import IDENTITIES, RANGES, SHAPES, VERTICES, FaceKit

Points = NDArray[np.float64]
Corners = NDArray[np.int64]

SEAM = 1.35
"""Angle from the front, in radians, at which the face ends and the back of the head begins."""

EYE, BALL = (3.1, 2.0), 1.3
"""Middle of the left eye, seen from the front, and the eyeball's radius."""

LIPS = -4.5
"""Height of the line between the lips."""

BUMPS: Mapping[str, tuple[float, float, float, float, float, float]] = {
    "EyeBlink": (3.1, 2.7, 0.8, 0.0, -1.2, 0.5), "EyeLookDown": (3.1, 2.8, 0.7, 0.0, -0.3, 0.0),
    "EyeLookIn": (2.4, 2.0, 0.7, -0.1, 0.0, 0.1), "EyeLookOut": (3.8, 2.0, 0.7, 0.1, 0.0, 0.1),
    "EyeLookUp": (3.1, 2.8, 0.7, 0.0, 0.2, 0.0), "EyeSquint": (3.1, 1.2, 0.7, 0.0, 0.5, 0.2),
    "EyeWide": (3.1, 2.8, 0.7, 0.0, 0.4, 0.0), "JawForward": (0.0, -8.0, 3.0, 0.0, 0.0, 0.9),
    "JawRight": (0.0, -8.0, 3.0, -0.9, 0.0, 0.0), "JawLeft": (0.0, -8.0, 3.0, 0.9, 0.0, 0.0),
    "MouthClose": (0.0, -5.4, 1.2, 0.0, 1.8, 0.0), "MouthFunnel": (0.0, -4.5, 1.4, 0.0, 0.0, 0.9),
    "MouthPucker": (0.0, -4.5, 1.6, 0.0, 0.0, 1.2), "MouthRight": (0.0, -4.5, 1.6, -0.9, 0.0, 0.0),
    "MouthLeft": (0.0, -4.5, 1.6, 0.9, 0.0, 0.0), "MouthSmile": (2.4, -4.4, 1.2, 0.7, 0.9, -0.3),
    "MouthFrown": (2.4, -4.8, 1.2, 0.0, -0.8, 0.0), "MouthDimple": (2.8, -4.5, 1.0, 0.4, 0.0, -0.5),
    "MouthStretch": (2.6, -4.8, 1.2, 0.8, -0.3, 0.0), "MouthRollLower": (0.0, -5.0, 0.8, 0.0, 0.3, -0.5),
    "MouthRollUpper": (0.0, -4.0, 0.8, 0.0, -0.3, -0.5), "MouthShrugLower": (0.0, -5.4, 1.2, 0.0, 0.6, 0.4),
    "MouthShrugUpper": (0.0, -3.8, 0.9, 0.0, 0.4, 0.4), "MouthPress": (1.6, -4.5, 0.8, 0.0, 0.1, -0.3),
    "MouthLowerDown": (1.2, -5.0, 0.9, 0.0, -0.7, 0.0), "MouthUpperUp": (1.2, -4.0, 0.9, 0.0, 0.7, 0.0),
    "BrowDown": (2.8, 4.0, 1.2, 0.0, -0.6, 0.1), "BrowInnerUp": (0.0, 4.2, 1.6, 0.0, 0.8, 0.0),
    "BrowOuterUp": (4.4, 4.2, 1.2, 0.0, 0.8, 0.0), "CheekPuff": (4.2, -3.6, 1.6, 0.5, 0.0, 0.8),
    "CheekSquint": (3.8, -0.2, 1.2, 0.0, 0.5, 0.3), "NoseSneer": (1.1, -0.8, 0.9, 0.0, 0.9, 0.6),
}  # fmt: skip
"""Where a shape moves the face (x and y of the left side's), how far around, and how far in x, y and z."""


def make_facekit() -> FaceKit:
    """Makes the model, in a fraction of a second."""
    neutral = np.empty((VERTICES, 3))
    corners: list[Corners] = []

    def lay(name: str, points: Points, outward: Points, hole: NDArray[np.bool_] | None = None) -> None:
        """Puts a grid, (rows, columns, 3), where a part's vertices are; those left over repeat the last, unused."""
        first, end = RANGES[name]
        flat = points.reshape(-1, 3)
        neutral[first:end] = flat[np.minimum(np.arange(end - first), len(flat) - 1)]
        corners.append(first + _facing(points, outward, hole))

    face = _skin(np.linspace(-SEAM, SEAM, 97), np.linspace(10.0, -13.0, 97))
    lay("face", face, face, _openings(face))
    around = np.linspace(SEAM, 2 * np.pi - SEAM, 43)
    head = _skin(around, np.concatenate([np.linspace(11.0, -13.0, 36), np.linspace(-13.4, -17.0, 6)]))
    lay("head", head, head)
    front = np.array((0.0, 0.0, 1.0))
    lay("mouth", _wall(45, 45, (3.0, -2.5, -6.8, 6.0)), front)
    for name, depth, half in (("gums", 6.8, 1.0), ("teeth", 7.4, 0.6)):
        above, below = (_wall(20, 60, (2.6, LIPS + high, LIPS + high - half, depth)) for high in (half + 0.05, -0.05))
        lay(name, np.concatenate([above, below]), front, _between_rows(20, 40, 60))
    for name, side in (("left", 1), ("right", -1)):
        middle = np.array((side * EYE[0], EYE[1], 7.7))
        ball = _ball(middle, BALL)
        lay(f"{name} eye", ball, ball - middle)
        lay(f"{name} iris", _wall(20, 40, (0.5, 2.5, 1.5, 7.5)) + np.array((middle[0], 0, 0)), front)
    for name in ("sockets", "fluid", "lashes"):
        lay(name, _wall(20, 20, (4.0, 3.0, 1.0, 6.0)), front)
    shapes = np.stack([_shape(name, neutral) for name in SHAPES])
    return FaceKit(
        neutral.astype(np.float32),
        np.concatenate(corners).astype(np.int32),
        shapes.astype(np.float32),
        _identities(neutral).astype(np.float32),
        _landmarks(neutral[slice(*RANGES["face"])]),
    )


def use_made_up_facekit(patch: pytest.MonkeyPatch) -> FaceKit:
    """Makes the model, and lets every `MeshFaces` read it."""
    model = make_facekit()
    patch.setattr(mesh_faces, "find_folder", lambda folder: Path("made up"))
    patch.setattr(mesh_faces, "read_facekit", lambda folder: model)
    return model


def _skin(angles: Points, heights: Points) -> Points:
    """The head's surface with a nose, (heights, angles, 3); from the chin down it narrows to a neck."""
    angle, y = np.meshgrid(angles, heights)
    wide = np.sqrt(np.maximum(1 - ((y - 1.0) / 11.5) ** 2, 0.2))
    wide = np.where(y < -13.2, 0.45 + 0.08 * (-13.2 - y) ** 2, wide)  # shoulders
    x, z = 7.6 * wide * np.sin(angle), 9.8 * wide * np.cos(angle)
    z = z + 1.8 * np.exp(-((x / 0.9) ** 2) - ((y + 1.2) / 1.8) ** 2) * (np.cos(angle) > 0)
    return np.stack([x, y, z], axis=-1)


def _wall(rows: int, columns: int, place: tuple[float, float, float, float]) -> Points:
    """A flat grid that faces the viewer: half its width, its top, its bottom and its depth are given."""
    half, top, bottom, depth = place
    x, y = np.meshgrid(np.linspace(-half, half, columns), np.linspace(top, bottom, rows))
    return np.stack([x, y, np.full_like(x, depth)], axis=-1)


def _ball(middle: Points, radius: float) -> Points:
    """A sphere whose pole looks at the viewer, (22, 35, 3)."""
    away, turn = np.meshgrid(np.linspace(0, np.pi, 22), np.linspace(-np.pi, np.pi, 35), indexing="ij")
    flat = radius * np.sin(away)
    return middle + np.stack([flat * np.sin(turn), flat * np.cos(turn), radius * np.cos(away)], axis=-1)


def _facing(points: Points, outward: Points, hole: NDArray[np.bool_] | None) -> Corners:
    """Triangles of a grid, less the quads of a hole, counter-clockwise from where `outward` points."""
    rows, columns = points.shape[:2]
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    if hole is not None:
        first = first[~hole.ravel()]
    quads = np.stack([first, first + columns, first + columns + 1, first + 1], axis=1)
    triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    a, b, c = np.moveaxis(points.reshape(-1, 3)[triangles], 1, 0)
    away = np.broadcast_to(outward, points.shape).reshape(-1, 3)[triangles].mean(axis=1)
    inward = (np.cross(b - a, c - a) * away).sum(axis=1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return triangles


def _openings(face: Points) -> NDArray[np.bool_]:
    """Quads of the face where the eyes and the line between the lips are."""
    x, y, _ = np.moveaxis((face[:-1, :-1] + face[1:, 1:]) / 2, -1, 0)
    eyes = ((np.abs(x) - EYE[0]) / 1.2) ** 2 + ((y - EYE[1]) / 0.6) ** 2 < 1
    return np.asarray(eyes | ((np.abs(y - LIPS) < 0.13) & (np.abs(x) < 2.4)))


def _between_rows(row: int, rows: int, columns: int) -> NDArray[np.bool_]:
    """Quads that would join a grid's upper and lower part."""
    hole = np.zeros((rows - 1, columns - 1), dtype=bool)
    hole[row - 1] = True
    return hole


def _shape(name: str, neutral: Points) -> Points:
    if name == "JawOpen":
        return _jaw_opens(neutral)
    moved = np.zeros_like(neutral)
    skin = slice(*RANGES["face"])
    base = name if name in BUMPS else name.removesuffix("Left").removesuffix("Right")
    x, y, around, *by = BUMPS[base]
    if x == 0:
        sides: tuple[int, ...] = (1,)
    elif base == name:
        sides = (1, -1)
    else:
        sides = (1,) if name.endswith("Left") else (-1,)
    for side in sides:
        away = (neutral[skin, 0] - side * x) ** 2 + (neutral[skin, 1] - y) ** 2
        reached = np.exp(-away / around**2) * (neutral[skin, 2] > 0)
        moved[skin] += reached[:, None] * np.array((side * by[0], by[1], by[2]))
    return moved


def _jaw_opens(neutral: Points) -> Points:
    """The chin, the lower teeth and the lower lip go down, the neck and the ears' surroundings do not."""
    moved = np.zeros_like(neutral)
    x, y, z = neutral.T
    skin = slice(*RANGES["face"])
    neck = np.clip((y[skin] + 12.5) / 2.5, 0, 1)
    near = np.exp(-((x[skin] / 4.0) ** 4)) * (z[skin] > 0)
    moved[skin, 1] = -2.6 * (y[skin] < LIPS) * neck * near
    for name in ("gums", "teeth"):
        part = slice(*RANGES[name])
        moved[part, 1] = -2.4 * (y[part] < LIPS)
    return moved


def _identities(neutral: Points) -> Points:
    """Gentle scalings, each stronger at another height; the eyes move, and keep their size."""
    shapes = np.empty((IDENTITIES, *neutral.shape))
    fixed = neutral.copy()
    for name in ("left eye", "right eye"):
        part = slice(*RANGES[name])
        fixed[part] = neutral[part].mean(axis=0)
    for number in range(IDENTITIES):
        share = 0.02 * np.cos(number + fixed[:, 1] / 6)
        shapes[number] = share[:, None] * fixed * np.eye(3)[number % 3]
    return shapes


def _landmarks(face: Points) -> NDArray[np.int64]:
    """The 68 landmarks' vertices: the nearest to where they lie, seen from the front."""
    turn = np.linspace(-1, 1, 17)
    jaw = np.stack([6.8 * np.sin(turn * np.pi / 2), 2.0 - 10.5 * np.cos(turn * np.pi / 2)], axis=1)
    brow = np.stack([np.linspace(-5.2, -1.2, 5), [3.6, 4.2, 4.4, 4.2, 3.9]], axis=1)
    bridge = np.stack([np.zeros(4), [2.2, 1.0, -0.2, -1.4]], axis=1)
    nostrils = np.stack([np.linspace(-1.2, 1.2, 5), [-2.2, -2.4, -2.5, -2.4, -2.2]], axis=1)
    eye = np.array([(-1.3, 0.0), (-0.6, 0.6), (0.6, 0.6), (1.3, 0.0), (0.6, -0.6), (-0.6, -0.6)])
    outer = np.arange(12) * np.pi / 6
    inner = np.arange(8) * np.pi / 4
    lips = [
        np.stack([-half * np.cos(turned), LIPS + high * np.sin(turned)], axis=1)
        for turned, half, high in ((outer, 2.6, 0.9), (inner, 2.2, 0.2))
    ]
    mirrored = brow[::-1] * (-1, 1)
    eyes = [eye + np.array((side * EYE[0], EYE[1])) for side in (-1, 1)]
    at = np.concatenate([jaw, brow, mirrored, bridge, nostrils, *eyes, *lips])
    away = ((face[None, :, :2] - at[:, None]) ** 2).sum(axis=2)
    return np.asarray(away.argmin(axis=1), dtype=np.int64)
