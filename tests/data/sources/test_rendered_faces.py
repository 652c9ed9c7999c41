from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.script import Keyframe, Script, fingerprint
from kfzoo.data.sources.base import Source
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.rendered_faces import RenderedFaces
from kfzoo.data.split import Split
from kfzoo.errors import InputError
from kfzoo.evaluation.evaluator import ImageMotionEvaluator
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KFZOO_CACHE", str(tmp_path))
    return tmp_path


class Clips(Source):
    """Three scripts of each of four clips, with one face each."""

    def __init__(self, face: np.typing.NDArray[np.float32] | None) -> None:
        self.face = face

    def __iter__(self) -> Iterator[Script]:
        for number in range(12):
            yield Script(
                f"clip{number // 3}/{number}", "someone", "", "", (Keyframe(0, 0.0, coefficients=self.face),), "train"
            )


def test_each_keyframe_gets_the_image_of_its_face() -> None:
    renderer = DrawnFaces(32, seed=5)
    source = BuiltinScripts(4)
    for plain, pictured in zip(source, RenderedFaces(source, renderer, identities=3), strict=True):
        identity = int(pictured.subject[1:])
        assert pictured.subject == f"I{identity:03d}"
        assert pictured.part is None
        for before, after in zip(plain.keyframes, pictured.keyframes, strict=True):
            assert after.image_path is not None
            assert before.coefficients is not None
            np.testing.assert_array_equal(after.coefficients, before.coefficients)
            rest = {"coefficients": None, "image_path": None}
            assert vars(after) | rest == vars(before) | rest
            with Image.open(after.image_path) as image:
                expected = renderer.render(before.coefficients, identity, plain.id)
                np.testing.assert_array_equal(np.asarray(image), expected)


def test_nothing_is_rendered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = RenderedFaces(BuiltinScripts(3), DrawnFaces(32), identities=3)
    first = list(faces)
    times = {path: path.stat().st_mtime_ns for path in faces.folder.iterdir()}
    monkeypatch.setattr(DrawnFaces, "render", lambda *_: pytest.fail("rendered again"))
    again = list(RenderedFaces(BuiltinScripts(3), DrawnFaces(32), identities=3))
    assert fingerprint(again) == fingerprint(first)
    assert times == {path: path.stat().st_mtime_ns for path in faces.folder.iterdir()}


def test_other_settings_are_other_data_and_a_larger_source_only_appends() -> None:
    def prints(renderer: DrawnFaces, n: int = 3) -> list[str]:
        return [fingerprint([script]) for script in RenderedFaces(BuiltinScripts(n), renderer, identities=5)]

    assert prints(DrawnFaces(32)) == prints(DrawnFaces(32), 6)[:3]
    assert prints(DrawnFaces(32)) != prints(DrawnFaces(32, seed=1))
    assert prints(DrawnFaces(32)) != prints(DrawnFaces(33))


def test_a_clip_has_one_identity_so_that_a_split_holds_out_people_and_clips() -> None:
    faces = list(RenderedFaces(Clips(np.zeros(61, dtype=np.float32)), DrawnFaces(32), identities=3))
    people = {script.recording: script.subject for script in faces}
    assert people == {"clip0": "I000", "clip1": "I001", "clip2": "I002", "clip3": "I000"}
    assert all(script.subject == people[script.recording] for script in faces)
    parts = Split(by="subject", val=0.3, test=0.3).assign(faces)
    subjects = {part: {s.subject for s, p in zip(faces, parts, strict=True) if p == part} for part in set(parts)}
    assert len(subjects) == 3
    assert not subjects["train"] & subjects["test"]


def test_a_model_of_images_gets_them_in_its_batches() -> None:
    source = RenderedFaces(BuiltinScripts(12), DrawnFaces(48), identities=6)
    data = KeyframeDataModule(source, split=Split(by="subject", val=0.2, test=0.2), batch_size=4)
    evaluator = ImageMotionEvaluator("timm:mobilenetv3_small_050", size=32)
    batch = evaluator.collate(data.samples("train")[:4])
    assert isinstance(batch.pixels, torch.Tensor)
    assert batch.pixels.shape == (4, 3, 32, 32)
    assert 0 <= float(batch.pixels.min()) < float(batch.pixels.max()) <= 1
    with pytest.raises(InputError, match=r"has no image; .* kfzoo\.data\.sources\.rendered_faces\.RenderedFaces"):
        evaluator.collate(KeyframeDataModule(BuiltinScripts(40)).samples("train")[:1])


def test_channels_that_no_image_shows_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    face = np.zeros(len(CHANNELS), dtype=np.float32)
    face[INDEX["LeftEyeRoll"]] = 0.3
    with caplog.at_level(logging.WARNING):
        scripts = list(RenderedFaces(Clips(face), DrawnFaces(32), identities=2))
    assert caplog.messages == [
        "DrawnFaces shows no LeftEyeRoll: it is above 0.1 in the labels of 12 of 12 keyframes, and in none of their "
        "images."
    ]
    found = scripts[0].keyframes[0].coefficients
    assert found is not None
    assert found[INDEX["LeftEyeRoll"]] == np.float32(0.3)  # the ground truth stays


def test_bad_input() -> None:
    with pytest.raises(InputError, match="identities: expected at least 1, found 0"):
        RenderedFaces(BuiltinScripts(1), identities=0)
    with pytest.raises(InputError, match=r"keyframe 'clip0/0#0': has no coefficients to render"):
        list(RenderedFaces(Clips(None)))
