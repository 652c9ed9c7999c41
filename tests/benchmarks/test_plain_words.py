"""Plain words: one tiny run of everything, and the page and the figure that follow from it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from benchmarks.tables import plain_words, runs
from benchmarks.tables.plain_words_figure import COUNT, chosen
from kfzoo.arkit.channels import CHANNELS
from kfzoo.evaluation.plain_words import PlainWords
from tests.benchmarks.pages import cells, number
from tests.commandline import ROOT, Capture, run

SENTENCES = 60
NAMES = ["mean_face-everyday", "nearest_neighbour-everyday"]


class Folder:
    """The folder of one board, and the commands of kfzoo that were run for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commands: list[list[str]] = []

    def main(self, *arguments: object) -> None:
        """Runs the command."""
        places = ["--runs", str(self.path / "runs"), "--out", str(self.path / "out"), "--sentences", str(SENTENCES)]
        plain_words.main([*places, *map(str, arguments)])

    @property
    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "out" / "plain_words.json").read_text())
        return found

    @property
    def page(self) -> str:
        return (self.path / "out" / "plain_words.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A board with two trained models."""
    board = Folder(tmp_path_factory.mktemp("plain_words"))

    def in_this_process(command: list[str], **_: Any) -> SimpleNamespace:
        """A process for each command takes longer to start than these take to run."""
        board.commands.append(command[3:])
        return SimpleNamespace(returncode=run(*command[3:]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "subprocess", SimpleNamespace(run=in_this_process))
        patch.chdir(ROOT)
        few = "--data.init_args.source.init_args.n=84"
        board.main("--only", *NAMES, "--", few, "--trainer.enable_progress_bar=false")
        board.main("--only", NAMES[0])
    return board


def test_it_trains_what_is_missing_the_cheapest_first(folder: Folder) -> None:
    fits = [words[2].rpartition("/")[2] for words in folder.commands]
    assert fits == NAMES  # the second call found the results
    assert all(words[0] == "fit" and words[-1].startswith("--trainer") for words in folder.commands)


def test_every_configuration_of_plain_english_has_a_run() -> None:
    found = [name for name, _ in plain_words.commands(Path("runs"))]
    expected = {path.parent.name for path in (ROOT / "configs").glob("*/everyday.yaml")} - {"data"}
    assert set(found) == {f"{name}-everyday" for name in expected}
    assert found[:2] == ["zero_face-everyday", "mean_face-everyday"]


def test_rows_say_where_they_come_from(folder: Folder) -> None:
    rows = folder.record["rows"]
    assert rows.keys() == {"ground truth", *NAMES}
    for name in NAMES:
        results = json.loads((folder.path / "runs" / name / "results.json").read_text())
        assert rows[name]["data"] == results["data"]["fingerprint"]
        assert {key: rows[name][key] for key in ("seed", "commit", "checkpoint")} == {
            key: results[key] for key in ("seed", "commit", "checkpoint")
        }
    assert str(folder.path) not in json.dumps(folder.record) + folder.page


def test_scores_are_those_of_the_board(folder: Folder) -> None:
    record = folder.record
    board = PlainWords(SENTENCES)
    assert record["sentences"]["digest"] == board.digest
    assert record["rows"]["ground truth"]["scores"]["instruction_accuracy"]["value"] == 1.0
    mean, nearest = (record["rows"][name]["scores"]["instruction_accuracy"]["value"] for name in NAMES)
    assert 0.0 <= mean < nearest < 1.0
    training = record["training"]
    assert training["channels"].keys() == set(CHANNELS)
    assert 30 < training["count"] < 84  # of the 84, the training part without the built-in scripts


def test_the_page_shows_the_record(folder: Folder) -> None:
    record, page = folder.record, folder.page
    assert f"{SENTENCES} sentences of the test part of `EverydayDescriptions`" in page
    table = cells(page)
    assert list(table) == ["model", "sentences", "ground truth", "NearestNeighbour", "MeanFace"]
    for name, row in zip(NAMES, ("MeanFace", "NearestNeighbour"), strict=True):
        scores = record["rows"][name]["scores"]
        assert number(table[row][0].split("[")[0]) == round(100 * scores["instruction_accuracy"]["value"], 1)
        assert number(table[row][1].split("[")[0]) == round(scores["mse"]["value"], 5)
        for kind, cell in zip(table["model"][2:], table[row][2:], strict=True):
            assert number(cell) == round(100 * scores[f"instruction_accuracy/{kind}"]["value"], 1)
    channels = cells(page, 1)
    assert list(channels)[1:] == list(CHANNELS)
    recall = record["rows"][NAMES[1]]["recall"]
    for name in CHANNELS:
        training, test, nearest, _ = channels[name]
        assert number(training) == record["training"]["channels"][name]
        assert number(test) == record["sentences"]["channels"][name]
        assert nearest == ("–" if recall[name] is None else f"{100 * recall[name]:.0f}")
    assert [line[1:-1] for line in cells(page, 2)][1:] == [NAMES[1], NAMES[0]]


def test_the_page_alone_and_rows_of_other_sentences(folder: Folder, tmp_path: Path, capsys: Capture) -> None:
    page = folder.page
    folder.main("--page")
    assert folder.page == page
    (tmp_path / "plain_words.json").write_text(json.dumps(folder.record))
    best = folder.path / "runs" / NAMES[0] / "best.ckpt"
    plain_words.main(["--out", str(tmp_path), "--sentences", "30", "--only", "--checkpoint", str(best)])
    assert "the kept rows are of other sentences and are left out" in capsys.readouterr().out
    assert json.loads((tmp_path / "plain_words.json").read_text())["rows"].keys() == {"ground truth", NAMES[0]}


def test_bad_arguments_are_named(tmp_path: Path, capsys: Capture) -> None:
    for arguments, message in (
        (["--only", "mean_face"], "--only: 'mean_face' is no run; there are zero_face-everyday, mean_face-everyday,"),
        (["--page"], "plain_words.json: does not exist; run `python -m benchmarks.tables.plain_words` first"),
        (["--sentences", "0"], "--sentences: is 0, expected 1 or more"),
        (["--only", "--sentences", "9", "--checkpoint", "no.ckpt"], "no.ckpt: no such file; give the path"),
    ):
        with pytest.raises(SystemExit) as stopped:
            plain_words.main(["--out", str(tmp_path), *arguments])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


def test_the_figure_shows_sentences_of_all_kinds(folder: Folder, tmp_path: Path) -> None:
    board = PlainWords(400)
    places = chosen(board)
    assert len(set(places)) == len(places) == COUNT
    assert {board.asked[place].kind for place in places} == set(board.kinds)
    said = [name for place in places for name in set(board.asked[place].entries)]
    assert len(said) == len(set(said))
    assert chosen(board) == places != chosen(board, seed=1)
    folder.main("--figure", folder.path / "runs" / NAMES[1] / "best.ckpt", "--png", tmp_path / "faces.png")
    with Image.open(tmp_path / "faces.png") as image:
        assert image.width > 1000
