from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kfzoo.animation.face_cap import NAMES
from kfzoo.animation.live.face_cap import FaceCapPackets
from kfzoo.animation.live.live_link import LiveLinkPackets
from kfzoo.animation.live.vmc import VmcPackets, unity_quaternion
from kfzoo.arkit.channels import BLENDSHAPES, CHANNELS, INDEX, canonical
from kfzoo.errors import InputError
from tests.animation.live.decoders import live_link, osc

FACE = np.random.default_rng(5).uniform(0, 1, len(CHANNELS)).astype(np.float32)


def test_a_live_link_frame_has_311_bytes_and_all_values_by_name() -> None:
    (packet,) = LiveLinkPackets(59.94, "kfzoo").packets(FACE, 1234)
    assert len(packet) == 311
    found = live_link(packet)
    assert (found["subject"], found["frame"], found["part"], len(found["device"])) == ("kfzoo", 1234, 0, 36)
    assert found["rate"] == pytest.approx(59.94, abs=1e-4)
    assert found["values"] == {name: FACE[INDEX[name]] for name in CHANNELS}


@pytest.mark.parametrize("subject", ["", "ä", "a\n", 65 * "a"])
def test_subjects_that_unreal_does_not_know_are_refused(subject: str) -> None:
    with pytest.raises(InputError, match=r"--subject: is .* expected 1 to 64 ASCII characters"):
        LiveLinkPackets(60, subject)


def test_vmc_bundles_fit_a_packet_and_end_with_apply() -> None:
    bundles = VmcPackets(60, bones=True).packets(FACE, 30)
    assert max(map(len, bundles)) <= 1400
    messages = [each for bundle in bundles for each in osc(bundle)]
    assert messages[:2] == [("/VMC/Ext/OK", [1]), ("/VMC/Ext/T", [0.5])]
    assert messages[-1] == ("/VMC/Ext/Blend/Apply", [])
    values = dict(values for address, values in messages if address == "/VMC/Ext/Blend/Val")
    assert values == {name: FACE[INDEX[name]] for name in BLENDSHAPES}
    bones = {values[0]: values[1:] for address, values in messages if address == "/VMC/Ext/Bone/Pos"}
    assert list(bones) == ["Head", "LeftEye", "RightEye"]
    assert bones["Head"][:3] == [0, 0, 0]
    assert not any(address.endswith("Pos") for b in VmcPackets(60).packets(FACE, 0) for address, _ in osc(b))


@pytest.mark.parametrize(
    ("angles", "watched", "toward"),
    [
        ((0.5, 0, 0), (0, 0, 1), (1, 0, 0)),  # Unity, left-handed: +x is the right of an avatar that looks along +z
        ((0, 0.5, 0), (0, 0, 1), (0, -1, 0)),
        ((0, 0, 0.5), (0, 1, 0), (-1, 0, 0)),
    ],
    ids=["yaw to the right", "pitch down", "roll to the left shoulder"],
)
def test_bones_turn_by_the_axes_of_unity(
    angles: tuple[float, float, float], watched: tuple[int, int, int], toward: tuple[int, int, int]
) -> None:
    # A quaternion's formula on numbers is the same in left-handed axes.
    moved = Rotation.from_quat(unity_quaternion(*angles)).apply(watched)
    np.testing.assert_allclose(moved, np.cos(0.5) * np.array(watched) + np.sin(0.5) * np.array(toward), atol=1e-6)


def test_bones_turn_by_roll_then_pitch_then_yaw() -> None:
    expected = Rotation.from_euler("YXZ", [0.3, -0.2, 0.4]).as_quat()
    np.testing.assert_allclose(unity_quaternion(0.3, -0.2, 0.4), expected, atol=1e-12)


def test_face_cap_sends_weights_by_its_own_order_in_one_bundle() -> None:
    (bundle,) = FaceCapPackets().packets(FACE, 0)
    assert len(bundle) < 1400
    messages = list(osc(bundle))
    weights = [values for address, values in messages if address == "/W"]
    assert [index for index, _ in weights] == list(range(52))
    assert {canonical(NAMES[index]): value for index, value in weights} == {n: FACE[INDEX[n]] for n in BLENDSHAPES}
    (head,) = (values for address, values in messages if address == "/HR")
    expected = [-FACE[INDEX[name]] for name in ("HeadPitch", "HeadYaw", "HeadRoll")]
    np.testing.assert_allclose(np.radians(head), expected, rtol=1e-5)
    (eye,) = (values for address, values in messages if address == "/ERR")
    np.testing.assert_allclose(
        np.radians(eye), [FACE[INDEX[f"RightEye{axis}"]] for axis in ("Pitch", "Yaw")], rtol=1e-5
    )
