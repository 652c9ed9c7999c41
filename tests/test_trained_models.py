"""Minutes long (`python -m pytest -m slow`): what the cards claim, trained again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.commandline import ROOT, results, run
from tests.real_data import LIVELINK, needs_real_data


def mse(folder: Path) -> float:
    value: float = results(folder)["scores"]["mse"]["value"]
    return value


def reference(folder: Path, name: str) -> float:
    value: float = results(folder)["references"][name]["mse"]["value"]
    return value


@pytest.mark.slow
def test_the_autoencoder_halves_the_mean_faces_error_on_unseen_words(tmp_path: Path) -> None:
    began = time.perf_counter()
    autoencoder, neighbour = tmp_path / "autoencoder", tmp_path / "neighbour"
    config = ROOT / "configs" / "aligned_autoencoder" / "builtin.yaml"
    assert run("fit", "--config", config, "--run_dir", autoencoder) == 0
    assert run("test", "--config", config, "--run_dir", autoencoder) == 0
    print(f"fit, then test: {time.perf_counter() - began:.0f} s")
    config = ROOT / "configs" / "nearest_neighbour" / "builtin.yaml"
    assert run("fit", "--config", config, "--run_dir", neighbour) == 0
    assert results(autoencoder)["data"] == results(neighbour)["data"]
    assert mse(autoencoder) <= reference(autoencoder, "mean_face") / 2
    assert mse(autoencoder) < mse(neighbour)


@needs_real_data
@pytest.mark.slow
def test_the_autoencoder_beats_mean_face_and_neighbour_on_held_out_takes(tmp_path: Path) -> None:
    parts = [
        "--data.init_args.source.init_args.folder", LIVELINK,
        "--data.init_args.split.test", "[Angry_MySlate_166, Fearful_MySlate_162, Sad_MySlate_168]",
        "--data.init_args.split.val", "[Sad_MySlate_167]",
    ]  # fmt: skip
    for method in ("aligned_autoencoder", "nearest_neighbour"):
        config = ROOT / "configs" / method / "takes.yaml"
        assert run("fit", "--config", config, "--run_dir", tmp_path / method, *parts) == 0
    autoencoder = mse(tmp_path / "aligned_autoencoder")
    assert autoencoder < reference(tmp_path / "aligned_autoencoder", "mean_face")
    assert autoencoder < mse(tmp_path / "nearest_neighbour")
