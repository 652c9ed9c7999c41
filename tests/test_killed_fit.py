"""`fit` is killed again and again while it writes, with the temporary files on another file system; nothing is lost.

The ordinary run kills a few times; `pytest -m slow tests/test_killed_fit.py` does so for KFZOO_KILLS times (100), with
the same seed. Kills come at any moment: most of them while the program starts, trains or writes.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from kfzoo.runs import RunFolder
from kfzoo.training.checkpoint import read_checkpoint
from tests.commandline import Capture, of_builtin, results, run
from tests.processes import begin, elsewhere

SEED = 14
KILLS = int(os.environ.get("KFZOO_KILLS", "100"))
EPOCHS = 3


def small(folder: Path, encoder: str) -> Path:
    """A run that writes a checkpoint after every third step; its frames are many enough to be killed between them."""
    sizes = {"width": 16, "latent": 16, "layers": 1, "heads": 2, "dropout": 0.2, "learning_rate": 0.01}
    settings = {"text_encoder": encoder, **sizes}
    return of_builtin(folder, "AlignedAutoencoder", settings, n=63, batch_size=9, max_epochs=EPOCHS)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads as the processes that are killed: sums in another order differ in the last digit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert run("fit", "--config", small(folder, tiny_sentence_encoder)) == 0
    return folder / "run"


@pytest.fixture
def other_system(tmp_path: Path) -> Path:
    """A folder for temporary files on another file system, where there is one."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else tmp_path


def kill_runs(config: Path, temporary: Path, kills: int, whole: Path) -> None:
    """Starts the run and kills it, as often as asked; where it ends before, compares it and starts from nothing."""
    draw = np.random.default_rng(SEED)
    folder = RunFolder(config.parent / "run")
    command = ("fit", "--config", config)
    elsewhere("--version")  # the first process of all waits for imports
    began = time.perf_counter()
    elsewhere(*command, TMPDIR=str(temporary))
    longest = time.perf_counter() - began
    shutil.rmtree(folder.path)
    killed = ended = 0
    while killed < kills:
        process = begin(*command, TMPDIR=str(temporary))
        process.join(draw.uniform(0, longest))
        process.kill()
        process.join()
        code = process.exitcode
        assert code in (0, -signal.SIGKILL)
        for path in (folder.last, folder.best):
            if path.exists():
                read_checkpoint(path)  # whole, at any moment
        if code == 0:
            ended += 1
            assert_same(folder.path, whole)
            shutil.rmtree(folder.path)
        killed += code != 0
    print(f"{killed} kills within {longest:.1f} s after a start; {ended} runs ended in between")


def assert_same(folder: Path, whole: Path) -> None:
    for name in ("last.ckpt", "best.ckpt"):
        found, expected = (read_checkpoint(each / name) for each in (folder, whole))
        assert found["global_step"] == expected["global_step"]
        for key, values in expected["state_dict"].items():
            assert torch.equal(found["state_dict"][key], values), key
    found, expected = results(folder), results(whole)
    volatile = ("created", "seconds", "config", "commit")
    assert {key: value for key, value in found.items() if key not in volatile} == {
        key: value for key, value in expected.items() if key not in volatile
    }
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in whole.iterdir())


@pytest.mark.parametrize("kills", [3, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_any_moment_ends_as_if_it_never_was(
    kills: int, whole: Path, tmp_path: Path, tiny_sentence_encoder: str, other_system: Path
) -> None:
    config = small(tmp_path, tiny_sentence_encoder)
    before = set(other_system.iterdir())
    kill_runs(config, other_system, kills, whole)
    assert run("fit", "--config", config) == 0
    assert_same(tmp_path / "run", whole)
    assert not [path for path in other_system.iterdir() if path not in before and "ckpt" in path.name]


def test_a_damaged_last_checkpoint_falls_back_to_the_best_one(
    whole: Path, tmp_path: Path, tiny_sentence_encoder: str, capsys: Capture
) -> None:
    config = small(tmp_path, tiny_sentence_encoder)
    assert run("fit", "--config", config) == 0
    folder = RunFolder(tmp_path / "run")
    content = bytearray(folder.last.read_bytes())
    content[len(content) // 2] ^= 1
    folder.last.write_bytes(content)
    capsys.readouterr()
    assert run("fit", "--config", config) == 0
    shown = capsys.readouterr().out
    assert f"{folder.last}: is damaged or no checkpoint (" in shown
    assert f"Resuming from {folder.best}" in shown
    assert_same(folder.path, whole)
