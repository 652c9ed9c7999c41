"""The commands, driven in this process as a user would."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.script import fingerprint
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import ScriptsJsonl
from kfzoo.recordings.live_link import write_take
from kfzoo.recordings.read import read_take
from tests.commandline import ROOT, Capture, refusal, results, run, shrink


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small trained autoencoder."""
    folder = tmp_path_factory.mktemp("trained")
    config = ROOT / "configs" / "aligned_autoencoder" / "builtin.yaml"
    small = shrink(config, folder, takes=folder, clip="")
    assert run("fit", "--config", small, "--trainer.max_epochs", 2) == 0
    return folder / "run"


def test_generate_writes_curves_keyframes_and_an_image(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "face"
    words = "The mouth corners rise in a smile. | The brows are lowered."
    assert run("generate", words, "--checkpoint", trained / "best.ckpt", "--out", out, "--seconds", 1) == 0
    take = read_take(out.with_suffix(".csv"))
    assert ((take.coefficients >= LOWER) & (take.coefficients <= UPPER)).all()
    assert np.allclose(np.diff(take.seconds), 1 / 60, atol=1e-4)
    keyframes = results(out.parent, "face.json")["keyframes"]
    assert [each["time"] for each in keyframes] == [1, 2]
    first = [keyframes[0]["coefficients"][name] for name in CHANNELS]
    assert np.abs(take.coefficients - np.array(first)).max(axis=1).min() < 1e-3  # the curve passes through it
    with Image.open(out.with_suffix(".png")) as image:
        assert image.width > 200
        assert len(set(image.convert("L").tobytes())) > 20


def test_strength_scales_what_moves(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    def face(strength: float) -> np.ndarray:
        given = ("--checkpoint", trained / "best.ckpt", "--out", tmp_path / "face", "--formats", "json,csv")
        assert run("generate", "The jaw drops.", *given, "--strength", strength) == 0
        (keyframe,) = results(tmp_path, "face.json")["keyframes"]
        values = np.array([keyframe["coefficients"][name] for name in CHANNELS])
        assert np.abs(read_take(tmp_path / "face.csv").coefficients - values).max(axis=1).min() < 1e-3
        return values

    plain = face(1)
    assert np.abs(plain).max() > 0.1
    for strength in (0.5, 1.5, 3):
        np.testing.assert_allclose(face(strength), np.clip(strength * plain, LOWER, UPPER), atol=2e-3)
    for wrong in (0, -1, 4):
        assert "--strength: is" in refusal(capsys, "generate", "A smile.", "--strength", wrong)


def test_what_a_model_does_not_read_is_refused(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    given = ("generate", "A smile.", "--checkpoint", trained / "best.ckpt", "--out", tmp_path / "face")
    for name in ("background", "emotion"):
        said = refusal(capsys, *given, f"--{name}", "At home.")
        assert f"--{name}: is not read by the AlignedAutoencoder of checkpoint {trained}" in said
    assert not list(tmp_path.iterdir())


def test_generate_writes_the_formats_asked_for(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    out = ["--out", tmp_path / "face"]
    model = ["generate", "A smile.", "--checkpoint", trained / "best.ckpt", *out]
    assert run(*model, "--formats", "png,json") == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "face.png"), str(tmp_path / "face.json")]
    assert len(list(tmp_path.iterdir())) == 2
    for command in (model, ["estimate", tmp_path, "--checkpoint", "x", *out]):
        said = refusal(capsys, *command, "--formats", "csv,fbx")
        assert said.startswith("--formats: 'fbx' is not known; known: csv, json, png, ")


def test_validate_measures_and_the_split_is_recorded(trained: Path, capsys: Capture) -> None:
    assert run("validate", "--config", trained.parent / "builtin.yaml") == 0
    assert "val/mse" in capsys.readouterr().out
    split = results(trained, "split.json")
    assert split["digest"] == results(trained)["data"]["split"]
    assert len(split["train"]) == 15
    assert len(split["val"]) == len(split["test"]) == 3


def test_plots_are_drawn(trained: Path, tmp_path: Path) -> None:
    assert run("plot", "tsne", "--run", trained, "--most", 40) == 0
    assert run("plot", "path", "--run", trained, "--out", tmp_path / "path.png", "--paths", 2, "--steps", 3) == 0
    for path in (trained / "tsne.png", tmp_path / "path.png"):
        with Image.open(path) as image:
            assert len(set(image.convert("L").tobytes())) > 20


def predictions(trained: Path, *more: object) -> list[dict[str, Any]]:
    assert run("predict", "--config", trained.parent / "builtin.yaml", *more) == 0
    return [json.loads(line) for line in (trained / "predictions.jsonl").read_text().splitlines()]


def test_predict_writes_a_line_a_keyframe(trained: Path) -> None:
    rows = predictions(trained)
    assert len(rows) == results(trained)["count"]
    assert all(list(row["coefficients"]) == list(CHANNELS) for row in rows)
    everything = predictions(trained, "--data.init_args.predict", "all")
    assert len(everything) == sum(len(script.keyframes) for script in BuiltinScripts(42))


def test_predict_answers_requests_without_target(trained: Path, tmp_path: Path) -> None:
    content = (
        "Keyframe Description Sequence:\n- Keyframe One: The gaze is lowered.\n- Keyframe Two: A small smile.\n\n"
        "Background: A waiting room.\nEmotion: Hope.\n\n"
        "Task Instruction: Generate the facial expression parameters for Keyframe {}."
    )
    lines = [json.dumps({"messages": [{"role": "user", "content": content.format(name)}]}) for name in ("One", "Two")]
    requests = tmp_path / "requests.jsonl"
    requests.write_text("\n".join(lines) + "\n")
    source = json.dumps({"class_path": "ChatJsonl", "init_args": {"path": str(requests)}})
    own = ["--data.init_args.source", source, "--data.init_args.annotation", "original"]
    rows = predictions(trained, *own, "--data.init_args.predict", "all")
    assert [row["index"] for row in rows] == [0, 1]
    assert rows[0]["coefficients"] != rows[1]["coefficients"]


def test_leaderboard_lists_runs_of_one_data_set_together(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "board.md"
    assert run("leaderboard", "--results", trained, "--out", out) == 0
    assert "AlignedAut" in capsys.readouterr().out  # names give way in a narrow terminal
    board = out.read_text()
    for row in ("AlignedAutoencoder", "*mean face*", "*zero face*", "*chance*", "*ground truth*"):
        assert f"| {row} " in board


def test_data_is_shown_and_built(tmp_path: Path, capsys: Capture) -> None:
    source = ["--source", "BuiltinScripts", "--source.n", 5]
    assert run("data", "inspect", *source) == 0
    assert "keyframes" in capsys.readouterr().out
    assert run("data", "build", *source, "--out", tmp_path / "a.jsonl") == 0
    assert fingerprint(ScriptsJsonl(str(tmp_path / "a.jsonl"))) == fingerprint(BuiltinScripts(5))


def test_what_was_decided_of_takes_is_shown(tmp_path: Path, capsys: Capture) -> None:
    faces = np.random.default_rng(0).uniform(0, 1, (90, 61))
    write_take(tmp_path / "Sad_1.csv", faces)
    write_take(tmp_path / "Angry" / "1.csv", faces)
    assert run("data", "inspect", "--source", "LiveLinkTakes", "--source.folder", tmp_path) == 0
    shown = capsys.readouterr().out
    assert "the timecodes count 60 frames a second ('Angry/1', 'Sad_1')" in shown
    assert "1 takes repeat others, and stay with them in one part of a split: 'Sad_1' = 'Angry/1'" in shown


def test_a_baseline_outside_the_package_runs_by_its_class_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "halfway.py").write_text(
        textwrap.dedent("""
            import torch
            from kfzoo.models import Generation, KeyframeModule

            class Halfway(KeyframeModule):
                def __init__(self, share: float = 0.5) -> None:
                    super().__init__()
                    self.save_hyperparameters()
                    self.bias = torch.nn.Parameter(torch.zeros(61))

                def loss(self, batch):
                    return {"loss": (self.bias - batch.targets).square().mean()}

                def generate(self, batch):
                    return Generation.of((self.hparams["share"] * self.bias).expand(len(batch), -1))

                def configure_optimizers(self):
                    return torch.optim.SGD(self.parameters(), lr=1.0)
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    small = shrink(ROOT / "configs" / "mean_face" / "builtin.yaml", tmp_path, takes=tmp_path, clip="")
    own = ["--model.class_path", "halfway.Halfway", "--model.init_args.share", 0.75]
    assert run("fit", "--config", small, *own) == 0
    assert run("test", "--config", small, *own) == 0
    assert results(tmp_path / "run")["class_path"] == "halfway.Halfway"
    assert run("generate", "A smile.", "--checkpoint", tmp_path / "run" / "best.ckpt", "--out", tmp_path / "face") == 0


def test_generate_reads_chat_requests(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    text = (
        "Keyframe Description Sequence:\n- Keyframe One: The jaw drops.\n- Keyframe Two: The brows rise.\n"
        "Background: A room.\nEmotion: Calm.\nTask Instruction: Generate the parameters for Keyframe {}."
    )
    lines = [{"messages": [{"role": "user", "content": text.format(name)}]} for name in ("One", "Two")]
    path = tmp_path / "asked.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    given = ("--checkpoint", trained / "best.ckpt", "--out", tmp_path / "face", "--formats", "json")
    assert run("generate", path, *given) == 0
    keyframes = json.loads((tmp_path / "face.json").read_text())["keyframes"]
    assert len(keyframes) == 2
    path.write_text(
        "\n".join(json.dumps(line).replace("The jaw", f"{name} jaw") for name, line in zip("AB", lines, strict=True))
    )
    assert run("generate", path, *given) == 0
    assert sorted(each.name for each in (tmp_path / "face").iterdir()) == ["asked-0001.json", "asked-0002.json"]
    image = {"messages": [{"role": "user", "content": "<image>Analyse."}], "images": ["a.png"]}
    path.write_text(json.dumps(image))
    assert "which reads words, and 'asked-0001' is an image without words" in refusal(capsys, "generate", path, *given)
