from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from kfzoo.encoders.landmarks import POINTS, VARIABLE, FaceLandmarker
from kfzoo.errors import InputError
from tests.commandline import ROOT
from tests.encoders.landmark_faces import astronaut, need_landmarker
from tests.real_data import LANDMARKER

BLACK = np.zeros((64, 64, 3), dtype=np.uint8)


def test_a_face_in_a_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    image = astronaut()
    faces = FaceLandmarker()([image, np.zeros((100, 180, 3), dtype=np.uint8)])
    assert faces.shown.tolist() == [1, 0]
    assert faces.found.tolist() == [True, False]
    assert [part.shape for part in faces] == [(2,), (2, POINTS, 3), (2, 52), (2, 4, 4), (2, 2)]
    assert faces.sizes.tolist() == [[256, 256], [100, 180]]
    assert ((faces.points[0, :, :2] > 0) & (faces.points[0, :, :2] < 1)).all()
    rotation = faces.poses[0, :3, :3]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-3, rtol=0)
    assert all((part[1] == 0).all() for part in faces[:4])


def test_of_two_faces_the_larger_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    large = astronaut()
    small = np.zeros((256, 192, 3), dtype=np.uint8)
    small[:192] = np.asarray(Image.fromarray(large).resize((192, 192)))
    faces = FaceLandmarker()([np.hstack([large, small]), np.hstack([small, large])])
    assert faces.shown.tolist() == [2, 2]
    assert (faces.points[:, :, 0].mean(1) * 448).tolist() == pytest.approx([128, 192 + 128], abs=20)


def test_faces_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    need_landmarker(monkeypatch)
    read: list[int] = []

    def image(number: int) -> NDArray[np.uint8]:
        read.append(number)
        return astronaut() * np.uint8(1 - number)

    first = FaceLandmarker().cached(["face", "black"], image)
    assert read == [0, 1]
    again = FaceLandmarker().cached(["face", "black"], image)
    assert read == [0, 1]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert first.shown.tolist() == [1, 0]
    FaceLandmarker().cached(["another face", "black"], image)
    assert len(read) == 4


def test_a_damaged_cache_is_computed_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    need_landmarker(monkeypatch)
    FaceLandmarker().cached(["damaged"], lambda number: BLACK)
    newest = max((cache / "landmarks").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b"")
    assert FaceLandmarker().cached(["damaged"], lambda number: BLACK).shown[0] == 0


def test_a_missing_model_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(InputError, match=f"landmarker: no model file is named; set {VARIABLE}"):
        _ = FaceLandmarker().path
    with pytest.raises(InputError, match=r"landmarker: there is no file '/nowhere\.task'"):
        _ = FaceLandmarker("/nowhere.task").path
    monkeypatch.setenv(VARIABLE, "/elsewhere.task")
    with pytest.raises(InputError, match=rf"{VARIABLE}: there is no file '/elsewhere\.task'"):
        _ = FaceLandmarker().path
    pytest.importorskip("mediapipe", reason="needs the package mediapipe (the extra 'landmarks')")
    (tmp_path / "broken.task").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as a face landmarker") as caught:
        FaceLandmarker(str(tmp_path / "broken.task"))([BLACK])
    assert "\n" not in str(caught.value)


def test_a_trainers_end_does_not_let_mediapipes_timers_kill_the_process() -> None:
    need_landmarker()
    script = (
        "import sys, time, numpy as np, torch\n"
        "from lightning.pytorch import LightningModule, Trainer\n"
        "from kfzoo.encoders.landmarks import FaceLandmarker\n"
        "find = FaceLandmarker(sys.argv[1])\n"
        "class Looks(LightningModule):\n"
        "    def test_step(self, batch, batch_idx): find([np.zeros((64, 64, 3), np.uint8)])\n"
        "Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator='cpu').test(\n"
        "    Looks(), [torch.zeros(1)], verbose=False)\n"
        "end = time.process_time() + 1\n"
        "while time.process_time() < end: find([np.zeros((64, 64, 3), np.uint8)])\n"
        "print('alive')\n"
    )
    command = [sys.executable, "-c", script, str(LANDMARKER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()[-5:]) == (0, "alive"), done.stderr[-500:]
