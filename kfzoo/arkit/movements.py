"""A coefficient vector as a list of movements: what moves, on which side, how strongly.

This is the structured stage under `describe`, and what a semantic analysis of a face can be built on.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.arkit.action_units import PITCH_PER_LOOK, YAW_PER_LOOK
from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.arkit.wording import COARSE_LEVELS, LEVELS
from kfzoo.errors import InputError

Detail = Literal["full", "coarse"]
"""`full`: every movement above 0.05, in seven levels. `coarse`: what an image shows, above 0.25, in three."""


Side = Literal["left", "right", "both", ""]


class Movement(NamedTuple):
    """One movement of a face.

    Attributes:
        region: brows, eyes, gaze, nose, cheeks, mouth, jaw, tongue or head.
        name: Key of the phrases in a `Wording`, for example "mouth_smile".
        side: "left" or "right": the side that moves, that moves more, or that it moves to; "both" for two sides that
            move alike; "" for a movement without sides. Sides are the subject's.
        level: Position in `LEVELS` (or `COARSE_LEVELS`) of the stronger side.
        value: Strength of the stronger side; the mean for "both".
        weaker_level: Level of the weaker side, or None when it does not move, or there is none.
    """

    region: str
    name: str
    side: Side
    level: int
    value: float
    weaker_level: int | None = None


Kind = Literal["single", "pair", "side"]

ORDER: tuple[tuple[str, str, Kind], ...] = (
    ("brows", "brow_inner_up", "single"), ("brows", "brow_outer_up", "pair"), ("brows", "brow_down", "pair"),
    ("eyes", "eye_close", "pair"), ("eyes", "eye_squint", "pair"), ("eyes", "eye_wide", "pair"),
    ("gaze", "gaze_side", "side"), ("gaze", "gaze_up", "pair"), ("gaze", "gaze_down", "pair"),
    ("gaze", "gaze_crossed", "single"), ("gaze", "gaze_apart", "single"),
    ("nose", "nose_sneer", "pair"),
    ("cheeks", "cheek_raise", "pair"), ("cheeks", "cheek_puff", "single"),
    ("mouth", "mouth_smile", "pair"), ("mouth", "mouth_frown", "pair"), ("mouth", "mouth_dimple", "pair"),
    ("mouth", "mouth_stretch", "pair"), ("mouth", "mouth_press", "pair"), ("mouth", "upper_lip_up", "pair"),
    ("mouth", "lower_lip_down", "pair"), ("mouth", "mouth_pucker", "single"), ("mouth", "mouth_funnel", "single"),
    ("mouth", "upper_lip_roll", "single"), ("mouth", "lower_lip_roll", "single"),
    ("mouth", "upper_lip_shrug", "single"), ("mouth", "lower_lip_shrug", "single"), ("mouth", "mouth_close", "single"),
    ("mouth", "mouth_side", "side"),
    ("jaw", "jaw_open", "single"), ("jaw", "jaw_forward", "single"), ("jaw", "jaw_side", "side"),
    ("tongue", "tongue_out", "single"),
    ("head", "head_turn", "side"), ("head", "head_up", "single"), ("head", "head_down", "single"),
    ("head", "head_tilt", "side"),
)  # fmt: skip
"""Region, name and kind of every movement, in the order of a description: brows first, head last.

A `pair` has a value on each side, a `single` one value; of a `side` only the difference between left and right is seen.
The eyes' roll is no movement a person could name and is left out.
"""

_PLAIN: dict[str, str] = {
    "brow_inner_up": "BrowInnerUp", "brow_outer_up": "BrowOuterUp", "brow_down": "BrowDown", "eye_close": "EyeBlink",
    "eye_squint": "EyeSquint", "eye_wide": "EyeWide", "nose_sneer": "NoseSneer", "cheek_raise": "CheekSquint",
    "cheek_puff": "CheekPuff", "mouth_smile": "MouthSmile", "mouth_frown": "MouthFrown",
    "mouth_dimple": "MouthDimple", "mouth_stretch": "MouthStretch", "mouth_press": "MouthPress",
    "upper_lip_up": "MouthUpperUp", "lower_lip_down": "MouthLowerDown", "mouth_pucker": "MouthPucker",
    "mouth_funnel": "MouthFunnel", "upper_lip_roll": "MouthRollUpper", "lower_lip_roll": "MouthRollLower",
    "upper_lip_shrug": "MouthShrugUpper", "lower_lip_shrug": "MouthShrugLower", "mouth_close": "MouthClose",
    "mouth_side": "Mouth", "jaw_open": "JawOpen", "jaw_forward": "JawForward", "jaw_side": "Jaw",
    "tongue_out": "TongueOut",
}  # fmt: skip
"""Channel of each movement that is read straight off; pairs and sides add `Left` and `Right` to it."""


def _columns() -> tuple[tuple[str, str, Kind, int, int], ...]:
    """Returns region, name, kind and the two places in the extended vector (see `_extended`) of each movement."""
    extra = iter(range(len(CHANNELS), 2 * len(CHANNELS)))
    rows = []
    for region, name, kind in ORDER:
        if name not in _PLAIN:
            first = next(extra)
            rows.append((region, name, kind, first, next(extra) if kind != "single" else first))
        elif kind == "single":
            rows.append((region, name, kind, INDEX[_PLAIN[name]], INDEX[_PLAIN[name]]))
        else:
            rows.append((region, name, kind, INDEX[_PLAIN[name] + "Left"], INDEX[_PLAIN[name] + "Right"]))
    return tuple(rows)


_COLUMNS = _columns()
_EYES = INDEX["EyeLookDownLeft"], INDEX["EyeLookDownRight"], INDEX["LeftEyeYaw"], INDEX["RightEyeYaw"]
_HEAD = INDEX["HeadYaw"]
_LIDS = INDEX["EyeBlinkLeft"], INDEX["EyeBlinkRight"]
_UNSEEN = frozenset({"mouth_close"})
_SHUT = 0.7
_EVEN, _EVEN_SHARE = 0.03, 0.2


def _stronger(first: float, second: float) -> float:
    return first if abs(first) >= abs(second) else second


def _extended(face: list[float]) -> list[float]:
    """Appends what gaze and head do, one place for a single and two for a pair or a side, in the order of `ORDER`.

    An eye's direction is given twice, by its `EyeLook…` weights and by its angles, and some sources fill in only one of
    the two: the stronger of both counts, in units of the weights. What the two eyes share sideways is the gaze, what
    they do against each other is crossing or drifting apart.
    """
    # Five weights an eye: Blink, then Down, In, Out, Up; yaw, then pitch among the angles.
    down_left, down_right, yaw_left, yaw_right = _EYES
    left = _stronger(face[down_left + 1] - face[down_left + 2], face[yaw_left] / YAW_PER_LOOK)
    right = _stronger(face[down_right + 2] - face[down_right + 1], face[yaw_right] / YAW_PER_LOOK)
    fall_left = _stronger(face[down_left] - face[down_left + 3], face[yaw_left + 1] / PITCH_PER_LOOK)
    fall_right = _stronger(face[down_right] - face[down_right + 3], face[yaw_right + 1] / PITCH_PER_LOOK)
    sideways, inward = (left + right) / 2, (left - right) / 2
    yaw, pitch, roll = face[_HEAD : _HEAD + 3]
    face += (
        -sideways, 0.0,
        -fall_left, -fall_right,
        fall_left, fall_right,
        inward, -inward,
        -yaw, 0.0,
        -pitch, pitch,
        roll, 0.0,
    )  # fmt: skip
    return face


def movements(coefficients: ArrayLike, *, detail: Detail = "full", neutral: ArrayLike | None = None) -> list[Movement]:
    """Lists what moves in a face, in the order of the regions.

    Args:
        coefficients: (61,), in or a little out of range.
        detail: "full", or "coarse" for what an image shows: no weak movements, no fine difference between the sides,
            and no gaze of closed eyes.
        neutral: The subject's face at rest, (61,), to be subtracted first; None for none.

    Returns:
        The movements above the lowest level.

    Raises:
        InputError: When there are not 61 finite numbers.
    """
    face = _extended(_face(coefficients, neutral))
    levels = LEVELS if detail == "full" else COARSE_LEVELS
    least = levels[0]
    found: list[Movement] = []
    for region, name, kind, first, second in _COLUMNS:
        left, right = face[first], face[second]
        if kind == "single":
            if left >= least:
                found.append(Movement(region, name, "", bisect_right(levels, left) - 1, left))
        elif kind == "side":
            value = abs(left - right)
            if value >= least:
                side: Side = "left" if left > right else "right"
                found.append(Movement(region, name, side, bisect_right(levels, value) - 1, value))
        elif left >= least or right >= least:
            movement = _paired(region, name, max(left, 0.0), max(right, 0.0), levels)
            if movement is not None:
                found.append(movement)
    if detail == "coarse":
        shut = min(face[_LIDS[0]], face[_LIDS[1]]) >= _SHUT
        found = [m for m in found if m.name not in _UNSEEN and not (shut and m.region == "gaze")]
    return found


def _paired(region: str, name: str, left: float, right: float, levels: tuple[float, ...]) -> Movement | None:
    strong, weak = (left, right) if left >= right else (right, left)
    coarse = levels is COARSE_LEVELS
    if strong - weak <= (0.5 * strong if coarse else max(_EVEN, _EVEN_SHARE * strong)):
        mean = (left + right) / 2
        level = bisect_right(levels, mean) - 1
        return Movement(region, name, "both", level, mean, level) if level >= 0 else None
    level, weaker = bisect_right(levels, strong) - 1, bisect_right(levels, weak) - 1
    weaker_level = None if weaker < 0 or coarse else weaker
    return Movement(region, name, "left" if left > right else "right", level, strong, weaker_level)


def _face(coefficients: ArrayLike, neutral: ArrayLike | None) -> list[float]:
    array = np.asarray(coefficients, dtype=np.float64)
    if neutral is not None:
        array = array - np.asarray(neutral, dtype=np.float64)
    if array.shape != (len(CHANNELS),):
        raise InputError("describe", f"expected ({len(CHANNELS)},) coefficients, found shape {array.shape}")
    face: list[float] = array.tolist()
    total = sum(face)
    if total - total != 0.0:
        name = CHANNELS[int(np.flatnonzero(~np.isfinite(array))[0])]
        raise InputError("describe", f"{name} is not a finite number", "leave such frames out")
    return face
