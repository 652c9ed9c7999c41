"""Tables of how emotions combine and unfold: proportions, phases, ways of combining, masks and partners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from kfzoo.data.sources.builtin.banks import read_table
from kfzoo.data.sources.builtin.emotions import FAMILY_SHARES, Shade

CLIPS_WITH_AT_LEAST: tuple[int, ...] = (2100, 1605, 585, 11, 1)
"""Clips with at least 1, 2, 3, 4 and 5 keyframes among KeyframeFace's 2,100 (appendix D.2).

Read as exact counts the paper's numbers add up to 2,202 clips and 104.8 %; read as "at least", as "all 2,100 clips
contain at least one" begins the list, they fit: 495, 1,020, 574, 10 and 1 clips with 1 to 5 keyframes, 2.05 on average.
"""

SOFTENING = 0.25
"""Weight of an equal share for each family next to KeyframeFace's own: at 0, disgust would be the emotion of only ten
of the 429 test scripts."""

NEUTRAL_SHARE = 0.06
"""Share of scripts whose emotion is none of the six; the paper gives no number for them."""

SHORTEST, MEDIAN, LONGEST = 1.9, 8.3, 21.3
"""Seconds of KeyframeFace's clips (appendix D.4)."""

SPREAD = 0.16
"""Scale of the Laplace distribution of log-durations: 75 % lie between 6.6 and 10.3 s (appendix D.4)."""

FRAME_RATE = 60.0
"""Frames a second; keyframes lie on frames."""

PHASES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("climax",),),
    (("onset", "climax"),),
    (("onset", "development", "climax"), ("onset", "climax", "release")),
    (("onset", "development", "climax", "release"),),
    (("rest", "onset", "development", "climax", "release"),),
)
"""The phases of stories with 1 to 5 keyframes (appendix D.2: onset-climax and onset-development-climax)."""

BREADTH = (0.60, 1.10)
"""Range of how restrained or how broadly a whole script is meant: a factor of its intensities."""

TYPICAL = 0.7
"""Chance that a shade takes its first, typical face, gaze or attitude straight away."""

LEAST = 0.06
"""Smallest scripted intensity: what is weaker cannot be asked of an actor."""

UPPER_FACE: frozenset[int] = frozenset({1, 2, 4, 5, 6, 7, 45})
"""Action units of the brows, eyes and cheeks: what leaks when a mask covers the mouth."""

Weights = tuple[float, float, float, float]
"""How strongly a keyframe shows (felt upper face, felt lower face, shown upper face, shown lower face)."""


@dataclass(frozen=True)
class Way:
    """One way of combining two emotions.

    Attributes:
        share: Share of scripts.
        partner: Where the second emotion comes from: "", "composure", "mask", "next" or "blend".
        phases: The weights of both emotions in each phase.
    """

    share: float
    partner: str
    phases: Mapping[str, Weights]


# Share and partner; then the `Weights` at rest, onset, development, climax and release.
_TABLE = """
simple: 0.4 |  || 0.1 0.1 0 0 | 0.5 0.42 0 0 | 0.75 0.7 0 0 | 1 1 0 0 | 0.45 0.35 0 0
contained: 0.12 | composure || 0.2 0.1 0.2 0.2 | 0.6 0.4 0.2 0.3 | 0.7 0.35 0.4 0.6 | 0.8 0.35 0.5 1 | 0.45 0.2 0.4 0.8
concealed by: 0.14 | mask || 0.2 0.15 0 0 | 0.75 0.65 0 0.1 | 0.65 0.3 0.3 0.6 | 0.55 0.1 0.6 1 | 0.6 0.35 0.2 0.4
turning into: 0.14 | next || 0.2 0.2 0 0 | 0.95 0.95 0 0 | 0.55 0.45 0.45 0.45 | 0.1 0.05 1 1 | 0 0 0.55 0.55
mixed with: 0.1 | blend || 0.1 0.1 0.1 0.1 | 0.5 0.45 0.35 0.35 | 0.7 0.65 0.6 0.6 | 0.9 0.8 0.8 0.8 | 0.4 0.35 0.4 0.35
breaking through: 0.1 | mask || 0.05 0 0.4 0.6 | 0.35 0.1 0.5 1 | 0.65 0.45 0.2 0.5 | 1 1 0 0.1 | 0.65 0.55 0 0.1
"""


def _way(weights: tuple[str, ...], share: str, partner: str) -> Way:
    return Way(float(share), partner, dict(zip(PHASES[-1][0], map(_weights, weights), strict=True)))


def _weights(text: str) -> Weights:
    felt_upper, felt_lower, shown_upper, shown_lower = map(float, text.split())
    return felt_upper, felt_lower, shown_upper, shown_lower


WAYS: Mapping[str, Way] = MappingProxyType(
    {name: _way(weights, *fields) for name, (fields, weights) in read_table(_TABLE).items()}
)
"""The ways of combining, by name."""

MASKS: Mapping[str, Shade] = MappingProxyType(
    {
        "restrained smile": Shade("Happiness", {"Happiness": 0.3}, ({12: 0.45, 24: 0.45}, {12: 0.4, 14: 0.4})),
        "forced smile": Shade("Happiness", {"Happiness": 0.35}, ({12: 0.7, 25: 0.5, 20: 0.3}, {12: 0.65, 14: 0.4})),
        "polite smile": Shade("Happiness", {"Happiness": 0.35}, ({12: 0.5, 2: 0.25}, {12: 0.5, 25: 0.3})),
        "brave smile": Shade("Happiness", {"Happiness": 0.3}, ({12: 0.5, 17: 0.5}, {12: 0.45, 17: 0.4, 24: 0.4})),
        "composed face": Shade("Neutral", {}, ({24: 0.5, 17: 0.3}, {23: 0.4, 14: 0.3}), heads=("level", "raised")),
        "blank stare": Shade("Neutral", {}, ({5: 0.3, 24: 0.2}, {45: 0.3})),
        "show of indifference": Shade("Neutral", {}, ({45: 0.4, 17: 0.4}, {2: 0.4, 17: 0.5}), ("away",), ("turned",)),
    }
)
"""What may hide an emotion, by name."""

PARTNERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "composure": ("composed face", "blank stare"),
        "mask": ("restrained smile", "forced smile", "polite smile", "brave smile", "show of indifference"),
        "next/Sadness": ("relief", "resignation", "hope", "resentment", "tenderness", "fury", "weariness", "joy"),
        "next/Happiness": ("disappointment", "tearfulness", "astonishment", "shame", "unease", "disbelief", "sorrow"),
        "next/Surprise": ("joy", "terror", "irritation", "laughter", "dread", "excitement", "revulsion", "grief"),
        "next/Anger": ("sorrow", "shame", "weariness", "contempt", "laughter", "determination", "resignation"),
        "next/Fear": ("relief", "laughter", "grief", "fury", "astonishment", "determination", "weariness"),
        "next/Disgust": ("laughter", "irritation", "boredom", "disbelief", "fury", "weariness"),
        "next/Neutral": ("astonishment", "joy", "irritation", "anxiety", "sorrow", "startle", "distaste"),
        "blend/Sadness": ("tenderness", "resentment", "dread", "relief", "weariness", "hope", "shame"),
        "blend/Happiness": ("astonishment", "tearfulness", "pride", "mischief", "anxiety", "weariness", "awe"),
        "blend/Surprise": ("joy", "unease", "irritation", "distaste", "doubt", "sorrow", "hope"),
        "blend/Anger": ("revulsion", "sorrow", "contempt", "disbelief", "anxiety", "weariness"),
        "blend/Fear": ("sorrow", "excitement", "disbelief", "shame", "revulsion", "hope"),
        "blend/Disgust": ("irritation", "unease", "mischief", "disbelief", "sorrow", "boredom"),
        "blend/Neutral": ("unease", "contentment", "irritation", "weariness", "hope"),
    }
)
"""Second emotions: masks for hiding, and for each family what it may turn into or mix with."""

EXTRAS: tuple[tuple[int | str, float, float], ...] = (
    (18, 0.018, 0.60), (19, 0.003, 0.70), (22, 0.012, 0.55), (24, 0.018, 0.60), (26, 0.018, 0.45),
    (28, 0.018, 0.60), (29, 0.006, 0.50), ("L30", 0.006, 0.60), ("R30", 0.006, 0.60), (34, 0.012, 0.60),
    (45, 0.024, 0.65), (2, 0.018, 0.50), (10, 0.012, 0.50), (16, 0.012, 0.45), (20, 0.012, 0.50),
    (14, 0.012, 0.50), ("L12", 0.003, 0.50), ("R12", 0.003, 0.50), ("L45", 0.003, 0.90), ("R45", 0.003, 0.90),
)  # fmt: skip
"""Small actions that any script may ask for besides its emotion: (action unit, chance a keyframe, intensity)."""


def family_shares() -> dict[str, float]:
    """Returns the share of scripts by the family of their first emotion, the neutral ones included."""
    feeling = 1.0 - NEUTRAL_SHARE
    total = sum(FAMILY_SHARES.values())
    softened = {
        name: feeling * ((1 - SOFTENING) * share / total + SOFTENING / len(FAMILY_SHARES))
        for name, share in FAMILY_SHARES.items()
    }
    return softened | {"Neutral": NEUTRAL_SHARE}


def keyframe_shares() -> tuple[float, ...]:
    """Returns the share of scripts with 1 to 5 keyframes."""
    at_least = (*CLIPS_WITH_AT_LEAST, 0)
    return tuple((more - fewer) / at_least[0] for more, fewer in pairwise(at_least))
