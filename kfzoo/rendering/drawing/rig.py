"""Poses the drawn face: coefficients in, sampled curves out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.arkit.channels import CHANNELS, INDEX, clamp
from kfzoo.arkit.checks import Array, check_face
from kfzoo.rendering.drawing.control_points import GROUPS, MOVES, REST, SIDEWAYS, WRINKLES, Pull
from kfzoo.rendering.drawing.splines import spline

SIDES = ("Left", "Right")
CLOSED = ("contour", "ear", "nostril")
STEPS = 9
"""Samples between two control points: smooth at 1,000 pixels."""

MIDLINE_BLEND = 0.15
"""A one-sided pull fades out across the midline over this width, so that lips and nose do not kink."""

GAZE_PER_RADIAN = (1.7, 2.0)
"""`EyeLook…` weight that goes with one radian of eye yaw and of eye pitch, fitted to real takes (r = 0.97 and 0.99)."""

EYE_TRAVEL = (0.098, 0.080)
LID_FOLLOWS = (0.055, 0.030)
"""How far the upper and the lower lid follow a gaze of 1 up or down."""


@dataclass(frozen=True)
class PosedFace:
    """A face at one moment, in face space (see `kfzoo.rendering.drawing.splines.Points`).

    Attributes:
        pairs: Sampled curves by name, (2, n, 3): the subject's left one (at the viewer's right), then the other.
        across: Sampled curves that cross the midline, from the viewer's left to right, (n, 3); the outline is closed.
        strength: How deep each line of expression is, by name, (2,) in [0, 1].
        angles: Yaw, pitch and roll of the head, (3,), in radians as in the recordings.
        value: The coefficients, (61,), clamped to their ranges.
    """

    pairs: dict[str, Array]
    across: dict[str, Array]
    strength: dict[str, Array]
    angles: Array
    value: Array

    def __getitem__(self, channel: str) -> float:
        """Returns one channel's value."""
        return float(self.value[INDEX[channel]])


def pose(coefficients: ArrayLike) -> PosedFace:
    """Moves the control points and samples the curves between them.

    Args:
        coefficients: (61,) in Live Link order.

    Returns:
        The posed face.

    Raises:
        InputError: For a wrong shape, or values that are no finite numbers.
    """
    value = clamp(check_face(coefficients)).astype(np.float64)
    rest, places = _rest()
    points = np.stack([rest, rest])
    points[:, :, :2] += np.tensordot(close_lips(value), _pulls(), axes=1)
    _look(points, places, value)
    _keep_apart(points, places)
    points[1, :, 0] *= -1
    pairs = {name: _sampler(name) @ points[:, place] for name, place in places.items() if not _crosses(name)}
    across = {name: _sampler(name) @ _join(name, *points[:, place]) for name, place in places.items() if _crosses(name)}
    gains, base = _wrinkles()
    strength = np.clip(np.tensordot(value, gains, axes=1) + base, 0, 1)
    return PosedFace(pairs, across, dict(zip(WRINKLES, strength.T, strict=True)), value[INDEX["HeadYaw"] :][:3], value)


def gaze(value: Array) -> Array:
    """Where the eyes look.

    A recording holds the gaze twice, as weights and as angles; where both are given they agree, so the stronger one
    counts and nothing is doubled.

    Args:
        value: (61,) coefficients.

    Returns:
        (2, 2): left and right eye; outward (away from the nose) and down, in units of a full `EyeLook…` weight.
    """
    both = np.empty((2, 2))
    for side, name in enumerate(SIDES):
        # A positive yaw turns to the subject's right: for the left eye towards the nose.
        outward = -1 if name == "Left" else 1
        seen = {way: value[INDEX[f"EyeLook{way}{name}"]] for way in ("In", "Out", "Up", "Down")}
        weights = np.array([seen["Out"] - seen["In"], seen["Down"] - seen["Up"]])
        angles = np.array([outward * value[INDEX[f"{name}EyeYaw"]], value[INDEX[f"{name}EyePitch"]]]) * GAZE_PER_RADIAN
        both[side] = np.where(np.abs(angles) > np.abs(weights), angles, weights)
    return np.clip(both, -1.1, 1.1)


def close_lips(value: Array) -> Array:
    """`MouthClose` can only close what the jaw has opened; what it asks beyond that presses the lips together."""
    closed = value.copy()
    surplus = max(0.0, value[INDEX["MouthClose"]] - value[INDEX["JawOpen"]])
    closed[INDEX["MouthClose"]] -= surplus
    for name in ("MouthRollUpper", "MouthRollLower"):
        closed[INDEX[name]] = max(closed[INDEX[name]], 0.45 * surplus)
    return closed


def _look(points: Array, places: dict[str, slice], value: Array) -> None:
    look = gaze(value)
    points[:, places["eye"], :2] += (look * EYE_TRAVEL)[:, None]
    shape = np.array([0, 0.73, 1, 0.76, 0])
    upper, lower = LID_FOLLOWS
    points[:, places["lid_top"], 1] += look[:, 1:] * upper * shape
    points[:, places["lid_bottom"], 1] += look[:, 1:] * lower * shape


def _keep_apart(points: Array, places: dict[str, slice]) -> None:
    """Lids and lips meet, but never pass through each other."""
    lid_top, lid_bottom = points[:, places["lid_top"], 1], points[:, places["lid_bottom"], 1]
    np.minimum(lid_top, lid_bottom, out=lid_top)
    inner_top, inner_bottom = points[:, places["seam_top"], 1], points[:, places["seam_bottom"], 1]
    overlap = np.maximum(inner_top - inner_bottom, 0) / 2
    inner_top -= overlap
    inner_bottom += overlap
    outer_top, outer_bottom = points[:, places["lip_top"], 1], points[:, places["lip_bottom"], 1]
    room = np.array([0.0, 0.008, 0.012, 0.012])
    np.minimum(outer_top, inner_top - room, out=outer_top)
    np.maximum(outer_bottom, inner_bottom + room, out=outer_bottom)


@cache
def _rest() -> tuple[Array, dict[str, slice]]:
    ends = np.cumsum([len(points) for points in REST.values()])
    places = {name: slice(int(end) - len(REST[name]), int(end)) for name, end in zip(REST, ends, strict=True)}
    return np.array([point for points in REST.values() for point in points]), places


def _crosses(name: str) -> bool:
    return len(REST[name]) > 1 and REST[name][-1][0] == 0


def _join(name: str, left: Array, right: Array) -> Array:
    """Joins both halves of a curve that crosses the midline; the outline of the head also begins there.

    Where it begins at rest decides: a mouth pulled wholly to one side has both its corners on that side.
    """
    return np.concatenate([right, left[-2::-1] if REST[name][0][0] > 0 else left[-2:0:-1]])


@cache
def _sampler(name: str) -> Array:
    count = len(REST[name])
    if count == 1:
        return np.ones((1, 1))
    closed = name in CLOSED
    return spline(2 * count - (2 if closed else 1) if _crosses(name) else count, STEPS, closed=closed)


def _split(channel: str) -> tuple[str, int | None]:
    """Splits the side off a channel's name: `EyeBlinkLeft` is ("EyeBlink", 0), `JawOpen` is ("JawOpen", None)."""
    for side, name in enumerate(SIDES):
        if channel.endswith(name):
            return channel.removesuffix(name), side
    return channel, None


@cache
def _pulls() -> Array:
    """What each channel at 1.0 adds to the control points of each side, (61, 2, points, 2)."""
    rest, places = _rest()
    own = 0.5 + 0.5 * np.minimum(1, rest[:, :1] / MIDLINE_BLEND)
    pulls = np.zeros((len(CHANNELS), 2, len(rest), 2))
    for index, channel in enumerate(CHANNELS):
        base, side = _split(channel)
        pull = _add_up(MOVES.get(base, ()), places, len(rest))
        for puller in (0, 1) if side is None else (side,):
            pulls[index, puller] += own * pull
            pulls[index, 1 - puller] += (1 - own) * pull * (-1, 1)
        if side is not None:
            push = _add_up(SIDEWAYS.get(base, ()), places, len(rest))
            pulls[index, side] += push
            pulls[index, 1 - side] += push * (-1, 1)
    return pulls


def _add_up(pulls: tuple[Pull, ...], places: dict[str, slice], count: int) -> Array:
    total = np.zeros((count, 2))
    for group, outward, down in pulls:
        for curve, shares in GROUPS[group].items():
            total[places[curve]] += np.outer(shares, (outward, down))
    return total


@cache
def _wrinkles() -> tuple[Array, Array]:
    """What each channel adds to the strength of each line, (61, 2, lines), and the strength at rest, (lines,)."""
    gains = np.zeros((len(CHANNELS), 2, len(WRINKLES)))
    for index, channel in enumerate(CHANNELS):
        base, side = _split(channel)
        for line, (_, _, by_channel) in enumerate(WRINKLES.values()):
            gains[index, slice(None) if side is None else side, line] = by_channel.get(base, 0.0)
    return gains, np.array([rest for _, rest, _ in WRINKLES.values()])
