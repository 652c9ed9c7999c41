"""The versions of a keyframe that training sees: other words for the same face, left and right exchanged."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kfzoo.arkit.describe import describe
from kfzoo.arkit.mirror import mirror, mirror_text
from kfzoo.arkit.movements import Detail
from kfzoo.data.augmentation import augment_text
from kfzoo.data.batch import Sample
from kfzoo.data.script import Keyframe
from kfzoo.data.sources.builtin.vocabulary import WIDE
from kfzoo.errors import InputError

_DETAIL: dict[str, Detail] = {"arkit": "full", "image": "coarse"}


@dataclass(frozen=True)
class KeyframeAugmentation:
    """Draws a version of a keyframe. Only its own description changes, not those of the script around it.

    Attributes:
        described: Chance that the face is described by rule again, in newly drawn words, for the annotations that say
            what the muscles did (`arkit`) or what an image shows (`image`).
        synonyms: Chance of each word that has a synonym to be replaced.
        mirror: Chance that left and right are exchanged, in the face and in the words.

    Raises:
        InputError: For a chance outside [0, 1].
    """

    described: float = 0.0
    synonyms: float = 0.0
    mirror: float = 0.0

    def __post_init__(self) -> None:
        """Checks the chances."""
        for name, chance in vars(self).items():
            if not 0 <= chance <= 1:
                raise InputError(f"data.augmentation.{name}", f"expected a probability between 0 and 1, found {chance}")

    def __call__(self, sample: Sample, rng: random.Random) -> Sample:
        """Returns the version that `rng` draws."""
        keyframe, annotation = sample.keyframe, sample.annotation
        text = sample.description
        detail = _DETAIL.get(annotation)
        if detail and keyframe.coefficients is not None and rng.random() < self.described:
            text = describe(keyframe.coefficients, wording=WIDE, rng=rng, detail=detail)
        if self.synonyms:
            text = augment_text(text, rng, self.synonyms, swaps=0.0)
        version = _with_text(keyframe, annotation, text)
        return _in_script(sample, _mirrored(version, annotation) if rng.random() < self.mirror else version)


def _with_text(keyframe: Keyframe, annotation: Literal["original", "arkit", "image"], text: str) -> Keyframe:
    if annotation == "original":
        return replace(keyframe, original=text)
    return replace(keyframe, arkit=text) if annotation == "arkit" else replace(keyframe, image=text)


def _mirrored(keyframe: Keyframe, annotation: Literal["original", "arkit", "image"]) -> Keyframe:
    turned = _with_text(keyframe, annotation, mirror_text(keyframe.description(annotation)))
    if keyframe.coefficients is None:
        return turned
    return replace(turned, coefficients=np.asarray(mirror(keyframe.coefficients), dtype=np.float32))


def _in_script(sample: Sample, keyframe: Keyframe) -> Sample:
    keyframes = list(sample.script.keyframes)
    keyframes[sample.position] = keyframe
    return sample._replace(script=replace(sample.script, keyframes=tuple(keyframes)))
