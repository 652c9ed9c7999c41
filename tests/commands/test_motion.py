"""`fit`, `test`, `predict` and `generate` with a model of moving clips."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.sources.take_clips import TakeClips
from kfzoo.evaluation.results import find_runs
from kfzoo.models.mdm import ClipMDM
from kfzoo.recordings.read import read_take
from kfzoo.training.checkpoint import load_module
from tests.commandline import ROOT, Capture, refusal, results, run, shrink
from tests.processes import elsewhere


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, takes_folder: Path) -> Path:
    """Folder of a small trained model of motion."""
    folder = tmp_path_factory.mktemp("motion")
    small = shrink(ROOT / "configs" / "mdm" / "clips.yaml", folder, takes=takes_folder, clip="")
    small.write_text(small.read_text().replace("longest: 4.0", "longest: 9.8"))  # as by default
    assert run("fit", "--config", small, "--trainer.max_epochs", 2, "--trainer.check_val_every_n_epoch", 1) == 0
    return folder / "run"


@pytest.fixture
def again(trained: Path, tmp_path: Path) -> Path:
    """The same run in a folder of the test's own."""
    shutil.copytree(trained, tmp_path / "run")
    text = (trained.parent / "clips.yaml").read_text()
    (tmp_path / "clips.yaml").write_text(text.replace(str(trained), str(tmp_path / "run")))
    return tmp_path / "run"


def test_the_results_say_what_was_compared(trained: Path, takes_folder: Path) -> None:
    report = results(trained)
    scores, target = report["scores"], report["references"]["ground_truth"]
    split = results(trained, "split.json")
    every = sorted(path.stem for path in takes_folder.glob("*.csv"))
    assert sorted(split["train"] + split["val"] + split["test"]) == every
    clips = [clip for clip in TakeClips(takes_folder) if clip.recording in split["test"]]
    assert report["count"] == len(clips) == 3
    steps = [np.abs(np.diff(clip.motion.astype(np.float64), axis=0)).mean() * 20 for clip in clips]
    assert target["speed"]["value"] == pytest.approx(np.mean(steps))
    assert scores["speed_ratio"]["value"] == pytest.approx(scores["speed"]["value"] / target["speed"]["value"])
    assert target["static_share"]["value"] == 0
    assert scores["fid_frames"]["value"] > 0
    fingerprint = report["data"].pop("fingerprint")
    expected = {"source": "TakeClips", "split": split["digest"], "part": "test", "annotation": "caption"}
    assert report["data"] == expected
    assert len(fingerprint) == len(report["checkpoint"]) == 64
    assert (report["seed"], report["model"]) == (42, "ClipMDM")
    assert report["seconds"] > 0
    (run,) = find_runs(trained)
    assert run.results.of_clips
    assert run.samples is None
    with Image.open(trained / "motion.png") as image:
        assert len(set(image.convert("L").tobytes())) > 20


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.csv"))}


def test_predict_writes_recordings_and_keeps_existing_ones(again: Path, takes_folder: Path, capsys: Capture) -> None:
    config, folder = again.parent / "clips.yaml", again / "predictions"
    assert run("predict", "--config", config) == 0
    assert f"predictions {folder}" in capsys.readouterr().out
    first = written(folder)
    split = results(again, "split.json")
    clips = {f"{clip.id}.csv": clip for clip in TakeClips(takes_folder) if clip.recording in split["test"]}
    assert first.keys() == clips.keys()
    for name, clip in clips.items():
        take = read_take(folder / name)
        assert len(take.coefficients) == 3 * (len(clip) - 1) + 1
        np.testing.assert_allclose(np.diff(take.seconds), 1 / 60, atol=1e-6)
        assert ((take.coefficients >= LOWER) & (take.coefficients <= UPPER)).all()

    kept, *others = clips
    (folder / kept).write_text("kept")
    for name in others:
        (folder / name).unlink()
    assert run("predict", "--config", config) == 0
    assert f"Going on: 1 clips are in {folder}" in capsys.readouterr().out
    assert written(folder) == first | {kept: b"kept"}
    assert run("predict", "--config", config, "--data.init_args.predict", "all") == 0
    assert len(written(folder)) == len(list(TakeClips(takes_folder)))
    assert not list(folder.rglob(".*"))


def test_clips_of_other_settings_are_not_mixed_in(again: Path, capsys: Capture) -> None:
    config, folder = again.parent / "clips.yaml", again / "predictions"
    assert run("predict", "--config", config, "--trainer.fast_dev_run", "true") == 0
    assert not folder.exists()
    assert run("predict", "--config", config) == 0
    before = written(folder)
    said = refusal(capsys, "predict", "--config", config, "--model.init_args.guidance", 1.5)
    assert said == (
        f"{folder}: holds 3 clips of another model, data or settings (model.guidance: 2.5 there, 1.5 now); "
        "move the folder elsewhere, or remove it"
    )
    for path in folder.glob("clips.part-*.jsonl"):
        path.unlink()
    assert "(no journal says how they were made)" in refusal(capsys, "predict", "--config", config)
    assert written(folder) == before


def test_two_processes_predict_and_score_as_one(again: Path) -> None:
    config, folder = again.parent / "clips.yaml", again / "predictions"
    alone = results(again)
    every = ["--data.init_args.predict", "all"]
    assert run("predict", "--config", config, *every, "--data.init_args.batch_size", 3) == 0
    one = {name: read_take(folder / name).coefficients for name in written(folder)}
    shutil.rmtree(folder)
    elsewhere("predict", "--config", config, *every, processes=2)
    assert written(folder).keys() == one.keys()
    for name, coefficients in one.items():
        np.testing.assert_allclose(read_take(folder / name).coefficients, coefficients, rtol=0, atol=1e-5)
    elsewhere("test", "--config", config, processes=2)
    together = results(again)
    assert together["count"] == alone["count"]
    for name, score in alone["scores"].items():
        assert together["scores"][name]["value"] == pytest.approx(score["value"], rel=1e-3), name


# generate ------------------------------------------------------------------------------------------------------------


def test_one_text_gives_a_moving_clip(trained: Path, tmp_path: Path) -> None:
    def made(name: str, *more: object) -> dict[str, Any]:
        out = tmp_path / name
        words = ["generate", "The jaw opens.", "--checkpoint", trained / "best.ckpt", "--out", out]
        assert run(*words, *more) == 0
        with Image.open(out.with_suffix(".png")) as image:
            assert image.width > 6 * 160
            assert len(set(image.convert("L").tobytes())) > 20
        take, record = read_take(out.with_suffix(".csv")), results(tmp_path, f"{name}.json")
        return {"take": take, "record": record, "bytes": out.with_suffix(".csv").read_bytes()}

    first = made("a", "--seconds", 2.5, "--seed", 7)
    assert len(first["take"].coefficients) == 3 * 49 + 1
    np.testing.assert_allclose(np.diff(first["take"].seconds), 1 / 60, atol=1e-6)
    assert np.abs(np.diff(first["take"].coefficients, axis=0)).max() > 0
    assert first["record"]["text"] == "The jaw opens."
    keyframes = first["record"]["keyframes"]
    assert [frame["time"] for frame in keyframes] == pytest.approx(np.arange(50) / 20)
    assert [frame["frame"] for frame in keyframes] == list(range(0, 150, 3))
    frames = np.array([[frame["coefficients"][name] for name in CHANNELS] for frame in keyframes])
    np.testing.assert_allclose(first["take"].coefficients[::3], frames, atol=1e-4)
    assert made("b", "--seconds", 2.5, "--seed", 7)["bytes"] == first["bytes"]
    assert made("c", "--seconds", 2.5, "--seed", 8)["bytes"] != first["bytes"]
    assert len(made("d")["take"].coefficients) == 3 * 79 + 1
    assert len(made("e", "--fps", 30, "--seconds", 2)["take"].coefficients) == int(1.95 * 30) + 1


def test_what_a_model_of_motion_cannot_do(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    model = ["--checkpoint", trained / "best.ckpt", "--out", tmp_path / "x"]
    longest = int(load_module(trained / "best.ckpt", ClipMDM).longest)
    assert longest < 196
    for seconds in (0.9, 9.8):
        assert refusal(capsys, "generate", "A smile.", *model, "--seconds", seconds) == (
            f"--seconds: is {seconds}, expected 1 to {longest / 20:g}; the model was trained on no longer clips"
        )
    assert refusal(capsys, "generate", "A smile. | A frown.", *model) == (
        "text: holds several keyframes, and the checkpoint is a model of motion; describe the whole clip in one text"
    )
    source = ["--source", "BuiltinScripts", "--source.n", 1]
    assert run("data", "build", *source, "--out", tmp_path / "a.jsonl") == 0
    assert "text: is a file of keyframes" in refusal(capsys, "generate", tmp_path / "a.jsonl", *model)
    assert "text: is empty" in refusal(capsys, "generate", "  ", *model)
    assert not list(tmp_path.glob("x*"))


def test_bad_input_is_reported_in_one_line(again: Path, takes_folder: Path, capsys: Capture) -> None:
    config = ["--config", again.parent / "clips.yaml"]
    said = refusal(capsys, "test", *config, "--model.init_args.width", 32)
    assert said.startswith("checkpoint: ")
    assert "test: " not in said
    assert "expected (32" in said
    assert refusal(capsys, "test", *config, "--evaluator", "runs/evaluator") == (
        "evaluator: scores keyframes, and this is a model of moving clips; leave it out"
    )
    keyframes = ["--model.class_path", "kfzoo.models.MeanFace"]
    values = (again.parent / "clips.yaml").read_text()
    other = again.parent / "other.yaml"
    other.write_text(values[: values.index("model:")] + values[values.index("run_dir:") :])
    assert refusal(capsys, "fit", "--config", other, *keyframes, "--run_dir", again.parent / "other") == (
        "data: MeanFace reads keyframes, which ClipDataModule does not give; choose KeyframeDataModule"
    )
    mean = ROOT / "configs" / "mean_face" / "builtin.yaml"
    assert refusal(
        capsys, "fit", "--config", mean, "--model", "kfzoo.models.ClipMDM", "--run_dir", again.parent / "x"
    ) == ("data: ClipMDM reads clips, which KeyframeDataModule does not give; choose ClipDataModule")


def test_a_keyframe_model_keeps_its_way(tmp_path: Path) -> None:
    small = shrink(ROOT / "configs" / "mean_face" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    assert run("fit", "--config", small) == 0
    out = tmp_path / "face"
    model = ["--checkpoint", tmp_path / "run" / "best.ckpt", "--out", out]
    assert run("generate", "A smile. | A frown.", *model) == 0
    keyframes = results(tmp_path, "face.json")["keyframes"]
    assert [(frame["time"], frame["text"]) for frame in keyframes] == [(1.5, "A smile."), (3.0, "A frown.")]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("short", "holds 15 frames at 20 a second, expected at least 20"),
        ("channels", "holds an array of shape (90, 60), expected (frames, 61), the channels in Live Link order"),
        ("caption", "has no caption before the '#'; expected caption#tokens"),
    ],
)
def test_bad_data_is_reported_in_one_line(
    damage: str, message: str, express4d_folder: Path, tmp_path: Path, tiny_clip: str, capsys: Capture
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(express4d_folder, folder)
    shape = {"short": (45, 61), "channels": (90, 60), "caption": (90, 61)}[damage]
    np.save(folder / "data" / "000029.npy", np.zeros(shape, np.float32))
    if damage == "caption":
        (folder / "texts" / "000003.txt").write_text("#the/DET\n")
    small = shrink(ROOT / "configs" / "mdm" / "express4d.yaml", tmp_path, takes=folder, clip=tiny_clip)
    said = refusal(capsys, "fit", "--config", small, "--data.init_args.source.init_args.skip_short", "false")
    assert message in said
    assert not (tmp_path / "run" / "last.ckpt").exists()


def test_a_checkpoint_holds_plain_weights(trained: Path) -> None:
    checkpoint = torch.load(trained / "best.ckpt", weights_only=True)
    assert checkpoint["kfzoo"]["class_path"] == "kfzoo.models.mdm.clips.ClipMDM"
    assert int(checkpoint["state_dict"]["longest"]) > 20
    assert any(name.startswith("averaged.") for name in checkpoint["state_dict"])
