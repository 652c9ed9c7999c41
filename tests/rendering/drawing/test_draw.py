from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.rendering.drawing.control_points import GROUPS, MOVES, REST, SIDEWAYS, WRINKLES
from kfzoo.rendering.drawing.draw import PORTRAIT, draw_face
from kfzoo.rendering.drawing.rig import gaze, pose

SIZE = 128
Face = NDArray[np.float64]
Pixels = NDArray[np.int64]


def face(**values: float) -> Face:
    coefficients = np.zeros(len(CHANNELS))
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    return coefficients


def both(**values: float) -> Face:
    return face(**{f"{name}{side}": value for name, value in values.items() for side in ("Left", "Right")})


def pixels(coefficients: Face, size: int = SIZE) -> Pixels:
    return np.asarray(draw_face(coefficients, size)).astype(np.int64)


def near(image: Pixels, colour: tuple[int, int, int], within: int = 14) -> NDArray[np.bool_]:
    return np.asarray(np.abs(image - colour).max(axis=-1) <= within)


def iris_x(image: Pixels, side: str) -> float:
    """Mean column of the iris pixels; the subject's left eye is in the image's right half."""
    columns = np.nonzero(near(image, PORTRAIT.iris))[1]
    middle = image.shape[1] / 2
    return float(columns[columns >= middle].mean() if side == "Left" else columns[columns < middle].mean())


def iris_y(image: Pixels) -> float:
    return float(np.nonzero(near(image, PORTRAIT.iris))[0].mean())


def area(curve_top: str, curve_bottom: str, coefficients: Face) -> float:
    across = pose(coefficients).across
    return float(np.trapezoid(across[curve_bottom][:, 1] - across[curve_top][:, 1], across[curve_top][:, 0]))


def test_the_resting_face_is_symmetric_to_the_last_control_point() -> None:
    for name, (left, right) in pose(np.zeros(61)).pairs.items():
        np.testing.assert_allclose(left * (-1, 1, 1), right, atol=1e-12, err_msg=name)


def test_every_blendshape_is_in_the_tables_and_nothing_else_is() -> None:
    bases = {name.removesuffix("Left").removesuffix("Right") for name in BLENDSHAPES}
    gazes = {name for name in bases if name.startswith("EyeLook")}
    assert set(MOVES) | set(SIDEWAYS) == bases - gazes
    for _, _, gains in WRINKLES.values():
        assert set(gains) <= bases
    for group, curves in GROUPS.items():
        assert {name: len(REST[name]) for name in curves} == {name: len(shares) for name, shares in curves.items()}, (
            group
        )
    assert {group for pulls in (*MOVES.values(), *SIDEWAYS.values()) for group, _, _ in pulls} == set(GROUPS)


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_hides_the_iris_and_the_white(side: str) -> None:
    half = np.s_[:, SIZE // 2 :] if side == "Left" else np.s_[:, : SIZE // 2]
    eye = np.s_[30:65]
    open_eye, shut = pixels(np.zeros(61))[eye][half], pixels(face(**{f"EyeBlink{side}": 1.0}))[eye][half]
    assert near(open_eye, PORTRAIT.iris).sum() > 10
    assert near(open_eye, PORTRAIT.eye, 8).sum() > 5
    assert near(shut, PORTRAIT.iris).sum() == 0
    assert near(shut, PORTRAIT.pupil, 8).sum() == 0


def test_a_blink_with_everything_else_never_turns_the_lids_inside_out() -> None:
    posed = pose(both(EyeBlink=1, EyeSquint=1, EyeLookDown=1, CheekSquint=1))
    assert (posed.pairs["lid_bottom"][:, :, 1] - posed.pairs["lid_top"][:, :, 1]).min() > -1e-9
    assert near(pixels(posed.value), PORTRAIT.iris).sum() == 0


def test_lids_open_and_narrow_the_eye() -> None:
    def opening(coefficients: Face) -> float:
        pairs = pose(coefficients).pairs
        return float((pairs["lid_bottom"] - pairs["lid_top"])[0, :, 1].max())

    rest = opening(np.zeros(61))
    assert opening(both(EyeWide=1)) > 1.3 * rest
    assert opening(both(EyeSquint=1)) < 0.6 * rest
    assert opening(both(EyeLookDown=1)) < rest < opening(both(EyeLookUp=1))


def test_jaw_opens_the_mouth_and_mouth_close_shuts_it_again() -> None:
    shut, opened = np.zeros(61), face(JawOpen=1)
    assert area("seam_top", "seam_bottom", shut) == pytest.approx(0, abs=1e-9)
    assert area("seam_top", "seam_bottom", opened) > 0.08
    assert area("lip_top", "lip_bottom", opened) > 2 * area("lip_top", "lip_bottom", shut)
    assert near(pixels(opened), PORTRAIT.cavity).sum() > 30 > near(pixels(shut), PORTRAIT.cavity).sum() == 0
    closed = area("seam_top", "seam_bottom", face(JawOpen=1, MouthClose=1))
    assert closed < 0.1 * area("seam_top", "seam_bottom", opened)


@pytest.mark.parametrize("seed", range(5))
def test_lips_never_pass_through_each_other(seed: int) -> None:
    posed = pose(np.random.default_rng(seed).random(61) * 0.9)
    assert (posed.across["seam_bottom"] - posed.across["seam_top"])[:, 1].min() > -0.01
    assert (posed.across["seam_top"] - posed.across["lip_top"])[:, 1].min() > -0.01


def test_gaze_moves_the_iris_the_right_way() -> None:
    rest = pixels(np.zeros(61))
    for side, outward in (("Left", 1), ("Right", -1)):
        assert outward * (iris_x(pixels(face(**{f"EyeLookOut{side}": 1})), side) - iris_x(rest, side)) > 2
        assert outward * (iris_x(pixels(face(**{f"EyeLookIn{side}": 1})), side) - iris_x(rest, side)) < -2
        # A positive yaw looks to the subject's right, which is at the viewer's left.
        assert iris_x(pixels(face(**{f"{side}EyeYaw": 0.5})), side) < iris_x(rest, side) - 2
    assert iris_y(pixels(both(EyeLookDown=1))) > iris_y(rest) + 1.5
    assert iris_y(pixels(both(EyeLookUp=1))) < iris_y(rest) - 1
    assert iris_y(pixels(face(LeftEyePitch=0.5, RightEyePitch=0.5))) > iris_y(rest) + 1.5


def test_gaze_given_twice_is_not_doubled() -> None:
    weights = gaze(face(EyeLookOutLeft=0.5))
    np.testing.assert_allclose(gaze(face(EyeLookOutLeft=0.5, LeftEyeYaw=-0.25)), weights)
    np.testing.assert_allclose(weights, np.array([[0.5, 0.0], [0.0, 0.0]]))


def test_head_turns_the_right_way() -> None:
    def eyes(coefficients: Face) -> NDArray[np.float64]:
        rows, columns = np.nonzero(near(pixels(coefficients), PORTRAIT.iris))
        return np.array([columns.mean(), rows.mean()])

    rest = eyes(np.zeros(61))
    assert eyes(face(HeadYaw=0.5))[0] < rest[0] - 3
    assert eyes(face(HeadPitch=0.5))[1] > rest[1] + 2
    assert eyes(face(HeadRoll=0.5))[0] > rest[0] + 3


def test_smile_and_frown_move_the_corners_apart_from_each_other() -> None:
    def corner(coefficients: Face) -> NDArray[np.float64]:
        return np.asarray(pose(coefficients).across["seam_top"][-1, :2])  # the subject's left corner

    rest, smile, frown = corner(np.zeros(61)), corner(both(MouthSmile=1)), corner(both(MouthFrown=1))
    assert smile[1] < rest[1] < frown[1]
    assert smile[0] > rest[0]
    assert corner(face(MouthPucker=1))[0] < 0.6 * rest[0]
    assert corner(face(MouthLeft=1))[0] > rest[0] > corner(face(MouthRight=1))[0]


def test_brows_move_the_right_way() -> None:
    def inner_and_outer(coefficients: Face) -> NDArray[np.float64]:
        return np.asarray(pose(coefficients).pairs["brow"][0, [0, -1], 1])

    rest = inner_and_outer(np.zeros(61))
    raised, lowered = inner_and_outer(face(BrowInnerUp=1)), inner_and_outer(both(BrowDown=1))
    arched = inner_and_outer(both(BrowOuterUp=1))
    assert raised[0] < rest[0] - 0.1
    assert raised[1] == pytest.approx(rest[1])
    assert lowered[0] > rest[0] + 0.08
    assert arched[1] < rest[1] - 0.1
    assert arched[0] == pytest.approx(rest[0])


def test_tongue_shows_below_the_lip() -> None:
    assert near(pixels(face(TongueOut=1)), PORTRAIT.tongue).sum() > 30 > near(pixels(face()), PORTRAIT.tongue).sum()


@pytest.mark.parametrize("size", [16, 97, 256])
def test_image_has_the_size_asked_for(size: int) -> None:
    image = draw_face(np.zeros(61), size)
    assert isinstance(image, Image.Image)
    assert (image.size, image.mode) == ((size, size), "RGB")
    assert image.getpixel((0, 0)) == PORTRAIT.background


def test_wrong_faces_and_sizes_are_reported_in_one_line() -> None:
    with pytest.raises(InputError, match=r"coefficients: expected 61 numbers, got shape \(1, 61\); pass one face"):
        draw_face(np.zeros((1, 61)))
    with pytest.raises(InputError, match="expected 61 numbers"):
        draw_face(["smile"] * 61)
    with pytest.raises(InputError, match="size: expected at least 16 pixels, got 4"):
        draw_face(np.zeros(61), size=4)


@pytest.mark.parametrize("seed", range(40))
def test_any_face_in_range_is_drawn(seed: int) -> None:
    # A model that has learned nothing may answer with any extremes, all at once.
    generator = np.random.default_rng(seed)
    lower = np.array([0.0] * len(BLENDSHAPES) + [-1.0] * len(ANGLES))
    extreme = np.where(generator.random(len(CHANNELS)) < 0.5, lower, 1.0)
    assert draw_face(extreme, 32).size == (32, 32)


def test_a_mouth_pulled_wholly_to_one_side_is_drawn() -> None:
    sideways = both(MouthStretch=1.0, MouthSmile=1.0) + face(MouthRight=1.0, JawRight=1.0, MouthPucker=1.0)
    assert draw_face(sideways, 32).size == (32, 32)
