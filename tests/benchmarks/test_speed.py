"""Every speed benchmark runs with tiny sizes, and both of its ways do the same work."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import benchmarks.__main__ as command
from benchmarks.page import page, table
from benchmarks.speed import (
    estimators,
    evaluation,
    exports,
    gpu,
    livelink,
    llm_decoding,
    llm_training,
    rendering,
    startup,
    training,
)
from benchmarks.timing import clocked, in_turn, ratio, speeds
from kfzoo.animation.exporters import EXPORTERS
from kfzoo.models import VLMEstimator
from kfzoo.recordings.live_link import write_take
from tests.animation.heads import write_head
from tests.benchmarks.pages import cells, number

TINY = {"width": 32, "layers": 1, "max_analysis_tokens": 12}


@pytest.fixture
def short_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfzoo.models.llm_generator.prompt.system_text", lambda: 9 * "The mouth opens. ")


# Timing, pages and the command -----------------------------------------------------------------------------------


def test_jobs_run_in_turn_and_the_first_round_does_not_count() -> None:
    calls = []

    def job(name: str, value: float) -> float:
        calls.append(name)
        return value

    found = in_turn({"a": lambda: job("a", 1.0), "b": lambda: job("b", 2.0)}, 2)
    assert calls == ["a", "b"] * 3
    assert found == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert clocked(lambda: None)() >= 0


def test_speeds_are_of_one_unit_and_ratios_those_of_the_rounds() -> None:
    assert ratio([4.0, 9.0, 8.0], [2.0, 3.0, 2.0]) == 3
    found = cells(speeds({"slow": [4.0, 9.0, 8.0], "fast": [2.0, 3.0, 2.0]}, {"slow": 2, "fast": 1}, "face", ["slow"]))
    assert found["way"] == ["ms per face", "fastest", "slowest", "faces/s", "as fast as slow"]
    assert found["slow"] == ["4000", "2000", "4500", "0.25", "1 ×"]
    assert found["fast"] == ["2000", "2000", "3000", "0.5", "1.5 ×"]
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
    assert page("x", "T", "body").startswith("# T\n\n- hardware: ")


def test_the_command_lists_all_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    said = capsys.readouterr().out
    for folder, marker in (("speed", "\nTITLE = "), ("tables", "\ndef main(")):
        paths = (Path(command.__file__).parent / folder).glob("*.py")
        names = {path.stem for path in paths if marker in path.read_text()}
        assert len(names) > 4
        assert all(f"\n  {name} " in said for name in names)


def test_every_format_and_protocol_is_measured(tmp_path: Path) -> None:
    said = exports.measure(seconds=2, fps=10, rounds=1, head=str(write_head(tmp_path / "head.glb")))
    measured = {name.split("`")[1] for name in cells(said) if "`" in name}
    lacking = set() if find_spec("av") else {"mp4", "webm"}
    assert measured == set(EXPORTERS) - lacking
    assert number(cells(said, 1)["`live-link`"][1]) == 311
    assert ("Not measured" in said) == bool(lacking)


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["speed.livelink", "--seconds", "[1, 2]", "--rounds", "1"], tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["livelink.md"]
    said = (tmp_path / "livelink.md").read_text()
    assert said in capsys.readouterr().out
    assert "- command: `python -m benchmarks livelink --seconds '[1, 2]' --rounds 1`" in said
    assert {livelink.OURS, "`numpy.loadtxt`"} < cells(said).keys()
    assert number(cells(said, 1)[livelink.OURS][4]) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["livelnk"], "'livelnk': is not a benchmark; choose one of estimators, evaluation, "),
        (["estimators", "--runs", "none"], "--runs: there is no folder 'none'; give that of benchmarks.tables."),
        (["llm_decoding", "--checkpoint", "none.ckpt"], "none.ckpt"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments, tmp_path) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


# One smoke test for each -----------------------------------------------------------------------------------------


def test_startup() -> None:
    found = cells(startup.measure(rounds=1))
    assert number(found["`python -m kfzoo --help`"][0]) > 0
    assert number(found[startup.NOTHING][4]) == 1


def test_all_readers_read_the_same(tmp_path: Path) -> None:
    faces = livelink.faces(90)
    write_take(tmp_path / "take.csv", faces)
    for read in livelink.readers().values():
        np.testing.assert_allclose(read(tmp_path / "take.csv"), faces, rtol=0, atol=1e-7)


def test_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KFZOO_ICT_FACEKIT", raising=False)
    text = rendering.measure(sizes=(32,), count=3, rounds=1)
    ways = ["`DrawnFaces`, 32²", "writing PNG of `DrawnFaces`, 32²", "reading PNG of `DrawnFaces`, 32²"]
    assert list(cells(text))[1:] == ways
    assert "`MeshFaces` was not measured" in text


def test_training(tiny_sentence_encoder: str) -> None:
    changes: dict[str, Any] = {"text_encoder": tiny_sentence_encoder, "width": 16, "latent": 16, "variants": 0}
    found = cells(training.measure(scripts=60, epochs=1, rounds=1, changes=changes))
    assert list(found)[1:] == [training.TRAINER, training.BARE]
    assert number(found[training.TRAINER][4]) == pytest.approx(
        number(found[training.BARE][0]) / number(found[training.TRAINER][0]), rel=0.01
    )


def test_the_suite_and_the_usual_loops_agree() -> None:
    text = evaluation.measure(sizes=(320, 64), rounds=1, loops=320)
    assert list(cells(text))[1:] == [evaluation.OURS, "loops"]
    found = {name: list(map(number, row)) for name, row in list(cells(text, 1).items())[1:]}
    assert set(found) == {"mse", "fid", "w_dist", "diversity", *(f"r_precision_{k}" for k in (1, 2, 3))}
    for name, (loops, suite) in found.items():
        tolerance = 0.05 if name.startswith("r_") else 1e-4  # R-Precision: other pools
        assert loops == pytest.approx(suite, rel=tolerance), name
    assert 0.2 < found["r_precision_1"][0] < 0.99


def test_retrieval_counts_the_rank_in_the_pool() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 8))
    assert evaluation.retrieval(rows, rows) == [1, 1, 1]
    assert max(evaluation.retrieval(rows, -rows)) == 0


def test_decoding(short_prompt: None, tiny_qwen3: str) -> None:
    text = llm_decoding.measure(language_model=tiny_qwen3, scripts=1, rounds=1, limit=40)
    ours = ["ours, one at a time", "ours, the three keyframes of a script", "ours, all 3 together"]
    assert list(cells(text))[1:] == list(cells(text, 1))[1:] == [llm_decoding.FREE, llm_decoding.FREE_SCRIPT, *ours]
    assert [cells(text, 1)[way][0] for way in ours] == ["3 of 3"] * 3
    assert cells(text, 1)[llm_decoding.FREE][0] == "0 of 3"  # random weights, cut off


def test_tuning(short_prompt: None, tiny_qwen3: str) -> None:
    text = llm_training.measure(language_model=tiny_qwen3, scripts=2, rounds=1, size=2, precision="float32")
    losses = [number(row[0]) for row in list(cells(text, 1).values())[1:]]
    assert len(losses) == len(cells(text)) - 1 == 3
    assert losses == pytest.approx(3 * [losses[0]], rel=2e-6)


def test_a_graphics_card(short_prompt: None, tiny_qwen3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = gpu.measure(tiny_qwen3, tiny_qwen3, scripts=1, rounds=1, size=1, limit=20, device="cpu", precision="float32")
    assert len(cells(text)) == 1 + 5
    assert len(cells(text, 2)) == 1 + 3
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command.main(["gpu"], tmp_path) == 0
    assert (tmp_path / "gpu.md").read_text().endswith(f"\n\n{gpu.NONE}\n")
    assert "\n" not in gpu.NONE


def test_estimators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KFZOO_FACE_LANDMARKER", raising=False)
    text = estimators.measure(images=4, rounds=1, changes=TINY)
    assert re.findall(r"^## (.*)", text, re.MULTILINE) == [
        *(f"{name}, {way}" for name in ("A0", "A1", "A2") for way in ("one at a time", "together")),
        "direct regressor",
    ]
    assert list(cells(text, 1))[1:] == ["A0, together", "`generate`, together"]
    assert list(cells(text, 6))[1:] == ["direct regressor", estimators.BARE]
    assert "MediaPipe and SBCA were not measured: KFZOO_FACE_LANDMARKER names no model file." in text


def test_transformers_writes_what_ours_writes() -> None:
    torch.manual_seed(0)
    changes: dict[str, Any] = TINY | {"learning_rate": 1e-2, "cosine": False, "warmup_steps": 0, "tower_steps": 0}
    model = estimators.load("", estimators.RUNS["A1"], changes)
    assert isinstance(model, VLMEstimator)
    samples = estimators.rendered(3)
    batch = model.collate(samples)
    optimizer = model.configure_optimizers()
    for _ in range(160):
        optimizer.zero_grad()
        model.loss(batch)["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()
    ours = estimators.by_kfzoo(model, samples, 3)
    assert len(set(ours)) == 3  # the images count
    assert estimators.by_kfzoo(model, samples, 1) == ours
    assert estimators.by_transformers(model, batch.images, 3) == ours
    assert estimators.by_transformers(model, batch.images, 1) == ours


def test_checkpoints_answer_where_they_are(tmp_path: Path) -> None:
    model = estimators.load("", estimators.RUNS["A0"], TINY)
    folder = tmp_path / estimators.RUNS["A0"]
    folder.mkdir()
    stored: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(stored)
    torch.save(stored, folder / "best.ckpt")
    theirs = estimators.load(str(tmp_path), estimators.RUNS["A0"], {}).state_dict()
    assert all(torch.equal(values, theirs[name]) for name, values in model.state_dict().items())
