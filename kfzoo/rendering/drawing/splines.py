"""Smooth curves through control points, and polygons from curves."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Points in face space, (n, 3): x to the viewer's right, y down, z towards the viewer."""


@cache
def spline(count: int, steps: int, *, closed: bool = False) -> Points:
    """Catmull-Rom spline as a matrix: sampled points are `matrix @ control points`.

    The ends of an open curve are continued straight on, so that it starts and ends in its first and last point.

    Args:
        count: Number of control points, at least 2.
        steps: Samples on each piece between two control points.
        closed: Whether the last point is joined to the first.

    Returns:
        (pieces · steps + 1, count) for an open curve, (pieces · steps, count) for a closed one.
    """
    pieces = count if closed else count - 1
    at = np.arange(pieces * steps + (0 if closed else 1)) / steps
    piece = np.minimum(at.astype(int), pieces - 1)
    t = at - piece
    weights = (
        np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1) / 2
    )
    rows = np.arange(len(at))[:, None]
    if closed:
        matrix = np.zeros((len(at), count))
        np.add.at(matrix, (rows, (piece[:, None] + np.arange(-1, 3)) % count), weights)
        return matrix
    ghosts = np.zeros((len(at), count + 2))  # one point before the first and one after the last
    np.add.at(ghosts, (rows, piece[:, None] + np.arange(4)), weights)
    matrix = ghosts[:, 1:-1]
    matrix[:, 0] += 2 * ghosts[:, 0]
    matrix[:, 1] -= ghosts[:, 0]
    matrix[:, -1] += 2 * ghosts[:, -1]
    matrix[:, -2] -= ghosts[:, -1]
    return matrix


def ribbon(curve: Points, widths: NDArray[np.float64] | float) -> Points:
    """Polygon of a stroke along a curve.

    Args:
        curve: (n, 3).
        widths: Width of the stroke at each point, (n,), or one for all.

    Returns:
        (2 n, 3), its outline: along one side and back along the other.
    """
    along = np.empty((len(curve), 2))
    along[1:-1] = curve[2:, :2] - curve[:-2, :2]
    along[0], along[-1] = curve[1, :2] - curve[0, :2], curve[-1, :2] - curve[-2, :2]
    half = widths / (2 * np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9))
    across = np.zeros((len(curve), 3))
    across[:, 0], across[:, 1] = -along[:, 1] * half, along[:, 0] * half
    return np.concatenate([curve + across, (curve - across)[::-1]])


def taper(count: int, width: float) -> NDArray[np.float64]:
    """Widths of a pen stroke: thin at both ends, `width` in the middle, (count,)."""
    return width * _pressure(count)


def ellipse(middle: NDArray[np.float64], radius_x: float, radius_y: float, count: int = 28) -> Points:
    """Polygon of an ellipse around `middle`, (count, 3)."""
    return middle + _circle(count) * (radius_x, radius_y, 1)


def between(polygon: Points, upper: Points, lower: Points) -> Points:
    """Cuts a convex polygon to the opening between two curves with common x.

    Args:
        polygon: (n, 3).
        upper: Upper rim, (m, 3), x rising.
        lower: Lower rim, (m, 3), with the x of `upper`.

    Returns:
        The polygon with its outer points moved onto the rims, (n, 3).
    """
    cut = polygon.copy()
    cut[:, 0] = np.clip(polygon[:, 0], upper[0, 0], upper[-1, 0])
    top = np.interp(cut[:, 0], upper[:, 0], upper[:, 1])
    bottom = np.interp(cut[:, 0], lower[:, 0], lower[:, 1])
    cut[:, 1] = np.clip(polygon[:, 1], top, np.maximum(top, bottom))
    return cut


@cache
def _pressure(count: int) -> NDArray[np.float64]:
    along = np.linspace(0.03, 0.97, count)
    return np.asarray(np.sin(along * np.pi) ** 0.7)


@cache
def _circle(count: int) -> Points:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn), np.zeros(count)], axis=1)
