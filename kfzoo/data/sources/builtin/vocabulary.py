"""More ways to say what a face does, for the built-in training texts.

With three phrasings a movement a model learns the phrasings; with more it has to learn what they share, and so does
better on the held-out ones (measured with a linear probe on frozen sentence embeddings).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from kfzoo.arkit.wording import TRAINING, Frame, Wording, read_phrases

MORE_PHRASES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "brow_inner_up": ("inner corners of the brows: going up", "forehead: wrinkled in the middle",
                      "brows: slanted in worry", "inner eyebrow ends: rising", "brows: lifted at their inner ends"),
    "brow_outer_up": ("eyebrow/eyebrows: raised", "outer eyebrow end/outer eyebrow ends: up",
                      "brow/brows: high at the outside", "eyebrow/eyebrows: flung up",
                      "eyebrow arch/eyebrow arches: peaked"),
    "brow_down": ("eyebrow/eyebrows: frowning", "brow/brows: knit together", "eyebrow/eyebrows: lowered in a frown",
                  "brow/brows: bearing down on the eye", "brow/brows: contracted"),
    "eye_close": ("eyelid/eyelids: drooping", "eye/eyes: falling shut", "lid/lids: coming down",
                  "eye/eyes: heavy-lidded", "eyelid/eyelids: closing"),
    "eye_squint": ("eyelid/eyelids: tensed", "eye/eyes: tightened", "eye/eyes: creased to a slit", "eye/eyes: pinched",
                   "lower lid/lower lids: raised"),
    "eye_wide": ("eye/eyes: wide open", "eyelid/eyelids: held apart", "eye/eyes: staring", "eye/eyes: bulging open",
                 "upper eyelid/upper eyelids: raised"),
    "gaze_side": ("eyes: turned to the {side}", "look: aimed to the {side}", "pupils: moved to the {side}",
                  "glance: going to the {side}", "eyes: averted to the {side}"),
    "gaze_up": ("eye/eyes: raised", "eye/look: pointed up", "pupil/pupils: up", "eye/glance: lifted",
                "eye/eyes: fixed on something above"),
    "gaze_down": ("eye/eyes: downcast", "eye/look: pointed down", "pupil/pupils: down", "eye/glance: going downward",
                  "eye/eyes: fixed on the ground"),
    "gaze_crossed": ("eyes: converging", "pupils: close to the nose"),
    "gaze_apart": ("eyes: diverging", "pupils: far from the nose"),
    "nose_sneer": ("nostril/nostrils: flared in a sneer", "side of the nose/nose: sneering",
                   "wing of the nose/nose: screwed up in disgust", "nostril/nostrils: raised"),
    "cheek_raise": ("cheek/cheeks: high", "cheek/cheeks: bulging below the eyes", "cheek/cheeks: squeezed upward",
                    "cheek muscle/cheek muscles: contracted", "cheek/cheeks: rounded upward"),
    "cheek_puff": ("cheeks: full of breath", "cheeks: swollen", "cheeks: bulging with air", "cheeks: pumped up",
                   "mouth: filled with breath"),
    "mouth_smile": ("half of the mouth/mouth: smiling", "lip corner/lip corners: up in a happy curve",
                    "side of the mouth/lips: grinning", "mouth corner/mouth corners: curved upward",
                    "smile on one side/smile: showing"),
    "mouth_frown": ("half of the mouth/mouth: frowning", "lip corner/lip corners: hanging",
                    "mouth corner/mouth corners: sagging", "lip corner/lip corners: down in a sad curve",
                    "side of the mouth/lips: curved downward"),
    "mouth_dimple": ("mouth corner/mouth corners: tucked in", "cheek/cheeks: hollowed at the mouth",
                     "lip corner/lip corners: tightened into a dimple", "side of the mouth/mouth: smirking"),
    "mouth_stretch": ("mouth corner/mouth corners: drawn outward", "half of the mouth/mouth: wide and tense",
                      "side of the mouth/lips: pulled wide", "lip corner/lip corners: drawn back toward the ears",
                      "half of the mouth/mouth: grimacing"),
    "mouth_press": ("side of the lips/lips: tight", "side of the lips/lips: firm against each other",
                    "side of the mouth/mouth: pressed shut", "side of the lips/lips: pinched",
                    "side of the mouth/mouth: tight-lipped"),
    "upper_lip_up": ("upper lip/upper lip: raised", "upper teeth/upper teeth: bared", "upper lip/upper lip: hitched",
                     "lip/upper lip: snarling", "upper lip/upper lip: moved upward"),
    "lower_lip_down": ("lower teeth/lower teeth: bared", "lower lip/lower lip: dropped",
                       "lower lip/lower lip: hanging", "lower lip/lower lip: moved downward",
                       "lower teeth/lower teeth: showing"),
    "mouth_pucker": ("mouth: pursed", "lips: pouting", "lips: kissing", "mouth: small and pushed out",
                     "lips: drawn together"),
    "mouth_funnel": ("lips: forming an O", "mouth: rounded", "lips: open like a trumpet", "lips: flared outward",
                     "mouth: round as a funnel"),
    "upper_lip_roll": ("upper lip: hidden", "upper lip: drawn between the teeth", "upper lip: curled inward"),
    "lower_lip_roll": ("lower lip: hidden", "lower lip: drawn between the teeth", "lower lip: bitten",
                       "lower lip: curled inward"),
    "upper_lip_shrug": ("upper lip: bulging", "upper lip: raised by the lower one", "upper lip: pouting"),
    "lower_lip_shrug": ("chin: raised", "lower lip: pouting", "chin: wrinkled", "chin: tight",
                        "lower lip: sulking upward"),
    "mouth_close": ("lips: closed", "lips: meeting", "mouth: closed over the teeth"),
    "mouth_side": ("mouth: twisted to the {side}", "lips: moved to the {side}", "mouth: drawn to the {side}"),
    "jaw_open": ("mouth: open", "lower jaw: down", "chin: dropped", "mouth: wide open", "teeth: apart"),
    "jaw_forward": ("lower jaw: ahead of the upper one", "chin: thrust out", "jaw: advanced"),
    "jaw_side": ("chin: moved to the {side}", "jaw: pulled to the {side}", "chin: off to the {side}"),
    "tongue_out": ("tongue: showing", "tongue: out of the mouth", "tongue: hanging out"),
    "head_turn": ("head: facing the {side}", "face: averted to the {side}", "head: twisted to the {side}"),
    "head_up": ("face: lifted", "head: leaning back", "head: held high", "face: turned up"),
    "head_down": ("face: lowered", "head: hanging", "head: bent down", "head: nodded forward"),
    "head_tilt": ("head: tipped to the {side}", "head: bent to the {side}", "head: slanted to the {side}"),
})  # fmt: skip
"""Further phrases by movement, written as in `kfzoo.arkit.wording`."""

MORE_INTENSITIES: tuple[tuple[str, ...], ...] = (
    ("very slightly", "by a hair", "just visibly", "a tiny bit"),
    ("very mildly", "feebly", "a shade", "in a small way"),
    ("somewhat", "to a small degree", "in some degree", "to some extent"),
    ("quite", "recognizably", "to a medium degree", "perceptibly"),
    ("clearly", "decidedly", "to a high degree", "much"),
    ("very much", "sharply", "very clearly", "hard"),
    ("utterly", "altogether", "as far as possible", "at full strength"),
)
"""Further adverbs for each of the seven levels."""

MORE_COARSE: tuple[tuple[str, ...], ...] = (
    ("in some measure", "openly"),
    ("strongly", "distinctly"),
    ("fully", "intensely"),
)
"""Further adverbs for the three levels of an image."""

MORE_FRAMES: tuple[Frame, ...] = (
    Frame("The individual's ", verb=True, adverb_first=False, last=" and "),
    Frame("One sees ", verb=False, adverb_first=True, last=" and "),
    Frame("There are ", verb=False, adverb_first=False, last=" and "),
    Frame("", verb=False, adverb_first=False, last=" and "),
    Frame("The face has ", verb=False, adverb_first=True, last=", "),
)
"""Further sentence frames."""


def _widened(wording: Wording) -> Wording:
    more = read_phrases(MORE_PHRASES)
    return replace(
        wording,
        name=f"widened {wording.name}",
        intensities=_joined(wording.intensities, MORE_INTENSITIES),
        coarse=_joined(wording.coarse, MORE_COARSE),
        phrases={name: tuple(dict.fromkeys(phrases + more[name])) for name, phrases in wording.phrases.items()},
        frames=tuple(dict.fromkeys(wording.frames + MORE_FRAMES)),
    )


def _joined(levels: tuple[tuple[str, ...], ...], more: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(dict.fromkeys(words + further)) for words, further in zip(levels, more, strict=True))


WIDE = _widened(TRAINING)
"""The bank of the built-in training and validation texts: `TRAINING` and the phrases above."""
