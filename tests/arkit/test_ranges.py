from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import BLENDSHAPES, INDEX, clamp
from kfzoo.arkit.ranges import OvershootCount, off_scale, overshooting
from kfzoo.errors import InputError


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
        (dict.fromkeys(BLENDSHAPES[:40], 0.5) | {"TongueOut": 40.0}, "TongueOut", ""),
    ],
)
def test_another_scale_is_named_with_row_channel_and_value(values: dict[str, float], channel: str, scale: str) -> None:
    found = off_scale(np.stack([face(), face(**values)]))
    assert found is not None
    assert (found.row, found.channel, found.value) == (1, channel, values[channel])
    assert ("looks like" in found.problem) == bool(scale)
    assert scale in found.problem
    assert found.remedy


def test_angles_beside_percentages_may_be_hundredfold() -> None:
    found = off_scale(face(JawOpen=40.0, HeadYaw=-10.0, HeadPitch=50.0))
    assert found is not None
    assert found.channel == "HeadPitch"
    assert found.remedy == "multiply angles by pi / 180, or blendshapes and angles are hundredfold"


def test_clamped_values_of_a_file_are_counted_in_one_line() -> None:
    overshoot = OvershootCount()
    assert overshoot.report() is None
    np.testing.assert_array_equal(overshoot.clamp("a", face()), face())
    faces = np.stack([face(), face(JawOpen=1.1, HeadYaw=-1.2), face(MouthClose=-0.1)])
    np.testing.assert_array_equal(overshoot.clamp("b", faces), clamp(faces))
    overshoot.clamp("c", face(JawOpen=1.2))
    expected = "4 values of 3 faces are clamped to their channel's range (first: 'JawOpen' is 1.1 in b)"
    assert overshoot.report() == expected
    with pytest.raises(InputError, match=r"^b: 'JawOpen' of frame 1 is 40, expected a value in \[0, 1\]; it looks"):
        overshoot.clamp("b", [face(), face(JawOpen=40.0)])
