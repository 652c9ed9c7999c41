"""Files whose bytes were changed at random: each gives what its bytes hold, or one line; never a traceback.

The ordinary run changes each file a few dozen times; `pytest -m slow tests/test_fuzzed_files.py` a thousand times, with
the same seed. A test that fails names the number of the change; `mutated(original, SEED, number)` makes it again.
"""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.images import read_image
from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard import comparable, render_html, render_markdown
from kfzoo.evaluation.results import Run, read_results, search_runs, write_results
from kfzoo.models import AlignedAutoencoder
from kfzoo.models.base import KeyframeModule
from kfzoo.recordings.live_link import write_take
from kfzoo.recordings.read import read_take
from kfzoo.training.checkpoint import load_module
from tests.evaluation.leaderboard_runs import run

SEED = 14
SIGNS = np.frombuffer(b'0123456789.-+e,;:"[]{}\n\0N', dtype=np.uint8)
FEW, MANY = 40, 1000
many = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])


def mutated(original: bytes, seed: int, number: int) -> bytes:
    """Changes bytes: some bits, some bytes, a piece that is cut out, doubled, overwritten, or all after a place."""
    draw = np.random.default_rng((seed, number))
    data = bytearray(original)
    for _ in range(int(draw.integers(1, 4))):
        start = int(draw.integers(0, max(1, len(data))))
        length = int(draw.integers(1, 2 + min(64, len(data) // 4)))
        kind = int(draw.integers(0, 7))
        if kind == 0:
            data[start : start + 1] = bytes(
                value ^ (1 << int(draw.integers(0, 8))) for value in data[start : start + 1]
            )
        elif kind == 1:
            data[start : start + length] = draw.bytes(length)
        elif kind == 2:
            del data[start : start + length]
        elif kind == 3:
            data[start:start] = data[start : start + length]
        elif kind == 4:
            del data[start:]
        elif kind == 5:
            data[start:start] = bytes(
                draw.choice(np.frombuffer(b'0123456789.-+e,;:"[]{}\n\0N', dtype=np.uint8), length)
            )
        else:
            data[start : start + 1] = str(int(draw.integers(-(10**9), 10**9))).encode()
    return bytes(data)


def outcomes(changed: Iterable[bytes], path: Path, read: Callable[[], Any]) -> Iterator[tuple[bytes, Any]]:
    """Yields the changed bytes that are read, with what is read from them; all others must be refused in one line."""
    lines = []
    for number, content in enumerate(changed):
        path.write_bytes(content)
        try:
            found = read()
        except InputError as error:
            lines.append(str(error))
        except Exception as error:
            raise AssertionError(f"change {number} of seed {SEED}: {type(error).__name__}: {error}") from error
        else:
            yield content, found
    assert lines
    assert not [line for line in lines if "\n" in line]


def versions(path: Path, count: int) -> list[bytes]:
    """Returns changed versions of a file."""
    original = path.read_bytes()
    return [mutated(original, SEED, number) for number in range(count)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_sentence_encoder: str) -> Path:
    torch.manual_seed(0)
    model = AlignedAutoencoder(text_encoder=tiny_sentence_encoder, width=8, latent=8, layers=1, heads=2)
    content: dict[str, Any] = {"hyper_parameters": dict(model.hparams), "epoch": 1, "global_step": 3}
    model.on_save_checkpoint(content)
    path = tmp_path_factory.mktemp("fuzz") / "whole.ckpt"
    torch.save(content, path)
    return path


def stored_again(content: bytes, number: int) -> bytes:
    """Changes one part of an archive and writes the archive with the check sums of its new content."""
    draw = np.random.default_rng((SEED, number))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w") as other:
        parts = archive.infolist()
        chosen = (
            int(draw.integers(0, len(parts)))
            if number % 2
            else next(place for place, each in enumerate(parts) if each.filename.endswith("data.pkl"))
        )
        for place, each in enumerate(parts):
            data = archive.read(each)
            other.writestr(each.filename, mutated(data, SEED, number) if place == chosen else data)
    return out.getvalue()


@many
def test_a_changed_checkpoint(checkpoint: Path, count: int, tmp_path: Path) -> None:
    weights = load_module(checkpoint, KeyframeModule).state_dict()
    path = tmp_path / "a.ckpt"
    for _, loaded in outcomes(versions(checkpoint, count), path, lambda: load_module(path, KeyframeModule)):
        assert loaded.state_dict().keys() == weights.keys()
        assert all(torch.equal(values, weights[name]) for name, values in loaded.state_dict().items())


@many
def test_a_changed_checkpoint_with_the_right_check_sums(checkpoint: Path, count: int, tmp_path: Path) -> None:
    weights = load_module(checkpoint, KeyframeModule).state_dict()
    path = tmp_path / "a.ckpt"
    changed = [stored_again(checkpoint.read_bytes(), number) for number in range(count)]
    for _, loaded in outcomes(changed, path, lambda: load_module(path, KeyframeModule)):
        assert all(torch.equal(values, weights[name]) for name, values in loaded.state_dict().items())


@many
def test_changed_results(count: int, tmp_path: Path) -> None:
    """Scores are those that the file holds; every table is made of what can be used."""
    for name in ("good", "bad"):
        made = run(name, 0.01)
        write_results(tmp_path / name / "results.json", made.results, made.samples)
    path = tmp_path / "bad" / "results.json"

    def read() -> tuple[Any, list[Run]]:
        runs, faults = search_runs(tmp_path)
        usable, others = comparable(runs)
        assert len(usable) + len(faults) + len(others) in (1, 2)  # 1: it no longer says that it is a results file
        assert render_markdown(usable)
        assert render_html(usable)
        return read_results(path), usable

    for content, (found, _) in outcomes(versions(path, count), path, read):
        held = json.loads(content)
        assert {name: score.value for name, score in found.scores.items()} == {
            name: score["value"] for name, score in held["scores"].items()
        }
        assert all(math.isfinite(score.value) for score in found.scores.values())
        assert [found.run, found.count, found.invalid] == [held[key] for key in ("run", "count", "invalid")]


@many
def test_changed_errors_of_samples(count: int, tmp_path: Path) -> None:
    made = run("one", 0.01)
    write_results(tmp_path / "results.json", made.results, made.samples)
    path = tmp_path / "results.samples.csv"

    def read() -> list[Run]:
        runs, faults = search_runs(tmp_path)
        if faults:
            raise faults[0]
        assert render_markdown(runs)
        return runs

    for content, (found,) in outcomes(versions(path, count), path, read):
        assert found.samples is not None
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
        assert found.samples.mse.tolist() == [float(row[2]) for row in rows]


@many
def test_a_changed_take(count: int, tmp_path: Path) -> None:
    """Each coefficient is a cell of its row."""
    draw = np.random.default_rng(SEED)
    path = tmp_path / "take.csv"
    write_take(path, draw.uniform(0, 1, (6, len(CHANNELS))).astype(np.float32))
    for content, take in outcomes(versions(path, count), path, lambda: read_take(path)):
        assert take.coefficients.shape[1] == len(CHANNELS)
        assert np.isfinite(take.coefficients).all()
        assert np.isfinite(take.seconds).all()
        cells = {np.float32(cell) for cell in _numbers(content)}
        assert set(take.coefficients.ravel().tolist()) <= {float(cell) for cell in cells}


def _numbers(content: bytes) -> Iterator[float]:
    text = content.decode("utf-8", "replace")
    for cell in text.replace("\r", "\n").replace("\n", ",").replace(";", ",").replace("\t", ",").split(","):
        try:
            yield float(cell.strip().strip('"'))
        except ValueError:
            continue


@many
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp", "gif"])
def test_a_changed_image(kind: str, count: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(SEED)
    path = tmp_path / f"a.{kind}"
    Image.fromarray(draw.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(path)
    for _, pixels in outcomes(versions(path, -(-count // 5)), path, lambda: read_image(path, 16)):
        assert pixels.shape == (3, 16, 16)
        assert pixels.dtype == np.float32
        assert pixels.min() >= 0
        assert pixels.max() <= 1
