"""`estimate`, and answers to images in the wild: bad images are reported, the others are answered."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.recordings.read import read_take
from kfzoo.rendering.drawing.draw import draw_face
from tests.commandline import ROOT, Capture, refusal, results, run, shrink


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regressor")
    config = ROOT / "configs" / "image_regressor" / "builtin.yaml"
    small = shrink(config, folder, takes=folder, clip="", n=54)
    assert run("fit", "--config", small, "--trainer.max_epochs", 1) == 0
    return folder


@pytest.fixture
def wild(tmp_path: Path) -> Path:
    """Seven images: four that can be read, each in its own way, and three that cannot."""
    folder = tmp_path / "wild"
    folder.mkdir()
    faces = [keyframe.coefficients for script in BuiltinScripts(4) for keyframe in script.keyframes]
    plain, grey, deep, turned = (draw_face(face, 96) for face in faces[:4] if face is not None)
    plain.save(folder / "0_plain.png")
    grey.convert("L").save(folder / "1_grey.jpg")
    Image.fromarray(np.asarray(deep.convert("L")).astype(np.uint16) * 257).save(folder / "2_deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.rotate(90, expand=True).save(folder / "3_turned.jpg", exif=exif)
    (folder / "4_empty.png").touch()
    (folder / "5_cut.png").write_bytes((folder / "0_plain.png").read_bytes()[:700])
    (folder / "6_words.png").write_text("no image")
    (folder / "talk.mp4").write_bytes(b"\0\0\0\x1cftypisom\0\0\2\0isomiso2mp41" + bytes(99))
    return folder


def lines_of(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    return [line for line in caplog.messages if name in line]


def test_a_folder_becomes_one_recording(
    trained: Path, wild: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: Capture
) -> None:
    (wild / "7_last.png").write_bytes((wild / "0_plain.png").read_bytes())
    out = tmp_path / "out" / "face"
    best = trained / "run" / "best.ckpt"
    with caplog.at_level(logging.WARNING):
        assert run("estimate", wild, "--checkpoint", best, "--out", out, "--rate", 4) == 0
    reported = {"1_grey": "greyscale", "2_deep": "16 bits", "3_turned": "upright", "4_empty": "is empty (0 bytes)"}
    for name, words in (reported | {"5_cut": "cannot be read", "6_words": "cannot be read"}).items():
        assert any(words in line for line in lines_of(caplog, name))
    assert lines_of(caplog, "5 images are used, 3 of them changed; 3 left out")
    keyframes = results(out.parent, "face.json")["keyframes"]
    assert [each["time"] for each in keyframes] == [0, 0.25, 0.5, 0.75, 1.75]  # time goes on without them
    first, last = (list(keyframes[at]["coefficients"].values()) for at in (0, -1))
    assert first == last  # the same image
    take = read_take(out.with_suffix(".csv"))
    np.testing.assert_allclose(take.coefficients[0], first, atol=1e-4)
    assert take.seconds[-1] - take.seconds[0] == pytest.approx(1.75, abs=0.1)
    assert out.with_suffix(".png").stat().st_size > 0
    assert capsys.readouterr().out.split() == [str(out.with_suffix(end)) for end in (".csv", ".json", ".png", ".html")]


def test_unpadded_frames_keep_their_order_and_a_missing_one_its_time(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faces = [keyframe.coefficients for script in BuiltinScripts(8) for keyframe in script.keyframes]
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (0, 1, 2, 9, 10, 11):
        face = faces[number]
        assert face is not None
        draw_face(face, 48).save(folder / f"frame{number}_0.png")
    (folder / "frame3_0.heic").write_bytes(b"\0\0\0\x18ftypheic")
    best = trained / "run" / "best.ckpt"
    with caplog.at_level(logging.WARNING):
        assert run("estimate", folder, "--checkpoint", best, "--out", tmp_path / "face", "--formats", "json") == 0
    keyframes = results(tmp_path, "face.json")["keyframes"]
    assert [each["time"] for each in keyframes] == [number / 2 for number in (0, 1, 2, 9, 10, 11)]
    assert lines_of(caplog, "5 of 12 images are missing between frame0_0.png and frame11_0.png")
    assert lines_of(caplog, "frame3_0.heic: cannot be read as an image (it begins as a HEIC image, and is damaged)")


def test_one_image_becomes_a_pose(trained: Path, wild: Path, tmp_path: Path) -> None:
    best = trained / "run" / "best.ckpt"
    assert run("estimate", wild / "0_plain.png", "--checkpoint", best, "--out", tmp_path / "face") == 0
    take = read_take(tmp_path / "face.csv")
    assert not take.coefficients[0].any()  # it rises from neutral
    assert take.coefficients.any()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["5_cut.png"], "5_cut.png: cannot be read as an image"),
        (["", "--strict", "true"], "4_empty.png: is empty (0 bytes); replace the file"),
        (["", "--rate", "0"], "--rate: expected more than 0, found 0"),
        (["talk.mp4"], "talk.mp4: is a video, and videos are not read yet; cut it into images: mkdir frames && ffmpeg"),
        (["missing"], "missing: is not a folder; give the folder of the images"),
    ],
)
def test_bad_input_is_reported_and_nothing_written(
    given: list[str], message: str, trained: Path, wild: Path, tmp_path: Path, capsys: Capture
) -> None:
    best = trained / "run" / "best.ckpt"
    place, *more = given
    said = refusal(capsys, "estimate", wild / place, "--checkpoint", best, "--out", tmp_path / "face", *more)
    assert message in said
    assert not list(tmp_path.glob("face*"))


def test_a_model_of_words_is_refused(wild: Path, tmp_path: Path, capsys: Capture) -> None:
    small = shrink(ROOT / "configs" / "mean_face" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", small) == 0
    said = refusal(capsys, "estimate", wild, "--checkpoint", tmp_path / "run" / "best.ckpt")
    assert "holds MeanFace, which reads words; give the checkpoint of a model of images" in said


def test_without_ground_truth_other_metrics_are_scored(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "wild"
    folder.mkdir()
    faces = [keyframe.coefficients for script in BuiltinScripts(24) for keyframe in script.keyframes]
    for number, face in enumerate(faces[:40]):
        assert face is not None
        draw_face(face, 48).save(folder / f"{number:02d}.png")
    config = ROOT / "configs" / "evaluator" / "image_motion_builtin.yaml"
    evaluator = shrink(config, tmp_path, takes=tmp_path, clip="", n=200)
    assert run("fit", "--config", evaluator, "--trainer.max_epochs", 1, "--trainer.limit_train_batches", 1) == 0

    best = tmp_path / "run" / "best.ckpt"
    said = refusal(capsys, "generate", "A smile.", "--checkpoint", best, "--out", tmp_path / "face")
    assert f"{best}: holds ImageMotionEvaluator, which generates no face; give" in said

    values = yaml.safe_load((trained / "run" / "config.yaml").read_text())
    values["data"]["init_args"] |= {
        "source": {"class_path": "ImageFolder", "init_args": {"folder": str(folder)}},
        "split": {"by": "source"},
        "predict": "all",
    }
    values["run_dir"] = str(tmp_path / "answers")
    (tmp_path / "wild.yaml").write_text(yaml.safe_dump(values))
    best = trained / "run" / "best.ckpt"
    assert run("predict", "--config", tmp_path / "wild.yaml", "--ckpt_path", best) == 0
    answers = tmp_path / "answers" / "predictions.jsonl"
    assert len(answers.read_text().splitlines()) == 40
    out = tmp_path / "wild.results.json"
    options = ["--data", tmp_path / "wild.yaml", "--part", "all", "--evaluator", tmp_path / "run", "--out", out]
    assert run("score", answers, *options) == 0
    found = results(tmp_path, out.name)
    assert found["status"] == "no ground truth"
    assert {"r_precision_1", "r_precision_3", "mmd"} <= found["scores"].keys()
    assert not {"mse", "sf13_pearson"} & found["scores"].keys()
