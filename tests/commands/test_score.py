"""`score`, driven in this process as a user would."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from rich.console import Console

from kfzoo.data.batch import Sample
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.data.sources.live_link import LiveLinkTakes
from kfzoo.evaluation.evaluator import TextMotionEvaluator
from kfzoo.evaluation.leaderboard import render_markdown
from kfzoo.evaluation.report import print_report
from kfzoo.evaluation.results import find_runs, read_results, samples_path
from kfzoo.evaluation.samples import read_samples
from kfzoo.recordings.read import read_take
from tests.commandline import ROOT, Capture, refusal, run, shrink
from tests.real_data import KEYFRAMEFACE, SEMANTICFACE, needs_real_data


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a nearest neighbour's run on few scripts, with its predictions."""
    folder = tmp_path_factory.mktemp("trained")
    small = shrink(ROOT / "configs" / "nearest_neighbour" / "builtin.yaml", folder, takes=folder, clip="")
    small.write_text(small.read_text().replace("n: 42", "n: 150"))
    assert run("fit", "--config", small) == 0
    assert run("predict", "--config", small) == 0
    return folder / "run"


@pytest.fixture
def lines(trained: Path) -> list[dict[str, Any]]:
    """The lines of the predictions."""
    return [json.loads(line) for line in (trained / "predictions.jsonl").read_text().splitlines()]


def write(path: Path, lines: Sequence[object]) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_predictions_score_as_in_the_models_own_test(trained: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "new" / "scored.json"
    assert run("score", trained / "predictions.jsonl", "--data", trained, "--out", out, "--name", "Mine") == 0
    own, scored = read_results(trained / "results.json"), read_results(out)
    assert scored.data == own.data
    assert (scored.count, scored.invalid, scored.status) == (own.count, own.invalid, "complete")
    assert (scored.model, scored.run, scored.class_path) == ("Mine", "predictions", "predictions")
    assert scored.scores.keys() == own.scores.keys()
    for name, score in own.scores.items():
        # Four digits make ties of the smallest values, which share a rank.
        rounding = 2e-3 if "spearman" in name else 1e-4
        assert scored.scores[name].value == pytest.approx(score.value, abs=rounding), name
        assert scored.scores[name].interval == pytest.approx(score.interval, abs=10 * rounding), name
    assert scored.references == own.references
    assert scored.tables.keys() == own.tables.keys()
    mine, theirs = read_samples(samples_path(out)), read_samples(samples_path(trained / "results.json"))
    np.testing.assert_array_equal(mine.ids, theirs.ids)
    np.testing.assert_allclose(mine.mse, theirs.mse, atol=1e-4)
    assert len(str(scored.config["sha256"])) == 64
    assert scored.config["faults"] == []
    said = capsys.readouterr()
    assert said.err == ""
    assert f"answered   {own.count} of {own.count} keyframes (matched: {own.count} by id)" in said.out
    for words in ("Cross comparison", "HeadYaw", "By region", "By emotion", "By subject", "By keyframe"):
        assert words in said.out
    assert "value 95 % ground truth chance mean zero" in " ".join(said.out.split())
    shutil.copy(trained / "results.json", tmp_path / "new" / "own.json")
    shutil.copy(samples_path(trained / "results.json"), samples_path(tmp_path / "new" / "own.json"))
    board = render_markdown(find_runs(tmp_path / "new"))
    assert board.count("## BuiltinScripts") == 1
    assert "| Mine " in board.replace("**", "")


def test_a_configuration_or_scripts_give_the_same_numbers(
    trained: Path, tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    source = yaml.safe_load((trained / "config.yaml").read_text())["data"]["init_args"]["source"]
    write_scripts(tmp_path / "scripts.jsonl", BuiltinScripts(**source["init_args"]))
    predictions = write(tmp_path / "p.jsonl", lines)
    scores = []
    for number, data in enumerate((trained, trained.parent / "builtin.yaml", tmp_path / "scripts.jsonl")):
        assert run("score", predictions, "--data", data, "--out", tmp_path / f"{number}.json") == 0
        scores.append(read_results(tmp_path / f"{number}.json"))
    assert scores[0].scores == scores[1].scores
    assert scores[0].data == scores[1].data
    # Scripts on disk are rounded, and are another source of the same content.
    assert scores[2].data.fingerprint == scores[0].data.fingerprint
    assert scores[2].data.split == scores[0].data.split
    assert scores[2].scores["mse"].value == pytest.approx(scores[0].scores["mse"].value, abs=1e-4)
    assert len(list(ScriptsJsonl(tmp_path / "scripts.jsonl"))) == 150


def damaged(lines: list[dict[str, Any]]) -> list[object]:
    """One fault of each kind; two of the keyframes are lost by them and two more by the model's own mark."""
    spoilt = json.loads(json.dumps(lines))
    spoilt[1]["coefficients"]["JawOpen"] = float("nan")
    spoilt[2]["valid"] = spoilt[3]["valid"] = False
    return [*spoilt[:-1], spoilt[0], json.dumps(spoilt[-1])[:200]]


def test_faults_are_reported_counted_and_scored_as_the_mean_face(
    trained: Path, tmp_path: Path, lines: list[dict[str, Any]], capsys: Capture
) -> None:
    path = write(tmp_path / "p.jsonl", damaged(lines))
    path.write_text(path.read_text().rstrip("\n"))  # cut off
    assert run("score", path, "--data", trained) == 0
    said = capsys.readouterr()
    count = len(lines)
    first, second, third, fourth = said.err.splitlines()
    assert first == (
        f"{path}:2: the answer to '{lines[1]['id']}' is not valid: channel 'JawOpen' is NaN, expected a finite number"
    )
    assert second == f"{path}:{count}: answers '{lines[0]['id']}', as {path}:1 does already; the first counts"
    assert third.startswith(f"{path}:{count + 1}: is cut off or no JSON (")
    assert fourth == f"{path}: has no answer to 1 of the {count} keyframes: '{lines[-1]['id']}'"
    results = read_results(tmp_path / "p.results.json")
    assert (results.count, results.invalid, results.status) == (count, 4, "complete")
    assert results.config["faults"] == said.err.splitlines()
    assert f"answered   {count - 4} of {count} keyframes" in said.out
    assert "4 without a usable answer, scored as the mean face" in said.out
    assert f"invalid    4 of {count} samples" in said.out
    samples = read_samples(tmp_path / "p.results.samples.csv")
    assert (~samples.valid).sum() == 4
    np.testing.assert_allclose(samples.mse[~samples.valid], samples.mean_face_mse[~samples.valid], rtol=1e-6)


def test_strict_refuses_and_writes_nothing(
    trained: Path, tmp_path: Path, lines: list[dict[str, Any]], capsys: Capture
) -> None:
    path = write(tmp_path / "p.jsonl", damaged(lines))
    assert run("score", path, "--data", trained, "--strict") == 2
    said = capsys.readouterr()
    *faults, last = said.err.splitlines()
    assert len(faults) == 4
    assert last == f"kfzoo: {path}: holds 4 faults, and nothing was scored; leave out --strict to score the rest"
    assert said.out == ""
    assert list(tmp_path.iterdir()) == [path]
    # An answer that the model marks as none is no fault.
    write(path, [lines[0] | {"valid": False}, *lines[1:]])
    assert run("score", path, "--data", trained, "--strict") == 0
    assert read_results(tmp_path / "p.results.json").invalid == 1


def test_of_many_faults_the_first_are_printed_and_all_are_kept(
    trained: Path, tmp_path: Path, lines: list[dict[str, Any]], capsys: Capture
) -> None:
    path = write(tmp_path / "p.jsonl", [*lines, *(["x"] * 25)])
    assert run("score", path, "--data", trained) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 21
    assert said[-1] == "5 faults more; the results file holds all of them"
    assert len(read_results(tmp_path / "p.results.json").config["faults"]) == 25
    assert run("score", path, "--data", trained, "--strict") == 2
    assert len(capsys.readouterr().err.splitlines()) == 26


class Evaluator:
    """Stands in for a learned evaluator: both sides are what is known of the face."""

    annotation, digest = "arkit", "judged"

    def embed_samples(self, samples: Sequence[Sample]) -> torch.Tensor:
        return torch.from_numpy(np.stack([np.asarray(sample.keyframe.coefficients) for sample in samples]))

    def embed_motion(self, coefficients: torch.Tensor) -> torch.Tensor:
        return coefficients.float()


def test_an_evaluator_adds_its_metrics(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def load(path: str) -> Evaluator:
        asked.append(path)
        return Evaluator()

    monkeypatch.setattr("kfzoo.evaluation.evaluator.load_evaluator", load)
    monkeypatch.setattr("kfzoo.evaluation.evaluator.check_evaluator", lambda *given: asked.append(given[1:]))
    out = tmp_path / "p.json"
    arguments = ["--data", trained, "--evaluator", "some.ckpt", "--out", out]
    assert run("score", trained / "predictions.jsonl", *arguments) == 0
    results = read_results(out)
    assert asked == ["some.ckpt", (results.data.fingerprint, results.data.split)]
    assert results.evaluator == "judged"
    assert {"mmd", "fid_embedding", "r_precision_full_1"} <= results.scores.keys()
    assert results.references["ground_truth"]["mmd"].value == pytest.approx(0)


def test_an_evaluator_without_its_descriptions_is_refused(
    tiny_sentence_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    evaluator = TextMotionEvaluator(tiny_sentence_encoder, dim=8, width=8)
    monkeypatch.setattr("kfzoo.evaluation.evaluator.load_evaluator", lambda path: evaluator)
    keyframes = [{"index": at, "time": at, "original": f"Smile {at}."} for at in range(3)]
    script = {"id": "own", "subject": "a", "background": "", "emotion": "joy", "keyframes": keyframes}
    data = write(tmp_path / "scripts.jsonl", [script])
    path = write(tmp_path / "p.jsonl", [{"id": f"own#{at}", "coefficients": [at / 10] * 61} for at in range(3)])
    said = refusal(capsys, "score", path, "--data", data, "--evaluator", "e")
    assert said.startswith("--evaluator: reads 'arkit' descriptions, and 3 keyframes such as 'own#0' have none")
    for keyframe in keyframes:
        keyframe["arkit"] = keyframe.pop("original")
    write(data, [script])
    assert run("score", path, "--data", data, "--evaluator", "e") == 0
    results = read_results(tmp_path / "p.results.json")
    assert results.status == "no ground truth"
    assert {"mmd", "r_precision_full_1", "diversity"} <= results.scores.keys()
    assert "mse" not in results.scores
    assert results.data.annotation == "arkit"


def test_takes_are_scored_from_takes(takes_folder: Path, tmp_path: Path, capsys: Capture) -> None:
    config = ROOT / "configs" / "nearest_neighbour" / "takes.yaml"
    arguments = ["--data", config, "--folder", takes_folder]
    assert run("score", takes_folder, *arguments, "--out", tmp_path / "a.json") == 0
    results = read_results(tmp_path / "a.json")
    assert results.status == "complete"
    assert results.scores["mse"].value == pytest.approx(0, abs=1e-9)
    assert (results.invalid, results.run) == (0, takes_folder.name)
    assert "4 answers to what was not asked for are left out" in capsys.readouterr().out
    scored = set(read_samples(tmp_path / "a.samples.csv").recordings.tolist())
    (clip,) = {each.recording for each in LiveLinkTakes(takes_folder, fps=6.0) if each.recording in scored}
    assert run("score", takes_folder / f"{clip}.csv", *arguments, "--out", tmp_path / "b.json") == 0
    assert read_results(tmp_path / "b.json").scores == results.scores
    assert results.count == round(read_take(takes_folder / f"{clip}.csv").seconds[-1] * 6)


@needs_real_data
def test_what_keyframeface_released(tmp_path: Path, capsys: Capture) -> None:
    folder = KEYFRAMEFACE
    requests, answers = folder / "example.jsonl", folder / "example_result.jsonl"
    out = ["--out", tmp_path / "r.json"]
    assert run("score", answers, "--data", requests, *out) == 0
    results = read_results(tmp_path / "r.json")
    assert (results.count, results.invalid, results.status) == (2, 0, "no ground truth")
    assert results.scores.keys() == {"diversity"}
    assert not (tmp_path / "r.samples.csv").exists()
    said = capsys.readouterr()
    assert said.err == ""
    assert "2 keyframes, data " in said.out
    # The released CSV holds the same faces; as ground truth, they give no error.
    assert run("score", folder / "example_result.csv", "--data", requests, "--target", answers, *out) == 0
    results = read_results(tmp_path / "r.json")
    assert (results.count, results.invalid) == (2, 0)
    assert results.scores["mse"].value == 0
    assert results.status == "partial"  # nothing to compare with others': there is no training part


@needs_real_data
def test_what_semanticface_released(tmp_path: Path, capsys: Capture) -> None:
    folder = SEMANTICFACE
    answers = tmp_path / "answers.jsonl"
    answers.write_bytes((folder / "example_result.jsonl").read_bytes())
    arguments = ["score", answers, "--data", folder / "example.jsonl"]
    assert run(*arguments) == 0
    results = read_results(tmp_path / "answers.results.json")
    assert (results.count, results.invalid, results.status) == (8, 4, "no ground truth")
    said = capsys.readouterr()
    assert said.err == (
        f"{answers}: has no answer to 4 of the 8 keyframes: 'example-0005#0', 'example-0006#0', 'example-0007#0', …\n"
    )
    assert "answered   4 of 8 keyframes (matched: 4 by request)" in said.out
    assert "4 without a usable answer, in no number: there is no training part" in said.out
    assert run(*arguments, "--strict") == 2
    # Where the ground truth is known of some, those are scored.
    assert run(*arguments, "--target", folder / "example_result.jsonl") == 0
    results = read_results(tmp_path / "answers.results.json")
    assert (results.count, results.invalid, results.status) == (4, 0, "partial")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--data: is missing; give a run's folder"),
        (["--data", "nowhere"], "--data: there is no 'nowhere'"),
        (["--data", "."], "config.yaml: cannot be read ("),
        (["--data", "empty.yaml"], "empty.yaml: holds no `data` section with a source"),
        (["--data", "typo.yaml"], "typo.yaml: data: Option 'batchsize' is not accepted; did you mean 'batch_size'?"),
        (["--data", "CONFIG", "--target", "x"], "--target: is of use for JSON Lines alone; "),
        (["--data", "CONFIG", "--annotation", "arkit"], "--annotation: is of use for JSON Lines alone; "),
        (["--data", "own.jsonl", "--target", "x"], "--target: is of use for chat requests alone; own.jsonl holds"),
        (["--data", "own.jsonl", "--folder", "x"], "--folder: is of use for configurations alone; "),
        (["--data", "own.jsonl", "--part", "val"], "--part: is 'val', but the data has no parts"),
        (["--data", "own.jsonl", "--part", "tst"], "part: "),
        (["--data", "own.jsonl"], "p.jsonl: not one answer fits the 1 keyframes that were asked for (p.jsonl:1: id"),
        (["--data", "own.jsonl", "--stric"], "did you mean 'strict'?"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("p.jsonl"), [{"id": "other#0", "coefficients": [0] * 61}])
    keyframe = {"index": 0, "time": 0, "arkit": "A smile.", "coefficients": [0] * 61}
    script = {"id": "own", "subject": "a", "background": "", "emotion": "joy", "keyframes": [keyframe]}
    write(Path("own.jsonl"), [script])
    Path("empty.yaml").write_text("model: x\n")
    settings = {"source": {"class_path": "BuiltinScripts"}, "batchsize": 1}
    data = {"class_path": "KeyframeDataModule", "init_args": settings}
    Path("typo.yaml").write_text(yaml.safe_dump({"data": data}))
    config = str(ROOT / "configs" / "mean_face" / "builtin.yaml")
    given = [config if each == "CONFIG" else each for each in arguments]
    assert message in refusal(capsys, "score", "p.jsonl", *given)
    assert not list(Path().glob("*.results*"))


def test_a_report_fits_into_a_terminal(trained: Path) -> None:
    console = Console(file=io.StringIO(), width=100)
    print_report(read_results(trained / "results.json"), console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100
