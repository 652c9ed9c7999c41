"""`MeshFaces`: photographs, nearly, of the ICT-FaceKit face."""

from __future__ import annotations

from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import clamp
from kfzoo.arkit.checks import check_face
from kfzoo.errors import InputError
from kfzoo.rendering.appearance import PLAIN_SCENE, Look, Scene, chance, draw_look, draw_scene, paint_background
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.mesh.facekit_files import find_folder, read_facekit

if TYPE_CHECKING:
    from kfzoo.rendering.mesh.rig import Person, Rig

Floats = NDArray[np.float32]

PLAIN_LOOK = Look(
    skin=(224, 182, 156), hair=(70, 52, 42), brow=(60, 44, 36), iris=(92, 110, 118), lip=(188, 116, 106),
    garment=(120, 130, 142), bald=False, long_hair=False,
)  # fmt: skip

DISTANCE = 62.0
"""Centimetres from the middle of the head to the camera."""

FOCUS = (0.0, 1.2, 4.0)
"""Point of the head that is in the middle of a plain image."""

HALF = 14.2
"""Centimetres from there to the image's edge."""

DETAIL = 0.45
"""Centimetres below which teeth and gums are simplified in small images."""

SMALL = 256
"""Side of images up to which details are left out."""

KEPT_PEOPLE = 64
"""People who are kept ready, of 4 MB each."""


class MeshFaces(FaceRenderer):
    """Faces in three dimensions: identities, skin, hair, light, head pose, background, eyes that look.

    The meshes are ICT-FaceKit's light model, which does not come with the zoo. It has no tongue to put out.

    Args:
        folder: ICT-FaceKit's folder; by default what the environment variable `KFZOO_ICT_FACEKIT` names.
        size: Side of the square images in pixels.
        seed: Of the identities and scenes.

    Raises:
        InputError: For a size or seed out of range, no folder with the meshes, or without the package numba.
    """

    version = 1
    unseen = ("TongueOut", "LeftEyeRoll", "RightEyeRoll")

    def __init__(self, folder: str | None = None, size: int = 128, seed: int = 0) -> None:
        super().__init__(size, seed)
        self.folder = find_folder(folder)
        if find_spec("numba") is None:
            raise InputError("faces of ICT-FaceKit", "the package numba is missing", "pip install 'kfzoo[faces3d]'")
        self._person = lru_cache(maxsize=KEPT_PEOPLE)(self._make_person)

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out what is made again in another process."""
        return {"folder": str(self.folder), "size": self.size, "seed": self.seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Starts without anybody ready."""
        MeshFaces.__init__(self, **state)

    def render(
        self, coefficients: ArrayLike, identity: int | None = None, scene: str | None = None
    ) -> NDArray[np.uint8]:
        """Renders one face; see `FaceRenderer.render`."""
        from kfzoo.rendering.mesh import rasteriser

        value = clamp(check_face(coefficients)).astype(np.float64)
        person, texture, palette = self._person(identity)
        place = PLAIN_SCENE if scene is None else draw_scene(self.seed, scene)
        rig = self._rig
        points = rig.pose(person, value, place.angles)
        normals = rasteriser.vertex_normals(points, rig.triangles)
        screen = _project(points, place, 2 * self.size)
        owner, weights = rasteriser.rasterise(screen, rig.triangles, rig.two_sided, 2 * self.size)
        image: NDArray[np.uint8] = rasteriser.shade(
            owner, weights, rig.triangles, rig.parts, normals, person.surface, texture, palette, self._streaks,
            _lamp(place), paint_background(place, self.size), TO_LIGHT, TO_BYTES,
        )  # fmt: skip
        return image

    @cached_property
    def _rig(self) -> Rig:
        from kfzoo.rendering.mesh.rig import Rig

        return Rig(read_facekit(self.folder), DETAIL if self.size <= SMALL else 0.0)

    @cached_property
    def _openness(self) -> Floats:
        from kfzoo.rendering.mesh.people import openness_of

        return openness_of(self._rig)

    @cached_property
    def _streaks(self) -> Floats:
        return np.random.default_rng(0).normal(1.0, 0.12, 4096).astype(np.float32)

    def _make_person(self, identity: int | None) -> tuple[Person, Floats, Floats]:
        """Returns a head at rest, its skin in linear light, and its palette."""
        from kfzoo.rendering.mesh.people import make_person

        look = PLAIN_LOOK if identity is None else draw_look(self.seed, identity)
        rng = None if identity is None else chance("person", self.seed, identity)
        person, skin = make_person(self._rig, self._openness, look, rng)
        colours = [look.skin, (126, 62, 60), (232, 226, 214), (236, 232, 228), look.hair, look.iris]
        return person, TO_LIGHT[skin], TO_LIGHT[np.array(colours, dtype=np.uint8)]


def _project(points: Floats, scene: Scene, size: int) -> Floats:
    """Places on the image in pixels, and nearness, (V, 3)."""
    x, y, z = (points - np.array(FOCUS, dtype=np.float32)).T
    near = DISTANCE / (DISTANCE - z)
    scale = size / (2 * HALF) * scene.zoom
    right = x * near * scale + size * (0.5 + scene.shift[0])
    down = -y * near * scale + size * (0.5 + scene.shift[1])
    return np.stack([right, down, near], axis=1).astype(np.float32)


def _lamp(scene: Scene) -> Floats:
    key, ambient = 0.58 + 0.5 * scene.strength, 0.38 - 0.16 * scene.strength
    between = 1 / np.sqrt(2 + 2 * scene.light[2])  # the light and the viewer, who is in front
    values = (*scene.light, key, ambient, *scene.tint, 0.10, scene.exposure, between)
    return np.array(values, dtype=np.float32)


def _to_light() -> Floats:
    """Linear light of each byte (sRGB, IEC 61966-2-1)."""
    level = np.arange(256) / 255
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _to_bytes() -> NDArray[np.uint8]:
    """Byte of each of 4,096 levels of linear light."""
    light = np.arange(4096) / 4095
    level = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * level), dtype=np.uint8)


TO_LIGHT, TO_BYTES = _to_light(), _to_bytes()
