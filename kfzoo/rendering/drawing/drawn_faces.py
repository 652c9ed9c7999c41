"""`DrawnFaces`: portraits drawn in two dimensions, of any number of people, without any asset."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.rendering.appearance import Look, Scene, chance, draw_look, draw_scene, mix
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.drawing.draw import PORTRAIT, Style, draw_face
from kfzoo.rendering.drawing.proportions import Proportions, draw_proportions

SIDEWAYS, UPWARDS = 0.55, 0.30
"""How much of the light's direction shows in a drawing, which is flat."""


class DrawnFaces(FaceRenderer):
    """Faces drawn with polygons: identities, light, a head that turns a little, background.

    Args:
        size: Side of the square images in pixels.
        seed: Of the identities and scenes.

    Raises:
        InputError: For a size or seed out of range.
    """

    version = 1
    unseen = ("LeftEyeRoll", "RightEyeRoll")  # an iris rolled about the line of sight looks the same

    def __init__(self, size: int = 128, seed: int = 0) -> None:
        super().__init__(size, seed)

    def render(
        self, coefficients: ArrayLike, identity: int | None = None, scene: str | None = None
    ) -> NDArray[np.uint8]:
        """Renders one face; see `FaceRenderer.render`."""
        style, proportions = (PORTRAIT, None) if identity is None else _person(self.seed, identity)
        if scene is None:
            return np.asarray(draw_face(coefficients, self.size, style, proportions))
        place = draw_scene(self.seed, scene)
        pixels = np.asarray(draw_face(coefficients, self.size, style, proportions, place), dtype=np.float32)
        lit: NDArray[np.uint8] = np.clip(pixels * _light(place, self.size) + 0.5, 0, 255).astype(np.uint8)
        return lit


@lru_cache(maxsize=256)
def _person(seed: int, identity: int) -> tuple[Style, Proportions]:
    look = draw_look(seed, identity)
    rng = chance("drawn person", seed, identity)
    return _style(look, float(np.clip(rng.normal(1.0, 0.25), 0.6, 1.6))), draw_proportions(rng)


def _style(look: Look, brow_weight: float) -> Style:
    """Colours of the drawing that go with a person's: shades and lines are darker and warmer than the skin."""
    dark = mix(look.skin, (60, 22, 16), 0.62)
    return Style(
        skin=look.skin,
        shade=mix(look.skin, (120, 62, 44), 0.20),
        light=mix(look.skin, (255, 244, 232), 0.32),
        blush=mix(look.skin, (206, 96, 80), 0.24),
        line=dark,
        brow=look.brow,
        hair=look.hair,
        lash=mix(look.brow, (30, 20, 20), 0.6),
        iris=look.iris,
        iris_ring=mix(look.iris, (0, 0, 0), 0.4),
        lip_top=mix(look.lip, (90, 30, 30), 0.10),
        lip_bottom=mix(look.lip, (255, 210, 200), 0.10),
        seam=mix(look.lip, (60, 20, 20), 0.55),
        garment=look.garment,
        brow_weight=brow_weight,
        cut="none" if look.bald else "long" if look.long_hair else "short",
    )


@lru_cache(maxsize=4)
def _light(scene: Scene, size: int) -> NDArray[np.float32]:
    """What the scene's light does to each pixel of a flat image, (size, size, 3)."""
    at = (np.arange(size) + 0.5) / size * 2 - 1
    right, up, _ = scene.light
    slope = SIDEWAYS * right * at[None, :] - UPWARDS * up * at[:, None]
    bright = scene.exposure * (1 + scene.strength * np.clip(slope, -0.6, 0.6))
    return np.asarray(bright[:, :, None] * np.array(scene.tint), dtype=np.float32)
