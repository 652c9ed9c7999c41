from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.keys import TOLERANCE, Keys, Kind, keys_of
from tests.animation.animations import sided, spoken


def played(keys: Keys, count: int) -> NDArray[np.float64]:
    """What a program makes of the keys, frame by frame."""
    found = np.empty((count, keys.values.shape[1]))
    for at in range(len(keys.frames) - 1):
        first, last = keys.frames[at], keys.frames[at + 1]
        ends = keys.values[at : at + 2]
        chord = (ends[1] - ends[0]) / (last - first)
        slopes = [keys.leaving[at], keys.arriving[at + 1]] if keys.kind == "cubic" else [chord, chord]
        found[first : last + 1] = CubicHermiteSpline([first, last], ends, slopes)(np.arange(first, last + 1))
    return found


def test_posed_keyframes_need_few_keys() -> None:
    faces = np.random.default_rng(0).random((4, 61))
    curves = FaceAnimation.of_keyframes([1, 3, 5, 9], faces, fps=60).curves
    keys = keys_of(curves)
    assert keys.kind == "cubic"
    assert len(keys.frames) <= 12  # neutral, rise, four times there and held, neutral, and what rounding adds
    np.testing.assert_allclose(played(keys, len(curves)), curves, atol=1.01 * TOLERANCE)
    np.testing.assert_array_equal(keys.values, curves[keys.frames])


@pytest.mark.parametrize("kind", ["cubic", "linear"])
@pytest.mark.parametrize("curves", [sided().curves, spoken().curves, spoken(2).curves, np.zeros((500, 61))])
def test_keys_make_the_curves(curves: NDArray[np.float32], kind: Kind) -> None:
    keys = keys_of(curves, kind=kind)
    assert (keys.frames[0], keys.frames[-1]) == (0, len(curves) - 1)
    assert (np.diff(keys.frames) > 0).all()
    np.testing.assert_allclose(played(keys, len(curves)), curves, atol=1.01 * TOLERANCE)


def test_recorded_motion_is_not_smoothed_between_frames() -> None:
    assert keys_of(spoken().curves).kind == "linear"


def test_baked_keys_are_all_frames() -> None:
    keys = keys_of(sided().curves, bake=True)
    assert keys.kind == "linear"
    np.testing.assert_array_equal(keys.frames, np.arange(len(sided().curves)))


def test_a_still_face_is_two_keys() -> None:
    assert keys_of(np.full((100_000, 61), 0.25)).frames.tolist() == [0, 99_999]
