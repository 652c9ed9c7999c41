from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.describe import MOST_WORDS, describe
from kfzoo.arkit.mirror import mirror, mirror_text
from kfzoo.arkit.movements import ORDER, Movement, movements
from kfzoo.arkit.wording import CANONICAL, COARSE_LEVELS, HELD_OUT, LEVELS, TRAINING, Wording
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from tests.real_data import LIVELINK, needs_real_data


def face(**values: float) -> np.ndarray:
    vector = np.zeros(61, dtype=np.float32)
    for name, value in values.items():
        vector[INDEX[name]] = value
    return vector


def scaled(values: np.ndarray) -> np.ndarray:
    return np.asarray(LOWER + values * (UPPER - LOWER), dtype=np.float32)


busy = hnp.arrays(np.float32, 61, elements=st.floats(0, 1, width=32)).map(scaled)
sparse = st.dictionaries(st.sampled_from(CHANNELS), st.floats(0, 1.125, width=32), max_size=8).map(lambda v: face(**v))
faces = busy | sparse


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "The face is at rest."),
        ({"JawOpen": 0.04}, "The face is at rest."),
        ({"JawOpen": 0.06}, "The mouth is barely opened."),
        ({"JawOpen": 0.8, "EyeBlinkLeft": 1.0}, "The left eye is fully closed. The mouth is intensely opened."),
        ({"BrowDownLeft": 0.3, "BrowDownRight": 0.31}, "The brows are moderately lowered."),
        ({"BrowDownLeft": 0.3, "BrowDownRight": 0.4}, "The brows are moderately lowered (more on the right)."),
        (
            {"MouthSmileLeft": 0.2, "MouthSmileRight": 0.5},
            "The mouth corners are strongly pulled up in a smile on the right but slightly on the left.",
        ),
        (
            {"EyeSquintLeft": 0.3, "EyeSquintRight": 0.3, "NoseSneerLeft": 0.5, "CheekPuff": 0.26},
            "The eyes are moderately narrowed."
            " The left side of the nose is strongly wrinkled and cheeks slightly puffed out.",
        ),
        ({"JawLeft": 0.5, "JawRight": 0.2}, "The jaw is moderately moved to the left."),
        ({"HeadYaw": 0.5, "HeadPitch": -0.26}, "The head is strongly turned to the right and slightly tipped back."),
        ({"BrowInnerUp": 0.12, "JawOpen": 0.06}, "The inner brows are faintly raised. The mouth is barely opened."),
        (
            {"MouthSmileLeft": 0.8, "MouthSmileRight": 0.8, "JawOpen": 0.2},
            "The mouth corners are intensely pulled up in a smile.",
        ),
        (
            {"MouthSmileLeft": 0.8, "MouthSmileRight": 0.8, "JawOpen": 0.26},
            "The mouth corners are intensely pulled up in a smile. The mouth is slightly opened.",
        ),
    ],
)
def test_canonical_words(values: dict[str, float], text: str) -> None:
    assert describe(face(**values)) == text


@pytest.mark.parametrize(
    "values",
    [
        {"EyeLookInLeft": 0.5, "EyeLookOutRight": 0.5},
        {"LeftEyeYaw": 0.31, "RightEyeYaw": 0.31},
        {"EyeLookInLeft": 0.5, "EyeLookOutRight": 0.5, "LeftEyeYaw": 0.31, "RightEyeYaw": 0.31},
    ],
)
def test_gaze_is_said_once_whether_by_weights_or_angles(values: dict[str, float]) -> None:
    assert describe(face(**values)) == "The gaze is strongly directed to the right."


def test_eyes_against_each_other_are_crossed() -> None:
    assert describe(face(EyeLookInLeft=0.5, EyeLookInRight=0.5)) == "The eyes are strongly crossed."
    assert describe(face(LeftEyeYaw=-0.2, RightEyeYaw=0.2)) == "The eyes are moderately diverged."


def test_the_neutral_face_is_taken_off() -> None:
    rest = face(BrowInnerUp=0.3, HeadYaw=0.4)
    assert describe(rest, neutral=rest) == "The face is at rest."
    moved = face(BrowInnerUp=0.5, HeadYaw=0.4)
    assert describe(moved, neutral=rest) == "The inner brows are slightly raised."


def test_coarse_keeps_what_an_image_shows() -> None:
    values = {"JawOpen": 0.2, "MouthSmileLeft": 0.8, "MouthSmileRight": 0.6, "BrowDownLeft": 0.5, "MouthClose": 0.5}
    assert describe(face(**values), detail="coarse") == (
        "The left brow is clearly lowered. The mouth corners are dramatically pulled up in a smile."
    )
    shut = face(EyeBlinkLeft=1.0, EyeBlinkRight=1.0, EyeLookDownLeft=0.6, EyeLookDownRight=0.6)
    assert describe(shut, detail="coarse") == "The eyes are dramatically closed.", "closed lids hide the gaze"


@given(faces, st.sampled_from(["full", "coarse"]))
def test_a_mirrored_face_has_the_mirrored_text(coefficients: np.ndarray, detail: Any) -> None:
    text = describe(coefficients, detail=detail)
    assert describe(mirror(coefficients), detail=detail) == mirror_text(text)


@given(faces, st.sampled_from([CANONICAL, TRAINING, HELD_OUT]), st.sampled_from(["full", "coarse"]), st.integers(0, 99))
def test_any_face_gets_a_fair_text(coefficients: np.ndarray, wording: Wording, detail: Any, seed: int) -> None:
    text = describe(coefficients, wording=wording, rng=random.Random(seed), detail=detail)
    assert text == describe(coefficients, wording=wording, rng=random.Random(seed), detail=detail)
    assert len(text.split()) <= MOST_WORDS
    assert re.fullmatch(r"([A-Z][a-z ,;'()-]*\.( |$))+", text), "sentences of words, no digits, no braces"
    assert "  " not in text
    joined = text.lower().replace(" ", "|")
    assert not any(name.lower() in joined for name in BLENDSHAPES)


@given(faces)
def test_movements_are_ordered_and_graded(coefficients: np.ndarray) -> None:
    found = movements(coefficients)
    place = {name: number for number, (_, name, _) in enumerate(ORDER)}
    assert [place[m.name] for m in found] == sorted({place[m.name] for m in found})
    for movement in found:
        assert movement.value >= LEVELS[movement.level]
        assert movement.level == len(LEVELS) - 1 or movement.value < LEVELS[movement.level + 1]


def middle(level: int) -> float:
    bounds = (*LEVELS, 1.0)
    return (bounds[level] + bounds[level + 1]) / 2


def rebuilt(found: list[Movement]) -> dict[tuple[str, str], float]:
    """Values of the sides, rebuilt from levels and sides alone, as a reader of the text could."""
    values: dict[tuple[str, str], float] = {}
    for m in found:
        if m.side in ("", "both"):
            values[m.name, "left"] = values[m.name, "right"] = middle(m.level)
        elif m.side:
            values[m.name, m.side] = middle(m.level)
            other = "right" if m.side == "left" else "left"
            values[m.name, other] = 0.02 if m.weaker_level is None else middle(m.weaker_level)
    return values


@needs_real_data
def test_levels_and_sides_alone_carry_most_of_a_real_face() -> None:
    frames = read_take(LIVELINK / "Angry_MySlate_165.csv").coefficients[::10]
    pairs = {"brow_down": "BrowDown", "eye_close": "EyeBlink", "eye_squint": "EyeSquint", "mouth_smile": "MouthSmile",
             "mouth_frown": "MouthFrown", "upper_lip_up": "MouthUpperUp", "nose_sneer": "NoseSneer"}  # fmt: skip
    target, rebuilt_values = [], []
    for coefficients in frames:
        values = rebuilt(movements(coefficients))
        for name, channel in pairs.items():
            for side in ("left", "right"):
                target.append(float(coefficients[INDEX[channel + side.title()]]))
                rebuilt_values.append(values.get((name, side), 0.02))
    error = np.square(np.subtract(target, rebuilt_values)).sum() / np.square(np.subtract(target, np.mean(target))).sum()
    assert 1 - error > 0.95


def bank(wording: Wording) -> tuple[set[str], set[str], set[str]]:
    intensities = {word for words in (*wording.intensities, *wording.coarse) for word in words}
    predicates = {(name, phrase.predicate) for name, phrases in wording.phrases.items() for phrase in phrases}
    frames = {frame.opening for frame in wording.frames} | {*wording.uneven, *wording.leaning, *wording.neutral}
    return intensities, {f"{name}: {predicate}" for name, predicate in predicates}, frames


def test_banks_are_disjoint_and_wide_enough() -> None:
    for training, held_out in zip(bank(TRAINING), bank(HELD_OUT), strict=True):
        assert training
        assert not training & held_out
    names = [name for _, name, _ in ORDER]
    assert list(TRAINING.phrases) == list(HELD_OUT.phrases) == names
    for wording, phrasings in ((TRAINING, 3), (HELD_OUT, 2)):
        assert all(len(set(phrases)) >= phrasings for phrases in wording.phrases.values())
        words = [word for level in (*wording.intensities, *wording.coarse) for word in level]
        assert len(words) == len(set(words)), "a word means one intensity"
        assert all(len(level) >= 2 for level in (*wording.intensities, *wording.coarse))
        assert (len(wording.intensities), len(wording.coarse)) == (len(LEVELS), len(COARSE_LEVELS))
        said = [phrase for phrases in wording.phrases.values() for phrase in phrases]
        assert len(said) == len(set(said)), "a phrase means one movement"


def test_sides_are_written_where_a_movement_has_them() -> None:
    kinds = {name: kind for _, name, kind in ORDER}
    for wording in (TRAINING, HELD_OUT):
        for name, phrases in wording.phrases.items():
            assert all(("{side}" in phrase.predicate) == (kinds[name] == "side") for phrase in phrases)


def test_held_out_text_has_no_intensity_word_of_training() -> None:
    coefficients = face(JawOpen=0.5, BrowInnerUp=0.07, EyeSquintLeft=0.3, EyeSquintRight=0.1, HeadYaw=-0.9)
    words = bank(TRAINING)[0]
    for seed in range(50):
        text = describe(coefficients, wording=HELD_OUT, rng=random.Random(seed))
        assert not any(re.search(rf"\b{word}\b", text) for word in words)


def test_canonical_is_the_first_choice_whatever_the_dice_say() -> None:
    coefficients = face(JawOpen=0.5, MouthSmileLeft=0.5, MouthSmileRight=0.1)
    text = describe(coefficients)
    assert text == describe(coefficients, rng=random.Random(3)) == describe(coefficients, wording=TRAINING)


@pytest.mark.parametrize(
    ("coefficients", "message"),
    [
        (np.zeros(52), "describe: expected (61,) coefficients, found shape (52,)"),
        (face(JawOpen=float("nan")), "describe: JawOpen is not a finite number; leave such frames out"),
        (face(HeadRoll=float("-inf")), "describe: HeadRoll is not a finite number; leave such frames out"),
    ],
)
def test_bad_vectors_are_named(coefficients: np.ndarray, message: str) -> None:
    with pytest.raises(InputError) as error:
        describe(coefficients)
    assert str(error.value) == message
