"""Frames of a take into few bytes, as the page's script unpacks them (`unpack.js`).

Everything is a sequence of 16-bit integers: each is written as its difference to an earlier one (modulo 2^16), with the
sign in the lowest bit; then the low bytes of all, then their high bytes, compressed by gzip. The sequence holds

| part | numbers | difference to |
|---|---|---|
| the picture that each frame shows | F | the frame before |
| the shape of each picture | P | the picture before |
| the coefficients, channel by channel, in units of 1 / `UNITS` | 61 · F | the frame before |
| the pictures: the polygons' colours, the x of all points, the y | by shape | the last picture of that shape, or 0 |

An x or y is then once more written as its difference to that of the point before, which moves alike.
Equal frames share a picture. A shape is a list of polygons by their numbers of points: which polygons a face has
changes when, for example, an eye closes.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfzoo.rendering.drawing.draw import SUPERSAMPLING, face_polygons

GRID = 512 * SUPERSAMPLING
"""Side of the image in units of a point: as fine as `draw_face` at 512 pixels."""

UNITS = 8192
"""Units of a coefficient: its range is -4 to 4, which holds every weight and every angle in radians."""

Numbers = NDArray[np.int32]


@dataclass(frozen=True)
class Packed:
    """A take's frames.

    Attributes:
        frames: Their number, F.
        pictures: Number of different faces, P.
        shapes: Numbers of points of each shape's polygons.
        data: What the module describes, compressed.
    """

    frames: int
    pictures: int
    shapes: list[list[int]]
    data: bytes


def pack(coefficients: NDArray[np.float32]) -> Packed:
    """Draws the frames and packs them.

    Args:
        coefficients: (F, 61) in Live Link order, F of at least 1.

    Raises:
        InputError: For a wrong shape, or values that are no finite numbers.
    """
    places: dict[bytes, int] = {}
    shown = np.array([places.setdefault(face.tobytes(), len(places)) for face in coefficients])
    shapes: dict[tuple[int, ...], int] = {}
    last: dict[int, Numbers] = {}
    of_picture: list[int] = []
    differences: list[Numbers] = []
    for frame in np.unique(shown, return_index=True)[1]:
        shape, numbers = _picture(coefficients[frame])
        number = shapes.setdefault(shape, len(shapes))
        of_picture.append(number)
        differences += _steps(numbers - last.get(number, 0), len(shape))
        last[number] = numbers
    curves = np.rint(np.clip(coefficients.T, -3.999, 3.999) * UNITS).astype(np.int32)
    steps = np.diff(curves, axis=1, prepend=0)
    whole = [np.diff(shown, prepend=0), np.diff(of_picture, prepend=0), steps.ravel(), *differences]
    data = _compressed(np.concatenate(whole).astype(np.int32))
    return Packed(len(shown), len(places), [list(shape) for shape in shapes], data)


def _picture(face: NDArray[np.float32]) -> tuple[tuple[int, ...], Numbers]:
    """Returns a face's shape and its numbers: colours, x, y."""
    polygons = face_polygons(face, GRID)
    # Truncated, as Pillow does it.
    points = np.clip(np.trunc(np.concatenate([points for points, _ in polygons])), -GRID, 2 * GRID).astype(np.int32)
    colours = np.array([colour for _, colour in polygons], dtype=np.int32)
    return tuple(len(points) for points, _ in polygons), np.concatenate([colours.ravel(), points[:, 0], points[:, 1]])


def _steps(numbers: Numbers, polygons: int) -> list[Numbers]:
    """Returns colours as they are, x and y as differences along the points."""
    colours, points = numbers[: 3 * polygons], numbers[3 * polygons :].reshape(2, -1)
    return [colours, np.diff(points, axis=1, prepend=0).ravel()]


def _compressed(numbers: Numbers) -> bytes:
    small = numbers.astype(np.int16)  # modulo 2^16
    folded = ((small << 1) ^ (small >> 15)).astype(np.uint16)
    low, high = (folded & 255).astype(np.uint8), (folded >> 8).astype(np.uint8)
    return gzip.compress(low.tobytes() + high.tobytes(), compresslevel=6, mtime=0)
