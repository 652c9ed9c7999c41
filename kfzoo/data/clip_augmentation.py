"""The versions of a clip that training sees: another caption, another start, left and right exchanged."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np

from kfzoo.arkit.mirror import mirror, mirror_text
from kfzoo.data.clip import FPS, MIN_FRAMES, Clip


def mirrored(clip: Clip) -> Clip:
    """Exchanges left and right, in the motion and in the words; twice is the clip itself."""
    return replace(
        clip,
        motion=np.ascontiguousarray(mirror(clip.motion), dtype=np.float32),
        captions=tuple(mirror_text(caption) for caption in clip.captions),
    )


@dataclass(frozen=True)
class Variation:
    """Draws a version of a clip.

    Attributes:
        mirror: Chance to be mirrored.
        latest_start: The most frames that are cut off at the start, as long as `MIN_FRAMES` remain.
    """

    mirror: float = 0.0
    latest_start: int = 0

    def __call__(self, clip: Clip, rng: random.Random) -> Clip:
        """Returns the version that `rng` draws, with one caption."""
        caption = rng.choice(clip.captions)
        start = rng.randint(0, min(self.latest_start, len(clip) - MIN_FRAMES))
        version = replace(clip, motion=clip.motion[start:], captions=(caption,), start=clip.start + start / FPS)
        return mirrored(version) if rng.random() < self.mirror else version
