"""Draws a face from 61 coefficients: a small portrait that needs no mesh and no graphics card."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from kfzoo.errors import InputError
from kfzoo.rendering.appearance import Colour, Scene, paint_background
from kfzoo.rendering.appearance import mix as _mix
from kfzoo.rendering.drawing.control_points import WRINKLES
from kfzoo.rendering.drawing.proportions import Proportions
from kfzoo.rendering.drawing.rig import PosedFace, pose
from kfzoo.rendering.drawing.splines import Points, between, ellipse, ribbon, spline, taper

HEAD_GAIN = 0.45
"""Part of a head angle that is drawn: a drawing without a far side cannot turn by a whole radian."""

NECK = np.array([0.0, 0.62, -0.10])
"""The head turns about this point."""

CAMERA = 7.0
"""Distance of the viewer from the neck: what comes nearer grows a little."""

VIEW = (0.10, 1.55)
"""Height of the image's middle, and half its side, in face space."""

SUPERSAMPLING = 4

ROUNDNESS = 2.0
"""How fast the face falls away from the viewer towards its sides: a cheek's patch turns with the cheek."""


GARMENT = ((0.40, 1.36), (0.60, 1.43), (0.95, 1.52), (1.28, 1.63), (1.6, 1.8), (0.0, 2.0))
THROAT = ((0.43, 0.7), (0.41, 1.15), (0.44, 1.37), (0.36, 1.50), (0.20, 1.585), (0.0, 1.61))
LONG_HAIR = ((0.0, -1.3), (0.62, -1.16), (0.93, -0.7), (1.0, 0.0), (1.03, 0.7), (0.98, 1.3), (0.86, 1.62), (0.0, 1.62))
"""Right halves of what lies in the plane of the neck."""


@dataclass(frozen=True)
class Style:
    """Colours of the drawing, each (red, green, blue), and what else but proportions is a person's own.

    Attributes:
        brow_weight: Thickness of the brows, 1 for the portrait's.
        cut: How long the hair is.
    """

    background: Colour = (255, 255, 255)
    skin: Colour = (241, 214, 194)
    shade: Colour = (224, 186, 163)
    light: Colour = (250, 231, 217)
    blush: Colour = (233, 178, 158)
    line: Colour = (133, 88, 72)
    brow: Colour = (74, 57, 51)
    hair: Colour = (82, 66, 60)
    lash: Colour = (62, 46, 42)
    eye: Colour = (252, 250, 248)
    eye_shade: Colour = (224, 216, 212)
    iris: Colour = (86, 116, 132)
    iris_ring: Colour = (52, 72, 86)
    pupil: Colour = (28, 28, 32)
    lip_top: Colour = (193, 130, 116)
    lip_bottom: Colour = (208, 150, 135)
    seam: Colour = (126, 66, 60)
    cavity: Colour = (88, 38, 40)
    teeth: Colour = (250, 247, 241)
    teeth_shade: Colour = (232, 225, 216)
    tongue: Colour = (208, 112, 110)
    garment: Colour = (132, 146, 158)
    brow_weight: float = 1.0
    cut: Literal["short", "long", "none"] = "short"


PORTRAIT = Style()
"""Soft skin, slate clothes, on white."""


@dataclass
class _Sheet:
    """Polygons in drawing order, projected together at the end."""

    polygons: list[Points] = field(default_factory=list)
    colours: list[Colour] = field(default_factory=list)

    def fill(self, polygon: Points, colour: Colour) -> None:
        self.polygons.append(polygon)
        self.colours.append(colour)

    def soft(self, middle: NDArray[np.float64], size: tuple[float, float], colour: Colour, ground: Colour) -> None:
        """A patch that lies on the curved face and fades into its ground."""
        for step in range(1, 8):
            shrunk = 1.06 - step / 7
            patch = ellipse(middle, size[0] * shrunk, size[1] * shrunk)
            patch[:, 2] -= ROUNDNESS * (patch[:, 0] - middle[0]) * middle[0]
            self.fill(patch, _mix(ground, colour, (step / 7) ** 1.6))


def draw_face(
    coefficients: ArrayLike,
    size: int = 256,
    style: Style = PORTRAIT,
    proportions: Proportions | None = None,
    scene: Scene | None = None,
) -> Image.Image:
    """Draws one face from the front, as a portrait: the subject's left is at the viewer's right.

    Every channel shows, but for the two rolls of the eyes. A positive yaw turns to the subject's right, a positive
    pitch down, a positive roll tips the head towards the subject's left shoulder, as in `kfzoo.arkit.describe`.

    Args:
        coefficients: (61,) in Live Link order; values outside a channel's range are clamped.
        size: Side of the square image in pixels, at least 16.
        style: Colours.
        proportions: Whose face; by default the table's.
        scene: Background and camera; by default the style's background, and straight in front. Its light is not
            painted.

    Returns:
        An RGB image.

    Raises:
        InputError: For a wrong shape, values that are no finite numbers, or a size below 16.
    """
    if size < 16:
        raise InputError("size", f"expected at least 16 pixels, got {size}", "96 shows the expression, 256 prints well")
    scale = size * SUPERSAMPLING
    polygons = face_polygons(coefficients, scale, style, proportions, scene)
    if scene is None:
        image = Image.new("RGB", (scale, scale), style.background)
    else:
        # Each pixel is repeated, so that reducing gives it back as it was.
        background = Image.fromarray(paint_background(scene, size))
        image = background.resize((scale, scale), Image.Resampling.NEAREST)
    pencil = ImageDraw.Draw(image)
    for polygon, colour in polygons:
        pencil.polygon(polygon.ravel().tolist(), fill=colour)
    return image.reduce(SUPERSAMPLING)


def face_polygons(
    coefficients: ArrayLike,
    side: float,
    style: Style = PORTRAIT,
    proportions: Proportions | None = None,
    scene: Scene | None = None,
) -> list[tuple[NDArray[np.float64], Colour]]:
    """Computes what `draw_face` paints: filled polygons, one over the other, by the even-odd rule.

    Args:
        coefficients: (61,) in Live Link order; values outside a channel's range are clamped.
        side: Of the square image, in any unit; polygons may reach beyond it.
        style: Colours.
        proportions: Whose face; by default the table's.
        scene: Camera; by default straight in front.

    Returns:
        Points, (n, 2), x to the right and y down from the image's corner, and colour, from the lowest polygon to the
        highest. Which polygons there are depends on the face: a closed eye has no iris.

    Raises:
        InputError: For a wrong shape, or values that are no finite numbers.
    """
    face = pose(coefficients)
    still, moving = _Sheet(), _Sheet()
    if style.cut == "long":
        still.fill(_flat(LONG_HAIR), _mix(style.hair, (0, 0, 0), 0.12))
    _body(still, style)
    for part in (_head, _shades, _eyes, _nose, _lines, _mouth, _brows, _hair):
        part(moving, face, style)
    angles = face.angles * HEAD_GAIN
    if scene is not None:
        angles[:2] += scene.angles
    polygons: list[tuple[NDArray[np.float64], Colour]] = []
    for sheet, turn, shape in ((still, np.zeros(3), None), (moving, angles, proportions)):
        points = np.concatenate(sheet.polygons)
        placed = _placed(_project(points if shape is None else shape.apply(points), turn), side, scene)
        ends = np.cumsum([len(polygon) for polygon in sheet.polygons]).tolist()
        for start, end, colour in zip([0, *ends], ends, sheet.colours, strict=False):
            polygons.append((placed[start:end], colour))
    return polygons


def _placed(flat: NDArray[np.float64], side: float, scene: Scene | None) -> NDArray[np.float64]:
    """Brings projected points, (n, 2), into the image."""
    middle, half = VIEW
    zoom, shift = (1.0, (0.0, 0.0)) if scene is None else (scene.zoom, scene.shift)
    # Pillow counts from pixels' edges: with the middle at side / 2, left and right come out alike to the pixel.
    return (flat - (0, middle)) * (zoom * side / (2 * half)) + side / 2 + np.array(shift) * side


def _project(points: Points, angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns points about the neck and projects them onto the image, (n, 2)."""
    yaw, pitch, roll = angles
    x, y, z = (points - NECK).T
    x, z = x * np.cos(yaw) - z * np.sin(yaw), z * np.cos(yaw) + x * np.sin(yaw)
    y, z = y * np.cos(pitch) + z * np.sin(pitch), z * np.cos(pitch) - y * np.sin(pitch)
    x, y = x * np.cos(roll) - y * np.sin(roll), y * np.cos(roll) + x * np.sin(roll)
    nearer = CAMERA / (CAMERA - z)
    return np.stack([x * nearer + NECK[0], y * nearer + NECK[1]], axis=1)


@cache
def _flat(outline: tuple[tuple[float, float], ...]) -> Points:
    """A symmetric polygon in the plane of the neck from its right half."""
    half = np.array([(x, y, NECK[2]) for x, y in outline])
    whole: Points = np.concatenate([half, (half * (-1, 1, 1))[-2::-1]])
    return spline(len(whole), 6) @ whole


def _body(sheet: _Sheet, style: Style) -> None:
    sheet.fill(_flat(GARMENT), style.garment)
    sheet.fill(_flat(THROAT), style.shade)


def _head(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    cap, contour = face.across["hair_cap"], face.across["contour"]
    for ear, fold in zip(face.pairs["ear"], face.pairs["ear_fold"], strict=True):
        sheet.fill(ear, _mix(style.skin, style.shade, 0.45))
        sheet.fill(ribbon(fold, taper(len(fold), 0.018)), _mix(style.shade, style.line, 0.4))
    if style.cut != "none":
        sheet.fill(cap, style.hair)
    sheet.fill(contour, style.skin)


def _shades(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    for side, name in enumerate(("Left", "Right")):
        warm = 0.16 + 0.30 * face[f"MouthSmile{name}"] + 0.35 * face[f"CheekSquint{name}"]
        middle = face.pairs["cheek"][side, 0]
        sheet.soft(middle, (0.24, 0.19), _mix(style.skin, style.blush, min(warm, 0.8)), style.skin)
        if face["CheekPuff"] > 0:
            sheet.soft(middle, (0.20, 0.22), _mix(style.skin, style.light, 0.75 * face["CheekPuff"]), style.skin)
        lid = np.add(face.pairs["crease"][side].mean(axis=0), (0, 0.09, 0))
        sheet.soft(lid, (0.27, 0.17), _mix(style.skin, style.shade, 0.55), style.skin)
    lip = face.across["lip_bottom"]
    sheet.soft(lip[len(lip) // 2] + (0, 0.045, -0.02), (0.16, 0.045), _mix(style.skin, style.shade, 0.8), style.skin)


def _eyes(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    for side in (0, 1):
        # From the viewer's left to right, as `between` asks.
        turn = slice(None) if side == 0 else slice(None, None, -1)
        top, bottom, crease = (face.pairs[name][side][turn] for name in ("lid_top", "lid_bottom", "crease"))
        sheet.fill(np.concatenate([crease, top[::-1]]), _mix(style.skin, style.shade, 0.62))
        if (bottom - top)[:, 1].max() > 0.006:
            _eyeball(sheet, face.pairs["eye"][side, 0], top, bottom, style)
        outer = np.linspace(0, 1, len(top))[turn]
        sheet.fill(ribbon(bottom, taper(len(top), 0.012)), _mix(style.shade, style.line, 0.75))
        sheet.fill(ribbon(top, 0.013 + 0.020 * np.sin(outer * np.pi * 0.80) ** 0.8), style.lash)
        sheet.fill(ribbon(crease, taper(len(crease), 0.015)), _mix(style.shade, style.line, 0.55))


def _eyeball(sheet: _Sheet, middle: NDArray[np.float64], top: Points, bottom: Points, style: Style) -> None:
    sheet.fill(np.concatenate([top, bottom[::-1]]), style.eye)
    shadow = np.stack([top[:, 0], np.minimum(top[:, 1] + 0.035, bottom[:, 1]), top[:, 2]], axis=1)
    sheet.fill(np.concatenate([top, shadow[::-1]]), style.eye_shade)
    for radius, colour in ((0.097, style.iris_ring), (0.082, style.iris), (0.042, style.pupil)):
        sheet.fill(between(ellipse(middle, radius, radius), top, bottom), colour)
    sheet.fill(between(ellipse(np.add(middle, (0, -0.045, 0)), 0.019, 0.019, 12), top, bottom), style.eye)


def _nose(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    faint = _mix(style.skin, style.shade, 0.65)
    sheet.soft(face.pairs["nose_tip"].mean(axis=(0, 1)), (0.085, 0.085), _mix(style.skin, style.light, 0.8), style.skin)
    for side in (0, 1):
        bridge, wing = face.pairs["bridge"][side], face.pairs["wing"][side]
        sheet.fill(ribbon(bridge, taper(len(bridge), 0.020)), faint)
        sheet.fill(face.pairs["nostril"][side], _mix(style.shade, style.line, 0.85))
        sheet.fill(ribbon(wing, taper(len(wing), 0.020)), _mix(style.shade, style.line, 0.45))
    base = face.across["nose_base"]
    sheet.fill(ribbon(base, taper(len(base), 0.018)), _mix(style.shade, style.line, 0.45))


def _lines(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    for name, (width, _, _) in WRINKLES.items():
        both = face.strength[name]
        strokes = (
            [(face.across[name], both.mean())] if name in face.across else zip(face.pairs[name], both, strict=True)
        )
        for curve, strength in strokes:
            if strength > 0.02:
                colour = _mix(style.skin, style.line, min(0.10 + 0.65 * strength, 0.7))
                sheet.fill(ribbon(curve, taper(len(curve), width * (0.45 + 0.55 * strength))), colour)
    for philtrum in face.pairs["philtrum"]:
        sheet.fill(ribbon(philtrum, taper(len(philtrum), 0.014)), _mix(style.skin, style.shade, 0.7))


def _mouth(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    outer_top, top, bottom, outer_bottom = (
        face.across[name] for name in ("lip_top", "seam_top", "seam_bottom", "lip_bottom")
    )
    bottom = np.column_stack([bottom[:, 0], np.maximum(top[:, 1], bottom[:, 1]), bottom[:, 2]])
    sheet.fill(np.concatenate([outer_top, outer_bottom[::-1]]), style.lip_top)
    sheet.fill(np.concatenate([bottom, outer_bottom[::-1]]), style.lip_bottom)
    gap = float((bottom - top)[:, 1].max())
    if gap > 0.008:
        sheet.fill(np.concatenate([top, bottom[::-1]]), style.cavity)
        tongue = face.across["tongue"]
        floor = np.column_stack([tongue[:, 0], tongue[:, 1] + 0.5, tongue[:, 2]])
        sheet.fill(between(np.concatenate([tongue, floor[::-1]]), top, bottom), style.tongue)
        for edge, away in (("teeth_bottom", 0.5), ("teeth_top", -0.5)):
            for narrow, colour in ((1.0, style.teeth_shade), (0.62, style.teeth)):
                teeth = face.across[edge].copy()
                teeth[:, 0] = narrow * teeth[:, 0] + (1 - narrow) * teeth[len(teeth) // 2, 0]
                root = np.column_stack([teeth[:, 0], teeth[:, 1] + away, teeth[:, 2]])
                sheet.fill(between(np.concatenate([teeth, root[::-1]]), top, bottom), colour)
    if face["TongueOut"] > 0.02:
        _tongue(sheet, face["TongueOut"], top, bottom, style)
    for curve in (top, bottom) if gap > 0.008 else (top,):
        sheet.fill(ribbon(curve, taper(len(curve), 0.016)), style.seam)


def _tongue(sheet: _Sheet, out: float, top: Points, bottom: Points, style: Style) -> None:
    middle = len(top) // 2
    root = (top[middle] + 3 * bottom[middle]) / 4
    length = 0.05 + 0.24 * out
    half = np.array([(0.112, 0.0), (0.122, 0.45), (0.110, 0.75), (0.062, 0.95), (0.0, 1.0)]) * (1, length)
    outline = spline(9, 6) @ np.concatenate([half, (half * (-1, 1))[-2::-1]])
    body = np.column_stack([outline + root[:2], np.full(len(outline), root[2] + 0.03)])
    sheet.fill(np.concatenate([body, body[:1]]), style.tongue)
    groove = np.array([(0.0, 0.12), (0.0, 0.45), (0.0, 0.78)]) * (1, length)
    line = np.column_stack([groove + root[:2], np.full(3, root[2] + 0.03)])
    line = spline(3, 6) @ line
    sheet.fill(ribbon(line, taper(len(line), 0.020)), _mix(style.tongue, style.seam, 0.45))
    sheet.fill(ribbon(body, 0.012), _mix(style.tongue, style.seam, 0.5))


def _brows(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    for brow in face.pairs["brow"]:
        along = np.linspace(0, 1, len(brow))
        sheet.fill(
            ribbon(
                brow, style.brow_weight * 0.072 * np.sqrt(np.minimum(1, 0.10 + 5 * along)) * (1 - 0.82 * along**2.4)
            ),
            style.brow,
        )


def _hair(sheet: _Sheet, face: PosedFace, style: Style) -> None:
    if style.cut == "none":
        return
    cap, line = face.across["hair_cap"], face.across["hairline"]
    sheet.fill(np.concatenate([cap, line[::-1]]), style.hair)
    sheen = face.across["sheen"]
    sheet.fill(ribbon(sheen, taper(len(sheen), 0.05)), _mix(style.hair, style.light, 0.10))
