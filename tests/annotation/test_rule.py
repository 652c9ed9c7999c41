from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.annotation.analysis import HEADINGS, NO_OBJECT, REGIONS, SYMMETRIC, UNCLEAR
from kfzoo.annotation.rule import analyse, words
from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.mirror import mirror, mirror_text
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError


def face(**values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = np.zeros(len(CHANNELS))
    for name, value in values.items():
        sides = (name,) if name in INDEX else (f"{name}Left", f"{name}Right")
        for side in sides:
            found[INDEX[side]] = value
    return found


def test_a_smile() -> None:
    found = analyse(face(MouthSmile=0.7, CheekSquint=0.5))
    assert found.expression_category == "smile with raised cheeks, strong"
    assert found.emotional_implication == "happiness"
    assert found.symmetry == SYMMETRIC
    assert found.muscle_movements == {
        "cheeks": "cheeks strongly bunched",
        "mouth": "mouth corners intensely pulled up in a smile",
    }


@pytest.mark.parametrize(
    ("values", "category", "emotion"),
    [
        ({"BrowInnerUp": 0.6, "EyeWide": 0.7, "JawOpen": 0.5}, "surprise, clear", "surprise"),
        ({"BrowDown": 0.8, "MouthPress": 0.5}, "angry frown, strong", "anger"),
        ({"NoseSneer": 0.7, "MouthUpperUp": 0.7}, "disgusted sneer, strong", "disgust"),
        ({"BrowInnerUp": 0.6, "MouthFrown": 0.5}, "sad frown, clear", "sadness"),
        ({"BrowInnerUp": 0.8, "EyeWide": 0.8, "MouthStretch": 0.6}, "fearful stare, strong", "fear"),
        ({"EyeBlink": 1.0}, "closed eyes, strong", UNCLEAR),
        ({"TongueOut": 0.9}, "tongue out, strong", UNCLEAR),
        ({"MouthSmile": 0.15}, "smile, faint", UNCLEAR),
        ({}, "neutral face", UNCLEAR),
    ],
)
def test_categories(values: dict[str, float], category: str, emotion: str) -> None:
    found = analyse(face(**values))
    assert (found.expression_category, found.emotional_implication) == (category, emotion)


def test_uneven_sides_are_described() -> None:
    found = analyse(face(MouthSmileLeft=0.8, MouthSmileRight=0.2, JawRight=0.5, HeadYaw=0.9))
    assert found.symmetry == "mouth corners pulled up in a smile more on the left, jaw moved to the right"
    assert found.muscle_movements["head"] == "head fully turned to the right"


def test_a_mirrored_face_has_the_mirrored_analysis() -> None:
    for script in BuiltinScripts(60):
        for keyframe in script.keyframes:
            assert keyframe.coefficients is not None
            text = analyse(keyframe.coefficients).text()
            assert analyse(mirror(keyframe.coefficients)).text() == mirror_text(text)


def test_the_text_has_the_released_headings() -> None:
    text = analyse(face(MouthSmile=0.7)).text()
    assert text == (
        "1. **Facial Expression Category**: Smile, strong.  \n"
        "2. **Detailed Facial Muscle Movements**:  \n"
        "   - **Mouth**: Mouth corners intensely pulled up in a smile.  \n"
        "3. **Emotional Implication**: Happiness.  \n"
        "4. **Symmetry**: Mostly symmetric."
    )
    assert "   - **Face**: At rest.  \n" in analyse(face()).text()


@given(st.lists(st.floats(-1, 1), min_size=61, max_size=61))
def test_any_face_is_described_in_known_words(values: list[float]) -> None:
    text = analyse(np.clip(values, LOWER, UPPER)).text()
    assert not any(string in text for string in NO_OBJECT)
    for heading in HEADINGS:
        assert heading in text
        text = text.replace(heading, "")
    for region in (*REGIONS, "face"):
        text = text.replace(f"   - **{region.capitalize()}**:", "")
    assert {word.lower() for word in re.findall("[A-Za-z]+", text)} <= set(words())


def test_a_face_that_is_not_finite() -> None:
    with pytest.raises(InputError, match="EyeBlinkLeft is not a finite number"):
        analyse(np.full(len(CHANNELS), np.nan))
