"""The page as a file: what it draws, what it says, and that it loads and runs nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.page.shown_take import Mark, ShownTake
from kfzoo.animation.page.writer import write_page
from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.rendering.drawing.draw import draw_face
from tests.animation.page.pages import Page

WORDS = ["A smile. </script><script>alert(1)</script>", "", "<!-- „späť“ & 'so' \u2028"]


def face(**values: float) -> np.ndarray:
    found = np.zeros(61)
    for name, value in values.items():
        found[INDEX[name]] = value
    return found


FACES = [
    face(MouthSmileLeft=0.8, MouthSmileRight=0.7, CheekSquintLeft=0.5, EyeBlinkLeft=1, HeadYaw=0.3),
    face(JawOpen=0.8, EyeWideLeft=0.8, BrowInnerUp=0.9, TongueOut=0.6, HeadRoll=-0.2),
    face(EyeBlinkLeft=1, EyeBlinkRight=1, CheekPuff=0.8, MouthPucker=0.7, HeadPitch=0.2),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[FaceAnimation, Page]:
    animation = FaceAnimation.of_keyframes([0, 0.7, 1.5], FACES, texts=WORDS, text="all", hold=0.2, ease=0.2)
    (path,) = export(animation, tmp_path_factory.mktemp("page") / "clip.v2", "html")
    return animation, Page(path)


def test_every_frame_is_the_drawing_to_the_pixel(written: tuple[FaceAnimation, Page]) -> None:
    animation, page = written
    curves = animation.curves[::2]  # 30 of 60 frames a second
    take = page.take()
    assert take.frames == len(curves) == 64
    assert len(page.description["takes"][0]["shapes"]) > 4
    for frame in range(0, take.frames, 5):
        np.testing.assert_array_equal(take.drawn(frame), np.asarray(draw_face(curves[frame], 512)))
    np.testing.assert_allclose(take.curves, curves, atol=0.51 / 8192)


def test_equal_frames_share_a_picture(written: tuple[FaceAnimation, Page]) -> None:
    animation, page = written
    take = page.take()
    curves = animation.curves[::2]
    assert len(take.pictures) == len(np.unique(curves, axis=0)) < take.frames
    held = np.flatnonzero((np.diff(curves, axis=0) == 0).all(axis=1))
    assert len(held)
    assert all(take.shown[at] == take.shown[at + 1] for at in held)


def test_marks_lie_where_the_curves_reach_the_keyframes(written: tuple[FaceAnimation, Page]) -> None:
    animation, page = written
    assert animation.start == pytest.approx(-0.2)
    (shown,) = page.description["takes"]
    assert [words for _, words in shown["marks"]] == WORDS
    for (seconds, _), keyframe in zip(shown["marks"], FACES, strict=True):
        np.testing.assert_allclose(animation.curves[round(seconds * 60)], keyframe, atol=1e-6)
    assert page.text("frame") == "1"
    assert page.named("title")[0][1] == page.named("h1")[0][1] == "clip.v2"


def test_texts_stay_texts_and_nothing_else_runs_or_loads(written: tuple[FaceAnimation, Page]) -> None:
    _, page = written
    scripts = [(attributes.get("type"), text) for attributes, text in page.named("script")]
    assert [kind for kind, _ in scripts] == ["application/json", "application/octet-stream", None]
    (style,) = (text for _, text in page.named("style"))
    policies = [each["content"] for each, _ in page.named("meta") if "http-equiv" in each]

    def allowed(text: str) -> str:
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    hashes = f"script-src {allowed(scripts[-1][1])}; style-src {allowed(style)}"
    assert policies == [f"default-src 'none'; {hashes}; base-uri 'none'"]
    assert not re.search(r"https?:|//[a-z]+\.|\bsrc=|\bhref=|style=|url\(|@import", page.source)
    assert page.description["channels"] == list(CHANNELS)


def test_the_script_agrees_with_the_packing() -> None:
    from importlib.resources import files

    from kfzoo.animation.page.packing import GRID, UNITS

    script = files("kfzoo.animation.page").joinpath("unpack.js").read_text()
    for name, value in (("GRID", GRID), ("UNITS", UNITS), ("CHANNELS", len(CHANNELS))):
        assert f"const {name} = {value};" in script


@pytest.mark.parametrize(
    ("fps", "rate"), [(60, 30), (59.94, 29.97), (50, 25), (30, 30), (29.97, 29.97), (24, 24), (2, 2)]
)
def test_a_steady_rate_is_kept_or_divided(fps: float, rate: float) -> None:
    curves = np.random.default_rng(0).random((121, 61)).astype(np.float32)
    sampled = ShownTake("a", np.arange(121) / fps, curves, fps).sampled()
    assert sampled.rate == pytest.approx(rate)
    np.testing.assert_allclose(sampled.coefficients, curves[:: round(fps / rate)], atol=1e-5)


def test_a_long_take_is_shown_at_a_lower_rate_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = np.arange(36_000) / 60
    curves = np.zeros((36_000, 61), np.float32)
    curves[:, INDEX["JawOpen"]] = np.floor(seconds / 100) / 6
    write_page([ShownTake("ten minutes", seconds, curves, 60.0)], tmp_path / "a.html")
    said = "at 3 of 60 frames a second, as the page holds 1,800 of a take"
    assert f"ten minutes is shown {said}" in caplog.text
    page = Page(tmp_path / "a.html")
    assert ({"class": "remark"}, f"Shown {said}.") in page.named("p")
    assert page.take().frames == 1800
    caplog.clear()
    write_page([ShownTake("a minute", seconds[:3600], curves[:3600], 60.0)], tmp_path / "a.html")
    assert not caplog.text
    write_page([ShownTake("80 s", seconds[:4800], curves[:4800], 60.0)], tmp_path / "a.html")
    assert "80 s is shown at 20 of 60 frames a second" in caplog.text


def test_takes_of_different_length_and_rate_share_a_page(tmp_path: Path) -> None:
    curves = np.zeros((90, 61), np.float32)
    takes = [
        ShownTake("short <b>", np.arange(20) / 24, curves[:20], 24.0, [Mark(0.5, "a")]),
        ShownTake("long", np.arange(90) / 60, curves, 60.0, text="words", remarks=["The tongue is 0"]),
    ]
    write_page(takes, tmp_path / "a.html")
    page = Page(tmp_path / "a.html")
    assert [(each["rate"], each["frames"]) for each in page.description["takes"]] == [(24, 20), (30, 45)]
    assert page.named("h1")[0][1] == "short <b> · long"
    assert ({"class": "remark"}, "The tongue is 0") in page.named("p")
    assert page.take(1).frames == 45
    with pytest.raises(InputError, match="13 takes were given, expected 1 to 12; make several pages"):
        write_page(takes[:1] * 13, tmp_path / "b.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_a_take_of_one_frame_is_a_page(tmp_path: Path) -> None:
    animation = FaceAnimation.of_keyframes([0], [FACES[0]], texts=[""], hold=0, ease=0)
    (path,) = export(animation, tmp_path / "a", "html")
    page = Page(path)
    np.testing.assert_array_equal(page.take().drawn(0), np.asarray(draw_face(FACES[0], 512)))
    assert json.dumps(page.description["takes"][0]["marks"]) == '[[0.0, ""]]'
    assert page.text("caption-0") == ""


def test_a_part_keeps_its_marks_and_an_empty_one_is_refused() -> None:
    take = ShownTake("a", np.arange(61) / 30, np.zeros((61, 61), np.float32), 30.0, [Mark(0.5, "x"), Mark(1.2, "y")])
    part = take.part(1, 1.5)
    assert (len(part.seconds), part.seconds[0]) == (16, 0)
    assert [(round(mark.seconds, 6), mark.words) for mark in part.marks] == [(0.2, "y")]
    with pytest.raises(InputError, match=r"a: ends at 2 s, before --start \(3 s\); lower it"):
        take.part(3, 4)
    with pytest.raises(InputError, match=r"a: has no frame from 1.01 s to 1.02 s"):
        take.part(1.01, 1.02)
