"""What a shade of an emotion consists of: Ekman scores, action units, directions of the gaze and of the head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

EKMAN: tuple[str, ...] = ("Sadness", "Surprise", "Anger", "Happiness", "Disgust", "Fear")
"""The six emotions that every keyframe is scored for (KeyframeFace, appendix D.5)."""

FAMILY_SHARES: Mapping[str, float] = MappingProxyType(
    {"Sadness": 0.377, "Happiness": 0.368, "Surprise": 0.079, "Anger": 0.077, "Fear": 0.073, "Disgust": 0.026}
)
"""Share of keyframes by dominant emotion in KeyframeFace (appendix D.5)."""

Units = Mapping[int | str, float]
"""Intensities in [0, 1] by action unit; a code such as "R14" moves the subject's right side alone."""

GAZES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {  # sideways (either side), down
        "ahead": (0.00, 0.00),
        "down": (0.05, 0.45),
        "up": (0.05, -0.42),
        "away": (0.34, 0.05),
        "down and away": (0.25, 0.38),
        "up and away": (0.25, -0.35),
    }
)
"""Directions of the gaze in `EyeLook…` weights: (sideways, down)."""

HEADS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {  # yaw (either side), pitch down, roll (either side)
        "level": (0.00, 0.00, 0.00),
        "bowed": (0.02, 0.24, 0.02),
        "raised": (0.02, -0.20, 0.02),
        "tilted": (0.03, 0.02, 0.15),
        "turned": (0.20, 0.02, 0.03),
        "drawn back": (0.03, -0.14, 0.02),
        "turned and bowed": (0.16, 0.20, 0.03),
    }
)
"""Attitudes of the head in Live Link's units: (yaw, pitch, roll); a positive pitch looks down."""


@dataclass(frozen=True)
class Shade:
    """One shade of an emotion.

    Attributes:
        family: The Ekman emotion that it belongs to, or "Neutral".
        scores: Ekman scores in [0, 1] at full strength.
        faces: Alternative sets of action units at full strength.
        gazes: Directions that the gaze may take.
        heads: Attitudes that the head may take.
    """

    family: str
    scores: Mapping[str, float]
    faces: tuple[Units, ...]
    gazes: tuple[str, ...] = ("ahead",)
    heads: tuple[str, ...] = ("level",)


def number_of(code: int | str) -> int:
    """Returns an action unit's number: 14 for 14, "L14" and "R14"."""
    return code if isinstance(code, int) else int(code[1:])


def mirrored(units: Units) -> Units:
    """Returns the same action units on the other side of the face."""
    swap = {"L": "R", "R": "L"}
    return {code if isinstance(code, int) else swap[code[0]] + code[1:]: value for code, value in units.items()}
