"""The committed pages are what their results files give, and every configuration has its row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.tables import mdm_steps, semanticface_page
from benchmarks.tables.leaderboard import Board
from benchmarks.tables.runs import keep
from kfzoo.configs import read_config
from kfzoo.evaluation.results import find_runs
from tests.commandline import ROOT, run

RESULTS = ROOT / "benchmarks" / "results"
BOARDS = [Board("builtin"), Board("builtin", condition="image")]


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


def test_the_other_pages_are_not_stale(tmp_path: Path) -> None:
    for name in ("runs", "wild"):
        (tmp_path / name).symlink_to(RESULTS / name)
    semanticface_page.write_page(tmp_path)
    pages = {
        "semanticface.md": (tmp_path / "semanticface.md").read_text(encoding="utf-8"),
        "mdm_steps.md": mdm_steps.page(json.loads((RESULTS / "mdm_steps.json").read_text(encoding="utf-8"))),
    }
    for name, text in pages.items():
        assert (RESULTS / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.condition)
def test_every_builtin_configuration_has_its_row(board: Board) -> None:
    rows = {each.results.run: each.results for each in find_runs(RESULTS / "runs")}
    found = {config: rows[board.name(config)] for config in board.configs}
    for config, row in found.items():
        class_path: str = read_config(config)["model"]["class_path"]
        assert row.class_path.rpartition(".")[2] == class_path.rpartition(".")[2]
    scored = {(row.data.fingerprint, row.data.split, row.data.part, row.evaluator) for row in found.values()}
    assert len(scored) == 1
    assert None not in scored.pop()


def test_every_configuration_is_on_one_board() -> None:
    found = [config for board in BOARDS for config in board.configs]
    assert sorted(found) == sorted((ROOT / "configs").glob("*/builtin*.yaml"))


def test_results_hold_no_paths_of_a_machine() -> None:
    for path in sorted((RESULTS / "runs").rglob("*.json")):
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text
        assert '"/' not in text, path


def test_the_evaluator_is_trained_first_and_scores_all(tmp_path: Path) -> None:
    commands = list(Board("takes", "-x", ("--data.y=1",)).commands(tmp_path))
    names = [name for name, _ in commands]
    assert names[0] == "evaluator-text_motion_takes-x"
    assert "aligned_autoencoder-takes-x" in names[1:]
    assert all("--data.y=1" in command for _, command in commands)
    evaluator = f"--evaluator={tmp_path / names[0]}"
    assert [evaluator in command for _, command in commands] == [False] + [True] * (len(commands) - 1)


def test_only_the_needed_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("results.json", "best.ckpt"):
        (tmp_path / "run" / name).write_text("x")
    keep(tmp_path / "run", tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["results.json"]
