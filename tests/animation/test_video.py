from __future__ import annotations

import wave
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kfzoo.animation import video
from kfzoo.animation.exporters import check_formats, export
from kfzoo.animation.options import ExportOptions
from kfzoo.animation.video import Mp4Video
from kfzoo.errors import InputError
from kfzoo.rendering.drawing.draw import draw_face
from tests.animation.animations import of_curves, sided
from tests.commandline import Capture, refusal

needs_av = pytest.mark.skipif(find_spec("av") is None, reason="needs PyAV: pip install -e '.[video]'")


def tone(path: Path, seconds: float, rate: int = 22050) -> Path:
    samples = 9000 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_video(path: Path) -> dict[str, Any]:
    import av

    with av.open(str(path)) as file:
        pictures = list(file.decode(file.streams.video[0]))
        found = {
            "rate": float(file.streams.video[0].average_rate or 0),
            "times": [picture.time for picture in pictures],
            "pictures": [picture.to_ndarray(format="rgb24") for picture in pictures],
            "sound": 0.0,
        }
    with av.open(str(path)) as file:
        if file.streams.audio:
            frames = list(file.decode(file.streams.audio[0]))
            found["sound"] = sum(frame.samples / frame.sample_rate for frame in frames)
            found["loudest"] = max(float(np.abs(frame.to_ndarray()).max()) for frame in frames)
    return found


@needs_av
@pytest.mark.parametrize("ending", ["mp4", "webm"])
@pytest.mark.parametrize("fps", [30, 29.97])
def test_every_frame_is_a_picture_of_its_face(ending: str, fps: float, tmp_path: Path) -> None:
    animation = sided(fps)
    (path,) = export(animation, tmp_path / "face", ending, ExportOptions(size=128))
    found = read_video(path)
    assert found["rate"] == pytest.approx(fps, abs=1e-3)
    np.testing.assert_allclose(found["times"], np.arange(len(animation.curves)) / fps, atol=1e-3)
    faces = [np.asarray(draw_face(face, 128), dtype=float) for face in animation.curves]
    for picture, face in zip(found["pictures"], faces, strict=True):
        assert np.abs(picture - face).mean() < 8
    # The wink is the subject's left eye, at the viewer's right: not mirrored.
    middle = found["pictures"][len(faces) // 2].astype(float)
    assert np.abs(middle - faces[len(faces) // 2]).mean() < np.abs(middle[:, ::-1] - faces[len(faces) // 2]).mean()


@needs_av
@pytest.mark.parametrize("ending", ["mp4", "webm"])
@pytest.mark.parametrize(("seconds", "heard"), [(5.0, 43 / 30), (0.5, 0.5)])
def test_sound_is_cut_at_the_end_of_the_video(ending: str, seconds: float, heard: float, tmp_path: Path) -> None:
    animation = sided(30)
    sound = tone(tmp_path / "tone.wav", seconds)
    (path,) = export(animation, tmp_path / "face", ending, ExportOptions(size=64, sound=str(sound)))
    found = read_video(path)
    assert found["sound"] == pytest.approx(heard, abs=0.06)
    assert found["loudest"] > 0.1
    # The sound of a video is taken, too.
    (again,) = export(animation, tmp_path / "again", ending, ExportOptions(size=64, sound=str(path)))
    assert read_video(again)["sound"] == pytest.approx(heard, abs=0.09)


@needs_av
def test_captions_are_at_the_lower_edge(tmp_path: Path) -> None:
    plain, captioned = (
        read_video(export(sided(), tmp_path / name, "mp4", ExportOptions(size=128, captions=name == "with"))[0])
        for name in ("without", "with")
    )
    change = np.abs(plain["pictures"][20].astype(float) - captioned["pictures"][20]).mean(axis=(1, 2))
    assert change[:100].max() < 4
    assert change[-10:].mean() > 20


@needs_av
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no file"),
        (b"no sound", "is neither sound nor video"),
        ("a video without sound", "has no sound"),
    ],
)
def test_sound_that_cannot_be_used_is_refused(content: bytes | str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    if isinstance(content, str):
        path = export(sided(), path, "mp4", ExportOptions(size=64))[0]
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"--sound: .*{message}"):
        export(sided(), tmp_path / "face", "mp4", ExportOptions(size=64, sound=str(path)))
    assert not list(tmp_path.glob("face*"))


@needs_av
def test_one_frame_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 1 frame"):
        export(of_curves(np.zeros((1, 61))), tmp_path / "face", "mp4")
    assert not list(tmp_path.iterdir())


@needs_av
def test_a_missing_encoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mp4Video, "codec", "libx999")
    with pytest.raises(InputError, match="needs the encoder libx999, which this build of PyAV lacks; choose webm"):
        check_formats("mp4")


def test_without_pyav_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(video, "find_spec", lambda name: None)
    problem = refusal(capsys, "generate", "A smile.", "--formats", "csv,mp4")
    assert problem == "--formats mp4: needs the package av (PyAV), which is missing; pip install 'kfzoo[video]'"


def test_a_size_of_zero_is_refused_before_a_model_is_loaded(capsys: Capture) -> None:
    problem = refusal(capsys, "generate", "A smile.", "--formats", "mp4", "--size", 0, "--checkpoint", "none.ckpt")
    assert problem.startswith("--size: is 0, expected an even number of pixels from 64 to 4096")
