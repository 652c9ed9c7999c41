from __future__ import annotations

import io
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard import boards, print_leaderboard, render_markdown, write_leaderboard
from kfzoo.evaluation.results import DataIdentity, Results, find_results, write_results
from kfzoo.evaluation.samples import Samples
from kfzoo.evaluation.scores import REFERENCES, Score

DATA = DataIdentity(
    source="BuiltinScripts", fingerprint="0123456789", split="abcdef0123", part="test", annotation="arkit"
)


def scores(mse: float, diversity: float = 1.0, interval: tuple[float, float] | None = None) -> dict[str, Score]:
    return {
        "mse": Score(mse, interval),
        "mae": Score(mse * 5),
        "rmse": Score(mse**0.5),
        "fid": Score(mse * 10),
        "w_dist": Score(mse),
        "diversity": Score(diversity),
    }


def results(run: str, mse: float, diversity: float = 1.0, model: str = "mean_face") -> Results:
    return Results(
        run=run,
        model=model,
        class_path="kfzoo.models.x.X",
        data=DATA,
        count=1234,
        invalid=0,
        scores=scores(mse, diversity, (mse / 2, mse * 2)),
        references={name: scores(mse=index / 10, diversity=1.11) for index, name in enumerate(REFERENCES)},
        config={},
        seed=7,
        commit=None,
        checkpoint="deadbeefcafe",
        hardware="a CPU",
        seconds=1.0,
        status="complete",
    )


GOOD, BAD = results("good", 0.01, 0.9, "aligned_autoencoder"), results("bad", 0.02, 1.3)


def test_markdown_in_full() -> None:
    assert render_markdown([BAD, GOOD]).splitlines() == [
        "# Leaderboard",
        "",
        "<!-- Generated from results files by `python -m kfzoo leaderboard`; not to be edited. -->",
        "",
        "## BuiltinScripts, test: 1,234 keyframes, data 01234567, split abcdef01",
        "",
        "| Model | Run | Annotation | MSE ↓ | MAE ↓ | RMSE ↓ | FID ↓ | W-Dist ↓ | Diversity → | Invalid | Checkpoint "
        "| Seed |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| aligned\\_autoencoder | good | arkit | **0.01000 [0.00500, 0.02000]** | **0.0500** | **0.1000** "
        "| **0.1000** | **0.0100** | 0.900 | 0 | deadbeef | 7 |",
        "| mean\\_face | bad | arkit | 0.02000 [0.01000, 0.04000] | 0.1000 | 0.1414 | 0.2000 | 0.0200 | **1.300** | 0 "
        "| deadbeef | 7 |",
        "| *ground truth* | – | – | 0.00000 | 0.0000 | 0.0000 | 0.0000 | 0.0000 | 1.110 | – | – | – |",
        "| *chance* | – | – | 0.10000 | 0.5000 | 0.3162 | 1.0000 | 0.1000 | 1.110 | – | – | – |",
        "| *mean face* | – | – | 0.20000 | 1.0000 | 0.4472 | 2.0000 | 0.2000 | 1.110 | – | – | – |",
        "| *zero face* | – | – | 0.30000 | 1.5000 | 0.5477 | 3.0000 | 0.3000 | 1.110 | – | – | – |",
        "",
        "↓ lower is better; → nearer to the ground truth's is better. Brackets: 95 % interval over scripts. Bold: best "
        "model. FID and W-Dist compare with the training split. Samples without a valid answer are counted and scored "
        "as the mean face.",
    ]


def test_the_order_of_the_files_changes_nothing() -> None:
    other = replace(BAD, run="other data", data=replace(DATA, fingerprint="9"))
    assert len({render_markdown(order) for order in permutations([GOOD, BAD, other])}) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(BAD, data=replace(DATA, fingerprint="9")),
        replace(BAD, data=replace(DATA, split="9")),
        replace(BAD, data=replace(DATA, part="val")),
        replace(BAD, data=replace(DATA, source="LiveLinkTakes")),
        replace(BAD, evaluator="9"),
        replace(BAD, count=1233),
    ],
)
def test_rows_that_cannot_be_compared_never_share_a_table(other: Results) -> None:
    found = boards([GOOD, other, replace(BAD, run="same data")])
    assert sorted(len(board.models) for board in found) == [1, 2]
    assert found[0].heading != found[1].heading
    # Each is the best of its own table.
    assert all(board.models[0][3].best for board in found)


def test_annotations_share_a_table_as_in_the_paper() -> None:
    (board,) = boards([GOOD, replace(BAD, data=replace(DATA, annotation="image"))])
    assert [row[2].text for row in board.models] == ["arkit", "image"]


def test_one_model_twice_is_two_rows() -> None:
    (board,) = boards([GOOD, replace(GOOD, run="again", seed=8)])
    assert [(row[1].text, row[-1].text) for row in board.models] == [("again", "8"), ("good", "7")]
    assert all(row[3].best for row in board.models)


def test_what_is_not_known_is_a_dash() -> None:
    (board,) = boards([replace(GOOD, seed=None, checkpoint=None, references={})])
    assert [cell.text for cell in board.models[0][-3:]] == ["0", "–", "–"]
    assert board.references == ()


def test_partial_runs_are_named_but_not_listed() -> None:
    text = render_markdown([GOOD, replace(BAD, status="partial")])
    assert "| bad |" not in text
    assert text.endswith("Not listed, because only a part of the split was scored: bad.\n")
    assert boards([replace(BAD, status="partial")]) == []


def test_names_cannot_break_the_table() -> None:
    assert "| a\\|b\\*c |" in render_markdown([replace(GOOD, run="a|b*c")])


def test_a_missing_metric_is_told() -> None:
    lacking = replace(GOOD, scores={"mse": Score(0.1)})
    with pytest.raises(InputError, match=r"results of run 'good': lack the metric 'mae'; run `test` again"):
        render_markdown([lacking])


def test_terminal_shows_the_same_rows() -> None:
    text = io.StringIO()
    print_leaderboard([BAD, GOOD, replace(BAD, run="half", status="partial")], Console(file=text, width=220))
    lines = text.getvalue().splitlines()
    assert lines[0].strip() == "BuiltinScripts, test: 1,234 keyframes, data 01234567, split abcdef01"
    labels = ("good", "bad", *REFERENCES.values())
    rows = [line for line in lines if any(f" {label} " in line for label in labels)]
    assert [next(label for label in labels if f" {label} " in row) for row in rows[: len(labels)]] == list(labels)
    assert " 0.01000 " in rows[0]  # its interval stands in the Markdown
    assert lines[-1] == "Not listed, because only a part of the split was scored: half."


def test_from_files_to_markdown(tmp_path: Path) -> None:
    none = np.zeros(0)
    samples = Samples(none.astype(str), none.astype(bool), none, none, none)
    for each in (BAD, GOOD):
        write_results(tmp_path / each.run / "results.json", each, samples)
    write_leaderboard(tmp_path / "leaderboard.md", find_results(tmp_path))
    assert (tmp_path / "leaderboard.md").read_text(encoding="utf-8") == render_markdown([GOOD, BAD])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "good", "leaderboard.md"]
