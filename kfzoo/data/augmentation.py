"""Augmentation: other words for the same text, and small disturbances of a face."""

from __future__ import annotations

import math
import random
import re

import torch
from torch import Tensor

_ROWS = """
    barely minimally hardly | faintly subtly weakly delicately | slightly mildly lightly |
    moderately fairly rather quite | strongly markedly firmly distinctly | intensely powerfully sharply |
    fully completely wholly | visibly somewhat | clearly plainly openly | raised lifted | lowered dropped |
    drawn pulled | pushed pressed | narrowed tightened | closed shut | opened open | brows eyebrows | brow eyebrow |
    lids eyelids | gaze look glance | rise lift | smile smiling | actor subject individual | happiness joy |
    sadness sorrow grief | anger fury | fear dread | disgust revulsion | surprise astonishment | friend companion |
    home house | old elderly | quiet silent | begins starts | hears finds_out | waits stays
"""
SYNONYMS: tuple[tuple[str, ...], ...] = tuple(
    tuple(word.replace("_", " ") for word in row.split()) for row in _ROWS.split("|")
)
"""Rows of words that may stand for one another. None is a word that only the built-in test scripts use."""

_OTHERS = {word: tuple(other for other in row if other != word) for row in SYNONYMS for word in row}


def augment_text(text: str, rng: random.Random, synonyms: float = 0.5, swaps: float = 0.1) -> str:
    """Says a text in other words: synonyms for some words, then some words' places exchanged.

    The two operations of the CLIP-aligned autoencoder's section IV.B, which takes them from easy data augmentation.

    Args:
        text: Any sentence.
        rng: Source of chance.
        synonyms: Chance of each word that has a synonym to be replaced.
        swaps: How often two words exchange places, as a share of the words; the last word keeps its full stop.

    Returns:
        Another text, of the same meaning to a bag of words.
    """
    words = text.split()
    for place, word in enumerate(words):
        core = word.strip(".,;:!?").lower()
        if core in _OTHERS and rng.random() < synonyms:
            other = rng.choice(_OTHERS[core])
            words[place] = re.sub(re.escape(core), other, word, flags=re.IGNORECASE)
    for _ in range(math.ceil(swaps * len(words)) if len(words) > 2 else 0):
        first, second = rng.sample(range(len(words) - 1), 2)
        words[first], words[second] = words[second], words[first]
    return " ".join(words)


def perturb(weights: Tensor, share: float, largest: float, generator: torch.Generator) -> Tensor:
    """Adds to random channels a uniform value in [0, largest] (CLIP-aligned autoencoder, section IV.B).

    Args:
        weights: (B, C).
        share: Chance of a channel to be disturbed.
        largest: Largest disturbance; the paper's is 0.2, more would change the emotion.
        generator: Source of chance, on the CPU.

    Returns:
        A new tensor (B, C), not limited to [0, 1].
    """
    chosen = torch.rand(weights.shape, generator=generator) < share
    values = torch.rand(weights.shape, generator=generator) * largest
    return weights + (chosen * values).to(weights)
