from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.animation.curves import interpolate, resample
from kfzoo.errors import InputError

Array = NDArray[np.float64]


@st.composite
def performances(draw: st.DrawFn) -> tuple[Array, Array]:
    gaps = draw(st.lists(st.floats(0.05, 4.0), min_size=1, max_size=5))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    keyframes = rng.random((len(gaps), 61)) * (rng.random((len(gaps), 61)) < 0.5)
    keyframes[:, 52:] = rng.uniform(-1, 1, (len(gaps), 9))
    return np.cumsum(gaps) - draw(st.sampled_from([0.0, gaps[0]])), keyframes


durations = st.floats(0, 1.5)
rates = st.sampled_from([24.0, 30.0, 59.94, 60.0, 120.0])


@settings(max_examples=40, deadline=None)
@given(performances(), rates, durations, durations)
def test_curves_pass_through_the_keyframes_and_never_leave_their_range(
    performance: tuple[Array, Array], fps: float, hold: float, ease: float
) -> None:
    times, keyframes = performance
    seconds, curves = interpolate(times, keyframes, fps, hold=hold, ease=ease)
    assert curves.shape == (len(seconds), 61)
    assert curves.dtype == np.float32
    np.testing.assert_allclose(np.diff(seconds), 1 / fps)
    at = np.rint((np.rint(times * fps) / fps - seconds[0]) * fps).astype(int)
    np.testing.assert_array_equal(curves[at], keyframes.astype(np.float32))
    assert np.abs(seconds[at] - times).max() <= 0.5 / fps + 1e-9
    ends = np.concatenate([keyframes, np.zeros((1, 61))]) if ease else keyframes
    assert (curves >= ends.min(axis=0).astype(np.float32)).all()
    assert (curves <= ends.max(axis=0).astype(np.float32)).all()


@settings(max_examples=25, deadline=None)
@given(performances())
def test_curves_are_monotone_between_keyframes(performance: tuple[Array, Array]) -> None:
    times, keyframes = performance
    seconds, curves = interpolate(times, keyframes)
    at = np.rint((times - seconds[0]) * 60).astype(int)
    for start, end in pairwise(at):
        steps = np.diff(curves[start : end + 1], axis=0) * np.sign(curves[end] - curves[start])
        assert steps.min() > -1e-6


def test_one_keyframe_rises_holds_and_falls() -> None:
    smile = np.zeros(61)
    smile[23] = 0.8
    seconds, curves = interpolate([1.0], [smile], fps=60, hold=0.5, ease=0.4)
    assert seconds[0] == 0
    assert seconds[-1] == pytest.approx(1.9)
    curve = curves[:, 23]
    assert not curve[:37].any()  # neutral until 0.4 s before the keyframe
    assert (np.diff(curve[36:61]) > 0).all()
    np.testing.assert_array_equal(curve[60:91], np.float32(0.8))
    assert (np.diff(curve[90:]) < 0).all()
    assert curve[-1] == 0


def test_a_keyframe_at_the_start_rises_before_zero() -> None:
    seconds, curves = interpolate([0.0], np.full((1, 61), 0.5), ease=0.4)
    assert seconds[0] == pytest.approx(-0.4)
    assert not curves[0].any()
    assert (curves[24] == 0.5).all()


def test_hold_leaves_half_of_the_way_for_the_change() -> None:
    keyframes = np.stack([np.zeros(61), np.ones(61)])
    _, curves = interpolate([0.0, 1.0], keyframes, hold=10, ease=0)
    assert not curves[:31].any()
    assert (curves[31:60] > 0).all()
    assert len(curves) == 60 + 600 + 1


def test_without_ease_and_hold_one_keyframe_is_one_frame() -> None:
    seconds, curves = interpolate([0.0], np.ones((1, 61)), hold=0, ease=0)
    assert (len(seconds), curves.shape) == (1, (1, 61))


TWO = np.zeros((2, 61))


@pytest.mark.parametrize(
    ("times", "keyframes", "message"),
    [
        ([2, 1], TWO, "times: must rise, but 1 s follows 2 s; sort the keyframes by their time"),
        ([1, 1], TWO, "times: must rise, but 1 s follows 1 s"),
        ([1, 1.001], TWO, r"times: 1 s and 1\.001 s fall on one frame at 60 frames a second"),
        ([1], TWO, "pass one time for each keyframe"),
        ([], np.zeros((0, 61)), "got 0 keyframes"),
        ([1], np.zeros((1, 51)), r"keyframe 0: expected 61 numbers, got shape \(51,\)"),
        ([float("inf")], TWO[:1], "times: every time must be a finite number"),
        ([0, 1], np.stack([TWO[0], np.full(61, np.inf)]), "keyframe 1: EyeBlinkLeft is inf"),
        (["soon"], [["a"]], "keyframes: expected numbers"),
    ],
)
def test_bad_input_is_reported_in_one_line(times: list[float], keyframes: Array, message: str) -> None:
    with pytest.raises(InputError, match=message):
        interpolate(times, keyframes)


@pytest.mark.parametrize(("name", "value"), [("fps", 0.0), ("fps", float("nan")), ("hold", -0.1), ("ease", -1.0)])
def test_rates_and_durations_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name}: expected .* got {value}"):
        interpolate([0.0], np.zeros((1, 61)), **{name: value})


@settings(max_examples=30)
@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_every_third_frame_at_60_is_a_given_one_at_20(count: int, seed: int) -> None:
    motion = np.random.default_rng(seed).uniform(-1, 1, (count, 61)).astype(np.float32)
    curves = resample(motion, 20)
    assert curves.shape == (3 * (count - 1) + 1, 61)
    assert curves.dtype == np.float32
    np.testing.assert_allclose(curves[::3], motion, atol=1e-6)
    for place in range(count - 1):  # Nothing leaves the way from one given frame to the next.
        between = curves[3 * place : 3 * place + 4]
        ends = np.sort(motion[place : place + 2], axis=0)
        assert (between >= ends[0] - 1e-6).all()
        assert (between <= ends[1] + 1e-6).all()


@pytest.mark.parametrize("fps", [10.0, 24.0, 59.94, 120.0])
def test_any_rate_keeps_the_duration_and_follows_the_curve(fps: float) -> None:
    times = np.arange(50) / 20
    motion = np.repeat(0.5 + 0.4 * np.sin(2 * times)[:, None], 61, axis=1)
    curves = resample(motion, 20, fps)
    assert len(curves) == int(times[-1] * fps + 1e-6) + 1
    np.testing.assert_allclose(curves[:, 7], 0.5 + 0.4 * np.sin(2 * np.arange(len(curves)) / fps), atol=2e-3)


@pytest.mark.parametrize(
    ("shape", "rates", "message"),
    [
        ((3, 61), (0.0, 60.0), r"rate: expected above 0, got 0\.0$"),
        ((3, 61), (20.0, float("inf")), "fps: expected above 0, got inf$"),
        ((3, 60), (20.0, 60.0), ".*expected 61 numbers"),
        ((0, 61), (20.0, 60.0), ".*got 0 keyframes"),
    ],
)
def test_motion_that_cannot_be_resampled(shape: tuple[int, int], rates: tuple[float, float], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        resample(np.zeros(shape), *rates)
