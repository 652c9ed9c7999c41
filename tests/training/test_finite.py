"""A training that diverges ends in one line, and leaves finite checkpoints alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback, LightningModule, Trainer

from kfzoo.models import MeanFace
from kfzoo.training.checkpoint import read_checkpoint
from kfzoo.training.finite import first_not_finite
from tests.commandline import Capture, of_builtin, refusal, run


class Spoil(Callback):
    """Makes a weight, or the loss, infinite after one optimizer step."""

    def __init__(self, step: int, what: str) -> None:
        self.step = step
        self.what = what

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        if trainer.global_step == self.step:
            with torch.no_grad():
                weight = next(each for each in pl_module.parameters() if each.requires_grad)
                weight.fill_(torch.nan) if self.what == "loss" else weight.view(-1)[0].fill_(torch.inf)


@pytest.fixture
def config(tmp_path: Path, tiny_sentence_encoder: str) -> Path:
    sizes = {"width": 16, "latent": 16, "layers": 1, "heads": 2, "learning_rate": 0.01}
    settings = {"text_encoder": tiny_sentence_encoder, **sizes}
    return of_builtin(tmp_path, "AlignedAutoencoder", settings, n=63, batch_size=9, max_epochs=2)


@pytest.mark.parametrize("step", [5, 11, 22])
def test_a_diverged_training_stops_in_one_line_and_keeps_the_last_finite_checkpoint(
    config: Path, step: int, capsys: Capture
) -> None:
    spoil = ["--trainer.callbacks+", "tests.training.test_finite.Spoil", "--trainer.callbacks.step", step]
    said = refusal(capsys, "fit", "--config", config, *spoil, "--trainer.callbacks.what", "loss")
    assert said.startswith(f"step {step}: ")
    assert "at learning rate 0.01: the training diverged; lower the model's learning rate" in said
    last = config.parent / "run" / "last.ckpt"
    assert f"{last} keeps the last finite state" in said
    assert read_checkpoint(last)["global_step"] <= step
    assert not (config.parent / "run" / "results.json").exists()
    assert run("fit", "--config", config) == 0


def test_a_learning_rate_that_is_far_too_high(config: Path, capsys: Capture) -> None:
    said = refusal(capsys, "fit", "--config", config, "--model.init_args.learning_rate", 1e30)
    assert "1e+30: the training diverged" in said


def test_the_first_tensor_that_is_not_finite() -> None:
    whole = {"a": torch.zeros(2), "n": torch.tensor(3)}
    assert first_not_finite(whole) is None
    assert first_not_finite({}) is None
    assert first_not_finite(whole | {"b": torch.tensor([1.0, torch.inf]), "c": torch.tensor(torch.nan)}) == "b"


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float, capsys: Capture) -> None:
    config = of_builtin(tmp_path, "MeanFace", {}, n=42, batch_size=9, max_epochs=1)
    assert run("fit", "--config", config) == 0
    path = tmp_path / "run" / "best.ckpt"
    checkpoint = read_checkpoint(path)
    model = MeanFace()
    model.load_state_dict(checkpoint["state_dict"])
    model.train_mean[3] = value
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    before = (tmp_path / "run" / "results.json").read_bytes()
    for command in ("test", "predict", "validate"):
        said = refusal(capsys, command, "--config", config)
        assert said.startswith(f"{path}: holds weights that are not finite (train_mean): its training diverged")
    assert "not finite" in refusal(capsys, "generate", "A smile.", "--checkpoint", path, "--out", tmp_path / "face")
    assert (tmp_path / "run" / "results.json").read_bytes() == before


def test_settings_that_no_model_can_be_built_from(config: Path, capsys: Capture) -> None:
    values = yaml.safe_load(config.read_text())
    values["model"]["init_args"]["heads"] = 3
    config.write_text(yaml.safe_dump(values))
    said = refusal(capsys, "fit", "--config", config)
    assert "holds settings that cannot be used (" in said
