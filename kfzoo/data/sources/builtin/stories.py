"""Stories: one or two emotions in one to five keyframes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import TypeVar

from kfzoo.data.sources.builtin import ways
from kfzoo.data.sources.builtin.emotions import EKMAN, Shade, Units, mirrored, number_of
from kfzoo.data.sources.builtin.shades import SHADES

_T = TypeVar("_T")


@dataclass(frozen=True)
class Moment:
    """One keyframe as the script asks for it.

    Attributes:
        phase: Its place in the story.
        strengths: How strongly the first and the second emotion show, each from 0 to about 1.
        units: Scripted intensities by action unit, strongest influence first in the tables' order.
        gaze: Direction of the gaze, a key of `GAZES`.
        head: Attitude of the head, a key of `HEADS`.
        scores: Ekman scores in [0, 1], all six.
    """

    phase: str
    strengths: tuple[float, float]
    units: dict[int | str, float]
    gaze: str
    head: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Story:
    """What a script is about, before anybody performs it.

    Attributes:
        way: Key of `WAYS`.
        felt: The first emotion, a key of `SHADES`.
        shown: The second emotion or mask, or "" for a simple emotion.
        scale: How restrained (below 1) or how broadly (above 1) the whole script is meant.
        times: Seconds of the keyframes, rising.
        moments: The keyframes.
    """

    way: str
    felt: str
    shown: str
    scale: float
    times: tuple[float, ...]
    moments: tuple[Moment, ...]


_SHARES = ways.family_shares()
_BY_FAMILY = {family: [name for name, shade in SHADES.items() if shade.family == family] for family in _SHARES}
_FAMILIES, _FAMILY_LIMITS = list(_SHARES), list(accumulate(_SHARES.values()))
_WAYS, _WAY_LIMITS = list(ways.WAYS), list(accumulate(way.share for way in ways.WAYS.values()))
_COUNTS, _COUNT_LIMITS = range(1, 6), list(accumulate(ways.keyframe_shares()))
_ALL = {**SHADES, **ways.MASKS}


def draw_story(rng: Random) -> Story:
    """Draws a story.

    Args:
        rng: Source of chance.
    """
    family = rng.choices(_FAMILIES, cum_weights=_FAMILY_LIMITS)[0]
    felt = _pick(rng, _BY_FAMILY[family])
    way = "simple" if family == "Neutral" else rng.choices(_WAYS, cum_weights=_WAY_LIMITS)[0]
    if family == "Neutral" and rng.random() < 0.5:
        way = "turning into"
    kind = ways.WAYS[way].partner
    shown = _pick(rng, ways.PARTNERS[f"{kind}/{family}" if kind in ("next", "blend") else kind]) if kind else ""
    count = rng.choices(_COUNTS, cum_weights=_COUNT_LIMITS)[0]
    scale = rng.uniform(*ways.BREADTH)
    options = ways.PHASES[count - 1]
    moments = _moments(rng, way, (felt, shown), scale, options[int(rng.random() * len(options))])
    return Story(way, felt, shown, scale, _times(rng, family, count), moments)


def _pick(rng: Random, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.random() * len(options))]


def _favour(rng: Random, options: tuple[_T, ...]) -> _T:
    """Draws the first option, the typical one, in `TYPICAL` of all cases, and any of them otherwise."""
    return options[0] if rng.random() < ways.TYPICAL else options[int(rng.random() * len(options))]


def _times(rng: Random, family: str, count: int) -> tuple[float, ...]:
    # Short clips mainly hold instantaneous reactions such as surprise and fear (appendix D.4).
    pace = 0.85 if family in ("Surprise", "Fear") else 1.02
    deviation = ways.SPREAD * math.copysign(math.log(1.0 - rng.random()), rng.random() - 0.5)
    duration = min(max(ways.MEDIAN * pace * math.exp(deviation), ways.SHORTEST), ways.LONGEST)
    return tuple(
        round(duration * (place + 0.5 + rng.uniform(-0.3, 0.3)) / count * ways.FRAME_RATE) / ways.FRAME_RATE
        for place in range(count)
    )


def _moments(
    rng: Random, way: str, names: tuple[str, str], scale: float, phases: tuple[str, ...]
) -> tuple[Moment, ...]:
    faces = [_pick_face(rng, _ALL[name]) for name in names if name]
    moments = []
    for phase in phases:
        weights = ways.WAYS[way].phases[phase]
        strengths = 0.5 * (weights[0] + weights[1]), 0.5 * (weights[2] + weights[3])
        lead = names[1] if names[1] and strengths[1] > strengths[0] else names[0]
        units: dict[int | str, float] = {}
        for face, upper, lower in zip(faces, weights[::2], weights[1::2], strict=False):
            for unit, intensity in face.items():
                value = intensity * scale * (upper if number_of(unit) in ways.UPPER_FACE else lower)
                units[unit] = max(units.get(unit, 0.0), value)
        _vary(rng, units)
        shade, strength = _ALL[lead], max(strengths)
        gaze = _favour(rng, shade.gazes) if rng.random() < 0.45 + 0.55 * strength else "ahead"
        head = _favour(rng, shade.heads) if rng.random() < 0.3 + 0.5 * strength else "level"
        moments.append(Moment(phase, strengths, units, gaze, head, _scores(rng, names, strengths, scale)))
    return tuple(moments)


def _pick_face(rng: Random, shade: Shade) -> Units:
    face = _favour(rng, shade.faces)
    return mirrored(face) if rng.random() < 0.5 else face


def _vary(rng: Random, units: dict[int | str, float]) -> None:
    """Makes two scripts of one emotion differ: intensities drift, one unit may be left out, small ones may come in."""
    for unit in list(units):
        units[unit] = min(units[unit] * rng.uniform(0.85, 1.15), 1.0)
        if units[unit] < ways.LEAST or rng.random() < 0.04:
            del units[unit]
    for unit, chance, intensity in ways.EXTRAS:
        if rng.random() < chance and unit not in units:
            units[unit] = min(intensity * rng.uniform(0.6, 1.4), 1.0)


def _scores(rng: Random, names: tuple[str, str], strengths: tuple[float, float], scale: float) -> dict[str, float]:
    scores = dict.fromkeys(EKMAN, 0.0)
    for name, strength in zip(names, strengths, strict=True):
        for emotion, score in (_ALL[name].scores if name else {}).items():
            part = min(score * strength * scale, 1.0)
            scores[emotion] = scores[emotion] + part - scores[emotion] * part
    return {name: round(min(max(score + rng.uniform(-0.04, 0.04), 0.0), 1.0), 2) for name, score in scores.items()}
