"""The 61 channels: names, order, ranges, regions, subsets and spellings.

The order is Live Link Face's own: 52 ARKit blendshapes, then nine head and eye angles. Blendshapes are weights in
[0, 1]. The angles are signed, in [-1, 1]; a positive yaw turns to the subject's right and a positive pitch turns down.
That is seen in the eyes of real takes, whose `EyeLook…` weights give the direction; the head is taken to follow the
same axes, and a positive roll to tilt to the subject's left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.errors import InputError

BLENDSHAPES: tuple[str, ...] = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
)  # fmt: skip
"""The 52 ARKit blendshapes, in Live Link Face's order."""

ANGLES: tuple[str, ...] = (
    "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
"""The nine head and eye angles that follow the blendshapes."""

CHANNELS: tuple[str, ...] = BLENDSHAPES + ANGLES
"""All 61 channels, in order."""

INDEX: dict[str, int] = {name: index for index, name in enumerate(CHANNELS)}
"""Position of each channel name in a coefficient vector."""

SF13: tuple[str, ...] = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight",
    "JawOpen", "MouthSmileLeft", "MouthSmileRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight",
)  # fmt: skip
"""The 13 dominant blendshapes of SemanticFace's cross comparison (appendix 0.A.5)."""

SUBSETS: dict[str, tuple[str, ...]] = {
    "all61": CHANNELS,
    "blendshapes52": BLENDSHAPES,
    "ca51": tuple(name for name in BLENDSHAPES if name != "TongueOut"),
    "sf13": SF13,
    "sf14": (*SF13, "MouthLeft"),
}
"""Named subsets: all, the blendshapes, the 51 of the CLIP-aligned autoencoder, and SemanticFace's 13 and 14.

`sf14` is what SemanticFace's table 1 really averages: the 13 of its appendix and `MouthLeft`.
"""

MEDIAPIPE: tuple[str, ...] = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""MediaPipe FaceLandmarker's 52 categories in its own order: `_neutral` first, and no tongue."""

NEUROSYNC = len(CHANNELS) + 7
"""Numbers of a frame of the NeuroSync API: all channels, then the strengths of seven emotions."""

REGIONS: dict[str, tuple[str, ...]] = {
    "brows": tuple(name for name in BLENDSHAPES if name.startswith("Brow")),
    "eyes": tuple(name for name in BLENDSHAPES if name.startswith(("EyeBlink", "EyeSquint", "EyeWide"))),
    "gaze": tuple(name for name in CHANNELS if name.startswith(("EyeLook", "LeftEye", "RightEye"))),
    "nose": tuple(name for name in BLENDSHAPES if name.startswith("Nose")),
    "cheeks": tuple(name for name in BLENDSHAPES if name.startswith("Cheek")),
    "jaw": tuple(name for name in BLENDSHAPES if name.startswith("Jaw")),
    "mouth": tuple(name for name in BLENDSHAPES if name.startswith(("Mouth", "Tongue"))),
    "head": ("HeadYaw", "HeadPitch", "HeadRoll"),
}
"""Every channel in exactly one region of the face, from the brows down; the head last."""

LOWER: NDArray[np.float32] = np.array([0.0] * len(BLENDSHAPES) + [-1.0] * len(ANGLES), dtype=np.float32)
"""Smallest value of each channel, (61,)."""

UPPER: NDArray[np.float32] = np.ones(len(CHANNELS), dtype=np.float32)
"""Largest value of each channel, (61,)."""


def _key(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


_BY_KEY: dict[str, str] = {_key(name): name for name in CHANNELS}
_SHORT_SIDE = re.compile(r"(?:[-_. ][lrLR]|[a-z][LR])$")  # `jaw_L`, `eyeBlinkL`; no channel's own name ends so.
_LONGEST = 80  # Characters of a name that is none which a message repeats.


def is_channel(name: str) -> bool:
    """Returns whether `canonical` knows a name; looks for no similar one."""
    return _match(name) is not None


def canonical(name: str) -> str:
    """Turns a spelling of a channel name into Live Link Face's own.

    Case, underscores, hyphens and spaces do not matter, a side may be short, and what stands before a dot is the name
    of a mesh or group: `eyeBlinkLeft`, `eye_blink_l`, `EyeBlink_L`, `eyeBlinkL`, `EYEBLINKLEFT` and
    `blendShapes.EyeBlinkLeft` are all `EyeBlinkLeft`.

    Args:
        name: Any known spelling.

    Returns:
        The name as it is in `CHANNELS`.

    Raises:
        InputError: For a name that is no channel; the message offers the nearest one.
    """
    found = _match(name)
    if found is None:
        near = get_close_matches(_key(name)[:_LONGEST], _BY_KEY, n=1)
        hint = f"did you mean '{_BY_KEY[near[0]]}'?" if near else "see kfzoo.arkit.CHANNELS for the 61 names"
        raise InputError(f"channel '{name[:_LONGEST]}'", "is none of the 61 ARKit channels", hint)
    return found


def arkit_name(channel: str) -> str:
    """Returns a blendshape's name as ARKit itself spells it: `eyeBlinkLeft` for `EyeBlinkLeft`."""
    return channel[:1].lower() + channel[1:]


def _match(name: str) -> str | None:
    return _find(name) or _find(name.partition(".")[2]) or _find(name.rpartition(".")[2])


def _find(name: str) -> str | None:
    key = _key(name)
    found = _BY_KEY.get(key)
    if found is None and _SHORT_SIDE.search(name):
        found = _BY_KEY.get(key[:-1] + {"l": "left", "r": "right"}[key[-1]])
    return found


def indices(names: str | Sequence[str]) -> NDArray[np.int64]:
    """Positions of channels in a coefficient vector.

    Args:
        names: A subset's name (a key of `SUBSETS` or `REGIONS`) or channel names in any spelling.

    Returns:
        Integer positions, (len(names),).

    Raises:
        InputError: For an unknown subset or channel.
    """
    if isinstance(names, str):
        groups = SUBSETS | REGIONS
        if names not in groups:
            raise InputError(f"subset '{names}'", f"expected one of {', '.join(groups)}")
        names = groups[names]
    return np.array([INDEX[canonical(name)] for name in names], dtype=np.int64)


def clamp(coefficients: ArrayLike) -> NDArray[np.float32]:
    """Limits coefficients to each channel's range (real takes overshoot a little: 1.053 was seen).

    Args:
        coefficients: (…, 61).

    Returns:
        A new float32 array of the same shape.
    """
    return np.clip(np.asarray(coefficients, dtype=np.float32), LOWER, UPPER)
