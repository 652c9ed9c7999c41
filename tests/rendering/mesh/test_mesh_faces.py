"""What only the renderer of meshes does, on a made-up face model; `tests/rendering/test_base.py` has the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.rendering.appearance import draw_look
from kfzoo.rendering.mesh import facekit_files, mesh_faces, rig
from kfzoo.rendering.mesh.facekit_files import (
    IDENTITIES,
    NEUTRAL,
    RANGES,
    SHAPES,
    VERTICES,
    FaceKit,
    read_facekit,
    shape_files,
)
from kfzoo.rendering.mesh.mesh_faces import SMALL, MeshFaces
from tests.rendering.mesh.made_up_facekit import use_made_up_facekit

SIZE = 96
Pixels = NDArray[np.int64]


@pytest.fixture(scope="module")
def facekit() -> Iterator[FaceKit]:
    """The made-up model, which every renderer of this file reads."""
    with pytest.MonkeyPatch.context() as patch:
        yield use_made_up_facekit(patch)


@pytest.fixture(scope="module")
def faces(facekit: FaceKit) -> MeshFaces:
    return MeshFaces(size=SIZE)


def face(**values: float) -> NDArray[np.float64]:
    coefficients = np.zeros(len(CHANNELS))
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    return coefficients


def pixels(faces: MeshFaces, coefficients: NDArray[np.float64], identity: int | None = None) -> Pixels:
    return faces.render(coefficients, identity).astype(np.int64)


def silhouette(image: Pixels) -> NDArray[np.bool_]:
    """Where the plain scene's white background is hidden."""
    return np.asarray((image < 250).any(axis=-1))


# The made-up model ---------------------------------------------------------------------------------------------------


def test_the_made_up_model_has_the_real_ones_arrays(facekit: FaceKit) -> None:
    assert facekit.neutral.shape == (VERTICES, 3)
    assert facekit.shapes.shape == (len(SHAPES), VERTICES, 3)
    assert facekit.identities.shape == (IDENTITIES, VERTICES, 3)
    assert facekit.landmarks.shape == (68,)
    assert all(np.isfinite(array).all() for array in vars(facekit).values())
    moved = np.abs(facekit.shapes).max(axis=(1, 2))
    assert (moved > 0.05).all()
    assert set(facekit.landmarks) <= set(range(*RANGES["face"]))


# Images ------------------------------------------------------------------------------------------------------------


def test_an_image_shows_a_face_on_white(faces: MeshFaces) -> None:
    image = pixels(faces, face())
    assert (image[:8, :8] == 255).all()
    assert 0.2 < silhouette(image).mean() < 0.7
    red, _, blue = image[SIZE // 3, SIZE // 2]
    assert red > blue + 20  # skin between the brows


def test_people_have_hair_or_none(faces: MeshFaces) -> None:
    looks = [draw_look(faces.seed, identity) for identity in range(60)]
    kinds: Sequence[tuple[bool, bool]] = [(look.bald, look.long_hair) for look in looks]
    long, bald, short = (kinds.index(kind) for kind in ((False, True), (True, False), (False, False)))
    hair = {who: silhouette(pixels(faces, face(), who))[int(0.8 * SIZE)].sum() for who in (long, bald, short)}
    assert hair[long] > 1.3 * max(hair[bald], hair[short])  # hair hangs next to the neck
    crowns = {who: pixels(faces, face(), who)[round(0.18 * SIZE), SIZE // 2] for who in (bald, short)}
    skins = {who: np.array(looks[who].skin) for who in crowns}
    assert np.abs(crowns[bald] - skins[bald]).max() < 50
    assert np.abs(crowns[short] - skins[short]).max() > 50


def test_eyes_turn_and_keep_their_size(facekit: FaceKit) -> None:
    from kfzoo.rendering.mesh.people import make_person, openness_of

    posed = rig.Rig(facekit)
    person, skin = make_person(posed, openness_of(posed), mesh_faces.PLAIN_LOOK, None)
    assert skin.shape == (512, 512, 3)
    assert person.eyes == pytest.approx(np.array([(3.1, 2.0, 7.7), (-3.1, 2.0, 7.7)]), abs=0.01)
    rows = posed.part_of["left eye"]
    rest, moved = (posed.pose(person, face(LeftEyeYaw=yaw))[rows] for yaw in (0.0, 0.3))
    pupil = rest[:, 2].argmax()
    assert (moved - rest)[pupil, 0] == pytest.approx(-1.3 * np.sin(0.3), rel=0.05)
    before, after = (np.linalg.norm(points - person.eyes[0], axis=1) for points in (rest, moved))
    np.testing.assert_allclose(after, before, atol=1e-4)
    other = posed.part_of["right eye"]
    np.testing.assert_array_equal(posed.pose(person, face(LeftEyeYaw=0.3))[other], posed.pose(person, face())[other])


def test_large_images_keep_what_small_ones_leave_out(facekit: FaceKit, monkeypatch: pytest.MonkeyPatch) -> None:
    details: list[float] = []

    class Watched(rig.Rig):
        def __init__(self, facekit: FaceKit, detail: float = 0.0) -> None:
            details.append(detail)
            super().__init__(facekit, detail)

    monkeypatch.setattr(rig, "Rig", Watched)
    assert MeshFaces(size=SMALL).render(face()).shape == (SMALL, SMALL, 3)
    assert MeshFaces(size=SMALL + 4).render(face()).shape == (SMALL + 4, SMALL + 4, 3)
    assert details == [mesh_faces.DETAIL, 0.0]
    monkeypatch.undo()
    small, large = (rig.Rig(facekit, detail) for detail in tuple(details))
    teeth = [len(rig.part_of["teeth"]) for rig in (small, large)]
    assert 0 < teeth[0] < teeth[1] / 4
    assert len(small.part_of["face"]) == len(large.part_of["face"])


def test_without_numba_one_line_says_so(facekit: FaceKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_faces, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^[^\n]*numba is missing[^\n]*$"):
        MeshFaces()


# Files ---------------------------------------------------------------------------------------------------------------

SQUARE = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.5, 0.5, 1)])


def write_obj(path: Path, points: NDArray[np.float64]) -> None:
    lines = ["# made up", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points), "vt 0 0"]
    path.write_text("\n".join([*lines, "f 1/1 2/1 3/1 4/1", "f 1/1 2/1 5/1", ""]), encoding="utf-8")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in ICT-FaceKit's format, of five vertices; shape number n moves all of them by n / 100 to the side."""
    monkeypatch.setattr(facekit_files, "VERTICES", len(SQUARE))
    read_facekit.cache_clear()
    write_obj(tmp_path / NEUTRAL, SQUARE)
    for number, shape in enumerate(SHAPES):
        for file in shape_files(shape):
            write_obj(tmp_path / file, SQUARE + np.array((number / 100, 0, 0)))
    for number in range(IDENTITIES):
        write_obj(tmp_path / f"identity{number:03d}.obj", SQUARE + np.array((0, 0, number)))
    indices = {"idx_to_landmark_verts": [4, 2]}
    (tmp_path / "vertex_indices.json").write_text(json.dumps(indices), encoding="utf-8")
    return tmp_path


def test_the_model_is_read_from_its_files_and_kept(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = read_facekit(tiny)
    np.testing.assert_allclose(model.neutral, SQUARE)
    np.testing.assert_array_equal(model.triangles, [(0, 1, 2), (0, 2, 3), (0, 1, 4)])
    twice = [2 if name in ("BrowInnerUp", "CheekPuff") else 1 for name in SHAPES]  # sums of left and right
    np.testing.assert_allclose(model.shapes[:, 0, 0], np.arange(len(SHAPES)) * twice / 100, atol=1e-6)
    np.testing.assert_allclose(model.identities[:, 3], [(0, 0, number) for number in range(IDENTITIES)])
    assert model.landmarks.tolist() == [4, 2]
    read_facekit.cache_clear()
    monkeypatch.setattr(facekit_files, "_read_files", lambda folder: pytest.fail("was kept, is read again"))
    kept = read_facekit(tiny)
    for name, array in vars(model).items():
        np.testing.assert_array_equal(getattr(kept, name), array)


def test_files_have_the_blendshapes_names() -> None:
    assert shape_files("BrowInnerUp") == ["browInnerUp_L.obj", "browInnerUp_R.obj"]
    assert shape_files("EyeBlinkRight") == ["eyeBlink_R.obj"]
    assert shape_files("JawLeft") == ["jawLeft.obj"]
    assert shape_files("MouthFunnel") == ["mouthFunnel.obj"]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        (NEUTRAL, "# empty\n", "has 0 readable vertices, expected 5"),
        ("jawOpen.obj", "# cut\nv 0 0 0\nv 1 0 0\nv 1", "readable vertices, expected 5"),
        ("jawOpen.obj", None, r"jawOpen\.obj: cannot be read"),
        ("identity007.obj", "# cut\nv 0 0 nan" + 4 * "\nv 0 0 0" + "\n", "readable vertices, expected 5"),
        ("vertex_indices.json", "{", r"vertex_indices\.json: cannot be read"),
        ("vertex_indices.json", "{}", r"vertex_indices\.json: cannot be read"),
        ("vertex_indices.json", None, r"vertex_indices\.json: cannot be read"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(tiny: Path, file: str, content: str | None, problem: str) -> None:
    if content is None:
        (tiny / file).unlink()
    else:
        (tiny / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=problem) as caught:
        read_facekit(tiny)
    assert "\n" not in str(caught.value)
