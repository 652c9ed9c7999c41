"""An analysis by rule: the embedded annotator of stage I, deterministic and free.

SemanticFace asks a language model, but says itself that the descriptions are "deterministically derived" from the
coefficients (section 3.2): nothing in them is not in the numbers. This rule says what is measured, in the words of
`kfzoo.arkit.describe`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain
from typing import NamedTuple

from numpy.typing import ArrayLike

from kfzoo.annotation.analysis import AT_REST, REGIONS, SYMMETRIC, UNCLEAR, Analysis
from kfzoo.arkit.describe import phrases
from kfzoo.arkit.movements import ORDER, Movement
from kfzoo.arkit.wording import CANONICAL

NAME = "rule"

_REGION = {
    "brows": "eyebrows", "eyes": "eyes", "gaze": "eyes", "nose": "cheeks", "cheeks": "cheeks", "mouth": "mouth",
    "tongue": "mouth", "jaw": "jaw", "head": "head",
}  # fmt: skip
"""SemanticFace's region for each of `movements`; its own answers put the nose beside the cheeks."""


class _Category(NamedTuple):
    """A configuration of movements.

    Attributes:
        label: What it is called.
        emotion: What it shows, or empty where it may show anything.
        groups: Of each group at least one movement takes part; the first one's is the strength of the whole, the others
            reach `_SHARE` of it.
    """

    label: str
    emotion: str
    groups: tuple[tuple[str, ...], ...]


_CATEGORIES = (
    _Category("open smile with raised cheeks", "happiness",
              (("mouth_smile",), ("jaw_open",), ("cheek_raise", "eye_squint"))),
    _Category("smile with raised cheeks", "happiness", (("mouth_smile",), ("cheek_raise", "eye_squint"))),
    _Category("open smile", "happiness", (("mouth_smile",), ("jaw_open",))),
    _Category("smile", "happiness", (("mouth_smile",),)),
    _Category("fearful stare", "fear", (("brow_inner_up",), ("eye_wide",), ("mouth_stretch",))),
    _Category("surprise", "surprise", (("brow_inner_up", "brow_outer_up"), ("eye_wide",), ("jaw_open",))),
    _Category("surprised look", "surprise", (("brow_inner_up", "brow_outer_up"), ("eye_wide",))),
    _Category("angry frown", "anger", (("brow_down",), ("mouth_press", "eye_wide", "upper_lip_up"))),
    _Category("disgusted sneer", "disgust", (("nose_sneer",), ("upper_lip_up",))),
    _Category("sad frown", "sadness", (("brow_inner_up",), ("mouth_frown",))),
    _Category("mouth turned down", "sadness", (("mouth_frown",),)),
    _Category("frown", "", (("brow_down",),)),
    _Category("raised eyebrows", "", (("brow_inner_up", "brow_outer_up"),)),
    _Category("wrinkled nose", "", (("nose_sneer",),)),
    _Category("wide eyes", "", (("eye_wide",),)),
    _Category("closed eyes", "", (("eye_close",),)),
    _Category("narrowed eyes", "", (("eye_squint",),)),
    _Category("puckered lips", "", (("mouth_pucker",),)),
    _Category("rounded lips", "", (("mouth_funnel",),)),
    _Category("puffed cheeks", "", (("cheek_puff",),)),
    _Category("pressed lips", "", (("mouth_press", "upper_lip_roll", "lower_lip_roll"),)),
    _Category("stretched mouth", "", (("mouth_stretch",),)),
    _Category("chin pushed up", "", (("lower_lip_shrug",),)),
    _Category("open mouth", "", (("jaw_open",),)),
    _Category("tongue out", "", (("tongue_out",),)),
)  # fmt: skip
"""From the rich to the plain: of equally strong ones the first counts."""

_SHARE = 0.4
"""Part of the leading movement's strength from which another belongs to it."""

_RICHER = 0.12
"""What a second group is worth beside strength: a smile with raised cheeks is more than the smile alone."""

_LEAST = 0.1
"""Strength below which a face has no category, and movements no side."""

_SHOWN = 0.27
"""Strength from which an emotion is clearly observable: "moderately" in `LEVELS`."""

_ADJECTIVES = ((0.62, "strong"), (0.42, "clear"), (0.2, "slight"), (0.0, "faint"))
_NEUTRAL = "neutral face"
_KINDS = {name: kind for _, name, kind in ORDER}
_NO_SIDES = ("gaze", "head")  # Where a face looks says nothing of its symmetry.
_UNEVEN = 3  # Movements that the symmetry names.


def analyse(coefficients: ArrayLike) -> Analysis:
    """Says what a face does.

    Args:
        coefficients: (61,), calibrated on the subject's neutral face where that is known.

    Raises:
        InputError: When there are not 61 finite numbers.
    """
    found = phrases(coefficients)
    category, strength = _category({movement.name: movement.value for movement, _ in found})
    told: dict[str, list[str]] = {region: [] for region in REGIONS}
    for movement, said in found:
        told[_REGION[movement.region]].append(said)
    return Analysis(
        expression_category=f"{category.label}, {_adjective(strength)}" if category else _NEUTRAL,
        muscle_movements={region: ", ".join(said) for region, said in told.items() if said},
        emotional_implication=category.emotion if category and category.emotion and strength >= _SHOWN else UNCLEAR,
        symmetry=_symmetry([movement for movement, _ in found]),
    )


@cache
def words() -> tuple[str, ...]:
    """Returns every word that an analysis by rule may hold, in lower case and in alphabetical order."""
    spoken = chain(
        chain.from_iterable(
            (each.one, each.both, each.predicate) for few in CANONICAL.phrases.values() for each in few
        ),
        chain.from_iterable(CANONICAL.intensities), CANONICAL.uneven, CANONICAL.leaning,
        chain.from_iterable((each.label, each.emotion) for each in _CATEGORIES),
        (word for _, word in _ADJECTIVES), REGIONS, ("face", "left right more on the", _NEUTRAL),
        (UNCLEAR, SYMMETRIC, AT_REST),
    )  # fmt: skip
    plain = (re.sub(r"{\w+}", "", text).lower() for text in spoken)
    return tuple(sorted({word for text in plain for word in re.findall(r"[a-z]+", text)}))


def _category(strengths: Mapping[str, float]) -> tuple[_Category | None, float]:
    """Returns the category that fits best, and how strong it is."""
    best: _Category | None = None
    most = strength = 0.0
    for category in _CATEGORIES:
        lead, *others = (max(strengths.get(name, 0.0) for name in group) for group in category.groups)
        worth = lead + _RICHER * len(others)
        if lead >= _LEAST and worth > most and all(other >= _SHARE * lead for other in others):
            best, most, strength = category, worth, lead
    return best, strength


def _adjective(strength: float) -> str:
    return next(word for least, word in _ADJECTIVES if strength >= least)


def _symmetry(found: list[Movement]) -> str:
    """Names the strongest movements that the two sides make differently."""
    uneven = [
        movement
        for movement in found
        if movement.side in ("left", "right") and movement.value >= _LEAST and movement.region not in _NO_SIDES
    ]
    strongest = sorted(uneven, key=lambda movement: -movement.value)[:_UNEVEN]
    return ", ".join(map(_lean, strongest)) or SYMMETRIC


def _lean(movement: Movement) -> str:
    phrase = CANONICAL.phrases[movement.name][0]
    if _KINDS[movement.name] == "side":
        return f"{phrase.both} {phrase.predicate.format(side=movement.side)}"
    return f"{phrase.both} {phrase.predicate} more on the {movement.side}"
