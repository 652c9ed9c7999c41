"""Every shade of the emotions, with its Ekman scores, its action units, its gaze and its head.

The action units of the basic emotions follow the prototypes that the facial action coding literature agrees on
(Ekman and Friesen's EMFACS: happiness 6+12, sadness 1+4+15, surprise 1+2+5+26, fear 1+2+4+5+20+26, anger 4+5+7+23,
disgust 9+15+17, contempt a one-sided 12+14); the shades around them are variations on the same theme.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kfzoo.data.sources.builtin.banks import read_table
from kfzoo.data.sources.builtin.emotions import Shade, Units

# Family, Ekman scores, directions of the gaze, attitudes of the head; then the alternative sets of action units.
_TABLE = """
sorrow: Sadness | Sadness=0.85 | down, down and away, ahead | bowed, level
    || 1=0.8 4=0.5 15=0.65 17=0.3 | 1=0.85 4=0.4 15=0.5 45=0.35 24=0.3
grief: Sadness | Sadness=1.0 Fear=0.15 | down, ahead | bowed, tilted
    || 1=0.9 4=0.75 6=0.5 7=0.5 15=0.8 17=0.6 20=0.4 25=0.4 | 1=0.9 4=0.7 7=0.6 15=0.6 20=0.6 25=0.6 26=0.4 |
    1=0.85 4=0.8 15=0.85 17=0.8 45=0.8
tearfulness: Sadness | Sadness=0.9 Fear=0.1 | up, ahead, up and away | level, raised
    || 1=0.85 4=0.4 7=0.45 17=0.75 15=0.4 | 1=0.8 7=0.5 24=0.6 17=0.6
weariness: Sadness | Sadness=0.5 | down, ahead | bowed, tilted
    || 45=0.5 15=0.4 1=0.3 | 45=0.4 1=0.4 25=0.3 26=0.25 | 45=0.5 34=0.5 18=0.4
disappointment: Sadness | Sadness=0.65 Anger=0.15 | down, away | level, turned, bowed
    || 1=0.45 15=0.6 17=0.55 24=0.35 | 4=0.35 14=0.5 15=0.6 24=0.4
loneliness: Sadness | Sadness=0.7 | away, down and away | turned, tilted
    || 1=0.6 15=0.45 45=0.25 | 1=0.5 4=0.3 15=0.3 24=0.4
shame: Sadness | Sadness=0.6 Fear=0.3 Disgust=0.1 | down, down and away | bowed, turned and bowed
    || 1=0.5 4=0.4 14=0.4 28=0.5 | 4=0.45 15=0.45 24=0.65 45=0.3
resignation: Sadness | Sadness=0.55 | down, away, ahead | tilted, level
    || 1=0.4 15=0.5 17=0.8 | 2=0.4 1=0.4 17=0.7 14=0.5 45=0.3
joy: Happiness | Happiness=0.95 | ahead | level, tilted, raised
    || 6=0.8 12=0.85 25=0.6 | 6=0.7 12=0.9 25=0.7 26=0.4 10=0.25 | 6=0.7 12=0.75 1=0.3 2=0.4
laughter: Happiness | Happiness=1.0 | ahead, down | drawn back, tilted, bowed
    || 6=0.85 7=0.5 12=0.9 25=0.8 26=0.7 10=0.3 | 6=0.9 12=0.85 25=0.7 26=0.5 45=0.7 9=0.3
contentment: Happiness | Happiness=0.6 | ahead, down | level, tilted
    || 12=0.45 6=0.35 45=0.25 | 12=0.4 14=0.3 24=0.3 | 12=0.4 6=0.3 45=0.8
pride: Happiness | Happiness=0.7 | ahead, up | raised
    || 12=0.55 6=0.35 17=0.4 | 12=0.5 24=0.4 2=0.35 14=0.4
tenderness: Happiness | Happiness=0.65 Sadness=0.15 | down, ahead | tilted
    || 12=0.45 6=0.45 1=0.5 | 12=0.4 1=0.45 45=0.3 17=0.3
relief: Happiness | Happiness=0.65 Sadness=0.1 | up, down, ahead | drawn back, bowed
    || 45=0.75 12=0.35 25=0.4 26=0.3 | 1=0.5 12=0.4 18=0.45 34=0.4 | 45=0.4 1=0.5 12=0.5 25=0.5
excitement: Happiness | Happiness=0.9 Surprise=0.45 | ahead, up | raised, level
    || 1=0.5 2=0.6 5=0.6 12=0.8 25=0.7 26=0.5 | 2=0.5 5=0.5 6=0.5 12=0.8 25=0.6 26=0.3
mischief: Happiness | Happiness=0.6 Disgust=0.1 | away, ahead | tilted, bowed
    || 7=0.6 12=0.55 14=0.4 | 2=0.5 7=0.4 12=0.5 28=0.5 | R12=0.6 7=0.5 19=0.6 25=0.5
hope: Happiness | Happiness=0.55 Fear=0.15 | up, ahead | raised, level
    || 1=0.6 2=0.4 12=0.4 5=0.3 | 1=0.6 12=0.3 25=0.35 5=0.3
astonishment: Surprise | Surprise=0.95 | ahead | level, drawn back
    || 1=0.85 2=0.9 5=0.8 25=0.6 26=0.8 | 1=0.8 2=0.85 5=0.7 18=0.5 25=0.3 26=0.3
startle: Surprise | Surprise=0.85 Fear=0.4 | ahead, away | drawn back, turned
    || 1=0.7 2=0.7 5=0.95 20=0.5 25=0.5 26=0.5 | 45=0.9 4=0.4 7=0.5 20=0.6
disbelief: Surprise | Surprise=0.7 Anger=0.15 | ahead, away | drawn back, tilted, turned
    || 2=0.6 4=0.5 7=0.4 25=0.4 26=0.35 | 1=0.4 2=0.7 5=0.4 17=0.5 15=0.3
awe: Surprise | Surprise=0.75 Happiness=0.3 | up | raised, tilted
    || 1=0.75 2=0.6 5=0.45 25=0.4 26=0.5 | 1=0.7 5=0.5 12=0.3 25=0.5 26=0.35
irritation: Anger | Anger=0.6 Disgust=0.15 | ahead, away, up | level, turned
    || 4=0.65 7=0.5 24=0.5 | 4=0.6 14=0.5 10=0.35 | 4=0.5 45=0.4 34=0.5 22=0.3
fury: Anger | Anger=1.0 Disgust=0.2 | ahead | bowed, level
    || 4=0.9 5=0.5 7=0.6 9=0.6 10=0.6 25=0.6 16=0.6 | 4=0.95 7=0.8 23=0.6 24=0.7 17=0.5 29=0.5 |
    4=0.9 5=0.6 22=0.5 25=0.7 26=0.7 16=0.5
resentment: Anger | Anger=0.7 Disgust=0.3 Sadness=0.15 | away, ahead | turned, level
    || 4=0.6 7=0.6 14=0.4 24=0.5 | 4=0.55 7=0.5 10=0.4 15=0.5 17=0.5
determination: Anger | Anger=0.45 | ahead | level, bowed
    || 4=0.55 7=0.5 24=0.6 17=0.4 29=0.4 | 4=0.5 23=0.6 5=0.35
anxiety: Fear | Fear=0.65 Sadness=0.2 | away, down, ahead | level, turned, bowed
    || 1=0.75 4=0.5 20=0.45 24=0.3 | 1=0.65 4=0.5 28=0.65 | 1=0.6 2=0.3 5=0.4 14=0.3 17=0.4
terror: Fear | Fear=1.0 Surprise=0.3 | ahead, away | drawn back, turned
    || 1=0.9 2=0.6 4=0.6 5=0.95 20=0.8 25=0.7 26=0.5 | 1=0.85 4=0.7 5=0.8 16=0.6 20=0.9
unease: Fear | Fear=0.5 Disgust=0.1 | away, down and away, up and away | turned, level
    || 1=0.45 4=0.5 7=0.35 24=0.4 | 1=0.4 2=0.3 15=0.35 20=0.4
dread: Fear | Fear=0.8 Sadness=0.35 | down, ahead | bowed, drawn back
    || 1=0.85 4=0.6 5=0.5 15=0.4 25=0.3 20=0.4 | 1=0.75 4=0.65 7=0.4 20=0.6 45=0.3
revulsion: Disgust | Disgust=1.0 Anger=0.15 | down, away | drawn back, turned
    || 4=0.5 7=0.5 9=0.85 10=0.7 25=0.4 | 9=0.7 10=0.6 16=0.5 19=0.7 25=0.6 26=0.4 | 4=0.5 9=0.75 15=0.5 17=0.6 45=0.5
distaste: Disgust | Disgust=0.6 | down, away | turned, tilted
    || 9=0.55 15=0.4 17=0.5 7=0.4 | 10=0.6 9=0.4 14=0.4
contempt: Disgust | Disgust=0.7 Anger=0.3 Happiness=0.1 | away, down, ahead | raised, tilted
    || R14=0.75 10=0.35 45=0.3 | R12=0.4 R14=0.6 2=0.45 7=0.4
mockery: Disgust | Disgust=0.45 Happiness=0.4 | away, ahead | tilted, raised
    || R12=0.6 14=0.5 2=0.55 | 12=0.55 7=0.5 R10=0.5
calm: Neutral |  | ahead, down | level
    ||  | 12=0.15 | 45=0.15
boredom: Neutral | Sadness=0.15 | away, up and away | tilted, turned
    || 45=0.45 17=0.35 | 45=0.35 34=0.5 R30=0.4 | 25=0.6 26=0.6 45=0.5
concentration: Neutral | Anger=0.1 | down, ahead | bowed, level
    || 4=0.45 7=0.45 24=0.35 | 4=0.4 18=0.55 | 7=0.5 28=0.5
doubt: Neutral | Surprise=0.2 Fear=0.15 | up and away, away | tilted
    || 2=0.5 4=0.4 18=0.4 R30=0.5 | 1=0.4 2=0.4 17=0.6 7=0.3
"""


def _units(text: str) -> Units:
    pairs = (pair.split("=") for pair in text.split())
    return {int(code) if code.isdigit() else code: float(value) for code, value in pairs}


def _shade(faces: tuple[str, ...], family: str, scores: str, gazes: str, heads: str) -> Shade:
    scored = {emotion: float(score) for emotion, score in (pair.split("=") for pair in scores.split())}
    return Shade(family, scored, tuple(map(_units, faces)), tuple(gazes.split(", ")), tuple(heads.split(", ")))


SHADES: Mapping[str, Shade] = MappingProxyType(
    {name: _shade(faces, *fields) for name, (fields, faces) in read_table(_TABLE).items()}
)
"""Every shade by name."""
