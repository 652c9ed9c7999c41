"""The vocabulary of faces: channels, action units, mirroring, words, and Live Link Face files. Numpy only."""

from __future__ import annotations

from kfzoo.arkit.action_units import ACTION_UNITS, POSITIONS, ActionUnit, blend
from kfzoo.arkit.channels import (
    ANGLES,
    BLENDSHAPES,
    CHANNELS,
    INDEX,
    LOWER,
    MEDIAPIPE,
    REGIONS,
    SUBSETS,
    UPPER,
    canonical,
    clamp,
    indices,
)
from kfzoo.arkit.describe import describe
from kfzoo.arkit.livelink import Take, read_take, write_take
from kfzoo.arkit.mirror import MIRROR_INDEX, MIRROR_SIGN, mirror, mirror_text
from kfzoo.arkit.movements import Movement, movements
from kfzoo.arkit.wording import CANONICAL, HELD_OUT, TRAINING, Wording

__all__ = [
    "ACTION_UNITS",
    "ANGLES",
    "BLENDSHAPES",
    "CANONICAL",
    "CHANNELS",
    "HELD_OUT",
    "INDEX",
    "LOWER",
    "MEDIAPIPE",
    "MIRROR_INDEX",
    "MIRROR_SIGN",
    "POSITIONS",
    "REGIONS",
    "SUBSETS",
    "TRAINING",
    "UPPER",
    "ActionUnit",
    "Movement",
    "Take",
    "Wording",
    "blend",
    "canonical",
    "clamp",
    "describe",
    "indices",
    "mirror",
    "mirror_text",
    "movements",
    "read_take",
    "write_take",
]
