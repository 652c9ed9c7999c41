"""What is committed as the leaderboard is what its results files give, and every configuration has its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.leaderboard import Board, keep
from kfzoo.configs import read_config
from kfzoo.evaluation.results import find_runs
from tests.commandline import CONFIGS, ROOT, run

RESULTS = ROOT / "benchmarks" / "results"


def check(results: Path, out: Path) -> int:
    return run("leaderboard", "--results", results, "--out", out, "--check")


def test_the_leaderboard_is_not_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(RESULTS / "runs", RESULTS / "leaderboard.md") == 0
    for name in ("leaderboard.md", "leaderboard.html"):
        (tmp_path / name).write_text((RESULTS / name).read_text(encoding="utf-8"), encoding="utf-8")
    table = tmp_path / "leaderboard.md"
    table.write_text(table.read_text(encoding="utf-8").replace("MeanFace", "BestFace"), encoding="utf-8")
    capsys.readouterr()
    assert check(RESULTS / "runs", table) == 2
    assert "is stale" in capsys.readouterr().err


def short(values: Any) -> Any:
    """A resolved configuration with the short class names that the files have."""
    if not isinstance(values, dict):
        return values
    return {key: each.rpartition(".")[2] if key == "class_path" else short(each) for key, each in values.items()}


@pytest.mark.parametrize("board", [Board("builtin"), Board("builtin", condition="image")])
def test_every_builtin_configuration_has_its_row(board: Board) -> None:
    rows = {each.results.run: each.results for each in find_runs(RESULTS / "runs")}
    evaluators = set()
    for config in board.configs:
        row = rows[board.name(config)]
        values = read_config(config)
        assert row.config["model"]["class_path"].rpartition(".")[2] == values["model"]["class_path"]
        assert short(row.config["data"]["init_args"]["source"]) == values["data"]["init_args"]["source"]
        evaluators.add(row.evaluator)
    assert len(evaluators) == 1
    assert None not in evaluators


def test_every_configuration_stands_on_one_board() -> None:
    found = [*Board("builtin").configs, *Board("builtin", condition="image").configs]
    assert sorted(found) == [each for each in CONFIGS if each.stem.startswith("builtin")]


def test_results_tell_no_machines_paths() -> None:
    for path in sorted((RESULTS / "runs").rglob("*.json")):
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text
        assert '"/' not in text, path


def test_the_evaluator_is_trained_first_and_judges_all(tmp_path: Path) -> None:
    commands = list(Board("takes", "-x", ("--data.y=1",)).commands(tmp_path))
    names = [name for name, _ in commands]
    assert names[0] == "evaluator-text_motion_takes-x"
    assert "aligned_autoencoder-takes-x" in names[1:]
    assert all("--data.y=1" in command for _, command in commands)
    evaluator = f"--evaluator={tmp_path / names[0]}"
    assert [evaluator in command for _, command in commands] == [False] + [True] * (len(commands) - 1)


def test_only_what_is_needed_is_kept(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("results.json", "best.ckpt"):
        (tmp_path / "run" / name).write_text("x")
    keep(tmp_path / "run", tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["results.json"]
