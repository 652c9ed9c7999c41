"""The benchmark of the image estimators, on tiny ones: both ways do the same job, and the tables add up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import estimator_ways, estimators
from benchmarks.__main__ import main
from benchmarks.estimator_ways import BARE, DEGREES, REGRESSOR, fresh, generated, rendered
from kfzoo.annotation.rule import analyse
from kfzoo.arkit.channels import CHANNELS
from kfzoo.models import VLMEstimator

TINY: dict[str, Any] = {"width": 32, "layers": 1, "max_analysis_tokens": 12}


@pytest.fixture(autouse=True)
def nothing_but_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KFZOO_ICT_FACEKIT", "KFZOO_FACE_LANDMARKER"):
        monkeypatch.delenv(name, raising=False)


def cells(text: str, table: int) -> dict[str, list[str]]:
    """Returns the rows of one of the tables by their first cell."""
    found = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)[table]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]
    assert len({len(row) for row in rows}) == 1
    return {row[0]: row[1:] for row in rows[2:]}


def number(cell: str) -> float:
    return float(re.sub(r"[^0-9.e-]", "", cell.split("(")[0]))


def answer_tokens(degree: str, coefficients: np.ndarray[Any, Any]) -> int:
    """Counts an answer's tokens by what they are: brackets, names, values; words and marks; the end."""
    bare = {"A0": 2 + len(CHANNELS), "A1": 2 + 2 * len(CHANNELS), "A2": 2 + 2 * len(CHANNELS)}[degree] + 1
    if degree != "A2":
        return bare
    heading = r"\d\. \*\*[A-Za-z ]+\*\*:|   - \*\*[A-Za-z]+\*\*:"
    return bare + len(re.findall(rf"{heading}|  \n| ?[A-Za-z]+|[^A-Za-z]", analyse(coefficients).text() + "\n\n"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The page and the record of a tiny run."""
    record = tmp_path_factory.mktemp("record") / "found.json"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("KFZOO_ICT_FACEKIT", "KFZOO_FACE_LANDMARKER"):
            patch.delenv(name, raising=False)
        text = estimators.measure(rounds=2, images=4, alone=2, batch=5, record=record, **TINY)
    return text, json.loads(record.read_text())


def test_answering(measured: tuple[str, dict[str, Any]]) -> None:
    text, record = measured
    rows = cells(text, 0)
    ways = ("{}, one at a time", "{}, together", "{}, `generate`, one at a time", "{}, `generate`, together")
    written = [way.format(name) for name in DEGREES for way in ways]
    read = [f"reading the files, {size}²" for size in (64, 256)]
    assert list(rows) == [REGRESSOR, BARE, *written, *read] == list(record["answering"])
    for name, row in rows.items():
        seconds = record["answering"][name]
        assert len(seconds) == 2
        assert number(row[0]) == pytest.approx(1000 * sum(seconds) / 2, rel=0.01)
        assert number(row[3]) == pytest.approx(1000 / number(row[0]), rel=0.01)
    for name, tokens in (("A0", 63), ("A1", 124)):
        for way in ("one at a time", "together"):
            assert number(rows[f"{name}, {way}"][5]) == tokens
            assert number(rows[f"{name}, {way}"][4]) < tokens  # guesses hold
            assert number(rows[f"{name}, `generate`, {way}"][4]) <= tokens + 1
    for way in ("one at a time", "together"):
        assert number(rows[f"A2, {way}"][5]) <= 12 + 2 + 124
        for place, other in ((7, "one at a time"), (8, "together")):
            theirs = record["answering"][f"A1, `generate`, {other}"]
            pairs = zip(theirs, record["answering"][f"A1, {way}"], strict=True)
            assert number(rows[f"A1, {way}"][place]) == pytest.approx(sum(a / b for a, b in pairs) / 2, abs=0.006)
    assert rows[REGRESSOR][4:6] == rows[read[0]][4:6] == ["–", "–"]
    assert "- A0: 2 of 2 answers of ours are valid" in text
    said = " ".join(text.split())
    assert "Random weights answer as direct regressor, A0, A1, A2" in said
    assert "MediaPipe and SBCA were not measured: KFZOO_FACE_LANDMARKER names no model file." in said


def test_training(measured: tuple[str, dict[str, Any]]) -> None:
    text, record = measured
    rows = cells(text, 1)
    theirs = {name: f"{name}, transformers' own loss" for name in DEGREES}
    assert list(rows) == [REGRESSOR, BARE, *(row for name in DEGREES for row in (name, theirs[name]))]
    faces = [sample.keyframe.coefficients for sample in rendered(5)]
    for name in DEGREES:
        answer = sum(answer_tokens(name, face) for face in faces if face is not None) / 5
        assert f"(2 + 4 + {answer:.4g})" in rows[name][4]
        assert number(rows[name][4]) == pytest.approx(2 + 4 + answer, abs=0.05)
        for way in (name, theirs[name]):
            per_second = number(rows[way][4]) * number(rows[way][3])
            assert number(rows[way][5]) == pytest.approx(per_second, rel=0.01)
        parameters = sum(each.numel() for each in fresh(name, TINY).parameters())
        assert number(rows[name][6]) == pytest.approx(6e-6 * parameters * number(rows[name][4]), rel=0.01, abs=0.5)
        assert 0 < number(rows[name][7]) < number(rows[name][6])  # most of tiny's weights are looked up
        pairs = zip(record["training"][theirs[name]], record["training"][name], strict=True)
        assert number(rows[name][9]) == pytest.approx(sum(a / b for a, b in pairs) / 2, abs=0.006)
        assert rows[theirs[name]][9] == "1.00 ×"
    assert rows[REGRESSOR][4:7] == ["–"] * 3
    found = re.search(r"the losses of both ways differ by (\S+) of one at most", text)
    assert found is not None
    assert float(found[1]) < 1e-5
    assert re.search(r"- A1 takes \S+ × the time of A0, and has 1\.87 × its tokens\.", text)


@pytest.mark.parametrize("degree", ["A0", "A1"])
def test_transformers_writes_what_ours_writes(degree: str) -> None:
    torch.manual_seed(0)
    model = fresh(degree, TINY | {"learning_rate": 1e-2})
    assert isinstance(model, VLMEstimator)
    batch = model.collate(rendered(3))
    optimizer = model.configure_optimizers()
    for _ in range(160):
        optimizer.zero_grad()
        loss = model.loss(batch)["loss"]
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()
    ours = model.answer(batch.images)
    for parts in ((batch.images,), torch.split(batch.images, 1)):
        theirs = estimator_ways.read(lambda images: generated(model, images), parts)
        assert [answer.text for answer, _ in theirs] == [answer.text for answer in ours]
        assert [answer.ids for answer, _ in theirs] == [answer.ids for answer in ours]
        assert all(valid for _, valid in theirs)
        assert {answer.passes for answer, _ in theirs} == {len(ours[0].ids) + 1}
    assert len({answer.text for answer in ours}) == 3  # the images count


def test_checkpoints_answer_where_they_are(tmp_path: Path) -> None:
    model = fresh("A0", TINY)
    folder = tmp_path / "vlm_estimator-builtin_a0"
    folder.mkdir()
    stored: dict[str, Any] = {"hyper_parameters": dict(model.hparams)}
    model.on_save_checkpoint(stored)
    torch.save(stored, folder / "best.ckpt")
    models, untrained = estimator_ways.answering_models(str(tmp_path), TINY)
    assert untrained == [REGRESSOR, "A1", "A2"]
    assert list(models) == [REGRESSOR, "A0", "A1", "A2"]
    assert not any(each.training for each in models.values())
    theirs = models["A0"].state_dict()
    assert all(torch.equal(values, theirs[name]) for name, values in model.state_dict().items())


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["estimators", "--runs", str(tmp_path / "none"), "--out", str(tmp_path)])
    assert capsys.readouterr().err.strip().endswith("/none'; give that of benchmarks.semanticface")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimators, "measure", lambda **settings: json.dumps(settings, default=str, sort_keys=True))
    main(["estimators", "--runs", "runs/semanticface", "--rounds", "3", "--out", str(tmp_path)])
    said = (tmp_path / "estimators.md").read_text()
    given = {"record": str(tmp_path / "estimators.json"), "rounds": 3, "runs": "runs/semanticface"}
    assert said.endswith(f"\n\n{json.dumps(given)}\n")
    assert "- command: `python -m benchmarks estimators --runs runs/semanticface --rounds 3`" in said
    assert said.startswith("# The image estimators\n")
