from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kfzoo.animation.curves import interpolate, resample
from kfzoo.animation.exporters import EXPORTERS, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from kfzoo.rendering.contact_sheet import Row, contact_sheet
from kfzoo.rendering.drawing.draw import draw_face

FACES = np.random.default_rng(0).random((3, 61))
TIMES = [0, 0.5, 2.25]


def test_written_keyframes_read_back(tmp_path: Path) -> None:
    words = ["a", "b", "c"]
    animation = FaceAnimation.of_keyframes(TIMES, FACES, fps=30, text="a smile – späť", texts=words)
    paths = export(animation, tmp_path / "new" / "clip.v2", "json, .CSV")
    assert [path.name for path in paths] == ["clip.v2.json", "clip.v2.csv"]
    assert sorted(paths) == sorted((tmp_path / "new").iterdir())
    document = json.loads(paths[0].read_text(encoding="utf-8"))
    assert (document["format"], document["fps"], document["text"]) == ("kfzoo-keyframes-1", 30, "a smile – späť")
    assert document["channels"] == list(CHANNELS)
    assert [(k["time"], k["frame"], k["text"]) for k in document["keyframes"]] == [
        (0, 0, "a"),
        (0.5, 15, "b"),
        (2.25, 68, "c"),
    ]
    for keyframe, target in zip(document["keyframes"], FACES, strict=True):
        assert list(keyframe["coefficients"]) == list(CHANNELS)
        np.testing.assert_allclose(list(keyframe["coefficients"].values()), target, atol=5.1e-5)
    assert "späť" in paths[0].read_text(encoding="utf-8")
    take = read_take(paths[1])
    np.testing.assert_allclose(take.coefficients, interpolate(TIMES, FACES, fps=30)[1], atol=1e-6)
    np.testing.assert_allclose(np.diff(take.seconds), 1 / 30, atol=1e-6)


def test_motion_is_resampled_and_every_frame_is_a_keyframe(tmp_path: Path) -> None:
    motion = np.random.default_rng(1).random((30, 61)).astype(np.float32)
    table, record, image, _ = export(FaceAnimation.of_motion(motion, 20, text="The jaw opens."), tmp_path / "clip")
    np.testing.assert_allclose(read_take(table).coefficients, resample(motion, 20), atol=1e-6)
    keyframes = json.loads(record.read_text())["keyframes"]
    assert [each["frame"] for each in keyframes] == list(range(0, 90, 3))
    assert "text" not in keyframes[0]
    chosen = [(f"{at / 20:g} s", motion[at]) for at in (0, 6, 12, 17, 23, 29)]
    assert drawn(image, [Row("The jaw opens.", chosen)])


def drawn(path: Path, rows: list[Row]) -> bool:
    """Whether an image is the contact sheet of these rows."""
    with Image.open(path) as image:
        return np.array_equal(np.asarray(image), np.asarray(contact_sheet(rows)))


def test_a_sheet_shows_keyframes_next_to_their_words_or_images(tmp_path: Path) -> None:
    labels = [f"{time:g} s" for time in TIMES]
    (sheet,) = export(FaceAnimation.of_keyframes(TIMES, FACES, texts=["a", "b", "c"]), tmp_path / "words", "png")
    assert drawn(sheet, [Row(words, [(label, face)]) for words, label, face in zip("abc", labels, FACES, strict=True)])

    faces = np.random.default_rng(2).random((20, 61))
    images = [tmp_path / f"{number}.png" for number in range(20)]
    for path, face in zip(images, faces, strict=True):
        draw_face(face, 160).save(path)
    seconds = np.arange(20) / 2
    animation = FaceAnimation.of_keyframes(seconds, faces, texts=[each.name for each in images], images=images)
    (sheet,) = export(animation, tmp_path / "images", "png")
    chosen = (0, 3, 5, 8, 11, 14, 16, 19)
    assert drawn(
        sheet, [Row("", [(f"{at}.png", Image.open(images[at])), (f"{at / 2:g} s", faces[at])]) for at in chosen]
    )


def test_negative_zero_is_written_as_zero(tmp_path: Path) -> None:
    keyframe = np.zeros(61)
    keyframe[INDEX["HeadYaw"]] = -1e-9
    (path,) = export(FaceAnimation.of_keyframes([0], [keyframe]), tmp_path / "a", "json")
    assert "-0.0" not in path.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"texts": ["a", "b"]}, "texts: got 2 for 1 keyframes; pass one for each keyframe, or none"),
        ({"images": [Path("a"), Path("b")]}, "images: got 2 for 1 keyframes; pass one for each keyframe, or none"),
        ({"fps": -1}, "fps: expected above 0, got -1"),
        ({"keyframes": np.full((1, 61), np.nan)}, "keyframe 0: EyeBlinkLeft is nan"),
    ],
)
def test_what_is_no_animation(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        FaceAnimation.of_keyframes(**({"times": [0], "keyframes": np.zeros((1, 61))} | options))  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("formats", "unknown"), [("csv,fbx", "fbx"), ("", ""), ("csv json", "csv json")])
def test_unknown_formats_are_refused_before_anything_is_written(formats: str, unknown: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        export(FaceAnimation.of_keyframes([0], np.zeros((1, 61))), tmp_path / "a", formats)
    assert str(caught.value) == f"--formats: '{unknown}' is not known; known: {', '.join(EXPORTERS)}"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", EXPORTERS)
def test_a_failed_export_leaves_the_old_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{ending}"
    path.write_text("old")
    broken = FaceAnimation(np.zeros(1), np.zeros((1, 60)), np.zeros((2, 60), np.float32), text="a")
    with pytest.raises((InputError, ValueError)):
        export(broken, tmp_path / "clip", ending)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
