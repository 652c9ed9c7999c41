"""Performing a script: from what is asked of an actor to the 61 coefficients that a phone would measure.

The numbers of `SPILL` and `SYNERGIES` were set by hand so that the marginals come near to those of real takes; see
`benchmarks/tables/builtin_marginals.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.action_units import PITCH_PER_LOOK, YAW_PER_LOOK, blend
from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, clamp
from kfzoo.data.sources.builtin.actors import ACTORS, Actor
from kfzoo.data.sources.builtin.emotions import GAZES, HEADS, number_of
from kfzoo.data.sources.builtin.stories import Moment

Floats = NDArray[np.float32]

REACH: Mapping[str, float] = MappingProxyType(
    {
        "EyeSquint": 0.75, "EyeBlink": 0.80, "JawForward": 0.35, "Jaw": 0.35, "Mouth": 0.70, "JawOpen": 0.75,
        "MouthPress": 0.30, "MouthDimple": 0.40, "MouthRollLower": 0.55, "MouthRollUpper": 0.45,
        "MouthShrugLower": 0.65, "MouthShrugUpper": 0.65, "MouthPucker": 0.60, "MouthFunnel": 0.70, "CheekPuff": 0.45,
        "CheekSquint": 0.60, "MouthUpperUp": 0.70, "MouthFrown": 0.75, "MouthStretch": 0.70,
    }
)  # fmt: skip
"""How far a channel gets in real takes when a movement is acted in full; 1 for the others.

A phone sees pressed lips or puffed cheeks far less than raised brows.
"""

SPILL: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "MouthSmile": {"MouthDimple": 0.10, "CheekSquint": 0.15, "MouthUpperUp": 0.08},
        "MouthFrown": {"MouthShrugLower": 0.20, "MouthStretch": 0.10, "MouthRollLower": 0.08},
        "JawOpen": {
            "MouthLowerDown": 0.20, "MouthStretch": 0.18, "MouthClose": 0.15, "MouthFunnel": 0.18, "JawForward": 0.06,
        },
        "NoseSneer": {"CheekSquint": 0.25, "MouthUpperUp": 0.15, "BrowDown": 0.10},
        "BrowDown": {"EyeSquint": 0.15, "NoseSneer": 0.06},
        "BrowOuterUp": {"BrowInnerUp": 0.30, "EyeWide": 0.10},
        "CheekSquint": {"EyeSquint": 0.15, "NoseSneer": 0.10},
        "MouthPress": {"MouthShrugLower": 0.25, "MouthRollLower": 0.20, "MouthDimple": 0.10, "CheekPuff": 0.05},
        "MouthShrugLower": {"MouthRollLower": 0.15, "MouthPress": 0.05, "MouthFrown": 0.08},
        "MouthStretch": {"MouthLowerDown": 0.15, "MouthFrown": 0.08},
        "MouthLowerDown": {"JawForward": 0.08, "MouthStretch": 0.10},
        "MouthUpperUp": {"NoseSneer": 0.15, "MouthLowerDown": 0.12},
        "MouthPucker": {"CheekPuff": 0.08, "MouthFunnel": 0.10},
        "CheekPuff": {"MouthPucker": 0.25, "MouthPress": 0.15},
        "EyeLookUp": {"EyeWide": 0.25, "BrowInnerUp": 0.08},
        "EyeLookDown": {"EyeBlink": 0.45},
    }
)  # fmt: skip
"""What moves along when a channel moves: share of its value, side by side for pairs."""

SYNERGIES: tuple[tuple[float, Mapping[str, float]], ...] = (
    (0.035, {"MouthShrugLower": 1.0, "MouthShrugUpper": 0.9, "MouthRollLower": 0.7, "MouthPress": 0.2}),
    (0.030, {"MouthStretch": 1.0, "MouthFrown": 0.6, "MouthLowerDown": 0.4}),
    (0.022, {"EyeSquint": 1.0, "CheekSquint": 0.4, "NoseSneer": 0.4}),
    (0.020, {"MouthSmile": 1.0, "CheekSquint": 0.5, "MouthDimple": 0.3}),
    (0.025, {"BrowInnerUp": 1.0, "BrowOuterUp": 0.2, "EyeWide": 0.5}),
    (0.020, {"BrowDown": 1.0, "EyeSquint": 0.6, "NoseSneer": 0.4}),
    (0.025, {"JawOpen": 0.6, "MouthFunnel": 1.0, "MouthClose": 0.5, "JawForward": 0.6, "MouthPucker": 0.5}),
    (0.012, {"EyeBlink": 1.0}),
    (0.015, {"NoseSneer": 1.0, "MouthUpperUp": 0.7}),
)
"""Involuntary activity: groups of channels that move together, with the mean of the group's exponential amplitude."""

NOISE = 0.006
"""Standard deviation of what every channel does by itself."""

HABIT_SHARE = 0.15
"""Share of keyframes that an actor's habit slips into."""

VERGENCE = 0.03
"""Both eyes turn in to look at a phone at arm's length: mean inward look, as in real takes."""


def _channels(name: str) -> list[int]:
    return [INDEX[full] for full in (name, f"{name}Left", f"{name}Right") if full in INDEX]


def _sided(source: str, target: str) -> list[tuple[int, int]]:
    """Pairs of channels through which one movement reaches another: the same side, or both where one has no side."""
    return [
        (start, end)
        for start in _channels(source)
        for end in _channels(target)
        if CHANNELS[start][-4:] == CHANNELS[end][-4:] or not (_has_side(start) and _has_side(end))
    ]


def _has_side(channel: int) -> bool:
    return CHANNELS[channel].endswith(("Left", "Right"))


def spill_matrix() -> Floats:
    """Share of each channel's value that moves another one along, (61, 61), from row to column."""
    matrix = np.zeros((len(CHANNELS), len(CHANNELS)), dtype=np.float32)
    for source, targets in SPILL.items():
        for target, share in targets.items():
            for start, end in _sided(source, target):
                # Where a pair moves an unsided channel, each side does half of it.
                matrix[start, end] = share * (0.5 if _has_side(start) and not _has_side(end) else 1.0)
    return matrix


def pair_row(values: Mapping[str, float]) -> Floats:
    """A face, (61,), from values by name; a name without its side means both."""
    row = np.zeros(len(CHANNELS), dtype=np.float32)
    for name, value in values.items():
        row[_channels(name)] = value
    return row


def _leans() -> Floats:
    """Signs of the channels that lean to a side, (61,): +1 left, -1 right, 0 for the others.

    ARKit measures brows and lids nearly alike on both sides: their correlation is 0.99 and more in real takes.
    """
    leaning = ("Mouth", "Cheek", "NoseSneer")
    signs = [
        (name.endswith("Left") - name.endswith("Right")) if name.startswith(leaning) and name[5:] not in _WHOLE else 0
        for name in CHANNELS
    ]
    return np.array(signs, dtype=np.float32)


_WHOLE = ("Left", "Right")  # MouthLeft and MouthRight are directions, not sides
_MATRIX = np.eye(len(CHANNELS), dtype=np.float32) + spill_matrix()
_AMPLITUDES = np.array([mean for mean, _ in SYNERGIES], dtype=np.float32)
_GROUPS = np.stack([pair_row(group) for _, group in SYNERGIES])
LEANS = _leans()
_REACH = np.ones(len(CHANNELS), dtype=np.float32) + pair_row({name: share - 1.0 for name, share in REACH.items()})
_RESTS = {actor.name: pair_row(actor.rest) for actor in ACTORS}
_BROW_UNITS, _EYE_UNITS, _JAW_UNITS = frozenset({1, 2, 4}), frozenset({5, 7, 45}), frozenset({26, 29, 30})
_HEAD = INDEX["HeadYaw"]
_LOOKS = {
    (direction, side): INDEX[f"EyeLook{direction}{side}"]
    for direction in ("Down", "In", "Out", "Up")
    for side in ("Left", "Right")
}
_EYES = {side: INDEX[f"{side}EyeYaw"] for side in ("Left", "Right")}


def perform(moments: Sequence[Moment], actor: Actor, rng: Random) -> Floats:
    """Performs a story's keyframes.

    Args:
        moments: The k scripted keyframes.
        actor: Who performs.
        rng: Source of chance.

    Returns:
        Coefficients in each channel's range, (k, 61).
    """
    count = len(moments)
    noise = np.random.Generator(np.random.Philox(key=rng.getrandbits(64)))
    faces = np.stack([blend(_performed(moment, actor, rng)) for moment in moments]) * _REACH
    lean = actor.lean + noise.normal(0.0, 0.02, (count, 1)).astype(np.float32)
    amplitudes = noise.standard_exponential((count, len(SYNERGIES)), dtype=np.float32) * _AMPLITUDES
    faces += _RESTS[actor.name] + amplitudes @ _GROUPS
    faces += np.float32(NOISE) * noise.standard_normal(faces.shape, dtype=np.float32)
    faces *= 1.0 + lean * LEANS
    for row, moment in zip(faces, moments, strict=True):
        _turn(row, moment, actor, rng)
    moved: Floats = np.maximum(faces, LOWER) @ _MATRIX
    return clamp(moved)


def _performed(moment: Moment, actor: Actor, rng: Random) -> dict[int | str, float]:
    """Scripted action units as the actor does them, with the habit where it slips in."""
    units = {
        code: min(intensity * _gain(code, actor) * rng.uniform(0.88, 1.12), 1.0)
        for code, intensity in moment.units.items()
    }
    if rng.random() < HABIT_SHARE:
        for code, intensity in actor.habit.items():
            units[code] = max(units.get(code, 0.0), intensity * rng.uniform(0.7, 1.3))
    return units


def _gain(code: int | str, actor: Actor) -> float:
    number = number_of(code)
    if number in _BROW_UNITS:
        return actor.brows
    if number in _EYE_UNITS:
        return actor.eyes
    return actor.jaw if number in _JAW_UNITS else actor.mouth


def _turn(face: Floats, moment: Moment, actor: Actor, rng: Random) -> None:
    """Writes gaze and head into one face, (61,)."""
    broad = actor.head * rng.uniform(0.7, 1.25)
    side = 1.0 if rng.random() < 0.5 else -1.0
    sideways, down = GAZES[moment.gaze]
    _look(face, side * sideways * broad + rng.gauss(0.0, 0.025), down * broad + rng.gauss(0.0, 0.025), rng)
    tic = rng.random() < HABIT_SHARE
    for place, (angle, habit) in enumerate(zip(HEADS[moment.head], actor.habit_head, strict=True)):
        sign = 1.0 if place == 1 else side
        face[_HEAD + place] = sign * angle * broad + (habit if tic else 0.0) + rng.gauss(0.0, 0.02)


def _look(face: Floats, yaw: float, pitch: float, rng: Random) -> None:
    """Writes a direction of the gaze, in weights, as `EyeLook…` weights and as the angles that belong to them.

    A positive yaw looks to the subject's right: the left eye in, the right eye out.
    """
    vergence = max(rng.gauss(VERGENCE, 0.012), 0.0)
    for side, inward in (("Left", yaw + vergence), ("Right", vergence - yaw)):
        face[_LOOKS["In", side]], face[_LOOKS["Out", side]] = max(inward, 0.0), max(-inward, 0.0)
        face[_LOOKS["Down", side]], face[_LOOKS["Up", side]] = max(pitch, 0.0), max(-pitch, 0.0)
        eye = _EYES[side]
        face[eye] = (inward if side == "Left" else -inward) * YAW_PER_LOOK + rng.gauss(0.0, 0.006)
        face[eye + 1] = pitch * PITCH_PER_LOOK + rng.gauss(0.0, 0.006)
        face[eye + 2] = rng.gauss(0.0, 0.018)
