from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.arkit.mirror import MIRROR_INDEX, MIRROR_SIGN, mirror, mirror_text
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from tests.real_data import LIVELINK, needs_real_data


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 3), st.just(61)), elements=st.floats(-1, 1, width=32)))
def test_coefficients_mirror_back(faces: np.ndarray) -> None:
    twice = mirror(mirror(faces))
    assert twice.dtype == np.float32
    np.testing.assert_array_equal(twice, faces)


def test_every_sided_channel_moves_across() -> None:
    for name, partner in zip(CHANNELS, MIRROR_INDEX.tolist(), strict=True):
        other = name.replace("Left", "*").replace("Right", "Left").replace("*", "Right")
        assert CHANNELS[partner] == other
    turned = {name for name, sign in zip(CHANNELS, MIRROR_SIGN.tolist(), strict=True) if sign < 0}
    assert turned == {f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Roll")}


def test_a_still_head_stays_plain_zero() -> None:
    assert not np.signbit(mirror(np.zeros(61))).any()


@needs_real_data
def test_yaw_and_looks_of_real_eyes_agree_before_and_after() -> None:
    faces = read_take(LIVELINK / "alex_rom_3.csv").coefficients
    for seen in (faces, mirror(faces)):
        right = seen[:, INDEX["EyeLookInLeft"]] - seen[:, INDEX["EyeLookOutLeft"]]
        assert np.corrcoef(right, seen[:, INDEX["LeftEyeYaw"]])[0, 1] > 0.99, "positive yaw is the subject's right"
        right = seen[:, INDEX["EyeLookOutRight"]] - seen[:, INDEX["EyeLookInRight"]]
        assert np.corrcoef(right, seen[:, INDEX["RightEyeYaw"]])[0, 1] > 0.99
        down = seen[:, INDEX["EyeLookDownLeft"]] - seen[:, INDEX["EyeLookUpLeft"]]
        assert np.corrcoef(down, seen[:, INDEX["LeftEyePitch"]])[0, 1] > 0.99, "positive pitch is down"


def test_wrong_shape_is_named() -> None:
    with pytest.raises(InputError) as error:
        mirror(np.zeros((2, 52)))
    assert str(error.value) == "mirror: expected (…, 61) coefficients, found shape (2, 52)"


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("The left eye looks to the right.", "The right eye looks to the left."),
        ("Left brow up, RIGHT brow down", "Right brow up, LEFT brow down"),
        ("leftward, Rightwards, left-hand, leftmost", "rightward, Leftwards, right-hand, rightmost"),
        ("the left's, (left) left_eye", "the right's, (right) right_eye"),
        ("bright upright leftover copyright", "bright upright leftover copyright"),
        ("It is all right, right away; left behind.", "It is all right, right away; left behind."),
        ("turned right, away from the camera", "turned left, away from the camera"),
    ],
)
def test_words_of_side_are_exchanged(text: str, mirrored: str) -> None:
    assert mirror_text(text) == mirrored


WORDS = [*["left", "Right", "LEFT", "lefT", "all", "away", "behind", "bright", "ward", "MOST"], *"-, é_x", "  "]


@given(st.lists(st.sampled_from(WORDS)).map("".join) | st.text())
def test_text_mirrors_back(text: str) -> None:
    assert mirror_text(mirror_text(text)) == text
