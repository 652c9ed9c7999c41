"""From an entry's face to channels: sides, directions of gaze and head, and the units of the angles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from kfzoo.arkit.channels import BLENDSHAPES

HEAD_REACH = 0.6
"""Angle of a head at full degree, as in `kfzoo.arkit.action_units.POSITIONS`."""

ROLL_REACH = 0.09
"""Roll of an eye at full degree: what a fully tilted head makes the eyes roll back."""

SIDED_KEYS: Mapping[str, Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "GazeSide": {
            "left": {"EyeLookOutLeft": 1.0, "EyeLookInRight": 1.0},
            "right": {"EyeLookInLeft": 1.0, "EyeLookOutRight": 1.0},
        },
        "HeadTurn": {"left": {"HeadYaw": -HEAD_REACH}, "right": {"HeadYaw": HEAD_REACH}},
        "HeadTilt": {"left": {"HeadRoll": HEAD_REACH}, "right": {"HeadRoll": -HEAD_REACH}},
        "JawSide": {"left": {"JawLeft": 1.0}, "right": {"JawRight": 1.0}},
        "MouthSide": {"left": {"MouthLeft": 1.0}, "right": {"MouthRight": 1.0}},
        "EyeTwist": {
            "left": {"LeftEyeRoll": ROLL_REACH, "RightEyeRoll": ROLL_REACH},
            "right": {"LeftEyeRoll": -ROLL_REACH, "RightEyeRoll": -ROLL_REACH},
        },
    }
)
"""Keys of a face whose channels follow from the direction that the sentence names."""

PLAIN_KEYS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "GazeUp": {"EyeLookUpLeft": 1.0, "EyeLookUpRight": 1.0},
        "GazeDown": {"EyeLookDownLeft": 1.0, "EyeLookDownRight": 1.0},
        "GazeCross": {"EyeLookInLeft": 1.0, "EyeLookInRight": 1.0},
        "GazeWall": {"EyeLookOutLeft": 1.0, "EyeLookOutRight": 1.0},
        "HeadUp": {"HeadPitch": -HEAD_REACH},
        "HeadDown": {"HeadPitch": HEAD_REACH},
    }
)
"""Keys of a face for directions without a side."""

OTHER: Mapping[str, str] = MappingProxyType({"left": "right", "right": "left"})

PAIRS = frozenset(name[:-4] for name in BLENDSHAPES if name.endswith("Left")) - {"Jaw", "Mouth"}
"""Names of the channels that both halves of a face have, without their side."""

_HEAD = frozenset({"HeadYaw", "HeadPitch", "HeadRoll"})
_SINGLES = frozenset(BLENDSHAPES) | _HEAD


def is_known(key: str) -> bool:
    """Whether a key may stand in a face."""
    return key in PAIRS or key in SIDED_KEYS or key in PLAIN_KEYS or key in _SINGLES - _HEAD


def has_direction(face: Mapping[str, float]) -> bool:
    """Whether a face needs a direction, left or right."""
    return any(key in SIDED_KEYS for key in face)


def channels_of(face: Mapping[str, float], side: str, one_sided: bool) -> dict[str, float]:
    """Turns a face's keys into channels at full degree.

    Args:
        face: Values by key.
        side: "left" or "right": the direction, and of a one-sided face the half that moves.
        one_sided: Whether only that half moves.

    Returns:
        Values by channel, angles in their own unit and with their sign.
    """
    found: dict[str, float] = {}
    for key, value in face.items():
        for name, share in _parts(key, side, one_sided).items():
            found[name] = found.get(name, 0.0) + share * value
    return found


def rests_of(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Turns the keys of what must rest into channels."""
    return tuple(dict.fromkeys(name for key in keys for side in OTHER for name in _parts(key, side, False)))


@cache
def _parts(key: str, side: str, one_sided: bool) -> Mapping[str, float]:
    if key in SIDED_KEYS:
        return SIDED_KEYS[key][side]
    if key in PLAIN_KEYS:
        return PLAIN_KEYS[key]
    if key in PAIRS:
        sides = (side,) if one_sided else ("left", "right")
        return {f"{key}{each.capitalize()}": 1.0 for each in sides}
    return {key: 1.0}


def reach(name: str) -> float:
    """Value of a channel at full degree: 1 for a blendshape, an angle for the others."""
    if name in _HEAD:
        return HEAD_REACH
    return ROLL_REACH if name.endswith("Roll") else 1.0


def mirrored(name: str) -> str:
    """The other half's channel, or the opposite direction's; the same name for a channel without a side."""
    for suffix, other in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(suffix):
            return name[: -len(suffix)] + other
    return name


def region(name: str) -> str:
    """The part of the face that a channel belongs to, for telling what can be done at the same time."""
    if name.startswith(("EyeLook", "LeftEye", "RightEye")):
        return "gaze"
    if name.startswith("Eye"):
        return "eyes"
    if name == "CheekPuff":
        return "mouth"
    return next(
        label
        for prefix, label in (
            ("Brow", "brows"), ("Jaw", "jaw"), ("Tongue", "jaw"), ("Mouth", "mouth"),
            ("Cheek", "nose_cheeks"), ("Nose", "nose_cheeks"), ("Head", "head"),
        )
        if name.startswith(prefix)
    )  # fmt: skip
