"""Every shade of the emotions, with its Ekman scores, its action units, its gaze and its head.

The action units of the basic emotions follow the prototypes that the facial action coding literature agrees on
(Ekman and Friesen's EMFACS: happiness 6+12, sadness 1+4+15, surprise 1+2+5+26, fear 1+2+4+5+20+26, anger 4+5+7+23,
disgust 9+15+17, contempt a one-sided 12+14); the shades around them are variations on the same theme.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kfzoo.data.sources.builtin.emotions import Shade

SHADES: Mapping[str, Shade] = MappingProxyType(
    {
        # Sadness
        "sorrow": Shade(
            "Sadness",
            {"Sadness": 0.85},
            ({1: 0.8, 4: 0.5, 15: 0.65, 17: 0.3}, {1: 0.85, 4: 0.4, 15: 0.5, 45: 0.35, 24: 0.3}),
            ("down", "down and away", "ahead"),
            ("bowed", "level"),
        ),
        "grief": Shade(
            "Sadness",
            {"Sadness": 1.0, "Fear": 0.15},
            (
                {1: 0.9, 4: 0.75, 6: 0.5, 7: 0.5, 15: 0.8, 17: 0.6, 20: 0.4, 25: 0.4},
                {1: 0.9, 4: 0.7, 7: 0.6, 15: 0.6, 20: 0.6, 25: 0.6, 26: 0.4},
                {1: 0.85, 4: 0.8, 15: 0.85, 17: 0.8, 45: 0.8},
            ),
            ("down", "ahead"),
            ("bowed", "tilted"),
        ),
        "tearfulness": Shade(
            "Sadness",
            {"Sadness": 0.9, "Fear": 0.1},
            ({1: 0.85, 4: 0.4, 7: 0.45, 17: 0.75, 15: 0.4}, {1: 0.8, 7: 0.5, 24: 0.6, 17: 0.6}),
            ("up", "ahead", "up and away"),
            ("level", "raised"),
        ),
        "weariness": Shade(
            "Sadness",
            {"Sadness": 0.5},
            ({45: 0.5, 15: 0.4, 1: 0.3}, {45: 0.4, 1: 0.4, 25: 0.3, 26: 0.25}, {45: 0.5, 34: 0.5, 18: 0.4}),
            ("down", "ahead"),
            ("bowed", "tilted"),
        ),
        "disappointment": Shade(
            "Sadness",
            {"Sadness": 0.65, "Anger": 0.15},
            ({1: 0.45, 15: 0.6, 17: 0.55, 24: 0.35}, {4: 0.35, 14: 0.5, 15: 0.6, 24: 0.4}),
            ("down", "away"),
            ("level", "turned", "bowed"),
        ),
        "loneliness": Shade(
            "Sadness",
            {"Sadness": 0.7},
            ({1: 0.6, 15: 0.45, 45: 0.25}, {1: 0.5, 4: 0.3, 15: 0.3, 24: 0.4}),
            ("away", "down and away"),
            ("turned", "tilted"),
        ),
        "shame": Shade(
            "Sadness",
            {"Sadness": 0.6, "Fear": 0.3, "Disgust": 0.1},
            ({1: 0.5, 4: 0.4, 14: 0.4, 28: 0.5}, {4: 0.45, 15: 0.45, 24: 0.65, 45: 0.3}),
            ("down", "down and away"),
            ("bowed", "turned and bowed"),
        ),
        "resignation": Shade(
            "Sadness",
            {"Sadness": 0.55},
            ({1: 0.4, 15: 0.5, 17: 0.8}, {2: 0.4, 1: 0.4, 17: 0.7, 14: 0.5, 45: 0.3}),
            ("down", "away", "ahead"),
            ("tilted", "level"),
        ),
        # Happiness
        "joy": Shade(
            "Happiness",
            {"Happiness": 0.95},
            (
                {6: 0.8, 12: 0.85, 25: 0.6},
                {6: 0.7, 12: 0.9, 25: 0.7, 26: 0.4, 10: 0.25},
                {6: 0.7, 12: 0.75, 1: 0.3, 2: 0.4},
            ),
            ("ahead",),
            ("level", "tilted", "raised"),
        ),
        "laughter": Shade(
            "Happiness",
            {"Happiness": 1.0},
            (
                {6: 0.85, 7: 0.5, 12: 0.9, 25: 0.8, 26: 0.7, 10: 0.3},
                {6: 0.9, 12: 0.85, 25: 0.7, 26: 0.5, 45: 0.7, 9: 0.3},
            ),
            ("ahead", "down"),
            ("drawn back", "tilted", "bowed"),
        ),
        "contentment": Shade(
            "Happiness",
            {"Happiness": 0.6},
            ({12: 0.45, 6: 0.35, 45: 0.25}, {12: 0.4, 14: 0.3, 24: 0.3}, {12: 0.4, 6: 0.3, 45: 0.8}),
            ("ahead", "down"),
            ("level", "tilted"),
        ),
        "pride": Shade(
            "Happiness",
            {"Happiness": 0.7},
            ({12: 0.55, 6: 0.35, 17: 0.4}, {12: 0.5, 24: 0.4, 2: 0.35, 14: 0.4}),
            ("ahead", "up"),
            ("raised",),
        ),
        "tenderness": Shade(
            "Happiness",
            {"Happiness": 0.65, "Sadness": 0.15},
            ({12: 0.45, 6: 0.45, 1: 0.5}, {12: 0.4, 1: 0.45, 45: 0.3, 17: 0.3}),
            ("down", "ahead"),
            ("tilted",),
        ),
        "relief": Shade(
            "Happiness",
            {"Happiness": 0.65, "Sadness": 0.1},
            (
                {45: 0.75, 12: 0.35, 25: 0.4, 26: 0.3},
                {1: 0.5, 12: 0.4, 18: 0.45, 34: 0.4},
                {45: 0.4, 1: 0.5, 12: 0.5, 25: 0.5},
            ),
            ("up", "down", "ahead"),
            ("drawn back", "bowed"),
        ),
        "excitement": Shade(
            "Happiness",
            {"Happiness": 0.9, "Surprise": 0.45},
            ({1: 0.5, 2: 0.6, 5: 0.6, 12: 0.8, 25: 0.7, 26: 0.5}, {2: 0.5, 5: 0.5, 6: 0.5, 12: 0.8, 25: 0.6, 26: 0.3}),
            ("ahead", "up"),
            ("raised", "level"),
        ),
        "mischief": Shade(
            "Happiness",
            {"Happiness": 0.6, "Disgust": 0.1},
            ({7: 0.6, 12: 0.55, 14: 0.4}, {2: 0.5, 7: 0.4, 12: 0.5, 28: 0.5}, {"R12": 0.6, 7: 0.5, 19: 0.6, 25: 0.5}),
            ("away", "ahead"),
            ("tilted", "bowed"),
        ),
        "hope": Shade(
            "Happiness",
            {"Happiness": 0.55, "Fear": 0.15},
            ({1: 0.6, 2: 0.4, 12: 0.4, 5: 0.3}, {1: 0.6, 12: 0.3, 25: 0.35, 5: 0.3}),
            ("up", "ahead"),
            ("raised", "level"),
        ),
        # Surprise
        "astonishment": Shade(
            "Surprise",
            {"Surprise": 0.95},
            ({1: 0.85, 2: 0.9, 5: 0.8, 25: 0.6, 26: 0.8}, {1: 0.8, 2: 0.85, 5: 0.7, 18: 0.5, 25: 0.3, 26: 0.3}),
            ("ahead",),
            ("level", "drawn back"),
        ),
        "startle": Shade(
            "Surprise",
            {"Surprise": 0.85, "Fear": 0.4},
            ({1: 0.7, 2: 0.7, 5: 0.95, 20: 0.5, 25: 0.5, 26: 0.5}, {45: 0.9, 4: 0.4, 7: 0.5, 20: 0.6}),
            ("ahead", "away"),
            ("drawn back", "turned"),
        ),
        "disbelief": Shade(
            "Surprise",
            {"Surprise": 0.7, "Anger": 0.15},
            ({2: 0.6, 4: 0.5, 7: 0.4, 25: 0.4, 26: 0.35}, {1: 0.4, 2: 0.7, 5: 0.4, 17: 0.5, 15: 0.3}),
            ("ahead", "away"),
            ("drawn back", "tilted", "turned"),
        ),
        "awe": Shade(
            "Surprise",
            {"Surprise": 0.75, "Happiness": 0.3},
            ({1: 0.75, 2: 0.6, 5: 0.45, 25: 0.4, 26: 0.5}, {1: 0.7, 5: 0.5, 12: 0.3, 25: 0.5, 26: 0.35}),
            ("up",),
            ("raised", "tilted"),
        ),
        # Anger
        "irritation": Shade(
            "Anger",
            {"Anger": 0.6, "Disgust": 0.15},
            ({4: 0.65, 7: 0.5, 24: 0.5}, {4: 0.6, 14: 0.5, 10: 0.35}, {4: 0.5, 45: 0.4, 34: 0.5, 22: 0.3}),
            ("ahead", "away", "up"),
            ("level", "turned"),
        ),
        "fury": Shade(
            "Anger",
            {"Anger": 1.0, "Disgust": 0.2},
            (
                {4: 0.9, 5: 0.5, 7: 0.6, 9: 0.6, 10: 0.6, 25: 0.6, 16: 0.6},
                {4: 0.95, 7: 0.8, 23: 0.6, 24: 0.7, 17: 0.5, 29: 0.5},
                {4: 0.9, 5: 0.6, 22: 0.5, 25: 0.7, 26: 0.7, 16: 0.5},
            ),
            ("ahead",),
            ("bowed", "level"),
        ),
        "resentment": Shade(
            "Anger",
            {"Anger": 0.7, "Disgust": 0.3, "Sadness": 0.15},
            ({4: 0.6, 7: 0.6, 14: 0.4, 24: 0.5}, {4: 0.55, 7: 0.5, 10: 0.4, 15: 0.5, 17: 0.5}),
            ("away", "ahead"),
            ("turned", "level"),
        ),
        "determination": Shade(
            "Anger",
            {"Anger": 0.45},
            ({4: 0.55, 7: 0.5, 24: 0.6, 17: 0.4, 29: 0.4}, {4: 0.5, 23: 0.6, 5: 0.35}),
            ("ahead",),
            ("level", "bowed"),
        ),
        # Fear
        "anxiety": Shade(
            "Fear",
            {"Fear": 0.65, "Sadness": 0.2},
            (
                {1: 0.75, 4: 0.5, 20: 0.45, 24: 0.3},
                {1: 0.65, 4: 0.5, 28: 0.65},
                {1: 0.6, 2: 0.3, 5: 0.4, 14: 0.3, 17: 0.4},
            ),
            ("away", "down", "ahead"),
            ("level", "turned", "bowed"),
        ),
        "terror": Shade(
            "Fear",
            {"Fear": 1.0, "Surprise": 0.3},
            ({1: 0.9, 2: 0.6, 4: 0.6, 5: 0.95, 20: 0.8, 25: 0.7, 26: 0.5}, {1: 0.85, 4: 0.7, 5: 0.8, 16: 0.6, 20: 0.9}),
            ("ahead", "away"),
            ("drawn back", "turned"),
        ),
        "unease": Shade(
            "Fear",
            {"Fear": 0.5, "Disgust": 0.1},
            ({1: 0.45, 4: 0.5, 7: 0.35, 24: 0.4}, {1: 0.4, 2: 0.3, 15: 0.35, 20: 0.4}),
            ("away", "down and away", "up and away"),
            ("turned", "level"),
        ),
        "dread": Shade(
            "Fear",
            {"Fear": 0.8, "Sadness": 0.35},
            ({1: 0.85, 4: 0.6, 5: 0.5, 15: 0.4, 25: 0.3, 20: 0.4}, {1: 0.75, 4: 0.65, 7: 0.4, 20: 0.6, 45: 0.3}),
            ("down", "ahead"),
            ("bowed", "drawn back"),
        ),
        # Disgust
        "revulsion": Shade(
            "Disgust",
            {"Disgust": 1.0, "Anger": 0.15},
            (
                {4: 0.5, 7: 0.5, 9: 0.85, 10: 0.7, 25: 0.4},
                {9: 0.7, 10: 0.6, 16: 0.5, 19: 0.7, 25: 0.6, 26: 0.4},
                {4: 0.5, 9: 0.75, 15: 0.5, 17: 0.6, 45: 0.5},
            ),
            ("down", "away"),
            ("drawn back", "turned"),
        ),
        "distaste": Shade(
            "Disgust",
            {"Disgust": 0.6},
            ({9: 0.55, 15: 0.4, 17: 0.5, 7: 0.4}, {10: 0.6, 9: 0.4, 14: 0.4}),
            ("down", "away"),
            ("turned", "tilted"),
        ),
        "contempt": Shade(
            "Disgust",
            {"Disgust": 0.7, "Anger": 0.3, "Happiness": 0.1},
            ({"R14": 0.75, 10: 0.35, 45: 0.3}, {"R12": 0.4, "R14": 0.6, 2: 0.45, 7: 0.4}),
            ("away", "down", "ahead"),
            ("raised", "tilted"),
        ),
        "mockery": Shade(
            "Disgust",
            {"Disgust": 0.45, "Happiness": 0.4},
            ({"R12": 0.6, 14: 0.5, 2: 0.55}, {12: 0.55, 7: 0.5, "R10": 0.5}),
            ("away", "ahead"),
            ("tilted", "raised"),
        ),
        # Neutral
        "calm": Shade("Neutral", {}, ({}, {12: 0.15}, {45: 0.15}), ("ahead", "down"), ("level",)),
        "boredom": Shade(
            "Neutral",
            {"Sadness": 0.15},
            ({45: 0.45, 17: 0.35}, {45: 0.35, 34: 0.5, "R30": 0.4}, {25: 0.6, 26: 0.6, 45: 0.5}),
            ("away", "up and away"),
            ("tilted", "turned"),
        ),
        "concentration": Shade(
            "Neutral",
            {"Anger": 0.1},
            ({4: 0.45, 7: 0.45, 24: 0.35}, {4: 0.4, 18: 0.55}, {7: 0.5, 28: 0.5}),
            ("down", "ahead"),
            ("bowed", "level"),
        ),
        "doubt": Shade(
            "Neutral",
            {"Surprise": 0.2, "Fear": 0.15},
            ({2: 0.5, 4: 0.4, 18: 0.4, "R30": 0.5}, {1: 0.4, 2: 0.4, 17: 0.6, 7: 0.3}),
            ("up and away", "away"),
            ("tilted",),
        ),
    }
)
"""Every shade by name."""
