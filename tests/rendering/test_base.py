"""What holds for every renderer, on a made-up mesh too; ICT-FaceKit's own needs real data."""

from __future__ import annotations

import pickle
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX, REGIONS
from kfzoo.arkit.mirror import mirror
from kfzoo.errors import InputError
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.rendering.mesh.facekit_files import SHAPES, VARIABLE, find_folder, read_facekit
from kfzoo.rendering.mesh.mesh_faces import PLAIN_LOOK, MeshFaces
from kfzoo.rendering.mesh.people import make_person, openness_of
from kfzoo.rendering.mesh.rig import Rig
from tests import real_data
from tests.rendering.mesh.made_up_facekit import use_made_up_facekit

SIZE = 128
Pixels = NDArray[np.int64]


@pytest.fixture(scope="session")
def facekit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ICT-FaceKit's meshes, which are not part of the zoo."""
    real_data.require()
    folder = tmp_path_factory.mktemp("facekit")
    with tarfile.open(real_data.FACEKIT) as archive:
        archive.extractall(folder, filter="data")
    return find_folder(str(folder / "ict"))


@pytest.fixture(scope="session", params=["drawn", "made up", "real"])
def renderer(request: pytest.FixtureRequest) -> Iterator[FaceRenderer]:
    if request.param == "made up":
        with pytest.MonkeyPatch.context() as patch:
            use_made_up_facekit(patch)
            yield MeshFaces(size=SIZE)
    else:
        yield DrawnFaces(SIZE) if request.param == "drawn" else MeshFaces(str(request.getfixturevalue("facekit")), SIZE)


def face(**values: float) -> NDArray[np.float64]:
    coefficients = np.zeros(len(CHANNELS))
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    return coefficients


def pixels(renderer: FaceRenderer, coefficients: NDArray[np.float64]) -> Pixels:
    return renderer.render(coefficients).astype(np.int64)


def change(renderer: FaceRenderer, rest: dict[str, float], **values: float) -> NDArray[np.float64]:
    """How much a channel changes each pixel, (SIZE, SIZE)."""
    difference = np.abs(pixels(renderer, face(**(rest | values))) - pixels(renderer, face(**rest)))
    return np.asarray(difference.max(axis=-1), dtype=float)


def region_of(channel: str) -> str:
    found = next(name for name, channels in REGIONS.items() if channel in channels)
    return {"gaze": "eyes"}.get(found, found)


REACHES = {
    "brows": (0.08, 0.50), "eyes": (0.25, 0.58), "nose": (0.2, 0.80), "cheeks": (0.20, 0.90), "jaw": (0.42, 1.0),
    "mouth": (0.40, 0.97),
}  # fmt: skip
"""Rows, in sides of the image, in which most of what a region's channels change lies."""


def test_an_image_has_its_size_and_the_subjects_left_at_the_viewers_right(renderer: FaceRenderer) -> None:
    assert renderer.render(face()).shape == (SIZE, SIZE, 3)
    assert renderer.render(face()).dtype == np.uint8
    found = change(renderer, {}, EyeBlinkLeft=1)
    assert (found > 8).sum() > 12
    assert found[:, SIZE // 2 :].sum() > 0.95 * found.sum()


@pytest.mark.parametrize("channel", [name for name in CHANNELS if not name.startswith("Head")])
def test_every_channel_moves_pixels_in_its_region(renderer: FaceRenderer, channel: str) -> None:
    # Lips close only what the jaw has opened.
    rest = {"JawOpen": 0.6} if channel == "MouthClose" else {}
    found = change(renderer, rest, **{channel: 1.0})
    if channel in renderer.unseen:
        assert not found.any()
        return
    assert (found > 8).sum() >= 8
    assert 0 < change(renderer, rest, **{channel: 0.3}).sum() < found.sum()  # a faint movement shows, too
    low, high = (round(share * SIZE) for share in REACHES[region_of(channel)])
    assert found[low:high].sum() > 0.85 * found.sum()
    if channel[:-4] not in ("Jaw", "Mouth") and channel.endswith("Left"):
        assert found[:, SIZE // 2 :].sum() > 0.6 * found.sum()
    if channel[:-5] not in ("Jaw", "Mouth") and channel.endswith("Right"):
        assert found[:, : SIZE // 2].sum() > 0.6 * found.sum()


@pytest.mark.parametrize("channel", REGIONS["head"])
def test_the_head_turns_both_ways(renderer: FaceRenderer, channel: str) -> None:
    one, other = (pixels(renderer, face(**{channel: angle})) for angle in (0.4, -0.4))
    assert np.abs(one - other).mean() > 3


def nose_x(renderer: FaceRenderer, **pose: float) -> float:
    """Where wrinkling the nose changes the image: its mean column."""
    found = change(renderer, pose, NoseSneerLeft=1, NoseSneerRight=1)
    return float(np.nonzero(found > 8)[1].mean())


def test_a_positive_yaw_turns_to_the_subjects_right(renderer: FaceRenderer) -> None:
    assert nose_x(renderer, HeadYaw=0.4) < nose_x(renderer) - 3
    assert nose_x(renderer, HeadYaw=-0.4) > nose_x(renderer) + 3


@pytest.mark.parametrize("seed", range(4))
def test_mirrored_coefficients_give_the_mirrored_face(renderer: FaceRenderer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefficients = 0.8 * rng.random(61) * (rng.random(61) < 0.3)
    coefficients[52:] = rng.uniform(-0.4, 0.4, 9)
    flipped = pixels(renderer, coefficients)[:, ::-1]
    mirrored = pixels(renderer, np.asarray(mirror(coefficients), dtype=float))
    # Right on an edge, a pixel may fall to either side.
    assert np.abs(flipped - mirrored).mean() < 0.25
    assert (np.abs(flipped - mirrored).max(axis=-1) > 40).mean() < 0.005
    assert np.abs(flipped - pixels(renderer, coefficients)).mean() > 1


def again(renderer: FaceRenderer, seed: int = 0) -> FaceRenderer:
    """A renderer of the same settings, made again."""
    if isinstance(renderer, MeshFaces):
        return MeshFaces(str(renderer.folder), renderer.size, seed)
    return type(renderer)(renderer.size, seed)


def test_images_follow_from_the_seed(renderer: FaceRenderer) -> None:
    smile = face(MouthSmileLeft=0.7, HeadYaw=0.2)
    image = renderer.render(smile, 3, "a")
    renderer.render(smile, 4, "b")  # what was rendered in between does not matter
    np.testing.assert_array_equal(renderer.render(smile, 3, "a"), image)
    np.testing.assert_array_equal(again(renderer).render(smile, 3, "a"), image)
    copied = pickle.loads(pickle.dumps(renderer))
    assert copied.key == renderer.key
    np.testing.assert_array_equal(copied.render(smile, 3, "a"), image)
    others = [renderer.render(smile, *settings) for settings in ((4, "a"), (3, "b"), (None, "a"), (3, None))]
    for other in (*others, again(renderer, 1).render(smile, 3, "a")):
        assert np.abs(other.astype(int) - image).mean() > 2


def test_people_differ_and_stay_themselves(renderer: FaceRenderer) -> None:
    people = [renderer.render(face(), identity).astype(int) for identity in range(6)]
    apart = [np.abs(one - other).mean() for row, one in enumerate(people) for other in people[:row]]
    assert min(apart) > 2
    smiling = [renderer.render(face(MouthSmileLeft=1, MouthSmileRight=1), person).astype(int) for person in range(6)]
    own = [np.abs(one - other).mean() for one, other in zip(people, smiling, strict=True)]
    assert max(own) < min(apart)


def test_the_key_differs_between_settings(renderer: FaceRenderer) -> None:
    assert again(renderer).key == renderer.key
    assert again(renderer, 1).key != renderer.key
    assert DrawnFaces(64).key != DrawnFaces(65).key


def test_what_cannot_be_rendered(renderer: FaceRenderer) -> None:
    with pytest.raises(InputError, match="JawOpen is nan"):
        renderer.render(face(JawOpen=float("nan")))
    with pytest.raises(InputError, match="expected 61 numbers, got shape"):
        renderer.render(np.zeros(52))
    with pytest.raises(InputError, match="size: expected at least 16 pixels, got 8"):
        DrawnFaces(8)
    with pytest.raises(InputError, match="seed: expected 0 or more, got -1"):
        DrawnFaces(seed=-1)


def test_values_out_of_range_are_clamped(renderer: FaceRenderer) -> None:
    np.testing.assert_array_equal(renderer.render(face(JawOpen=1.4)), renderer.render(face(JawOpen=1.0)))


# The meshes' own -----------------------------------------------------------------------------------------------------


def test_without_meshes_one_line_says_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(InputError, match=r"light model, MIT\) from https://github.com/ICT-VGL/ICT-FaceKit") as caught:
        find_folder(None)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"holds no FaceXModel with generic_neutral_mesh\.obj"):
        find_folder(str(tmp_path))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "FaceXModel").mkdir()
    (tmp_path / "FaceXModel" / "generic_neutral_mesh.obj").touch()
    assert find_folder(None) == tmp_path / "FaceXModel"


def test_shapes_are_the_files_sums(facekit: Path) -> None:
    def vertices(name: str) -> NDArray[np.float64]:
        lines = (facekit / f"{name}.obj").read_text().splitlines()
        return np.array([line.split()[1:4] for line in lines if line.startswith("v ")], dtype=float)

    model, rest = read_facekit(facekit), vertices("generic_neutral_mesh")
    np.testing.assert_allclose(model.neutral, rest, atol=1e-5)
    parts = vertices("browInnerUp_L") + vertices("browInnerUp_R") - 2 * rest
    np.testing.assert_allclose(model.shapes[SHAPES.index("BrowInnerUp")], parts, atol=1e-5)
    smile = vertices("mouthSmile_L") - rest
    np.testing.assert_allclose(model.shapes[SHAPES.index("MouthSmileLeft")], smile, atol=1e-5)
    assert np.abs(smile[rest[:, 0] > 3]).max() > 10 * np.abs(smile[rest[:, 0] < -3]).max()  # the left is at x > 0
    assert len(SHAPES) == 51


def test_eyes_turn_as_far_as_the_angles_say(facekit: Path) -> None:
    rig = Rig(read_facekit(facekit))
    person, _ = make_person(rig, openness_of(rig), PLAIN_LOOK, None)
    rest = rig.pose(person, face())
    for channel, side, axis, sign in (
        ("LeftEyeYaw", "left eye", 0, -1), ("RightEyeYaw", "right eye", 0, -1), ("LeftEyePitch", "left eye", 1, -1),
    ):  # fmt: skip
        rows = rig.part_of[side]
        moved = rig.pose(person, face(**{channel: 0.3}))[rows]
        front = rest[rows][:, 2].argmax()
        turn = (moved - rest[rows])[front, axis]
        radius = np.linalg.norm((rest[rows] - person.eyes[int(side == "right eye")])[front])
        assert radius == pytest.approx(1.7, abs=0.15)  # of an eye with its cornea, in centimetres
        assert turn * sign == pytest.approx(radius * np.sin(0.3), rel=0.15)
        before, after = (np.linalg.norm(points - points.mean(axis=0), axis=1) for points in (rest[rows], moved))
        np.testing.assert_allclose(after, before, atol=1e-4)  # turned, not bent
