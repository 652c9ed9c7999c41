from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.curves import resample
from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.read_animation import read_animation
from kfzoo.recordings.live_link import write_take
from tests.animation.animations import spoken
from tests.commandline import Capture, refusal, run
from tests.real_data import LIVELINK, needs_real_data


@pytest.mark.parametrize("fps", [24, 29.97, 30, 50, 59.9, 60])
def test_a_take_keeps_its_frames_and_its_rate(fps: float, tmp_path: Path) -> None:
    curves = spoken(400).curves
    write_take(tmp_path / "take.csv", curves, fps=fps)
    animation = read_animation(tmp_path / "take.csv")
    assert animation.fps == pytest.approx(fps, abs=2e-3)
    assert fps % 1 or animation.fps == fps
    np.testing.assert_allclose(animation.curves, curves, atol=1e-6)


def test_uneven_frames_are_brought_to_a_rate_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    curves = spoken(60).curves
    write_take(tmp_path / "take.csv", curves, fps=30)
    lines = (tmp_path / "take.csv").read_text().splitlines(keepends=True)
    (tmp_path / "take.csv").write_text("".join(lines[:11] + lines[14:]))  # three dropped frames
    animation = read_animation(tmp_path / "take.csv")
    assert (animation.fps, len(animation.curves)) == (30, 60)
    np.testing.assert_allclose(animation.curves[[0, 9, 13, 59]], curves[[0, 9, 13, 59]], atol=1e-4)
    assert "uneven in time, and are brought to 30 a second" in caplog.text


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    write_take(tmp_path / "take.csv", spoken(30).curves, fps=30)
    np.testing.assert_allclose(
        read_animation(tmp_path / "take.csv", 60).curves, resample(spoken(30).curves, 30, 60), atol=1e-4
    )


@pytest.mark.parametrize("moving", [False, True], ids=["keyframes", "a clip"])
def test_what_generate_wrote_as_json_is_read_back(moving: bool, tmp_path: Path) -> None:
    faces = np.random.default_rng(0).random((9, 61)).round(3)
    written = FaceAnimation.of_motion(faces, 20, fps=20)
    if not moving:
        written = FaceAnimation.of_keyframes([1, 2, 3], faces[:3], texts=["a", "b", "c"], fps=30)
    (path,) = export(written, tmp_path / "face", "json")
    found = read_animation(path)
    assert found.fps == pytest.approx(written.fps)
    assert list(found.texts) == list(written.texts)
    np.testing.assert_allclose(found.curves, written.curves, atol=1e-4)
    faster = read_animation(path, 60)
    np.testing.assert_allclose(faster.curves, resample(found.curves, found.fps, 60), atol=1e-6)


def test_the_command_writes_several_formats(tmp_path: Path, capsys: Capture) -> None:
    write_take(tmp_path / "take.csv", spoken(30).curves, fps=30)
    command = ("export", "take", tmp_path / "take.csv")
    assert run(*command, "--out", tmp_path / "clip", "--formats", "usda,txt,a2f.json") == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / f"clip.{end}") for end in ("usda", "txt", "a2f.json")]
    problem = refusal(capsys, *command, "--out", tmp_path / "x", "--formats", "csv", "--head", "a.glb")
    assert problem == "--head: is not read by the formats csv; it is for glb, mp4, webm"


@needs_real_data
@pytest.mark.parametrize(("name", "fps"), [("Sad_MySlate_167", 59.9), ("alex_rom_3", 30)])
def test_recordings_are_read(name: str, fps: float) -> None:
    animation = read_animation(LIVELINK / f"{name}.csv")
    assert animation.fps == pytest.approx(fps, abs=0.05)
    assert len(animation.curves) > 500
