from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kfzoo.metrics.functional.motion import acceleration, jerk, speed

METRICS = (speed, acceleration, jerk)


def seconds(frames: int, fps: float) -> Tensor:
    return torch.arange(frames, dtype=torch.float64).unsqueeze(1).expand(-1, 61) / fps


@pytest.mark.parametrize("fps", [20, 60])
@pytest.mark.parametrize("frames", [20, 100])
def test_polynomials_have_their_exact_derivatives(frames: int, fps: float) -> None:
    time = seconds(frames, fps)
    for order, metric in enumerate(METRICS, start=1):
        # The derivative of order k of a·t^k/k! is a, whatever the length, the direction and the rate.
        for slope in (0.3, -0.3):
            motion = slope * time**order / float(np.prod(range(1, order + 1)))
            assert float(metric(motion, fps)) == pytest.approx(0.3, rel=1e-6)
        for lower in METRICS[order:]:
            assert float(lower(time**order, fps)) == pytest.approx(0, abs=1e-4)


def test_derivatives_are_those_of_numpy() -> None:
    motion = np.random.default_rng(0).uniform(size=(30, 5)).astype(np.float32)
    expected = motion.astype(np.float64)
    for metric in METRICS:
        expected = (expected[1:] - expected[:-1]) * 20
        assert float(metric(torch.from_numpy(motion), 20)) == pytest.approx(np.abs(expected).mean(), rel=1e-12)


def test_channels_weigh_alike() -> None:
    motion = torch.zeros(21, 61)
    motion[:, 4] = torch.arange(21) / 20
    assert float(speed(motion, 20)) == pytest.approx(1 / 61, abs=1e-6)


def test_trembling_has_the_speed_of_a_ramp_and_more_of_the_rest() -> None:
    tremble = (torch.arange(40) % 2 * 0.015).unsqueeze(1).expand(-1, 61)
    assert float(speed(tremble, 20)) == pytest.approx(0.3)
    assert float(acceleration(tremble, 20)) == pytest.approx(0.03 * 20**2)
    assert float(jerk(tremble, 20)) == pytest.approx(0.06 * 20**3)


def test_bad_input() -> None:
    for frames, metric in enumerate(METRICS, start=1):
        with pytest.raises(ValueError, match=f"expected at least {frames + 1} frames, got {frames}"):
            metric(torch.zeros(frames, 61), 20)
    with pytest.raises(ValueError, match="row 1 holds NaN"):
        speed(torch.tensor([[0.0], [float("nan")]]), 20)
    with pytest.raises(ValueError, match="motion: expected"):
        speed(torch.zeros(4), 20)
