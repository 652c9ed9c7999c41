"""The command `leaderboard`: its files, whether they are stale, and results files that cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kfzoo.__main__ import main
from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard import check_leaderboard, render_markdown
from kfzoo.evaluation.results import find_runs, write_results
from tests.evaluation.leaderboard_runs import run

GOOD = run("good", 0.01, model="aligned_autoencoder", diversity=0.9)
BAD = run("bad", 0.02, diversity=1.3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for each in (BAD, GOOD):
        assert each.samples is not None
        write_results(tmp_path / "runs" / each.results.run / "results.json", each.results, each.samples)
    return tmp_path / "runs"


def test_command_writes_both_files_and_check_finds_them_fresh(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "--results", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["bad", "good", "leaderboard.html", "leaderboard.md"]
    markdown, page = folder / "leaderboard.md", folder / "leaderboard.html"
    assert markdown.read_text(encoding="utf-8") == render_markdown(find_runs(folder))
    assert capsys.readouterr().out.endswith(f"\n{markdown}\n{page}\n")
    before = {path: path.stat().st_mtime_ns for path in (markdown, page)}
    assert main(["leaderboard", "--results", str(folder), "--check=true"]) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert capsys.readouterr().out == f"{markdown} and {page} are up to date\n"


@pytest.mark.parametrize("name", ["leaderboard.md", "leaderboard.html"])
@pytest.mark.parametrize("fault", ["is stale: the results files give another text", "is missing"])
def test_check_fails_with_exit_code_two(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, fault: str
) -> None:
    assert main(["leaderboard", "--results", str(folder)]) == 0
    path = folder / name
    path.write_text(path.read_text() + " ") if "stale" in fault else path.unlink()
    capsys.readouterr()
    assert main(["leaderboard", "--results", str(folder), "--check=true"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"kfzoo: {path}: {fault}; run `python -m kfzoo leaderboard --results {folder} --out ")
    assert message.count("\n") == 1
    assert "--check" not in message


def test_check_sees_new_results(folder: Path) -> None:
    assert main(["leaderboard", "--results", str(folder), "--out", str(folder / "x" / "table.md")]) == 0
    assert (folder / "x" / "table.html").is_file()
    check_leaderboard(folder / "x" / "table.md", find_runs(folder), "again")
    more = run("more", 0.03)
    assert more.samples is not None
    write_results(folder / "more" / "results.json", more.results, more.samples)
    for name in ("table.md", "table.html"):
        with pytest.raises(InputError, match=r"is stale: .*; run `again` to write it again"):
            check_leaderboard(folder / "x" / name, find_runs(folder), "again")


def test_a_run_without_its_samples_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good" / "results.samples.csv").unlink()
    assert main(["leaderboard", "--results", str(folder)]) == 2
    message = capsys.readouterr().err
    assert "good/results.samples.csv: cannot be read" in message
    assert message.count("\n") == 1


def test_broken_and_foreign_files_are_left_out_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = "[" * 5000 + "]" * 5000
    texts = {
        "cut.json": '{"format": "kfzoo-results", "schema": 2, "run"',
        "deep.json": f'{{"format": "kfzoo-results", "schema": 2, "config": {deep}}}',
        "huge.json": f'{{"format": "kfzoo-results", "schema": 2, "count": {"9" * 5000}}}',
        "later.json": '{"format": "kfzoo-results", "schema": 99}',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "split.json").write_text("{}")
    (folder / "a.json").mkdir()
    unranked = run("unranked", 0.03)
    scores = {name: score for name, score in unranked.results.scores.items() if name != "mse"}
    write_results(folder / "unranked" / "results.json", replace(unranked.results, scores=scores), unranked.samples)
    other = run("other", 0.03)
    assert other.samples is not None
    moved = replace(other.samples, ids=np.array([f"x{name}" for name in other.samples.ids]))
    write_results(folder / "other" / "results.json", other.results, moved)
    assert main(["leaderboard", "--results", str(folder)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{folder}: 6 of 8 results files cannot be used and are left out: " in said
    assert all(str(folder / name) in said for name in texts)
    assert "results of run 'unranked': lack the metric 'mse'" in said
    assert "samples of run 'other': are not those of the other runs on the same data" in said
    text = (folder / "leaderboard.md").read_text()
    assert all(f"| {name} |" in text for name in ("good", "bad"))
    assert "unranked" not in text


def test_a_folder_of_broken_results_alone_writes_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text("{")
    assert main(["leaderboard", "--results", str(tmp_path)]) == 2
    assert "1 of 1 results files cannot be used" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
