"""The weights that come with the package: what they are, that they answer plain words, and what makes them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch
from PIL import Image

from kfzoo.models.text_regressor import TextRegressor
from kfzoo.training.checkpoint import load_module, read_checkpoint
from kfzoo.training.weights_file import DEFAULT, DEFAULT_PATH, read_weights, write_weights
from tests.commandline import ROOT, Capture, refusal, results, run

LARGEST = 8_000_000
CONFIG = ROOT / "configs" / "text_regressor" / "everyday.yaml"


def faces(folder: Path, *texts: str) -> list[dict[str, float]]:
    """Faces by channel, as `generate` writes them without a checkpoint."""
    assert run("generate", " | ".join(texts), "--out", folder / "face", "--formats", "json") == 0
    return [each["coefficients"] for each in results(folder, "face.json")["keyframes"]]


def test_the_file_says_what_made_it() -> None:
    assert DEFAULT_PATH.stat().st_size <= LARGEST
    said = read_weights(DEFAULT_PATH)["kfzoo"]
    assert said["class_path"] == "kfzoo.models.text_regressor.module.TextRegressor"
    assert said["annotation"] == "original"
    assert [len(said[key]) for key in ("data", "split")] == [64, 64]
    fit, export = said["command"].split(" && ")
    assert shlex.split(fit) == ["python", "-m", "kfzoo", "fit", "--config", str(CONFIG.relative_to(ROOT))]
    assert shlex.split(export)[3:5] == ["export", "weights"]
    assert said["command"] in DEFAULT_PATH.with_suffix(".md").read_text()


def test_plain_words_move_what_they_name(tmp_path: Path) -> None:
    wink, brow, pout, look, still = faces(
        tmp_path,
        "Her left eye winks.",
        "He lifts the right eyebrow.",
        "The child pouts.",
        "She looks up.",
        "A blank face.",
    )
    assert wink["EyeBlinkLeft"] > 0.45 > 0.2 > wink["EyeBlinkRight"]
    assert brow["BrowOuterUpRight"] > 2 * brow["BrowOuterUpLeft"]
    assert max(pout["MouthPucker"], pout["MouthShrugLower"], pout["MouthFrownLeft"]) > 0.2
    assert min(look["EyeLookUpLeft"], look["EyeLookUpRight"]) > 0.2
    assert max(map(abs, still.values())) < 0.2


def test_images_need_a_model_of_images(tmp_path: Path, capsys: Capture) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    said = refusal(capsys, "estimate", tmp_path / "a.png", "--checkpoint", DEFAULT)
    assert said.startswith("default: holds TextRegressor, which reads words")


def trained(folder: Path, *options: object) -> dict[str, torch.Tensor]:
    """Weights after a training, as the package has them."""
    assert run("fit", "--config", CONFIG, "--run_dir", folder, *options) == 0
    file = folder / "weights.safetensors"
    write_weights(file, read_checkpoint(folder / "best.ckpt"), "")
    found: dict[str, torch.Tensor] = read_weights(file)["state_dict"]
    return found


def test_a_short_training_gives_the_same_weights_twice(tmp_path: Path) -> None:
    short = [
        "--trainer.limit_train_batches",
        2,
        "--data.init_args.batch_size",
        4,
        "--data.init_args.source.init_args.n",
        200,
    ]
    first, second = (trained(tmp_path / name, *short) for name in "ab")
    shipped = load_module(DEFAULT_PATH, TextRegressor).state_dict()
    assert first.keys() <= shipped.keys()
    for name, values in first.items():
        assert torch.equal(values, second[name]), name
        assert values.shape == shipped[name].shape


@pytest.mark.slow
def test_the_command_gives_the_packages_weights(tmp_path: Path) -> None:
    """Bit by bit on the processor and with the threads that made them; elsewhere sums differ in their last digits."""
    made, shipped = trained(tmp_path / "run"), read_weights(DEFAULT_PATH)["state_dict"]
    assert made.keys() == shipped.keys()
    changed = {name: (made[name] - shipped[name]).abs().max().item() for name in made}
    assert max(changed.values()) < 0.05, changed
