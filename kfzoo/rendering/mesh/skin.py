"""The skin of the ICT-FaceKit face: brows, lips, warmth and grain painted on a map that lies before the face.

The mesh comes without colours. A vertex's place on the map is where it is at rest, seen from the front.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from kfzoo.rendering.appearance import Colour, Look, mix
from kfzoo.rendering.drawing.splines import spline
from kfzoo.rendering.mesh.rig import Rig

Floats = NDArray[np.float32]

SIDE = 512
"""Pixels of the map's side."""

MIDDLE, HALF = (0.0, -1.0), 13.5
"""What the map covers, in centimetres."""

COLLAR = -12.6
"""Height where clothes begin."""


def to_map(points: Floats) -> Floats:
    """Places on the map, (n, 2): down and to the right, in its pixels, of which the first's middle is at 0."""
    scale = SIDE / (2 * HALF)
    right = (points[:, 0] - MIDDLE[0]) * scale + (SIDE - 1) / 2
    down = (MIDDLE[1] - points[:, 1]) * scale + (SIDE - 1) / 2
    return np.stack([down, right], axis=1).astype(np.float32)


def paint_skin(look: Look, landmarks: Floats, rng: np.random.Generator | None) -> NDArray[np.uint8]:
    """Paints the map.

    Args:
        look: The person's colours.
        landmarks: The 68 landmarks at rest, (68, 3).
        rng: Chance of brows, grain and beard; None for the plain face.

    Returns:
        (SIDE, SIDE, 3).
    """
    image = Image.new("RGB", (SIDE, SIDE), look.skin)
    at = to_map(landmarks)[:, ::-1].astype(np.float64) + 0.5  # Pillow counts from pixels' edges
    eye = (at[36:42].mean(axis=0), at[42:48].mean(axis=0))
    _warm(image, look, at, eye)
    thick, lift = 1.0, 0.0
    if rng is not None:
        if rng.random() < 0.35 and not look.long_hair:
            _beard(image, look, at, rng.uniform(0.15, 0.45))
        image = _grained(image, rng)
        thick, lift = 1.0 + rng.uniform(-0.3, 0.45), rng.uniform(-3.0, 3.0)
    _lips(image, look, at)
    _lids(image, look, at)
    _brows(image, look, at, thick, lift)
    _clothes(image, look)
    return np.asarray(image)


def hair_cover(rig: Rig, look: Look, rng: np.random.Generator | None) -> tuple[Floats, Floats]:
    """How far hair covers each vertex, and how thick it is there.

    Args:
        rig: The head at rest.
        look: The person's colours.
        rng: Chance of the hairline and the thickness; None for the plain head.

    Returns:
        Cover, (V,), 1 and more where hair is, 0 and less where none is; thickness in centimetres, (V,).
    """
    x, y, z = rig.rest.T
    vary = (lambda low, high: 0.0) if rng is None else rng.uniform
    front = 9.6 + vary(-0.8, 0.9) + 0.05 * np.abs(x) - vary(0.0, 0.35) * np.abs(x) ** 1.2 * 0.1
    # From the forehead along the temple down to before the ear, and behind it to the nape.
    heights = np.interp(z, [-8.0, -2.8, -1.6, 1.6, 4.2, 6.0, 8.0], [-5.5, -5.0, 4.2, 1.5, 4.0, 7.6, 9.6])
    line = np.where(z > 8.0, front, heights + (front - 9.6) * np.clip(z / 8.0, 0, 1))
    cover = (y - line) / 0.5
    ear = (np.abs(x) > 7.25) & (y < 4.2) & (z > -3.4) & (z < 2.2)
    cover[ear] = -1.0
    skin = np.zeros(len(y), dtype=bool)
    for name in ("face", "head"):
        skin[rig.part_of[name]] = True
    cover[~skin] = -1.0
    if look.bald:
        return np.full(len(y), -1.0, dtype=np.float32), np.zeros(len(y), dtype=np.float32)
    most = 0.9 + vary(-0.4, 0.9)
    inside = np.clip(cover / 5.0, 0, 1)
    return cover.astype(np.float32), (most * inside * (2 - inside)).astype(np.float32)


def _blurred(image: Image.Image, colour: Colour, cover: float, shapes: list[list[float]], radius: float) -> None:
    """Lays ellipses of a colour over an image, softened."""
    mask = Image.new("L", image.size)
    pencil = ImageDraw.Draw(mask)
    for shape in shapes:
        pencil.ellipse(shape, fill=round(255 * cover))
    image.paste(colour, mask=mask.filter(ImageFilter.GaussianBlur(radius)))


def _around(middle: NDArray[np.float64], across: float, down: float) -> list[float]:
    return [middle[0] - across, middle[1] - down, middle[0] + across, middle[1] + down]


def _warm(image: Image.Image, look: Look, at: NDArray[np.float64], eye: tuple[NDArray[np.float64], ...]) -> None:
    """Redder cheeks, nose and chin, darker hollows of the eyes."""
    red, dark = mix(look.skin, (206, 84, 74), 0.28), mix(look.skin, (92, 52, 56), 0.30)
    cheeks = [_around(np.array([middle[0], at[33, 1] - 6]), 32, 26) for middle in eye]
    _blurred(image, red, 0.75, [*cheeks, _around(at[30] + (0, 2), 18, 15), _around(at[8] - (0, 16), 22, 12)], 14)
    _blurred(image, dark, 0.65, [_around(middle + np.array((0, 3)), 31, 17) for middle in eye], 8)


def _grained(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Skin is not of one colour: a faint grain, coarser than a pore."""
    grain = rng.normal(128, rng.uniform(12, 24), (SIDE // 4, SIDE // 4))
    spots = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).resize((SIDE, SIDE))
    return Image.blend(image, Image.merge("RGB", [spots] * 3), 0.045)


def _beard(image: Image.Image, look: Look, at: NDArray[np.float64], strength: float) -> None:
    mask = Image.new("L", image.size)
    pencil = ImageDraw.Draw(mask)
    jaw = [tuple(point) for point in at[3:14]] + [tuple(at[54] + (14, 6)), tuple(at[35] + (4, 12))]
    jaw += [tuple(at[33] + (0, 10)), tuple(at[31] + (-4, 12)), tuple(at[48] + (-14, 6))]
    pencil.polygon(jaw, fill=round(255 * strength))
    lowest = at[8]
    pencil.ellipse(_around(lowest - (0, 10), 70, 40), fill=round(255 * strength))
    pencil.ellipse(_around((at[57] + at[8]) / 2 - (0, 20), 20, 8), fill=round(140 * strength))
    image.paste(mix(look.brow, look.skin, 0.25), mask=mask.filter(ImageFilter.GaussianBlur(7)))


def _curve(points: NDArray[np.float64], closed: bool) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in spline(len(points), 8, closed=closed) @ points]


def _lips(image: Image.Image, look: Look, at: NDArray[np.float64]) -> None:
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(_curve(at[48:60], True), fill=235)
    image.paste(look.lip, mask=mask.filter(ImageFilter.GaussianBlur(1.6)))
    seam = Image.new("L", image.size)
    line = np.concatenate([at[[48]], (at[61:64] + at[[67, 66, 65]]) / 2, at[[54]]])
    ImageDraw.Draw(seam).line(_curve(line, False), fill=150, width=2)
    image.paste(mix(look.lip, (60, 20, 24), 0.6), mask=seam.filter(ImageFilter.GaussianBlur(0.8)))


def _lids(image: Image.Image, look: Look, at: NDArray[np.float64]) -> None:
    """A dark rim where the lashes grow."""
    mask = Image.new("L", image.size)
    pencil = ImageDraw.Draw(mask)
    for first in (36, 42):
        pencil.line(_curve(at[first : first + 4], False), fill=240, width=5)
        pencil.line(_curve(at[[first, first + 5, first + 4, first + 3]], False), fill=110, width=3)
    image.paste(mix(look.brow, (40, 24, 24), 0.5), mask=mask.filter(ImageFilter.GaussianBlur(1.2)))


def _brows(image: Image.Image, look: Look, at: NDArray[np.float64], thick: float, lift: float) -> None:
    mask = Image.new("L", image.size)
    pencil = ImageDraw.Draw(mask)
    for line in (at[17:22], at[26:21:-1]):  # each from its outer end
        middle = np.array(_curve(line + np.array((0, 5 - lift)), False))
        along = np.linspace(0, 1, len(middle))
        half = thick * 5.2 * np.minimum(1, 0.12 + 1.7 * along) * np.sqrt(np.minimum(1, (1.06 - along) * 6))
        up = np.column_stack([0 * half, half])
        outline = np.concatenate([middle - up, (middle + up)[::-1]])
        pencil.polygon([(float(x), float(y)) for x, y in outline], fill=225)
    image.paste(look.brow, mask=mask.filter(ImageFilter.GaussianBlur(1.5)))


def _clothes(image: Image.Image, look: Look) -> None:
    down = float(to_map(np.array([[0.0, COLLAR, 0.0]], dtype=np.float32))[0, 0])
    pencil = ImageDraw.Draw(image)
    pencil.rectangle([0, down, SIDE, SIDE], fill=look.garment)
    pencil.line([0, down, SIDE, down], fill=mix(look.garment, (0, 0, 0), 0.3), width=3)
