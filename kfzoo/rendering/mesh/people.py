"""People of the ICT-FaceKit face: the shape of a head, its hair, and how open to light each place of it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kfzoo.rendering.appearance import Look
from kfzoo.rendering.mesh.facekit_files import IDENTITIES
from kfzoo.rendering.mesh.rasteriser import rasterise, vertex_normals
from kfzoo.rendering.mesh.rig import MOST, SPREAD, Person, Rig
from kfzoo.rendering.mesh.skin import hair_cover, paint_skin, to_map

Floats = NDArray[np.float32]

DEEP, LIPS = 6.5, 10.9
"""Where no light reaches into the open mouth, and where all of it does, in centimetres from the neck."""

BEHIND = 0.45
"""Centimetres behind what is in front from which a vertex is hidden: a coarse image needs some tolerance."""

VIEWS = 48
"""Directions from which is looked whether a vertex is open to light."""


def make_person(
    rig: Rig, openness: Floats, look: Look, rng: np.random.Generator | None
) -> tuple[Person, NDArray[np.uint8]]:
    """Makes somebody.

    Args:
        rig: The face model.
        openness: Of its vertices, from `openness_of`.
        look: Colours.
        rng: Chance of shape, hair and skin; None for the mean face.

    Returns:
        The head at rest, and the map of its skin, (k, k, 3).
    """
    weights = np.zeros(IDENTITIES) if rng is None else np.clip(rng.normal(0, SPREAD, IDENTITIES), -MOST, MOST)
    rest = rig.shaped(weights.astype(np.float32))
    cover, thickness = hair_cover(rig, look, rng)
    normals = vertex_normals(rest, rig.triangles)
    eyes = rig.eyes_of(rest)
    surface = np.empty((len(rest), 4), dtype=np.float32)
    surface[:, :2] = to_map(rig.rest)
    for name in ("left eye", "right eye"):
        surface[rig.part_of[name], :2] = _eye_directions(rig.rest[rig.part_of[name]])
    surface[:, 2] = cover
    surface[:, 3] = openness
    surface[rig.curtain, 3] = np.clip(0.5 + 0.07 * (np.abs(rig.rest[rig.curtain, 0])), 0, 1)
    inside = np.concatenate([rig.part_of[name] for name in ("mouth", "gums", "teeth")])
    # The mouth is closed at rest: what the lips let in counts instead, less to what lies deeper.
    surface[inside, 3] = np.clip((rig.rest[inside, 2] - DEEP) / (LIPS - DEEP), 0.12, 1)
    if look.long_hair and not look.bald:
        surface[rig.curtain, 1] = 256 + 40 * np.arctan2(rig.rest[rig.curtain, 0], -rig.rest[rig.curtain, 2])
    else:  # all of it in one point, where it has no size
        rest[rig.curtain] = 0
    return Person(rest + normals * thickness[:, None], eyes, surface), paint_skin(look, rig.landmarks, rng)


def _eye_directions(points: Floats) -> Floats:
    """Direction of each place of an eyeball from its middle, without its depth, (n, 2); the pupil is at (0, 0)."""
    middle = (points[:, :2].min(axis=0) + points[:, :2].max(axis=0)) / 2
    radius = np.ptp(points[:, 1]) / 2
    return np.asarray((points[:, :2] - middle) / radius, dtype=np.float32)


def openness_of(rig: Rig) -> Floats:
    """How open to light each vertex of the mean face is, (V,) in [0, 1]; people differ too little to look again."""
    rest = rig.rest
    rng = np.random.default_rng(0)
    seen, could = np.zeros(len(rest)), np.full(len(rest), 1e-6)
    normals = vertex_normals(rest, rig.triangles)
    for _ in range(VIEWS):
        direction = rng.normal(size=3) * (1, 0.8, 0.8) + (0, 0.35, 0.8)
        direction /= np.linalg.norm(direction)
        # Both sides of the face alike.
        for side in (1, -1):
            open_to, counted = _seen_from(rest, normals, rig, direction * (side, 1, 1))
            seen += open_to
            could += counted
    return np.asarray(np.clip(seen / could, 0, 1), dtype=np.float32)


def _seen_from(rest: Floats, normals: Floats, rig: Rig, direction: NDArray[np.float64]) -> tuple[Floats, Floats]:
    across = np.cross((0.0, 1.0, 0.0), direction)
    across /= np.linalg.norm(across)
    up = np.cross(direction, across)
    size = 192
    frame = np.stack([across, -up, direction]).astype(np.float32)
    screen = (rest - (0, 0, 2)).astype(np.float32) @ frame.T
    screen[:, :2] = screen[:, :2] * (size / 44) + size / 2
    owner, weights = rasterise(screen, rig.triangles[: rig.two_sided], rig.two_sided, size)
    facing = np.maximum(normals @ direction.astype(np.float32), 0)
    near = np.full(owner.shape, -np.inf, dtype=np.float32)
    found = owner >= 0
    corners = screen[rig.triangles[owner[found]], 2]
    second, third = weights[found].T
    near[found] = (1 - second - third) * corners[:, 0] + second * corners[:, 1] + third * corners[:, 2]
    column, row = np.clip(screen[:, :2].astype(int), 0, size - 1).T
    open_to = facing * (screen[:, 2] > near[row, column] - BEHIND)
    return np.asarray(open_to, dtype=np.float32), np.asarray(facing, dtype=np.float32)
