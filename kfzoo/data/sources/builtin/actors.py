"""The 21 actors: how each one's face differs from the script and from the others'.

KeyframeFace has 21 actors, A01 to A21, with 100 clips each (appendix D.1, D.3). These are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kfzoo.data.script import Part


@dataclass(frozen=True)
class Actor:
    """One performer.

    Attributes:
        name: "A01" to "A21".
        part: The part of the split that all of the actor's scripts belong to.
        brows: Gain of the brows.
        eyes: Gain of the lids.
        mouth: Gain of the mouth, the nose and the cheeks.
        jaw: Gain of the jaw.
        head: Gain of head and gaze.
        lean: How much stronger the subject's left half of the mouth, nose and cheeks moves: 0.1 is ten per cent.
        rest: The face at rest, by channel; a name without its side means both.
        habit: Action units that slip into a performance unasked, by code.
        habit_head: Head angles of the same habit: (yaw, pitch, roll).
    """

    name: str
    part: Part
    brows: float
    eyes: float
    mouth: float
    jaw: float
    head: float
    lean: float
    rest: Mapping[str, float] = field(default_factory=dict)
    habit: Mapping[int | str, float] = field(default_factory=dict)
    habit_head: tuple[float, float, float] = (0.0, 0.0, 0.0)


ACTORS: tuple[Actor, ...] = (
    #     name   part    brows eyes  mouth jaw   head  lean   rest, habit
    Actor("A01", "train", 1.10, 1.00, 0.95, 1.00, 1.00, +0.10, {"MouthRollLower": 0.07}, {2: 0.5}),
    Actor("A02", "train", 0.85, 0.95, 1.10, 1.10, 0.80, -0.06, {"MouthPress": 0.05}, {}, (0.0, 0.0, 0.14)),
    Actor("A03", "train", 1.00, 1.10, 1.05, 0.90, 1.20, +0.02, {"EyeSquint": 0.07}, {"L12": 0.25}),
    Actor("A04", "val", 1.05, 0.95, 1.00, 1.05, 1.10, -0.12, {"MouthShrugLower": 0.08}, {24: 0.4}),
    Actor("A05", "train", 0.90, 0.90, 0.90, 0.95, 0.90, +0.05, {"MouthFrown": 0.06}, {7: 0.35}),
    Actor("A06", "train", 1.15, 1.15, 1.10, 1.20, 1.30, -0.03, {"BrowInnerUp": 0.06}, {1: 0.35, 2: 0.45}),
    Actor("A07", "test", 1.10, 0.90, 1.05, 0.95, 1.00, +0.14, {"MouthRollLower": 0.06}, {"R12": 0.25}),
    Actor("A08", "train", 0.95, 1.05, 0.85, 0.85, 0.70, -0.15, {"BrowDown": 0.06}, {4: 0.4}),
    Actor("A09", "train", 1.00, 1.00, 1.15, 1.00, 1.00, +0.00, {"MouthSmile": 0.07}, {14: 0.4}),
    Actor("A10", "train", 1.10, 0.85, 1.00, 1.15, 1.10, +0.08, {"JawOpen": 0.05}, {25: 0.4}, (0.0, -0.1, 0.0)),
    Actor("A11", "val", 0.90, 1.05, 1.10, 0.90, 0.90, +0.06, {"EyeSquint": 0.06}, {}, (0.0, 0.0, -0.15)),
    Actor("A12", "train", 1.05, 1.10, 0.95, 1.05, 1.15, -0.09, {"EyeWide": 0.06}, {5: 0.35}),
    Actor("A13", "train", 0.80, 0.95, 0.95, 0.90, 0.85, +0.12, {"MouthShrugUpper": 0.07}, {28: 0.4}),
    Actor("A14", "test", 0.95, 1.10, 0.95, 1.10, 1.15, -0.08, {"BrowDown": 0.05}, {2: 0.45}, (0.0, 0.0, 0.12)),
    Actor("A15", "train", 1.15, 1.00, 1.05, 1.00, 0.95, -0.05, {"NoseSneer": 0.05}, {9: 0.3}),
    Actor("A16", "train", 1.00, 0.90, 1.10, 1.15, 1.25, +0.04, {"MouthDimple": 0.05}, {}, (0.12, 0.0, 0.05)),
    Actor("A17", "train", 0.90, 1.05, 1.00, 0.95, 1.05, -0.11, {"MouthStretch": 0.07}, {20: 0.3}),
    Actor("A18", "val", 1.10, 1.00, 0.90, 1.00, 1.00, +0.09, {"MouthFrown": 0.05}, {17: 0.35}),
    Actor("A19", "train", 1.05, 0.95, 1.05, 0.85, 0.90, +0.03, {"CheekSquint": 0.06}, {6: 0.35}),
    Actor("A20", "train", 0.95, 1.15, 0.90, 1.10, 1.10, -0.02, {"EyeBlink": 0.06}, {45: 0.3}, (0.0, 0.1, 0.0)),
    Actor("A21", "test", 1.00, 1.00, 1.10, 0.90, 0.90, -0.10, {"MouthSmile": 0.05}, {24: 0.35}),
)
"""Every third from A04 on alternates between validation and test, so that seven scripts in a row hold all parts."""
