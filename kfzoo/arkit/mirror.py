"""Left and right exchanged: in coefficients, and in the words that describe them.

Both are their own inverse, so a mirrored training sample keeps its text true.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError


def _partner(name: str) -> str:
    if name.endswith(("Left", "Right")):
        return name[:-4] + "Right" if name.endswith("Left") else name[:-5] + "Left"
    if name.startswith(("Left", "Right")):
        return "Right" + name[4:] if name.startswith("Left") else "Left" + name[5:]
    return name


MIRROR_INDEX: NDArray[np.int64] = np.array([INDEX[_partner(name)] for name in CHANNELS], dtype=np.int64)
"""For each channel the one across the face (itself when it has no side), (61,)."""

MIRROR_SIGN: NDArray[np.float32] = np.array(
    [-1.0 if name.endswith(("Yaw", "Roll")) else 1.0 for name in CHANNELS], dtype=np.float32
)
"""-1 for yaw and roll, whose direction turns round; 1 for everything else, pitch included, (61,)."""


def mirror(coefficients: ArrayLike) -> NDArray[np.floating]:
    """Exchanges left and right in a face.

    Sided channels swap places (`JawLeft` and `MouthLeft` too), the eyes' angles go to the other eye, and every yaw and
    roll changes its sign: a positive eye yaw looks to the subject's right in both eyes, so a mirrored glance does both.

    Args:
        coefficients: (…, 61).

    Returns:
        A new array of the same shape; its type is kept when it is a floating one, else float32.

    Raises:
        InputError: When the last axis does not hold 61 channels.
    """
    faces = np.asarray(coefficients)
    if faces.ndim == 0 or faces.shape[-1] != len(CHANNELS):
        raise InputError("mirror", f"expected (…, {len(CHANNELS)}) coefficients, found shape {faces.shape}")
    if not np.issubdtype(faces.dtype, np.floating):
        faces = faces.astype(np.float32)
    # + 0.0 keeps a still head at 0.0 instead of -0.0, which would be written differently.
    mirrored: NDArray[np.floating] = faces[..., MIRROR_INDEX] * MIRROR_SIGN.astype(faces.dtype) + 0.0
    return mirrored


_LETTER = r"[^\W\d_]"
_WORD = "left|right|Left|Right|LEFT|RIGHT"
_SIDE = re.compile(
    rf"(?<!{_LETTER})(?:"
    rf"(?P<idiom>(?i:all\s+(?:left|right)|(?:left|right)\s+(?:away|behind|alone)))"
    rf"|(?P<side>{_WORD})(?P<suffix>(?i:wards?|most)?)"
    rf")(?!{_LETTER})"
)
_SWAP = {"left": "right", "Left": "Right", "LEFT": "RIGHT"}
_SWAP |= {right: left for left, right in _SWAP.items()}


def mirror_text(text: str) -> str:
    """Exchanges the words left and right.

    Whole words only, alone or in compounds ("left", "Leftward", "right-hand", "LEFTMOST", "left_eye"), written small,
    capitalised or in capitals; any other word ("bright", "leftover") stays. The sayings "all right", "right away",
    "left behind" and "left alone" stay as they are, and so, for the swap to be its own inverse, do the same sayings
    with the other side. Other meanings (a right answer, she left the room) cannot be recognised by rule and are
    swapped: use this on descriptions of a face.

    Args:
        text: Any text.

    Returns:
        The text of the mirrored face; `mirror_text(mirror_text(text)) == text`.
    """
    return _SIDE.sub(_swapped, text)


def _swapped(match: re.Match[str]) -> str:
    if match["idiom"]:
        return match["idiom"]
    return _SWAP[match["side"]] + match["suffix"]
