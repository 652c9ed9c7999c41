"""Identities and scenes by chance: colours of a person, light and background of an image.

Everything follows from a seed and a name, so that a person looks the same in every image and on every machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]

SKINS: tuple[Colour, ...] = (
    (243, 212, 192), (236, 200, 176), (226, 184, 156), (212, 164, 130), (191, 140, 104), (158, 109, 77),
    (122, 81, 57), (92, 60, 44),
)  # fmt: skip
"""Tones of skin from light to dark; people lie between two of them."""

HAIRS: tuple[Colour, ...] = (
    (35, 29, 28), (52, 38, 32), (74, 50, 37), (101, 68, 46), (124, 72, 44), (160, 122, 78), (196, 164, 116),
    (150, 148, 146), (206, 204, 200),
)  # fmt: skip
"""Black, browns, auburn, blonds, greys."""

IRISES: tuple[Colour, ...] = ((66, 42, 28), (92, 62, 36), (112, 92, 52), (96, 112, 76), (94, 124, 142), (104, 116, 124))

GARMENTS: tuple[Colour, ...] = (
    (132, 146, 158), (58, 66, 84), (150, 78, 70), (86, 112, 92), (196, 188, 174), (44, 44, 48), (174, 148, 96),
    (112, 92, 128),
)  # fmt: skip

COARSE = 64
"""Side in pixels at which backgrounds are painted; larger ones are enlarged."""

DARKEST_FOR_FAIR_HAIR = 4
"""Skins from this place on have black or brown hair, or grey."""


@dataclass(frozen=True)
class Look:
    """Colours of a person, each (red, green, blue) in 0 … 255.

    Attributes:
        skin: Of the cheeks in white light.
        hair: Of the head.
        brow: Of the brows.
        iris: Of the eyes.
        lip: Of the lips.
        garment: Of the clothes.
        bald: Whether the head has no hair.
        long_hair: Whether hair falls to the shoulders.
    """

    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lip: Colour
    garment: Colour
    bald: bool
    long_hair: bool


@dataclass(frozen=True)
class Scene:
    """Where an image was taken.

    Attributes:
        light: Direction towards the light, of length 1: to the viewer's right, up, to the viewer.
        strength: How much brighter the lit side is than the other, 0 for none.
        exposure: Brightness of everything, 1 for a plain image.
        tint: Colour of the light, near (1, 1, 1).
        top: Colour of the background's upper edge, (red, green, blue).
        bottom: Of its lower edge.
        blobs: Out-of-focus things in it: (x, y, radius, red, green, blue) each, lengths in sides of the image.
        shift: How far the face is from the image's middle, to the right and down, in sides of the image.
        zoom: Size of the face, 1 for a plain image.
        angles: Yaw and pitch of the camera in radians: nobody holds a phone quite straight.
    """

    light: tuple[float, float, float]
    strength: float
    exposure: float
    tint: tuple[float, float, float]
    top: Colour
    bottom: Colour
    blobs: tuple[tuple[float, float, float, int, int, int], ...]
    shift: tuple[float, float]
    zoom: float
    angles: tuple[float, float]


PLAIN_SCENE = Scene(
    light=(0.0, 0.35, 0.937), strength=0.0, exposure=1.0, tint=(1.0, 1.0, 1.0), top=(255, 255, 255),
    bottom=(255, 255, 255), blobs=(), shift=(0.0, 0.0), zoom=1.0, angles=(0.0, 0.0),
)  # fmt: skip
"""Light from the front, nothing behind: the same to the left and to the right."""


def chance(*names: str | int) -> np.random.Generator:
    """A generator that depends on its names alone."""
    digest = hashlib.sha256("\0".join(map(str, names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def draw_look(seed: int, identity: int) -> Look:
    """Draws a person's colours; skins go through all tones as identities are counted up."""
    rng = chance("look", seed, identity)
    # The golden ratio spreads any number of people evenly over the tones.
    place = (identity * 0.618034 + rng.uniform(0, 0.08) + seed * 0.377) % 1.0 * (len(SKINS) - 1)
    skin = between(SKINS, place)
    fair = place < DARKEST_FOR_FAIR_HAIR
    hair = jitter(HAIRS[int(rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8) if fair else (0, 0, 1, 1, 2, 7)))], 10, rng)
    iris = IRISES[int(rng.integers(len(IRISES) if fair else 2))]
    lip = mix(mix(skin, (186, 84, 84), rng.uniform(0.25, 0.5)), (84, 44, 44), 0.6 * place / len(SKINS))
    return Look(
        skin=skin,
        hair=hair,
        brow=mix(hair, (34, 26, 24), rng.uniform(0.25, 0.6)),
        iris=jitter(iris, 8, rng),
        lip=lip,
        garment=jitter(GARMENTS[int(rng.integers(len(GARMENTS)))], 14, rng),
        bald=bool(rng.random() < 0.12),
        long_hair=bool(rng.random() < 0.4),
    )


@lru_cache(maxsize=4)
def draw_scene(seed: int, name: str) -> Scene:
    """Draws the scene of an image."""
    rng = chance("scene", seed, name)
    turn, height = rng.uniform(-1.1, 1.1), rng.uniform(-0.1, 0.9)
    light = np.array([np.sin(turn) * np.cos(height), np.sin(height), np.cos(turn) * np.cos(height)])
    warmth = rng.uniform(-0.09, 0.09)
    grey = rng.uniform(60, 225)
    top = jitter((int(grey), int(grey), int(grey)), 36, rng)
    blobs = tuple(
        (*rng.uniform((0, 0, 0.08), (1, 1, 0.32)).tolist(), *jitter(top, 60, rng)) for _ in range(int(rng.integers(7)))
    )
    return Scene(
        light=tuple(light.tolist()),
        strength=float(rng.uniform(0.1, 0.8)),
        exposure=float(rng.uniform(0.78, 1.02)),
        tint=(1 + warmth, 1.0, 1 - warmth),
        top=top,
        bottom=jitter(top, 30, rng),
        blobs=blobs,
        shift=tuple(rng.uniform(-0.04, 0.04, 2).tolist()),
        zoom=float(rng.uniform(0.92, 1.06)),
        angles=tuple(rng.normal(0.0, 0.03, 2).tolist()),
    )


@lru_cache(maxsize=4)
def paint_background(scene: Scene, size: int) -> NDArray[np.uint8]:
    """Paints what is behind a face.

    Args:
        scene: The scene.
        size: Side in pixels.

    Returns:
        (size, size, 3), shared between calls: not to be written to.
    """
    small = min(size, COARSE)  # what is out of focus needs no more
    at = (np.arange(small, dtype=np.float32) + 0.5) / small
    top, bottom = (np.array(colour, dtype=np.float32) for colour in (scene.top, scene.bottom))
    image = np.repeat((top + (bottom - top) * at[:, None])[:, None], small, axis=1)
    for x, y, radius, *colour in scene.blobs:
        away = np.hypot(at[None, :] - x, at[:, None] - y)
        # A disc of the lens with a soft rim.
        cover = np.clip((radius - away) / (0.35 * radius) + 0.5, 0, 1)[:, :, None] * 0.7
        image += (np.array(colour, dtype=np.float32) - image) * cover
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels if small == size else np.array(Image.fromarray(pixels).resize((size, size)))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Returns the colour that lies a share of the way from the first to the second."""
    (red, green, blue), (r, g, b) = first, second
    return round(red + (r - red) * share), round(green + (g - green) * share), round(blue + (b - blue) * share)


def between(colours: tuple[Colour, ...], place: float) -> Colour:
    """Returns the colour at a place between colours that are numbered from 0."""
    first = min(int(place), len(colours) - 2)
    return mix(colours[first], colours[first + 1], place - first)


def jitter(colour: Colour, amount: float, rng: np.random.Generator) -> Colour:
    """Moves a colour by up to `amount` in brightness, and by a third of it in hue."""
    moved = np.array(colour) + rng.uniform(-amount, amount) + rng.uniform(-amount / 3, amount / 3, 3)
    red, green, blue = np.clip(np.rint(moved), 0, 255).astype(int).tolist()
    return red, green, blue
