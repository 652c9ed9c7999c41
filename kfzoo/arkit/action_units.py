"""Action units of the Facial Action Coding System (FACS), and the face that a set of them makes.

CA (section III.B) selects the 26 action units that matter most and maps each to fixed ARKit weights, but its table I
prints three rows only. `ACTION_UNITS` holds those three as printed (`source="CA"`); the other 23 are ours
(`source="kfzoo"`), chosen from FACS and ARKit's own description of its shapes so that every muscle channel of CA's 51
weights is reached. In particular:

* AU26 (jaw drop) and AU27 (mouth stretch) are two degrees of one ARKit channel, so AU26 alone represents both.
* ARKit's sideways mouth has no action unit; it follows the jaw in AD30, as it does in a face.
* FACS counts the eyes' direction among the eye and head positions, not among the muscles. The eight `EyeLook…` weights
  of the 51 are therefore reached by `POSITIONS` (codes 61 to 66), next to the head (51 to 56) and the tongue (AD19).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER
from kfzoo.errors import InputError

YAW_PER_LOOK = 0.62
"""Eye yaw, in the channels' own unit, of a full `EyeLookIn` or `EyeLookOut` (regression over eight real takes)."""

PITCH_PER_LOOK = 0.5
"""Eye pitch of a full `EyeLookDown` (regression over eight real takes)."""


@dataclass(frozen=True)
class ActionUnit:
    """One movement of FACS.

    Attributes:
        number: FACS code.
        name: FACS name.
        weights: Value of each channel at intensity 1, by channel name.
        source: "CA" for a row printed in CA's table I, "kfzoo" for one of ours.
        sided: True when the code must name its side (`L30`, `R30`): both at once would cancel.
    """

    number: int
    name: str
    weights: Mapping[str, float]
    source: Literal["CA", "kfzoo"] = "kfzoo"
    sided: bool = False


def _pair(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


def _gaze(left: str, right: str, angle: str, left_turn: float, right_turn: float) -> dict[str, float]:
    """Weights and angles of two eyes at nine tenths of their way; the turns in units of the weights."""
    return {
        f"EyeLook{left}Left": 0.9, f"EyeLook{right}Right": 0.9,
        f"LeftEye{angle}": 0.9 * left_turn, f"RightEye{angle}": 0.9 * right_turn,
    }  # fmt: skip


def _table(units: Iterable[ActionUnit]) -> dict[int, ActionUnit]:
    return {unit.number: unit for unit in units}


ACTION_UNITS: dict[int, ActionUnit] = _table((
    ActionUnit(1, "inner brow raiser", {"BrowInnerUp": 0.7}, "CA"),
    ActionUnit(2, "outer brow raiser", _pair("BrowOuterUp", 0.9), "CA"),
    ActionUnit(4, "brow lowerer", _pair("BrowDown", 0.9)),
    ActionUnit(5, "upper lid raiser", _pair("EyeWide", 0.9)),
    ActionUnit(6, "cheek raiser", _pair("CheekSquint", 0.9) | _pair("EyeSquint", 0.4)),
    ActionUnit(7, "lid tightener", _pair("EyeSquint", 0.9)),
    ActionUnit(8, "lips toward each other", {"MouthClose": 0.8}),
    ActionUnit(9, "nose wrinkler", _pair("NoseSneer", 0.9) | _pair("MouthUpperUp", 0.2)),
    ActionUnit(10, "upper lip raiser", _pair("MouthUpperUp", 0.9)),
    ActionUnit(12, "lip corner puller", _pair("MouthSmile", 0.9), "CA"),
    ActionUnit(14, "dimpler", _pair("MouthDimple", 0.9)),
    ActionUnit(15, "lip corner depressor", _pair("MouthFrown", 0.9)),
    ActionUnit(16, "lower lip depressor", _pair("MouthLowerDown", 0.9)),
    ActionUnit(17, "chin raiser", {"MouthShrugLower": 0.9, "MouthShrugUpper": 0.6}),
    ActionUnit(18, "lip pucker", {"MouthPucker": 0.9}),
    ActionUnit(20, "lip stretcher", _pair("MouthStretch", 0.9)),
    ActionUnit(22, "lip funneler", {"MouthFunnel": 0.9}),
    ActionUnit(23, "lip tightener", _pair("MouthPress", 0.4) | {"MouthRollLower": 0.3, "MouthRollUpper": 0.3}),
    ActionUnit(24, "lip pressor", _pair("MouthPress", 0.9)),
    ActionUnit(25, "lips part", _pair("MouthLowerDown", 0.3) | _pair("MouthUpperUp", 0.2) | {"JawOpen": 0.1}),
    ActionUnit(26, "jaw drop", {"JawOpen": 0.9}),
    ActionUnit(28, "lip suck", {"MouthRollLower": 0.9, "MouthRollUpper": 0.9}),
    ActionUnit(29, "jaw thrust", {"JawForward": 0.9}),
    ActionUnit(30, "jaw sideways", _pair("Jaw", 0.9) | _pair("Mouth", 0.5), sided=True),
    ActionUnit(34, "cheek puff", {"CheekPuff": 0.9}),
    ActionUnit(45, "blink", _pair("EyeBlink", 1.0)),
))  # fmt: skip
"""The 26 action units, by number."""

POSITIONS: dict[int, ActionUnit] = _table((
    ActionUnit(19, "tongue show", {"TongueOut": 0.9}),
    ActionUnit(51, "head turn left", {"HeadYaw": -0.6}),
    ActionUnit(52, "head turn right", {"HeadYaw": 0.6}),
    ActionUnit(53, "head up", {"HeadPitch": -0.6}),
    ActionUnit(54, "head down", {"HeadPitch": 0.6}),
    ActionUnit(55, "head tilt left", {"HeadRoll": 0.6}),
    ActionUnit(56, "head tilt right", {"HeadRoll": -0.6}),
    ActionUnit(61, "eyes turn left", _gaze("Out", "In", "Yaw", -YAW_PER_LOOK, -YAW_PER_LOOK)),
    ActionUnit(62, "eyes turn right", _gaze("In", "Out", "Yaw", YAW_PER_LOOK, YAW_PER_LOOK)),
    ActionUnit(63, "eyes up", _gaze("Up", "Up", "Pitch", -PITCH_PER_LOOK, -PITCH_PER_LOOK)),
    ActionUnit(64, "eyes down", _gaze("Down", "Down", "Pitch", PITCH_PER_LOOK, PITCH_PER_LOOK)),
    ActionUnit(65, "walleye", _gaze("Out", "Out", "Yaw", -YAW_PER_LOOK, YAW_PER_LOOK)),
    ActionUnit(66, "cross-eye", _gaze("In", "In", "Yaw", YAW_PER_LOOK, -YAW_PER_LOOK)),
))  # fmt: skip
"""Codes for tongue, head and eyes, beyond the 26, all ours.

Left and right are the subject's. How far a head code turns at intensity 1 is our choice. The takes at hand hold no head
motion; that a positive roll tilts to the subject's left follows from the axes of yaw and pitch (right and down).
"""


def _compile() -> tuple[dict[int | str, int], NDArray[np.float32]]:
    """Returns the row of each code that `blend` takes, and the rows, (codes, 61)."""
    rows: dict[int | str, int] = {}
    table: list[NDArray[np.float32]] = []

    def add(weights: Mapping[str, float], *codes: int | str) -> None:
        row = np.zeros(len(CHANNELS), dtype=np.float32)
        for name, weight in weights.items():
            row[INDEX[name]] = weight
        rows.update(dict.fromkeys(codes, len(table)))
        table.append(row)

    for number, unit in (ACTION_UNITS | POSITIONS).items():
        if not unit.sided:
            add(unit.weights, number, str(number))
        if number in ACTION_UNITS and any(name.endswith("Left") for name in unit.weights):
            for letter, other in (("L", "Right"), ("R", "Left")):
                add({name: w for name, w in unit.weights.items() if not name.endswith(other)}, f"{letter}{number}")
    return rows, np.stack(table)


_ROWS, _WEIGHTS = _compile()


def blend(intensities: Mapping[int | str, float]) -> NDArray[np.float32]:
    """Adds action units up to one face.

    Args:
        intensities: Intensity in [0, 1] by code. A code is a number (`12` or `"12"`: both sides) or, as FACS writes a
            movement of one side, `"L12"` or `"R12"`. Unsided channels of a unit, such as AU25's jaw, move either way.

    Returns:
        Coefficients, (61,) float32; sums beyond a channel's range are limited to it.

    Raises:
        InputError: For an unknown code, or an intensity outside [0, 1].
    """
    rows, values = [], []
    for code, intensity in intensities.items():
        row = _ROWS.get(code)
        if row is None:
            raise _unknown(code)
        if not 0.0 <= intensity <= 1.0:
            raise InputError(f"action unit {code}", f"intensity {intensity} is not in [0, 1]", "scale it to that range")
        rows.append(row)
        values.append(intensity)
    if not rows:
        return np.zeros(len(CHANNELS), dtype=np.float32)
    face: NDArray[np.float32] = np.array(values, dtype=np.float32) @ _WEIGHTS[rows]
    np.minimum(face, UPPER, out=face)
    return np.maximum(face, LOWER, out=face)


def _unknown(code: int | str) -> InputError:
    where = f"action unit '{code}'"
    number = str(code).lstrip("LR")
    unit = (ACTION_UNITS | POSITIONS).get(int(number)) if number.isdecimal() else None
    if unit is not None and unit.sided:
        return InputError(where, "needs a side", f"write 'L{number}' or 'R{number}'")
    if unit is not None:
        return InputError(where, f"({unit.name}) cannot be split into sides", f"write {number}")
    known = ", ".join(str(number) for number in ACTION_UNITS | POSITIONS)
    return InputError(where, f"is not known; known are {known}", "write a number, or 'L12' or 'R12' for one side")
