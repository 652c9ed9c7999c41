"""Triangles to pixels on one core: a z-buffer, and the shading of what it shows, compiled by numba.

pyrender, moderngl and VTK draw through a GL driver, which a machine without a screen may lack; Open3D and Mitsuba are
large; a ray tracer builds its tree again for every posed face. These few loops need numba alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

SKIN, MOUTH, TEETH, EYE, HAIR, IRIS = range(6)
"""What a triangle is made of, and places in a palette; the iris is part of the eye."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """Compiles a function, once: the result is kept on disk."""
    return cast(Function, njit(cache=True, nogil=True, error_model="numpy")(function))


@_compiled
def move(points: Floats, weights: Floats, starts: Ints, rows: Ints, deltas: Floats) -> None:
    """Adds weighted sparse shapes to points, in place.

    Args:
        points: (V, 3).
        weights: (S,).
        starts: (S + 1,) where each shape begins in `rows`.
        rows: (N,) vertices that a shape moves.
        deltas: (N, 3) how far.
    """
    for shape in range(len(weights)):
        weight = weights[shape]
        if weight != 0:
            for place in range(starts[shape], starts[shape + 1]):
                row = rows[place]
                for axis in range(3):
                    points[row, axis] += weight * deltas[place, axis]


@_compiled
def vertex_normals(points: Floats, triangles: Ints) -> Floats:
    """Normals of vertices from those of the triangles around them, larger ones counting more, (V, 3)."""
    normals = np.zeros_like(points)
    for face in range(len(triangles)):
        a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for row in range(len(normals)):
        x, y, z = normals[row, 0], normals[row, 1], normals[row, 2]
        length = np.float32(1) / np.sqrt(max(x * x + y * y + z * z, np.float32(1e-20)))
        for axis in range(3):
            normals[row, axis] *= length
    return normals


@_compiled
def rasterise(screen: Floats, triangles: Ints, two_sided: int, size: int) -> tuple[Ints, Floats]:
    """Finds the triangle in front at each pixel.

    Args:
        screen: (V, 3) x to the right and y down in pixels, and the nearness, larger in front.
        triangles: (T, 3).
        two_sided: From this triangle on, both sides are seen; before it, only those that turn counter-clockwise.
        size: Side of the square image.

    Returns:
        Triangle at each pixel or -1, (size, size), and the weights of its second and third corner, (size, size, 2).
    """
    owner = np.full((size, size), -1, dtype=np.int32)
    near = np.full((size, size), -1e30, dtype=np.float32)
    weights = np.empty((size, size, 2), dtype=np.float32)
    half, one = np.float32(0.5), np.float32(1)
    for face in range(len(triangles)):
        a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
        ax, ay, az = screen[a, 0], screen[a, 1], screen[a, 2]
        bx, by, bz = screen[b, 0], screen[b, 1], screen[b, 2]
        cx, cy, cz = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (cx - ax) * (by - ay) - (cy - ay) * (bx - ax)
        if area == 0 or (area < 0 and face < two_sided):
            continue
        left, right = int(np.ceil(min(ax, bx, cx) - half)), int(np.floor(max(ax, bx, cx) - half))
        top, bottom = int(np.ceil(min(ay, by, cy) - half)), int(np.floor(max(ay, by, cy) - half))
        left, right, top, bottom = max(left, 0), min(right, size - 1), max(top, 0), min(bottom, size - 1)
        share = one / area
        for row in range(top, bottom + 1):
            y = np.float32(row) + half
            for column in range(left, right + 1):
                x = np.float32(column) + half
                second = ((cx - ax) * (y - ay) - (cy - ay) * (x - ax)) * share
                third = ((x - ax) * (by - ay) - (y - ay) * (bx - ax)) * share
                if second >= 0 and third >= 0 and second + third <= one:
                    depth = az + second * (bz - az) + third * (cz - az)
                    if depth > near[row, column]:
                        near[row, column] = depth
                        owner[row, column] = face
                        weights[row, column, 0] = second
                        weights[row, column, 1] = third
    return owner, weights


@_compiled
def shade(
    owner: Ints,
    weights: Floats,
    triangles: Ints,
    parts: NDArray[np.uint8],
    normals: Floats,
    surface: Floats,
    texture: Floats,
    palette: Floats,
    streaks: Floats,
    lamp: Floats,
    background: NDArray[np.uint8],
    to_light: Floats,
    to_bytes: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Colours what `rasterise` found, two by two pixels of it to one.

    Light is Lambert's, bent a little around the edge and more so for red, as skin does it; a sky that is brighter than
    the ground; and a highlight.

    Args:
        owner: (2 n, 2 n).
        weights: (2 n, 2 n, 2).
        triangles: (T, 3).
        parts: (T,) what each triangle is made of.
        normals: (V, 3).
        surface: (V, 4): place in the texture, down and to the right (of an eye: the direction from its middle), how
            much hair covers it (1 and more: wholly, 0 and less: not), and how open to light it is.
        texture: (k, k, 3) colour of the skin, linear.
        palette: (6, 3) colours by part, linear; the skin's own is in the texture.
        streaks: (m,) brightness of strands of hair.
        lamp: (11,) direction, strength, ambient, tint (3), gloss, exposure, and one over the length of
            direction + view.
        background: (n, n, 3).
        to_light: (256,) from bytes to linear light.
        to_bytes: (4096,) from linear light to bytes.

    Returns:
        (n, n, 3).
    """
    size = len(background)
    image = np.empty((size, size, 3), dtype=np.uint8)
    light = np.empty(3, dtype=np.float32)
    albedo = np.empty(3, dtype=np.float32)
    seen = np.empty(7, dtype=np.float32)  # place in the surface, then the normal
    for row in range(size):
        for column in range(size):
            light[:] = 0
            first_face = owner[2 * row, 2 * column]
            alike = first_face >= 0
            for sub in range(1, 4):
                face = owner[2 * row + sub // 2, 2 * column + sub % 2]
                alike = alike and face >= 0 and parts[face] == parts[first_face]
            if alike:  # one material: its place and normal are averaged, and it is lit once
                seen[:] = 0
                for sub in range(4):
                    _look_up(
                        owner, weights, triangles, normals, surface, 2 * row + sub // 2, 2 * column + sub % 2, seen
                    )
                seen *= np.float32(0.25)
                _light(parts[first_face], seen, texture, palette, streaks, lamp, albedo, np.float32(1), light)
            else:
                for sub in range(4):
                    y, x = 2 * row + sub // 2, 2 * column + sub % 2
                    face = owner[y, x]
                    if face < 0:
                        for channel in range(3):
                            light[channel] += np.float32(0.25) * to_light[background[row, column, channel]]
                    else:
                        seen[:] = 0
                        _look_up(owner, weights, triangles, normals, surface, y, x, seen)
                        _light(parts[face], seen, texture, palette, streaks, lamp, albedo, np.float32(0.25), light)
            for channel in range(3):
                image[row, column, channel] = to_bytes[min(max(int(light[channel] * 4095 + 0.5), 0), 4095)]
    return image


@_compiled
def _look_up(
    owner: Ints, weights: Floats, triangles: Ints, normals: Floats, surface: Floats, row: int, column: int, out: Floats
) -> None:
    """Adds surface and normal at a pixel to `out`, (7,)."""
    face = owner[row, column]
    a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
    second, third = weights[row, column, 0], weights[row, column, 1]
    first = np.float32(1) - second - third
    for axis in range(4):
        out[axis] += first * surface[a, axis] + second * surface[b, axis] + third * surface[c, axis]
    for axis in range(3):
        out[4 + axis] += first * normals[a, axis] + second * normals[b, axis] + third * normals[c, axis]


@_compiled
def _light(
    part: int,
    seen: Floats,
    texture: Floats,
    palette: Floats,
    streaks: Floats,
    lamp: Floats,
    albedo: Floats,
    share: Any,
    out: Floats,
) -> None:
    """Adds a share of the light that comes from one place to `out`, (3,)."""
    x, y, z = seen[4], seen[5], seen[6]
    length = np.float32(1) / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-6))
    if part == HAIR and z < 0:
        length = -length
    x, y, z = x * length, y * length, z * length
    gloss, sharpness = _albedo(part, seen, texture, palette, streaks, lamp[8], albedo)
    towards = x * lamp[0] + y * lamp[1] + z * lamp[2]
    sky = lamp[4] * (np.float32(0.8) + np.float32(0.2) * y)
    # Half way between the light and the viewer, who is in front.
    half = (towards + z) * lamp[10]
    shine = np.float32(0)
    if half > np.float32(0.6):
        shine = gloss * half**sharpness * lamp[3]
    for channel in range(3):
        bent = np.float32(0.36) - np.float32(0.1) * channel if part == SKIN else np.float32(0.2)
        reached = max((towards + bent) / (1 + bent), np.float32(0)) * lamp[3] + sky
        out[channel] += share * (albedo[channel] * reached * seen[3] + shine) * lamp[5 + channel] * lamp[9]


@_compiled
def _albedo(
    part: int, place: Floats, texture: Floats, palette: Floats, streaks: Floats, shine: float, out: Floats
) -> tuple[Any, int]:
    """Writes the colour of one place into `out`; returns strength and sharpness of its highlight."""
    one = np.float32(1)
    if part == EYE:
        away = np.sqrt(place[0] ** 2 + place[1] ** 2)
        pupil, ring, white = _step(0.150, 0.185, away), _step(0.31, 0.40, away), _step(0.36, 0.42, away)
        bright = pupil * (one - np.float32(0.65) * ring) * (np.float32(0.8) + np.float32(0.6) * _step(0.1, 0.36, away))
        for channel in range(3):
            out[channel] = palette[IRIS, channel] * bright * (one - white) + palette[EYE, channel] * white
        return np.float32(0.5), 64
    if part != SKIN:
        for channel in range(3):
            out[channel] = palette[part, channel]
        if part == HAIR:
            bright = _strand(place[1], texture, streaks)
            for channel in range(3):
                out[channel] *= bright
            return np.float32(0.05), 8
        return (np.float32(0.25), 32) if part in (MOUTH, TEETH) else (np.float32(0), 1)
    last = np.float32(len(texture) - 2)
    down, right = min(max(place[0], np.float32(0)), last), min(max(place[1], np.float32(0)), last)
    row, column = int(down), int(right)
    v, u = down - np.float32(row), right - np.float32(column)
    for channel in range(3):
        upper = texture[row, column, channel] * (one - u) + texture[row, column + 1, channel] * u
        lower = texture[row + 1, column, channel] * (one - u) + texture[row + 1, column + 1, channel] * u
        out[channel] = upper * (one - v) + lower * v
    cover = _step(0.0, 1.0, place[2])
    if cover > 0:
        bright = _strand(right, texture, streaks)
        for channel in range(3):
            out[channel] += (palette[HAIR, channel] * bright - out[channel]) * cover
    return shine * (one - cover) + np.float32(0.04) * cover, 14


@_compiled
def _strand(right: Any, texture: Floats, streaks: Floats) -> Any:
    """Brightness of the hair at a place of the texture, the same on both sides of the head."""
    away = abs(right - np.float32(0.5) * np.float32(len(texture) - 1))
    return streaks[int(away * 4) % len(streaks)]


@_compiled
def _step(low: float, high: float, value: Any) -> Any:
    """0 below `low`, 1 above `high`, smooth between."""
    t = min(max((value - np.float32(low)) / np.float32(high - low), np.float32(0)), np.float32(1))
    return t * t * (np.float32(3) - np.float32(2) * t)
