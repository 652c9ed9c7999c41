from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX
from kfzoo.arkit.ranges import off_scale, overshooting


def face(**values: float) -> NDArray[np.float64]:
    vector = np.zeros(61)
    for channel, value in values.items():
        vector[INDEX[channel]] = value
    return vector


@pytest.mark.parametrize("values", [{"JawOpen": 1.053}, {"JawOpen": -0.2}, {"HeadYaw": -1.5}, {"MouthLeft": 1.25}])
def test_a_little_overshoot_is_counted_and_not_refused(values: dict[str, float]) -> None:
    assert off_scale(face(**values)) is None
    assert overshooting(np.stack([face(), face(**values)])) == 1


@pytest.mark.parametrize(
    ("values", "channel", "scale"),
    [
        ({"JawOpen": 30.0, "MouthLeft": 3.0}, "JawOpen", "0 to 100"),
        ({"JawOpen": 200.0}, "JawOpen", "0 to 255"),
        ({"JawOpen": 1080.0}, "JawOpen", "pixels"),
        ({"HeadYaw": -45.9}, "HeadYaw", "degrees"),
        ({"LeftEyeYaw": 640.0}, "LeftEyeYaw", "pixels"),
        ({"JawOpen": 1.3}, "JawOpen", ""),
        ({"HeadPitch": -2.0}, "HeadPitch", ""),
    ],
)
def test_another_scale_is_named_with_row_channel_and_value(values: dict[str, float], channel: str, scale: str) -> None:
    found = off_scale(np.stack([face(), face(**values)]))
    assert found is not None
    assert (found.row, found.channel, found.value) == (1, channel, values[channel])
    assert ("looks like" in found.problem) == bool(scale)
    assert scale in found.problem
    assert found.remedy
