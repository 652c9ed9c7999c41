from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import permutations

import pytest
from rich.console import Console

from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard import boards, print_leaderboard, render_markdown
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import REFERENCES, Score
from tests.evaluation.leaderboard_runs import DATA, changed, clip_run, run

GOOD = run("good", 0.01, model="aligned_autoencoder", diversity=0.9)
BAD = run("bad", 0.02, diversity=1.3)


def text_of(shown: list[Run | Results], width: int = 220, *, papers: bool = False) -> list[str]:
    text = io.StringIO()
    print_leaderboard(shown, Console(file=text, width=width), papers=papers)
    return text.getvalue().splitlines()


# Boards


@pytest.mark.parametrize(
    "other",
    [
        {"data": replace(DATA, fingerprint="9")},
        {"data": replace(DATA, split="9")},
        {"data": replace(DATA, part="val")},
        {"data": replace(DATA, source="LiveLinkTakes")},
        {"evaluator": "9"},
        {"count": 1233},
    ],
    ids=lambda values: next(iter(values)),
)
def test_rows_that_cannot_be_compared_never_share_a_table(other: dict[str, object]) -> None:
    found = boards([GOOD, changed(BAD, **other), changed(BAD, run="same data")])
    assert sorted(len(board.entries) for board in found) == [1, 2]
    assert found[0].heading != found[1].heading
    # Each is the best of its own table.
    assert all("mse" in board.entries[0].best for board in found)


def test_two_evaluators_and_none_are_three_tables() -> None:
    found = boards([changed(GOOD, evaluator=each) for each in ("a" * 64, None, "b" * 64)])
    assert [board.shared.evaluator for board in found] == [None, "a" * 64, "b" * 64]
    assert found[1].heading.endswith(", evaluator aaaaaaaa")


def test_annotations_and_runs_of_one_model_share_a_table() -> None:
    (board,) = boards([GOOD, changed(BAD, data=replace(DATA, annotation="image")), changed(GOOD, run="again", seed=8)])
    rows = [(each.results.run, each.results.seed, each.results.data.annotation) for each in board.entries]
    assert rows == [("again", 8, "arkit"), ("good", 7, "arkit"), ("bad", 7, "image")]
    assert ["mse" in entry.best for entry in board.entries] == [True, True, False]


def test_best_goes_by_the_direction_of_each_metric() -> None:
    low = run("low", 0.01, diversity=2.0, mmd=1.0, r_precision_1=0.2, detection_f1=0.5)
    high = run("high", 0.02, diversity=1.3, mmd=1.2, r_precision_1=0.4, detection_f1=0.5)
    (board,) = boards([high, low])
    best, second = (entry.best for entry in board.entries)
    assert best == {"mse", "mae", "fid", "w_dist", "mmd", "detection_f1"}
    # 1.3 is nearer to the ground truth's 1.11 than 2.0 is.
    assert second == {"diversity", "r_precision_1", "detection_f1"}
    assert board.metrics == ("mse", "mae", "fid", "w_dist", "diversity", "r_precision_1", "mmd", "detection_f1")
    # Without the ground truth's own diversity none is best.
    (board,) = boards([changed(GOOD, references={})])
    assert board.entries[0].best == {"mse", "mae", "fid", "w_dist"}


def test_clips_have_a_table_of_their_own_with_motion_metrics() -> None:
    near = clip_run("near", 0.3, speed_ratio=0.9, jerk_ratio=2.0, static_share=0.0, r_precision_1=0.4)
    still = clip_run("still", 0.5, speed_ratio=0.1, jerk_ratio=0.8, static_share=0.9)
    keyframes, board = boards([still, GOOD, near, changed(BAD, data=near.results.data, run="keyframes")])[:2]
    assert keyframes.entries[0].results.run == "good"
    assert board.heading.startswith("TakeClips, test: 40 clips, data 01234567")
    assert board.metrics == ("fid_frames", "speed_ratio", "jerk_ratio", "static_share", "r_precision_1")
    best, second = board.entries
    assert best.results.run == "near"
    assert best.best == {"fid_frames", "speed_ratio", "static_share", "r_precision_1"}
    assert (second.results.run, second.marker) == ("still", "")
    assert second.best == {"jerk_ratio"}
    text = render_markdown([near, still])
    assert "| **0.3000** | **0.900** | 2.000 | **0.000** | **0.4000** | 0 | 7 | deadbeef |" in text
    assert "No test of significance: clips are compared as sets, not one by one." in text
    assert "- Speed ratio →: mean speed of the generated clips" in text
    assert "MSE" not in text.split("## As published")[0].split("## How to read it")[0]
    lines = text_of([near], width=100)
    assert " ".join(lines[1].split()) == "Model Run Frame FID ↓ Speed ratio → Jerk ratio → Static → R@1 ↑ Invalid"
    assert [line.split()[-5:-1] for line in lines if line.startswith("mean face")] == [["0.000", "0.000", "1.000", "–"]]


def test_a_column_that_only_some_rows_have_has_dashes() -> None:
    some = run("some", 0.01, sf13_pearson=0.5)
    (board,) = boards([some, BAD])
    assert "sf13_pearson" in board.metrics
    row = next(line for line in render_markdown([some, BAD]).splitlines() if "| bad |" in line)
    assert row.startswith("| mean\\_face | bad | arkit | 0.02000 [0.01000, 0.04000] ‡ | 0.1000 |")
    assert row.endswith("| 1.300 | – | 0 | 7 | deadbeef |")


def test_complete_results_without_the_mse_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        boards([changed(GOOD, scores={"mae": Score(0.1)})])
    assert str(caught.value) == "results of run 'good': lack the metric 'mse'; run `test` again"


# Markdown


def test_markdown_in_full() -> None:
    text = render_markdown([BAD.results, GOOD.results])
    assert text.splitlines()[:19] == [
        "# Leaderboard",
        "",
        "<!-- Generated from results files by `python -m kfzoo leaderboard`; do not edit. -->",
        "",
        "## BuiltinScripts, test: 40 keyframes, data 01234567, split abcdef01",
        "",
        "| Model | Run | Annotation | MSE ↓ | MAE ↓ | FID ↓ | W-Dist ↓ | Diversity → | Invalid | Seed | Checkpoint |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| aligned\\_autoencoder | good | arkit | **0.01000 [0.00500, 0.02000]** | **0.0500** | **0.1000** "
        "| **0.0100** | 0.900 | 0 | 7 | deadbeef |",
        "| mean\\_face | bad | arkit | 0.02000 [0.01000, 0.04000] | 0.1000 | 0.2000 | 0.0200 | **1.300** | 0 | 7 "
        "| deadbeef |",
        "| *ground truth* | – | – | 0.00000 [0.00000, 0.00000] | 0.0000 | 0.0000 | 0.0000 | 1.110 | – | – | – |",
        "| *chance* | – | – | 0.10000 [0.05000, 0.20000] | 0.5000 | 1.0000 | 0.1000 | 1.110 | – | – | – |",
        "| *mean face* | – | – | 0.20000 [0.10000, 0.40000] | 1.0000 | 2.0000 | 0.2000 | 1.110 | – | – | – |",
        "| *zero face* | – | – | 0.30000 [0.15000, 0.60000] | 1.5000 | 3.0000 | 0.3000 | 1.110 | – | – | – |",
        "",
        "No test of significance: the errors of each sample were not read.",
        "",
        "## How to read it",
        "",
    ]


def test_only_the_mse_and_the_first_r_precision_show_intervals() -> None:
    text = render_markdown([run("x", 0.01, r_precision_1=0.5, r_precision_2=0.6)])
    row = next(line for line in text.splitlines() if "| x |" in line)
    expected = ["**0.01000 [0.00500, 0.02000]**", "**0.5000 [0.2500, 0.5000]**"]
    assert [cell for cell in row.split(" | ") if "[" in cell] == expected


def test_legend_explains_the_columns_that_are_there() -> None:
    without, text = render_markdown([run("x", 0.01)]), render_markdown([run("x", 0.01, r_precision_1=0.5)])
    assert "R-Precision: share" not in without
    assert "- R@1 ↑: R-Precision: share of conditions whose own face is the nearest of a pool of 32" in text
    assert "Chance: 1/32, 3.1 %." in text


def test_the_order_of_the_files_changes_nothing() -> None:
    other = changed(BAD, run="other data", data=replace(DATA, fingerprint="9"))
    twin = changed(GOOD, run="twin")
    assert len({render_markdown(order) for order in permutations([GOOD, BAD, other, twin])}) == 1


def test_unknown_values_are_dashes() -> None:
    text = render_markdown([changed(GOOD, seed=None, checkpoint=None, references={})])
    assert "| 0 | – | – |\n\n" in text
    assert "ground truth* |" not in text


def test_runs_that_are_not_complete_are_named_but_not_listed() -> None:
    half = changed(BAD, status="partial", run="half")
    blind = changed(BAD, status="no ground truth", run="blind_1", scores={})
    text = render_markdown([GOOD, blind, half])
    assert "| half |" not in text
    assert "Not listed, because only a part of the split was scored: half.\n" in text
    assert "Not listed, because the data has no ground truth to compare with: blind\\_1.\n" in text
    assert boards([half, blind]) == []


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("a|b*c", "| a\\|b\\*c |"),
        ("<script>alert(1)</script>", "| \\<script\\>alert(1)\\</script\\> |"),
        ("[x](y) `z` ~~s~~ &amp;", "| \\[x\\](y) \\`z\\` \\~\\~s\\~\\~ \\&amp; |"),
        ("two\nlines\\", "| two lines\\\\ |"),
    ],
)
def test_names_cannot_break_the_table(name: str, cell: str) -> None:
    assert cell in render_markdown([changed(GOOD, run=name)])


def test_published_rows_are_one_table_at_the_end_and_never_ranked() -> None:
    text = render_markdown([changed(BAD, scores={**BAD.results.scores, "mse": Score(9.0)})])  # worse than all papers
    before, after = text.split("\n## As published\n")
    assert after.startswith("\nOther data and evaluator: not comparable.\n\n| Row | Source | MSE ↓ |")
    assert len(after.strip().splitlines()) == 4 + len(reference_rows())
    assert "**" not in after
    assert "SemanticFace, table" not in before
    assert "**9.00000" in before
    # Digits that a paper did not print are not made up.
    assert "| SemanticFace | SemanticFace, table 1 | 0.0034 |" in after


# Terminal


def test_terminal_shows_the_same_rows() -> None:
    lines = text_of([BAD, GOOD, changed(BAD, run="half", status="partial")])
    assert lines[0] == "BuiltinScripts, test: 40 keyframes, data 01234567, split abcdef01"
    names = [re.split(r"  +", line)[:3] for line in lines[3:10] if line.strip()]
    assert names[:2] == [["aligned_autoencoder", "good", "0.01000"], ["mean_face", "bad", "0.02000‡"]]
    assert [name[:2] for name in names[2:]] == [[label, "–"] for label in REFERENCES.values()]
    assert lines[-1] == "Not listed, because only a part of the split was scored: half."
    assert not any("KeyframeFace" in line for line in lines)


def test_terminal_shows_how_many_answers_are_invalid() -> None:
    lines = text_of([changed(BAD, invalid=1200), GOOD], width=70)
    assert next(line.split() for line in lines if "MSE" in line)[-1] == "Invalid"
    rows = {line.split()[1]: line.split()[-1] for line in lines if line.startswith(("mean_face ", "aligned"))}
    assert rows == {"bad": "1,200", "good": "0"}
    assert all(line.split()[-1] == "–" for line in lines if line.startswith(("chance", "zero face")))


def test_terminal_prints_no_control_characters_of_a_results_file() -> None:
    assert "\x1b" not in "".join(text_of([run("a\x1b[2Jb", 0.01)]))


def test_one_fresh_result_is_printed_without_other_files() -> None:
    lines = text_of([GOOD.results])
    assert any(" good " in line and " 0.01000 " in line for line in lines)
    assert "†: not significantly different from the best model" in " ".join(lines)


def test_terminal_shows_published_numbers_only_when_asked() -> None:
    lines = text_of([GOOD], papers=True)
    assert "As published; other data and evaluator: not comparable" in lines
    assert sum("SemanticFace, table 1" in line for line in lines) == 4


@pytest.mark.parametrize(
    ("width", "metrics", "left_out"),
    [
        (60, "MSE ↓", "MAE, FID, W-Dist, Diversity, R@1, R@2, MMD, Pearson (13)"),
        (89, "MSE ↓ MAE ↓ FID ↓ R@1 ↑", "W-Dist, Diversity, R@2, MMD, Pearson (13)"),
        (109, "MSE ↓ MAE ↓ FID ↓ R@1 ↑ Pearson (13) ↑", "W-Dist, Diversity, R@2, MMD"),
        (160, "MSE ↓ MAE ↓ FID ↓ W-Dist ↓ Diversity → R@1 ↑ R@2 ↑ MMD ↓ Pearson (13) ↑", ""),
    ],
)
def test_terminal_shows_the_most_important_metrics_that_fit(width: int, metrics: str, left_out: str) -> None:
    name = "a_rather_long_name_of_a_run"
    wide = run(name, 0.01, model="ModelOfFaces", r_precision_1=0.5, r_precision_2=0.6, mmd=1.1, sf13_pearson=0.4)
    lines = text_of([wide], width=width)
    assert all(len(line) <= width for line in lines)
    assert next(line.split() for line in lines if "MSE" in line) == ["Model", "Run", *metrics.split(), "Invalid"]
    assert sum(line.startswith(f"ModelOfFaces  {name}  ") for line in lines) == 1
    assert "…" not in "".join(lines)
    shown = re.search(r"A wider terminal shows also (.*?)\.", " ".join(" ".join(lines).split()))
    assert (shown[1] if shown else "") == left_out


def test_names_are_whole_where_even_they_do_not_fit() -> None:
    name = "x" * 70
    lines = text_of([run(name, 0.01)], width=50)
    assert any(f"  {name}  0.01000" in line for line in lines)
