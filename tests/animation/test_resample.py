from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.animation.curves import resample
from kfzoo.errors import InputError


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
    ("rate", "fps", "message"),
    [(0.0, 60.0, "rate: expected above 0, got 0.0"), (20.0, float("inf"), "fps: expected above 0, got inf")],
)
def test_a_rate_that_is_none(rate: float, fps: float, message: str) -> None:
    with pytest.raises(InputError) as caught:
        resample(np.zeros((3, 61)), rate, fps)
    assert str(caught.value) == message


def test_other_shapes_are_told() -> None:
    with pytest.raises(InputError, match="expected 61 numbers"):
        resample(np.zeros((3, 60)), 20)
    with pytest.raises(InputError, match="got 0 keyframes"):
        resample(np.zeros((0, 61)), 20)
