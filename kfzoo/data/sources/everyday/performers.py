"""Performing what a sentence says: the built-in actors, at a smaller size, and what moves along in a living face."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.action_units import PITCH_PER_LOOK, YAW_PER_LOOK
from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, clamp
from kfzoo.data.sources.builtin.actors import ACTORS, Actor
from kfzoo.data.sources.builtin.performance import LEANS, pair_row, spill_matrix
from kfzoo.data.sources.everyday.pieces import Piece

Floats = NDArray[np.float32]

GAIN_SHARE = 0.4
"""Share of an actor's gains that is left: words say more here than who performs them."""

LEAN_SHARE = 0.5
REST_SHARE = 0.5
SPILL_SHARE = 0.35
"""Shares of an actor's lean and rest, and of what moves along (`SPILL`), that are left."""

RESTING = 0.09
"""Largest value of a channel that must rest."""

NOISE = 0.006
"""Standard deviation of what every blendshape does by itself."""

COUNTER_ROLL = 0.15
"""Share of the head's tilt that the eyes roll back (ocular counter-rolling: 0.1 to 0.2 in a resting head)."""

ROUNDING = 0.35
"""How much of puckered lips turns into a funnel over an open jaw."""


def _gain(actor: Actor, channel: str) -> float:
    for prefix, gain in (("Brow", actor.brows), ("EyeLook", actor.head), ("Eye", actor.eyes), ("Jaw", actor.jaw)):
        if channel.startswith(prefix):
            return gain
    return actor.mouth if channel in BLENDSHAPES else actor.head


_DRAWS = len(CHANNELS) + 6
_GAINS = {
    actor.name: np.array([1.0 + GAIN_SHARE * (_gain(actor, name) - 1.0) for name in CHANNELS], dtype=np.float32)
    * (1.0 + np.float32(LEAN_SHARE * actor.lean) * LEANS)
    for actor in ACTORS
}
_RESTS = {actor.name: np.float32(REST_SHARE) * pair_row(actor.rest) for actor in ACTORS}
_SPILL = np.float32(SPILL_SHARE) * spill_matrix()
_EYES = tuple(
    (
        *(
            INDEX[f"{name}{side}"]
            for name in ("EyeBlink", "EyeWide", "EyeLookIn", "EyeLookOut", "EyeLookDown", "EyeLookUp")
        ),
        INDEX[f"{side}EyeYaw"],
    )
    for side in ("Left", "Right")
)
_JAW, _PUCKER, _FUNNEL = INDEX["JawOpen"], INDEX["MouthPucker"], INDEX["MouthFunnel"]
_HEAD = INDEX["HeadYaw"]


def meant(pieces: Iterable[Piece]) -> dict[str, float]:
    """The face that the words mean, by channel: of two values for one channel the stronger."""
    found: dict[str, float] = {}
    for piece in pieces:
        for name, share in piece.channels.items():
            value = share * piece.degree
            if abs(value) > abs(found.get(name, 0.0)):
                found[name] = value
    return found


def perform(face: Mapping[str, float], rests: Iterable[str], actor: Actor, rng: Random) -> Floats:
    """Performs a face.

    Args:
        face: What is meant, by channel.
        rests: Channels that must rest.
        actor: Who performs.
        rng: Source of chance.

    Returns:
        Coefficients in each channel's range, (61,).
    """
    noise = np.random.Generator(np.random.Philox(key=rng.getrandbits(64))).standard_normal(_DRAWS, dtype=np.float32)
    noise *= np.float32(NOISE)
    asked = np.zeros(len(CHANNELS), dtype=np.float32)
    for name, value in face.items():
        asked[INDEX[name]] = value
    asked *= _GAINS[actor.name]
    quiet = _RESTS[actor.name] + noise[: len(CHANNELS)]
    spilled = np.maximum(asked, 0.0) @ _SPILL + quiet
    # A channel that moves anyway does not move further for what spills into it, nor for where it rests.
    done: list[float] = (asked + np.where(np.abs(asked) > spilled, np.minimum(quiet, 0.02), spilled)).tolist()
    done[_FUNNEL] += ROUNDING * done[_PUCKER] * done[_JAW]
    for place in map(INDEX.__getitem__, rests):
        done[place] = min(0.15 * done[place] + max(float(quiet[place]), 0.0), RESTING)
    _turn_eyes(done, noise[len(CHANNELS) :].tolist())
    return clamp(done)


def _turn_eyes(face: list[float], noise: list[float]) -> None:
    """Closes wide eyes with the lids, and writes the eyes' angles from their looks, in place."""
    tilt = -COUNTER_ROLL * face[_HEAD + 2]
    for place, (blink, wide, inward, outward, down, up, yaw) in enumerate(_EYES):
        face[wide] *= 1.0 - min(max(face[blink], 0.0), 1.0)
        turned = (1.0 - 2.0 * place) * (max(face[inward], 0.0) - max(face[outward], 0.0)) * YAW_PER_LOOK
        sunk = (max(face[down], 0.0) - max(face[up], 0.0)) * PITCH_PER_LOOK
        face[yaw] = turned + noise[3 * place]
        face[yaw + 1] = sunk + noise[3 * place + 1]
        face[yaw + 2] += tilt - turned * sunk / 4 + noise[3 * place + 2]
