"""Proportions of the drawn face: who somebody is, but for colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kfzoo.rendering.drawing.splines import Points

HEIGHTS = (-1.6, -0.87, -0.30, 0.0, 0.45, 0.70, 0.90, 1.21, 1.5)
"""Crown, hairline, brows, eyes, base of the nose, mouth, hollow of the chin, chin and neck of the table's face."""

EYE, EYE_SIZE = (0.375, 0.0), 0.30
MOUTH, MOUTH_SIZE = (0.0, 0.70), 0.36
NOSE, NOSE_SIZE = (0.0, 0.38), 0.26
"""Middles of what grows and shrinks, and how far that reaches."""


@dataclass(frozen=True)
class Proportions:
    """How a face differs from the table's, all 0 for that face; 0.1 is a tenth more.

    Attributes:
        width: Of the whole head.
        jaw: Width of the jaw, from the mouth down.
        brows: How much higher the brows are, in half face heights.
        nose: Length of the nose.
        chin: Length from the mouth to the chin.
        spread: How much farther apart the eyes are, in half face heights.
        eyes: Size of the eyes.
        nostrils: Width of the nose.
        mouth: Width of the mouth.
        lips: Height of the lips.
    """

    width: float = 0.0
    jaw: float = 0.0
    brows: float = 0.0
    nose: float = 0.0
    chin: float = 0.0
    spread: float = 0.0
    eyes: float = 0.0
    nostrils: float = 0.0
    mouth: float = 0.0
    lips: float = 0.0

    def apply(self, points: Points) -> Points:
        """Moves points of the table's face to this one's places, left and right alike.

        Args:
            points: (n, 3) in face space.

        Returns:
            (n, 3).
        """
        x, y, z = points.T
        x, y = _grow(x, y, EYE, EYE_SIZE, self.eyes, self.eyes)
        x, y = _grow(x, y, MOUTH, MOUTH_SIZE, self.mouth, self.lips)
        x, y = _grow(x, y, NOSE, NOSE_SIZE, self.nostrils, 0.0)
        near_eyes = np.exp(-(((y - EYE[1]) / 0.4) ** 2))
        aside = np.sign(x) * np.minimum(1, np.abs(x) / 0.2) * np.clip((0.8 - np.abs(x)) / 0.3, 0, 1)
        low = np.clip((y - 0.35) / 0.6, 0, 1) * np.clip((1.6 - y) / 0.3, 0, 1)
        x = (x + self.spread * near_eyes * aside) * (1 + self.width + self.jaw * low)
        beyond = y - np.clip(y, HEIGHTS[0], HEIGHTS[-1])
        return np.stack([x, np.interp(y, HEIGHTS, self._heights()) + beyond, z], axis=1)

    def _heights(self) -> tuple[float, ...]:
        crown, hairline, brows, eyes, nose, mouth, hollow, chin, neck = HEIGHTS
        longer = self.nose * (nose - eyes)
        lower = longer + self.chin * (chin - mouth)
        hollow += longer + self.chin * (hollow - mouth)
        return (crown, hairline, brows - self.brows, eyes, nose + longer, mouth + longer, hollow, chin + lower, neck)


def _grow(
    x: Points, y: Points, middle: tuple[float, float], size: float, wider: float, higher: float
) -> tuple[Points, Points]:
    """Widens and heightens what lies around a middle, on both halves of the face."""
    if not wider and not higher:
        return x, y
    from_middle = np.abs(x) - middle[0]
    near = np.exp(-(from_middle**2 + (y - middle[1]) ** 2) / size**2)
    return np.sign(x) * (np.abs(x) + wider * from_middle * near), y + higher * (y - middle[1]) * near


def draw_proportions(rng: np.random.Generator) -> Proportions:
    """Draws somebody's proportions."""
    spreads = {
        "width": 0.05, "jaw": 0.07, "brows": 0.022, "nose": 0.10, "chin": 0.08, "spread": 0.018, "eyes": 0.10,
        "nostrils": 0.13, "mouth": 0.10, "lips": 0.16,
    }  # fmt: skip
    drawn = {name: float(np.clip(rng.normal(), -1.8, 1.8)) * spread for name, spread in spreads.items()}
    return Proportions(**drawn)
