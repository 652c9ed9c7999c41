"""The ICT-FaceKit face as a rig: people made of its identity shapes, and posed points from coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX
from kfzoo.arkit.checks import Array
from kfzoo.rendering.drawing.rig import GAZE_PER_RADIAN, close_lips, gaze
from kfzoo.rendering.mesh.facekit_files import RANGES, SHAPES, FaceKit
from kfzoo.rendering.mesh.rasteriser import EYE, HAIR, MOUTH, SKIN, TEETH, move

Floats = NDArray[np.float32]

PARTS = {
    "face": SKIN, "head": SKIN, "mouth": MOUTH, "gums": MOUTH, "teeth": TEETH, "left eye": EYE, "right eye": EYE,
}  # fmt: skip
"""Parts that are drawn; the rest is hidden or glass."""

NECK = np.array([0.0, -2.0, 0.0], dtype=np.float32)
"""The head turns about this point, in centimetres."""

NECK_BENDS = (-15.5, -8.5)
"""Heights between which the neck goes from still to turning with the head."""

LOWER_JAW = -0.5
"""What goes down by more centimetres with the jaw belongs to it."""

EYES = ("left eye", "right eye")

EXPRESSIVE = ((-13.5, 0.0), (-11.0, 1.0), (8.5, 1.0), (10.5, 0.0))
"""Heights, and how much of an expression reaches them."""

SMALLEST_MOVE = 5e-3
"""Centimetres below which a shape does not count as moving a vertex."""

SPREAD = 0.75
"""Standard deviation of the identity shapes' weights: 1 is the population of the scans."""

MOST = 1.8
"""Largest weight of an identity shape: beyond, noses and lips begin to cut into the face."""


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody's head at rest.

    Attributes:
        rest: (V, 3).
        eyes: Middles of the left and the right eye, (2, 3).
        surface: (V, 4), see `kfzoo.rendering.mesh.rasteriser.shade`.
    """

    rest: Floats
    eyes: Floats
    surface: Floats


class Rig:
    """Points of the face model that can be seen, ready to be posed.

    Args:
        facekit: The model.
        detail: Size in centimetres below which teeth and gums are simplified; 0 keeps all.
    """

    def __init__(self, facekit: FaceKit, detail: float = 0.0) -> None:
        triangles, parts = _drawn(facekit, detail)
        kept = np.unique(triangles)
        curtain, joints = _curtain()
        triangles = np.searchsorted(kept, triangles).astype(np.int32)
        self.two_sided = len(triangles)
        self.triangles = np.concatenate([triangles, joints + len(kept)]).astype(np.int32)
        self.parts = np.concatenate([parts, np.full(len(joints), HAIR, dtype=np.uint8)])
        self.rest: Floats = np.concatenate([facekit.neutral[kept], curtain])
        self.curtain = slice(len(kept), len(self.rest))
        self.identities: Floats = np.pad(facekit.identities[:, kept], ((0, 0), (0, len(curtain)), (0, 0)))
        self.landmarks: Floats = facekit.neutral[facekit.landmarks]
        self.part_of = {name: np.flatnonzero((kept >= first) & (kept < end)) for name, (first, end) in RANGES.items()}
        self._eyes = np.stack([_middle(facekit.neutral[slice(*RANGES[name])])[0] for name in EYES])
        self._shapes = _sparse(facekit.shapes[:, kept] * _expressive(facekit.neutral[kept])[:, None])
        self._columns = np.array([INDEX[name] for name in SHAPES])
        low, high = NECK_BENDS
        bend = np.clip((self.rest[:, 1] - low) / (high - low), 0, 1)
        self._turns: Floats = (bend**2 * (3 - 2 * bend)).astype(np.float32)[:, None]

    def shaped(self, weights: Floats) -> Floats:
        """Returns the head at rest of given weights of the identity shapes, (20,) to (V, 3)."""
        return self.rest + np.tensordot(weights.astype(np.float32), self.identities, axes=1)

    def eyes_of(self, rest: Floats) -> Floats:
        """Returns the middles of both eyeballs of a head at rest, (2, 3)."""
        moved = [(rest[rows] - self.rest[rows]).mean(axis=0) for rows in (self.part_of[name] for name in EYES)]
        return np.asarray(self._eyes + np.stack(moved), dtype=np.float32)

    def pose(self, person: Person, value: Array, turn: tuple[float, float] = (0.0, 0.0)) -> Floats:
        """Moves a person's points.

        Args:
            person: Whose.
            value: (61,) coefficients in their channels' ranges.
            turn: Yaw and pitch in radians to be added to the head's, for a camera that is not straight in front.

        Returns:
            (V, 3).
        """
        points = person.rest.copy()
        look = gaze(value)
        move(points, _weights(value, look)[self._columns], *self._shapes)
        for side, name in enumerate(EYES):
            rows, middle = self.part_of[name], person.eyes[side]
            outward, down = look[side] / GAZE_PER_RADIAN
            # Outward is to the viewer's right for the left eye: against a positive yaw.
            points[rows] = (points[rows] - middle) @ turned(outward * (-1 if side == 0 else 1), down, 0.0).T + middle
        yaw, pitch, roll = value[INDEX["HeadYaw"] :][:3]
        nodded = (points - NECK) @ turned(yaw + turn[0], pitch + turn[1], roll).T + NECK
        points += self._turns * (nodded - points)
        return points


def turned(yaw: float, pitch: float, roll: float) -> Floats:
    """Rotation by roll, then pitch, then yaw about fixed axes, as Unreal's rotators are composed, (3, 3).

    A positive yaw turns to the subject's right (the viewer's left), a positive pitch down, a positive roll to the
    subject's left shoulder; x points to the viewer's right, y up, z to the viewer.
    """
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    turn: Floats = (about_y @ about_x @ about_z).astype(np.float32)
    return turn


def _weights(value: Array, look: Array) -> Floats:
    """Weights of the 61 channels as the shapes want them: lids follow the gaze, lips close what the jaw opened."""
    weights = close_lips(value)
    for side, name in enumerate(("Left", "Right")):
        outward, down = np.clip(look[side], -1, 1)
        for way, seen in (("Out", outward), ("In", -outward), ("Down", down), ("Up", -down)):
            weights[INDEX[f"EyeLook{way}{name}"]] = max(seen, 0.0)
    return weights.astype(np.float32)


def _drawn(facekit: FaceKit, detail: float) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Triangles that can be seen, and what each is made of."""
    triangles = facekit.triangles
    part = np.full(len(facekit.neutral), 255, dtype=np.uint8)
    for name, made_of in PARTS.items():
        part[slice(*RANGES[name])] = made_of
    kinds = part[triangles[:, 0]]
    middle, radius = _middle(facekit.neutral[slice(*RANGES["left eye"])])
    # The back of an eyeball never shows, however it looks.
    behind = (kinds == EYE) & (facekit.neutral[triangles, 2].max(axis=1) < middle[2] - 0.4 * radius)
    seen = (kinds != 255) & ~behind
    triangles, kinds = triangles[seen], kinds[seen]
    if detail:
        jaw = facekit.shapes[SHAPES.index("JawOpen")][:, 1] < LOWER_JAW
        triangles, kinds = _simplified(facekit.neutral, jaw, triangles, kinds, detail)
    order = np.argsort(kinds, kind="stable")
    return triangles[order], kinds[order]


def _middle(eye: Floats) -> tuple[Floats, float]:
    """Middle and radius of an eyeball, whose cornea is in front."""
    low, high = eye.min(axis=0), eye.max(axis=0)
    radius = float(high[1] - low[1]) / 2
    return np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2] + radius], dtype=np.float32), radius


def _simplified(
    points: Floats, jaw: NDArray[np.bool_], triangles: NDArray[np.int32], kinds: NDArray[np.uint8], detail: float
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Joins the vertices of teeth and gums that lie in one cell of a grid and move with the same jaw."""
    rows = np.unique(triangles[(kinds == MOUTH) | (kinds == TEETH)])
    teeth = rows >= RANGES["teeth"][0]
    cells = np.column_stack([np.floor(points[rows] / detail + 0.5).astype(np.int64), jaw[rows], teeth])
    _, first, members = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    joined = np.arange(len(points), dtype=np.int32)
    joined[rows] = rows[first][members.ravel()]
    triangles = joined[triangles]
    whole = (
        (triangles[:, 0] != triangles[:, 1])
        & (triangles[:, 1] != triangles[:, 2])
        & (triangles[:, 2] != triangles[:, 0])
    )
    return triangles[whole], kinds[whole]


def _curtain() -> tuple[Floats, NDArray[np.int32]]:
    """Hair that falls from the crown behind the ears to the shoulders: points, (n, 3), and triangles, (m, 3)."""
    turns, rows = 28, 24
    turn, fall = np.meshgrid(np.linspace(-1, 1, turns), np.linspace(0, 1, rows))
    angle = 1.78 * turn  # from behind to a little before the ears
    wide = 7.0 + 2.4 * np.sqrt(np.minimum(1, 3 * fall)) - 0.9 * fall**2
    ends = 1.6 * np.abs(turn) ** 3  # it is cut round
    points = np.stack(
        [wide * np.sin(angle), 8.4 - (20.2 + ends) * fall, -0.6 - wide * np.cos(angle) * (1 - 0.25 * fall)], axis=-1
    )
    corner = (np.arange(rows - 1)[:, None] * turns + np.arange(turns - 1)).ravel()
    quads = np.stack([corner, corner + turns, corner + turns + 1, corner + 1], axis=1)
    triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    return points.reshape(-1, 3).astype(np.float32), triangles.astype(np.int32)


def _expressive(points: Floats) -> Floats:
    """How much of a shape's move counts at each vertex, (V,): all of it in the face, none at the crown and the collar.

    What the scans' shapes move there by fractions of a millimetre is no expression, and would shift hair and clothes.
    """
    heights, shares = zip(*EXPRESSIVE, strict=True)
    return np.interp(points[:, 1], heights, shares).astype(np.float32)


def _sparse(shapes: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """The shapes as `move` wants them: where each begins, which vertices it moves, how far."""
    moved = np.abs(shapes).max(axis=2) > SMALLEST_MOVE
    starts = np.concatenate([[0], np.cumsum(moved.sum(axis=1))]).astype(np.int32)
    return starts, np.nonzero(moved)[1].astype(np.int32), np.ascontiguousarray(shapes[moved])
