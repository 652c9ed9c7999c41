"""The rule that analyses a face: the embedded annotator of stage I, deterministic and free.

SemanticFace asks a language model, but says itself that the descriptions are "deterministically derived" from the
coefficients (section 3.2). This rule describes the numbers in the words of `kfzoo.arkit.describe`.
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

_REGION = {
    "brows": "eyebrows", "eyes": "eyes", "gaze": "eyes", "nose": "cheeks", "cheeks": "cheeks", "mouth": "mouth",
    "tongue": "mouth", "jaw": "jaw", "head": "head",
}  # fmt: skip
"""SemanticFace's region for each of `movements`; its own answers count the nose among the cheeks."""


class _Category(NamedTuple):
    """A combination of movements.

    Attributes:
        label: Its name.
        emotion: The emotion that it shows; empty where it may show any.
        groups: Movements of which at least one of each group is present. The strength of the first group is that of the
            category; the other groups reach `_MIN_SHARE` of it.
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
"""From many movements to one: of equally strong categories, the first is chosen."""

_MIN_SHARE = 0.4
"""Least strength of a further group, as a share of the first one's."""

_GROUP_BONUS = 0.12
"""Added to the strength for each further group: a smile with raised cheeks goes before a smile."""

_MIN_STRENGTH = 0.1
"""Strength from which a face has a category, and a movement a side."""

_MIN_EMOTION = 0.27
"""Strength from which an emotion is clearly observable: "moderately" in `LEVELS`."""

_ADJECTIVES = ((0.62, "strong"), (0.42, "clear"), (0.2, "slight"), (0.0, "faint"))
_NEUTRAL = "neutral face"
_KINDS = {name: kind for _, name, kind in ORDER}
_NO_SIDES = ("gaze", "head")  # The direction of a face is no asymmetry.
_MAX_UNEVEN = 3  # Movements that the symmetry names.


def analyse(coefficients: ArrayLike) -> Analysis:
    """Analyses a face.

    Args:
        coefficients: (61,), calibrated on the subject's neutral face where that is known.

    Raises:
        InputError: When there are not 61 finite numbers.
    """
    found = phrases(coefficients)
    category, strength = _category({movement.name: movement.value for movement, _ in found})
    regions: dict[str, list[str]] = {region: [] for region in REGIONS}
    for movement, phrase in found:
        regions[_REGION[movement.region]].append(phrase)
    return Analysis(
        expression_category=f"{category.label}, {_adjective(strength)}" if category else _NEUTRAL,
        muscle_movements={region: ", ".join(each) for region, each in regions.items() if each},
        emotional_implication=(category.emotion if category and strength >= _MIN_EMOTION else "") or UNCLEAR,
        symmetry=_symmetry([movement for movement, _ in found]),
    )


@cache
def words() -> tuple[str, ...]:
    """Returns every word that an analysis by this rule may contain, in lower case and in alphabetical order."""
    texts = chain(
        chain.from_iterable(
            (each.one, each.both, each.predicate) for few in CANONICAL.phrases.values() for each in few
        ),
        chain.from_iterable(CANONICAL.intensities), CANONICAL.uneven, CANONICAL.leaning,
        chain.from_iterable((each.label, each.emotion) for each in _CATEGORIES),
        (word for _, word in _ADJECTIVES), REGIONS, ("face", "left right more on the", _NEUTRAL),
        (UNCLEAR, SYMMETRIC, AT_REST),
    )  # fmt: skip
    plain = (re.sub(r"{\w+}", "", text).lower() for text in texts)
    return tuple(sorted({word for text in plain for word in re.findall(r"[a-z]+", text)}))


def _category(strengths: Mapping[str, float]) -> tuple[_Category | None, float]:
    """Returns the category that fits best, and how strong it is."""
    best: _Category | None = None
    best_score = strength = 0.0
    for category in _CATEGORIES:
        lead, *others = (max(strengths.get(name, 0.0) for name in group) for group in category.groups)
        score = lead + _GROUP_BONUS * len(others)
        if lead >= _MIN_STRENGTH and score > best_score and all(other >= _MIN_SHARE * lead for other in others):
            best, best_score, strength = category, score, lead
    return best, strength


def _adjective(strength: float) -> str:
    return next(word for least, word in _ADJECTIVES if strength >= least)


def _symmetry(found: list[Movement]) -> str:
    """Describes the strongest movements that differ between the two sides."""
    uneven = [
        movement
        for movement in found
        if movement.side in ("left", "right") and movement.value >= _MIN_STRENGTH and movement.region not in _NO_SIDES
    ]
    strongest = sorted(uneven, key=lambda movement: -movement.value)[:_MAX_UNEVEN]
    return ", ".join(map(_uneven_side, strongest)) or SYMMETRIC


def _uneven_side(movement: Movement) -> str:
    phrase = CANONICAL.phrases[movement.name][0]
    if _KINDS[movement.name] == "side":
        return f"{phrase.both} {phrase.predicate.format(side=movement.side)}"
    return f"{phrase.both} {phrase.predicate} more on the {movement.side}"
