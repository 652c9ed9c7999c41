"""A killed run continues as if nothing had happened; two processes report what one reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from tests.commandline import ROOT, Capture, of_builtin, refusal, results, run
from tests.processes import TWO, elsewhere

STEPS_AN_EPOCH = 11
"""Of the small run: training keyframes / batch size, rounded up; asserted below."""


class KillAt(Callback):
    """Kills its own process, unannounced, after one optimizer step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def small(folder: Path, encoder: str) -> Path:
    sizes = {"width": 16, "latent": 16, "layers": 1, "heads": 2, "dropout": 0.2}
    schedule = {"learning_rate": 0.01, "warmup_steps": 5, "cosine": True}
    settings = {"text_encoder": encoder} | sizes | schedule
    return of_builtin(folder, "AlignedAutoencoder", settings, n=63, batch_size=9, max_epochs=3)


def evaluator(folder: Path, encoder: str) -> Path:
    stop = {"monitor": "val/r_precision_1", "mode": "max", "patience": 1}
    callbacks = [{"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": stop}]
    settings = {"text_encoder": encoder, "dim": 8, "width": 16, "heads": 2, "learning_rate": 3e-3}
    more = {"max_epochs": 6, "callbacks": callbacks}
    return of_builtin(folder, "TextMotionEvaluator", settings, n=126, batch_size=24, **more)


def fit_killed_at(step: int, config: Path) -> None:
    killer = ["--trainer.callbacks+", "tests.test_resume_and_ddp.KillAt", "--trainer.callbacks.step", step]
    elsewhere("fit", "--config", config, *killer, code=-signal.SIGKILL)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in another order would differ in the last digit: as many threads as the processes that are started."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    assert run("fit", "--config", small(folder, tiny_sentence_encoder)) == 0
    last: dict[str, Any] = torch.load(folder / "run" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 3 * STEPS_AN_EPOCH
    return last | {"best_mse": results(folder / "run")["scores"]["mse"]["value"]}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(STEPS_AN_EPOCH + 5, id="in an epoch, after the last save"),
        pytest.param(STEPS_AN_EPOCH + 1, id="at the first step after an epoch's end"),
        pytest.param(2 * STEPS_AN_EPOCH, id="at an epoch's last step, before its validation"),
        pytest.param(1, id="before the first save"),
    ],
)
def test_a_killed_run_ends_with_the_same_weights(
    step: int, uninterrupted: dict[str, Any], tmp_path: Path, tiny_sentence_encoder: str
) -> None:
    config = small(tmp_path, tiny_sentence_encoder)
    fit_killed_at(step, config)
    saved = tmp_path / "run" / "last.ckpt"
    before = torch.load(saved, weights_only=True)["global_step"] if saved.exists() else 0
    assert before <= step

    assert run("fit", "--config", config) == 0
    last = torch.load(saved, weights_only=True)
    assert last["global_step"] == uninterrupted["global_step"]
    for name, values in uninterrupted["state_dict"].items():
        assert torch.equal(last["state_dict"][name], values), name
    assert results(tmp_path / "run")["scores"]["mse"]["value"] == uninterrupted["best_mse"]


def test_a_run_folder_is_not_overwritten_by_other_settings(
    tmp_path: Path, tiny_sentence_encoder: str, capsys: Capture
) -> None:
    config = small(tmp_path, tiny_sentence_encoder)
    assert run("fit", "--config", config, "--trainer.max_epochs", 1) == 0
    before = (tmp_path / "run" / "last.ckpt").read_bytes()
    said = refusal(capsys, "fit", "--config", config, "--model.init_args.learning_rate", 0.5)
    assert "holds a run with other settings (model.init_args.learning_rate: 0.01 there, 0.5 now)" in said
    assert (tmp_path / "run" / "last.ckpt").read_bytes() == before


def test_two_processes_train_and_report_as_one_does(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    config = small(tmp_path, tiny_sentence_encoder)
    elsewhere("fit", "--config", config, processes=2)
    folder = tmp_path / "run"
    assert torch.load(folder / "last.ckpt", weights_only=True)["global_step"] == 3 * -(-STEPS_AN_EPOCH // 2)
    on_two = results(folder)

    assert run("test", "--config", config) == 0
    on_one = results(folder)
    assert on_one["checkpoint"] == on_two["checkpoint"]
    assert on_one["count"] == on_two["count"]
    for name, score in on_one["scores"].items():
        assert score["value"] == pytest.approx(on_two["scores"][name]["value"], abs=1e-6), name

    assert run("predict", "--config", config) == 0
    alone = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    elsewhere("predict", "--config", config, processes=2)
    together = [json.loads(line) for line in (folder / "predictions.jsonl").read_text().splitlines()]
    assert [row["id"] for row in together] == [row["id"] for row in alone]
    assert len(alone) == on_one["count"]
    for row, other in zip(together, alone, strict=True):
        assert row["coefficients"] == pytest.approx(other["coefficients"], abs=2e-4)


def assert_same_evaluator(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert [second[key] for key in ("digest", "references")] == [first[key] for key in ("digest", "references")]


def test_a_killed_evaluator_ends_with_the_same_hash(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    assert run("fit", "--config", evaluator(whole, tiny_sentence_encoder)) == 0
    config = evaluator(cut, tiny_sentence_encoder)
    fit_killed_at(11, config)
    assert not (cut / "run" / "evaluator.json").exists()
    assert run("fit", "--config", config) == 0
    assert_same_evaluator(*(results(folder / "run", "evaluator.json") for folder in (whole, cut)))


def test_two_processes_that_the_command_starts_itself_train_an_evaluator(
    tmp_path: Path, tiny_sentence_encoder: str
) -> None:
    config = evaluator(tmp_path, tiny_sentence_encoder)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in environment.items() if not name.startswith("COV_CORE")}
    command = [sys.executable, "-m", "kfzoo", "fit", "--config", str(config), *map(str, TWO)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    on_two = results(tmp_path / "run", "evaluator.json")
    assert run("test", "--config", config) == 0
    assert_same_evaluator(on_two, results(tmp_path / "run", "evaluator.json"))
