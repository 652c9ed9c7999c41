"""Insufficient memory is reported in one line: the batch size, and what to lower."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from kfzoo.data.batch import KeyframeBatch
from kfzoo.errors import InputError
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.out_of_memory import explained_memory_errors, memory_error
from tests.commandline import Capture, of_builtin, refusal, run

CARD = "CUDA out of memory. Tried to allocate 20.31 GiB. GPU 0 has a total capacity of 79.1 GiB of which 3 GiB is free."
ERRORS = {
    "a card": torch.OutOfMemoryError(CARD),
    "the machine": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 4000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "windows": RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 4000000000 bytes."),
    "a library": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "arrays": MemoryError(),
}
ASKED = {
    "a card": " (Tried to allocate 20.31 GiB)",
    "the machine": " (tried to allocate 4000000000 bytes)",
    "windows": " (tried to allocate 4000000000 bytes)",
}


class Hungry(KeyframeModule):
    """Raises an error of insufficient memory at a chosen stage."""

    batching_settings: ClassVar = {"at_once": 1}
    error: Exception | None = None
    at = ""

    def __init__(self, at_once: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()

    def _allocate(self) -> None:
        state: Any = self.trainer.state
        if self.error is not None and self.at == state.stage:
            raise self.error

    def loss(self, batch: KeyframeBatch) -> dict[str, torch.Tensor]:
        self._allocate()
        return {"loss": torch.zeros(())}

    def generate(self, batch: KeyframeBatch) -> Generation:
        self._allocate()
        return Generation.of(torch.zeros(len(batch), 61))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hungry")
    hungry = "tests.test_out_of_memory.Hungry"
    path = of_builtin(folder, hungry, {}, n=42, batch_size=16, max_epochs=1, logger=False)
    # No step of a second start saves before the error.
    path.write_text(path.read_text().replace("checkpoint_every_n_steps: 3", "checkpoint_every_n_steps: 50"))
    assert run("fit", "--config", path) == 0
    return path


@pytest.mark.parametrize(
    ("command", "stage", "error"),
    [
        *((command, command, "a card") for command in ("validate", "test", "predict")),
        *(("fit", stage, "a card") for stage in ("train", "validate", "test")),
        *(("predict", "predict", error) for error in ERRORS if error != "a card"),
    ],
)
def test_it_is_reported_in_one_line(
    command: str, stage: str, error: str, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    checkpoints = {path: path.read_bytes() for path in (config.parent / "run").glob("*.ckpt")}
    assert len(checkpoints) == 2
    monkeypatch.setattr("tests.test_out_of_memory.Hungry.error", ERRORS[error])  # as the configuration names the class
    monkeypatch.setattr("tests.test_out_of_memory.Hungry.at", stage)
    further = ["--trainer.max_epochs", 2] if command == "fit" and stage != "test" else []
    assert refusal(capsys, command, "--config", config, *further) == (
        f"memory: a batch of 16 does not fit into the memory{ASKED.get(error, '')}; lower "
        "data.init_args.batch_size (16) or model.init_args.at_once (8), or set trainer.precision to bf16-mixed"
    )
    assert {path: path.read_bytes() for path in checkpoints} == checkpoints


@pytest.mark.parametrize("allocate", [lambda: torch.empty(1 << 60, dtype=torch.uint8), lambda: np.ones(1 << 50)])
def test_what_does_not_fit_for_real(allocate: Callable[[], object]) -> None:
    error = pytest.raises(InputError, match="memory: a batch of 4 does not fit into the memory")
    with error, explained_memory_errors(settings, {}):
        allocate()


def settings() -> dict[str, Any]:
    return {"model": {}, "data": {"init_args": {"batch_size": 4}}, "trainer": {"precision": None}}


@pytest.mark.parametrize(
    ("model", "data", "precision", "remedy"),
    [
        (
            {"decode_batch_size": 16, "gradient_checkpointing": False, "share_prefixes": True, "precision": "float32"},
            {"batch_size": 12},
            None,
            "lower data.init_args.batch_size (12) or model.init_args.decode_batch_size (16), or set "
            "model.init_args.gradient_checkpointing to true, model.init_args.share_prefixes to false, or set "
            "model.init_args.precision to bfloat16",
        ),
        (
            {"decode_batch_size": 1, "gradient_checkpointing": True, "precision": "bfloat16"},
            {"batch_size": 2},
            None,
            "lower data.init_args.batch_size (2)",
        ),
        (
            {"gradient_checkpointing": False},
            {"batch_size": 1},
            "bf16-mixed",
            "set model.init_args.gradient_checkpointing to true",
        ),
        ({}, {"batch_size": 1}, 32, "set trainer.precision to bf16-mixed"),
        ({}, {"batch_size": 1}, "16-true", "take a smaller model, or more memory"),
        (
            {},
            {"batch_size": 1, "evaluation_batch_size": 16},
            "16-true",
            "lower data.init_args.evaluation_batch_size (16)",
        ),
    ],
)
def test_only_what_can_be_lowered_is_named(
    model: dict[str, Any], data: dict[str, int], precision: Any, remedy: str
) -> None:
    found = {"model": {"init_args": model}, "data": {"init_args": data}, "trainer": {"precision": precision}}
    least = {"decode_batch_size": 1, "gradient_checkpointing": True, "share_prefixes": False}
    said = str(memory_error("", found, {name: value for name, value in least.items() if name in model}))
    assert said == f"memory: a batch of {data['batch_size']} does not fit into the memory; {remedy}"


def test_a_wrapped_error_is_found_and_others_pass() -> None:
    def wrap(inner: Exception) -> None:
        try:
            raise inner
        except Exception as error:
            raise ValueError("something failed") from error

    with pytest.raises(InputError, match=r"Tried to allocate 20.31 GiB"), explained_memory_errors(settings, {}):
        wrap(torch.OutOfMemoryError(CARD))
    with pytest.raises(ValueError, match="something failed"), explained_memory_errors(settings, {}):
        wrap(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    reported = InputError("model", "is reported already")
    with pytest.raises(InputError) as found, explained_memory_errors(settings, {}):
        raise reported from torch.OutOfMemoryError(CARD)
    assert found.value is reported


def test_a_further_process_reports_it_itself(capsys: Capture) -> None:
    with pytest.raises(InputError), explained_memory_errors(settings, {}, process=3):
        raise torch.OutOfMemoryError(CARD)
    assert capsys.readouterr().err.startswith("kfzoo: process 3: memory: a batch of 4 does not fit into the memory")
