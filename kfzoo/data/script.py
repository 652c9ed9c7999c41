"""`Script` and `Keyframe`: what every source yields, and how they are written for people to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS

Annotation = Literal["original", "arkit", "image"]
"""Which of a keyframe's three descriptions is meant (KeyframeFace, section 3.1.4)."""

Part = Literal["train", "val", "test"]
"""A part of a split."""

ANNOTATIONS: tuple[Annotation, ...] = ("original", "arkit", "image")
PARTS: tuple[Part, ...] = ("train", "val", "test")
UNSPECIFIED = "unspecified"
"""Subject or emotion where a source's data names none."""

NEUTRAL = "neutral"
FAINTEST = 0.1
"""The least score that makes an emotion a keyframe's own; below it the keyframe is neutral."""

DECIMALS = 4
"""Digits kept of a coefficient: one step is far below what a camera measures, and a line stays readable."""


@dataclass(frozen=True, eq=False)
class Keyframe:
    """One expressive moment of a script.

    Attributes:
        index: Position in the script, from 0.
        time: Seconds from the start of the clip.
        original: What the script asks for: the intent.
        arkit: What was performed, in the words of the muscles.
        image: What can be seen of it in an image.
        coefficients: (61,) float32 in Live Link order, or None when the ground truth is not known.
        image_path: Path of the image, or None.
        emotions: Scores in [0, 1] by emotion name, for example {"Sadness": 0.8}.
        analysis: What SemanticFace's stage I says of the coefficients (`kfzoo.annotation`), or empty.
    """

    index: int
    time: float
    original: str = ""
    arkit: str = ""
    image: str = ""
    coefficients: NDArray[np.float32] | None = None
    image_path: str | None = None
    emotions: Mapping[str, float] = field(default_factory=dict)
    analysis: str = ""

    def description(self, annotation: Annotation) -> str:
        """Returns the description of one kind."""
        return {"original": self.original, "arkit": self.arkit, "image": self.image}[annotation]


@dataclass(frozen=True, eq=False)
class Script:
    """A performance in words: where it happens, what is felt, and its keyframes.

    Attributes:
        id: Unique within its source; `<recording>/<number>` when several scripts were cut from one recording.
        subject: Who performs it.
        background: The situation, in a sentence; the transcript of the autoencoder's dataset.
        emotion: The emotion in words, simple or composite.
        keyframes: In order of time; at least one.
        part: The part of the split that the source itself assigns, or None when it leaves that to the reader.
        same_as: Other recordings that show the same performance; a split keeps them in one part.
    """

    id: str
    subject: str
    background: str
    emotion: str
    keyframes: tuple[Keyframe, ...]
    part: Part | None = None
    same_as: tuple[str, ...] = ()

    @property
    def recording(self) -> str:
        """The recording that the script was cut from: its id up to the last `/`."""
        return self.id.rpartition("/")[0] or self.id


def emotion_of(script: Script, keyframe: Keyframe) -> str:
    """The emotion a keyframe is counted under.

    Its own strongest one where it has scores, or neutral where all of them are below `FAINTEST`; else its script's.
    """
    scores = keyframe.emotions
    if not scores:
        return script.emotion
    # Of equal scores the first by name: the order in the data does not matter.
    strongest = min(scores, key=lambda name: (-scores[name], name))
    return strongest if scores[strongest] >= FAINTEST else NEUTRAL


def to_dict(script: Script) -> dict[str, Any]:
    """Returns a script as plain values, coefficients by name and rounded to `DECIMALS`."""
    return {
        "id": script.id,
        "subject": script.subject,
        "background": script.background,
        "emotion": script.emotion,
        **({"part": script.part} if script.part else {}),
        "keyframes": [_keyframe_to_dict(keyframe) for keyframe in script.keyframes],
    }


def fingerprint(scripts: Iterable[Script]) -> str:
    """Returns the sha256 of the scripts' content, in their order.

    Two data sets with one fingerprint hold the same words and, to `DECIMALS` digits, the same coefficients, from any
    file or source. Of an image's path only the name counts, so that a folder may be moved.
    """
    digest = hashlib.sha256()
    for script in scripts:
        values = to_dict(script)
        for keyframe in values["keyframes"]:
            if "image_path" in keyframe:
                keyframe["image_path"] = PurePath(keyframe["image_path"]).name
        digest.update(json.dumps(values, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def _keyframe_to_dict(keyframe: Keyframe) -> dict[str, Any]:
    values: dict[str, Any] = {"index": keyframe.index, "time": round(keyframe.time, DECIMALS)}
    values |= {name: text for name in ANNOTATIONS if (text := keyframe.description(name))}
    if keyframe.image_path is not None:
        values["image_path"] = keyframe.image_path
    if keyframe.emotions:
        values["emotions"] = {name: round(float(score), DECIMALS) for name, score in keyframe.emotions.items()}
    if keyframe.analysis:
        values["analysis"] = keyframe.analysis
    if keyframe.coefficients is not None:
        # + 0.0 turns -0.0 into 0.0, which would otherwise be another line for the same face.
        rounded = [round(float(value), DECIMALS) + 0.0 for value in keyframe.coefficients]
        values["coefficients"] = dict(zip(CHANNELS, rounded, strict=True))
    return values
