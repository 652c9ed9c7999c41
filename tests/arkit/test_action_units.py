from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.arkit.action_units import ACTION_UNITS, POSITIONS, blend
from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, SUBSETS, UPPER
from kfzoo.arkit.describe import describe
from kfzoo.arkit.mirror import mirror
from kfzoo.errors import InputError


def weights(face: object) -> dict[str, float]:
    values = np.asarray(face, dtype=np.float64)
    return {name: round(float(value), 6) for name, value in zip(CHANNELS, values, strict=True) if value}


def test_there_are_26_and_three_are_the_papers() -> None:
    assert len(ACTION_UNITS) == 26
    assert [number for number, unit in ACTION_UNITS.items() if unit.source == "CA"] == [1, 2, 12]
    assert all(unit.source == "kfzoo" for unit in POSITIONS.values())
    assert all(number == unit.number for number, unit in (ACTION_UNITS | POSITIONS).items())


def test_the_papers_rows_are_as_printed() -> None:
    assert weights(blend({1: 1.0})) == {"BrowInnerUp": 0.7}
    assert weights(blend({2: 1.0})) == {"BrowOuterUpLeft": 0.9, "BrowOuterUpRight": 0.9}
    assert weights(blend({12: 1.0})) == {"MouthSmileLeft": 0.9, "MouthSmileRight": 0.9}


def test_every_one_of_the_51_weights_is_reached() -> None:
    reached = {name for unit in (ACTION_UNITS | POSITIONS).values() for name in unit.weights}
    assert set(SUBSETS["ca51"]) <= reached
    muscles = {name for unit in ACTION_UNITS.values() for name in unit.weights}
    assert set(SUBSETS["ca51"]) - muscles == {name for name in CHANNELS if name.startswith("EyeLook")}
    assert reached <= set(CHANNELS)


def test_sides_and_sums() -> None:
    assert weights(blend({"L12": 0.5})) == {"MouthSmileLeft": 0.45}
    assert weights(blend({"R30": 1.0})) == {"JawRight": 0.9, "MouthRight": 0.5}
    np.testing.assert_allclose(blend({"L12": 0.3, "R12": 0.3}), blend({"12": 0.3}))
    assert weights(blend({24: 1.0, 23: 1.0}))["MouthPressLeft"] == 1.0, "sums are limited to the range"
    assert not blend({}).any()
    assert blend({}).shape == (61,)


@given(st.dictionaries(st.sampled_from([1, 2, 4, 6, 12, 25, 62, 64, 52, 55, "L12", "R4", "L30"]), st.floats(0, 1)))
def test_blend_stays_in_range_and_is_the_clamped_sum(intensities: dict[int | str, float]) -> None:
    face = blend(intensities)
    assert face.dtype == np.float32
    alone = sum((blend({code: value}) for code, value in intensities.items()), np.zeros(61, np.float32))
    np.testing.assert_allclose(face, np.clip(alone, LOWER, UPPER), atol=1e-6)


@pytest.mark.parametrize(("left", "right"), [("L12", "R12"), ("L30", "R30"), (51, 52), (55, 56), (61, 62)])
def test_a_left_code_is_the_mirror_of_its_right_one(left: int | str, right: int | str) -> None:
    np.testing.assert_array_equal(mirror(blend({left: 0.7})), blend({right: 0.7}))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (51, "head is strongly turned to the left"),
        (54, "head is strongly bowed"),
        (56, "head is strongly tilted to the right"),
        (61, "gaze is fully directed to the left"),
        (63, "gaze is fully turned up"),
        (66, "eyes are fully crossed"),
        ("L45", "left eye is fully closed"),
    ],
)
def test_codes_mean_what_the_describer_says(code: int | str, words: str) -> None:
    assert describe(blend({code: 1.0})) == f"The {words}."


@pytest.mark.parametrize(
    ("intensities", "message"),
    [
        ({12: 1.5}, "action unit 12: intensity 1.5 is not in [0, 1]; scale it to that range"),
        ({12: float("nan")}, "action unit 12: intensity nan is not in [0, 1]; scale it to that range"),
        ({30: 1.0}, "action unit '30': needs a side; write 'L30' or 'R30'"),
        ({"L26": 1.0}, "action unit 'L26': (jaw drop) cannot be split into sides; write 26"),
        (
            {"12L": 1.0},
            "action unit '12L': is not known; known are 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22,"
            " 23, 24, 25, 26, 28, 29, 30, 34, 45, 19, 51, 52, 53, 54, 55, 56, 61, 62, 63, 64, 65, 66; write a number,"
            " or 'L12' or 'R12' for one side",
        ),
    ],
)
def test_bad_codes_and_intensities_are_named(intensities: dict[int | str, float], message: str) -> None:
    with pytest.raises(InputError) as error:
        blend(intensities)
    assert str(error.value) == message


def test_unsided_channels_stay_with_either_side() -> None:
    assert INDEX["JawOpen"] in np.flatnonzero(blend({"L25": 1.0}))
