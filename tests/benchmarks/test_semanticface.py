"""SemanticFace's tables: the page of made-up results, and one tiny run of everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.tables import runs
from benchmarks.tables.semanticface import main
from benchmarks.tables.semanticface_page import ESTIMATORS, WILD, write_page
from kfzoo.arkit.channels import CHANNELS, REGIONS
from kfzoo.errors import InputError
from kfzoo.evaluation.results import write_results
from kfzoo.evaluation.scores import Score, Table
from tests.benchmarks import pages
from tests.benchmarks.pages import number
from tests.commandline import ROOT, results, run
from tests.evaluation.leaderboard_runs import COUNT, DATA, samples
from tests.evaluation.leaderboard_runs import results as made_up_results

LANDMARKS = ("SBCA", "DeadFace fixed", "DeadFace compat")
LEVELS = {"A2": 0.003, "A1": 0.004, "A0": 0.005, "direct regressor": 0.002}
"""Mean MSE of the made-up estimators; that of the others is 0.01."""


def errors(label: str, level: float | None = None) -> NDArray[np.float64]:
    """Errors of an estimator on the same made-up samples."""
    shared = np.random.default_rng(0).uniform(0.5, 1.5, COUNT)
    own = np.random.default_rng(list(ESTIMATORS).index(label) + 1).uniform(0.8, 1.2, COUNT)
    return shared * own * (LEVELS.get(label, 0.01) if level is None else level)


def tables(label: str) -> dict[str, Table]:
    draw = np.random.default_rng(list(ESTIMATORS).index(label))
    rows: dict[str, tuple[float | None, ...]] = {name: tuple(draw.uniform(0, 0.5, 7)) for name in CHANNELS}
    rows["TongueOut"] = (0.0, None, None, 0.0, 1.0, None, 0.0)
    head = {name: tuple(draw.uniform(0, 0.5, 4)) for name in REGIONS["head"]}
    columns = ("mse", "pearson", "spearman", "deviation", "accuracy", "f1", "w_dist")
    return {
        "channel": Table(columns, rows),
        "head_pose": Table(("pearson", "spearman", "msd", "deviation"), head),
        "cross_comparison": Table(("pearson", "skipped"), {"sf13": (0.5, 2.0)}),
        "subject": Table(("n",), {"I001": (20.0,), "I002": (20.0,)}),
    }


def keep(
    folder: Path, label: str, mse: NDArray[np.float64] | None = None, end: str = "", **changes: Any
) -> dict[str, Score]:
    """Writes results of an estimator; returns its scores."""
    mse = errors(label) if mse is None else mse
    name = f"{ESTIMATORS[label]}{end}"
    others = {"r_precision_1": mse[0] * 50, "mmd": mse[1] * 100, "sf13_pearson": mse[2] * 40}
    config = {"trainer": {"max_epochs": 12}, "run_dir": "/somewhere/else", "data": {"init_args": {"source": {}}}}
    found = replace(made_up_results(name, float(mse.mean()), **others), config=config, tables=tables(label), **changes)
    write_results(folder / name / "results.json", found, samples(mse, 0.02))
    return dict(found.scores)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with results of all estimators but for the landmarks' ones, and two in the wild."""
    for label in ("A2", "A1", "A0", "direct regressor", "mean face"):
        keep(tmp_path / "runs", label)
    for label in ("A0", "mean face"):
        keep(tmp_path / "wild", label, end=WILD, invalid=7, data=replace(DATA, fingerprint="fedcba98"))
    return tmp_path


def page(out: Path) -> str:
    main(["--page", "--out", str(out)])
    return (out / "semanticface.md").read_text()


def section(text: str, number: int) -> str:
    """The part of the page under a table's heading."""
    return text.partition(f"\n## Table {number}:")[2].partition("\n## ")[0]


def cells(text: str, number: int, place: int = 0) -> dict[str, list[str]]:
    """Lines of one of the tables under a heading by their first cell."""
    return pages.cells(section(text, number), place)


# The page ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "second"), [("A1", "A0"), ("A2", "A1"), ("A2", "A0"), ("A0", "direct regressor")])
def test_t_statistics_are_scipys(out: Path, first: str, second: str) -> None:
    difference, effect, t, p, clustered, clustered_p = map(number, cells(page(out), 4)[f"{first} vs {second}"])
    ours, theirs = errors(first), errors(second)
    expected = stats.ttest_rel(ours, theirs)
    assert t == pytest.approx(expected.statistic, abs=0.0051)
    assert p == pytest.approx(expected.pvalue, rel=0.06)
    assert difference == pytest.approx(1e3 * (ours - theirs).mean(), abs=0.00051)
    assert effect == pytest.approx((ours - theirs).mean() / (ours - theirs).std(ddof=1), abs=0.00051)
    # Clusters of equal size: the t-test of a mean whose clusters' means are the observations.
    recordings = np.arange(COUNT) % 8
    means = np.array([(ours - theirs)[recordings == each].mean() for each in range(8)])
    by_recording = stats.ttest_1samp(means, 0)
    assert clustered == pytest.approx(by_recording.statistic, abs=0.0051)
    assert clustered_p == pytest.approx(by_recording.pvalue, rel=0.06)


def test_the_ablation_is_the_spread_of_the_samples(out: Path) -> None:
    found = cells(page(out), 3)
    assert list(found)[1:] == ["A0", "A1", "A2", "direct regressor"]
    for label in list(found)[1:]:
        mse = 1e3 * errors(label)
        expected = [np.mean(mse), np.median(mse), np.std(mse), np.percentile(mse, 90)]
        assert [number(cell) for cell in found[label]] == pytest.approx(expected, abs=0.0051)


def test_channels_are_ranked_by_their_error(out: Path) -> None:
    text = page(out)
    sixth, seventh = (cells(text, number) for number in (6, 7))
    head = ["MSE", "P Corr", "S Corr", "Deviation", "P Corr, direct regressor", "P Corr, SBCA"]
    assert [sixth.pop(""), seventh.pop("")] == [head, head]
    average = seventh.pop("Average")
    assert (len(sixth), len(seventh)) == (31, 30)
    ours, others = (tables(label)["channel"].rows for label in ("A2", "direct regressor"))
    assert [*sixth, *seventh] == sorted(CHANNELS, key=lambda name: ours[name][0] or 0)
    assert next(iter(sixth.items())) == ("TongueOut", ["0.0000", "–", "–", "0.0000", "–", "–"])
    for name, (*shown, of_sbca) in (sixth | seventh).items():
        if name != "TongueOut":
            expected = [*ours[name][:4], others[name][1]]
            assert [number(cell) for cell in shown] == pytest.approx(expected, abs=5.1e-5)
        assert of_sbca == "–"  # no results
    pearson = [value for row in ours.values() if (value := row[1]) is not None]
    assert len(pearson) == 60
    assert number(average[1]) == pytest.approx(np.mean(pearson), abs=5.1e-5)
    assert number(average[0]) == pytest.approx(np.mean([row[0] for row in ours.values()]), abs=5.1e-5)
    assert "A2 has a correlation in 60 of 61 channels" in text


def test_scores_are_printed_and_the_best_is_bold(out: Path) -> None:
    scores = {label: keep(out / "runs", label, invalid=3) for label in ("A2", "direct regressor")}
    text = page(out)
    main_table = cells(text, 1)
    head = main_table.pop("")
    assert head[1:4] == ["R top-1, % ↑", "R top-2, % ↑", "R top-3, % ↑"]
    assert next(iter(main_table)) == "ground truth"
    assert [*main_table][-2:] == ["chance", "zero face"]
    for label, found in scores.items():
        row = dict(zip(head, main_table[label], strict=True))
        assert number(row["MSE ↓"]) == pytest.approx(found["mse"].value, abs=5.1e-6)
        for column, name in (("R top-1, % ↑", "r_precision_1"), ("P-Cor, % ↑", "sf13_pearson")):
            assert number(row[column]) == pytest.approx(100 * found[name].value, abs=0.0051)
        assert row["S-Cor, % ↑"] == "–"  # not in these results
        assert (row["Constant, of 13"], row["Invalid"]) == ("2", "3")
    assert f"| direct regressor | **{scores['direct regressor']['mse'].value:.5f}** |" in section(text, 1)
    assert f"| A2 | {scores['A2']['mse'].value:.5f} |" in section(text, 1)
    assert cells(text, 1, 1)["Ours"][:5] == ["0.0034", "22.15", "37.06", "48.06", "1.18"]
    assert "not comparable" in section(text, 1)


def test_head_pose_is_that_of_the_results(out: Path) -> None:
    found = cells(page(out), 5)
    assert len(found) == 1 + 3 * len(ESTIMATORS)
    for label in ("A2", "mean face"):
        pearson, spearman, msd, deviation = map(number, found[f"HeadRoll, {label}"])
        expected = tables(label)["head_pose"].rows["HeadRoll"]
        assert [pearson / 100, spearman / 100, msd, deviation] == pytest.approx(expected, abs=5.1e-5)
    assert found["HeadYaw, SBCA (no results)"] == ["–"] * 4


def test_the_wild_has_its_own_data_and_may_be_missing(out: Path) -> None:
    text = page(out)
    assert "fingerprint fedcba98" in section(text, 2)
    found = cells(text, 2)
    assert found["A0"][-1] == "7"
    assert found["A2 (no results)"] == ["–"] * len(found["A0"])
    assert list(found)[1] == "ground truth"
    for name in ("A0", "mean face"):
        (out / "wild" / f"{ESTIMATORS[name]}{WILD}" / "results.json").unlink()
    assert section(page(out), 2).startswith(" in the wild\n\nNo results.")


def test_the_page_says_where_it_comes_from(out: Path) -> None:
    text = page(out)
    head = text.partition("\n## ")[0]
    assert "BuiltinScripts, test part, 40 keyframes of 2 people, fingerprint 01234567, split abcdef01" in head
    for words in (
        "- hardware: a CPU",
        "commit c0ffee",
        "`python -m benchmarks.tables.semanticface`; only this page: ",
        "- no results, so no numbers below: SBCA, DeadFace fixed, DeadFace compat",
        "| A2 | `vlm_estimator-builtin` | deadbeef | 7 | 12 | 1 |",
    ):
        assert words in head
    assert not [place for place in ("somewhere", str(out)) if place in text]


def test_correlations_of_landmarks_by_channel(out: Path) -> None:
    heading = "\n## Not in the paper"
    assert "No results of estimators that read landmarks." in page(out).partition(heading)[2]
    for label in ("SBCA", "DeadFace fixed"):
        keep(out / "runs", label)
    keep(out / "wild", "SBCA", end=WILD, data=replace(DATA, fingerprint="fedcba98"))
    lines = [line.strip("| ").split(" | ") for line in page(out).partition(heading)[2].splitlines() if "|" in line]
    assert lines[0] == ["DeadFace fixed, test", "SBCA, test", "SBCA, wild"]
    rows = {line[0]: line[1:] for line in lines[2:]}
    expected = tables("SBCA")["channel"].rows["JawOpen"][1]
    assert rows["JawOpen"][1] == rows["JawOpen"][2] == f"{expected:.3f}"
    assert rows["TongueOut"] == ["–"] * 3
    assert len(rows) == len(CHANNELS) + 1


# The claim ----------------------------------------------------------------------------------------------------


def claim(out: Path) -> str:
    return next(line for line in section(page(out), 4).splitlines() if line.startswith("SemanticFace's claim"))


def test_the_claim_follows_the_numbers(out: Path) -> None:
    assert "**holds** here: A1 has a smaller error than A0 (p " in claim(out)
    assert "A2 has a larger error than the direct regressor" in claim(out)
    keep(out / "runs", "A0", errors("A0", 0.003))  # A0 and A2 change places
    keep(out / "runs", "A2", errors("A2", 0.005))
    said = claim(out)
    assert "**does not hold** here: A1 has a larger error than A0" in said
    assert "A2 has a larger error than A1" in said
    keep(out / "runs", "A2", errors("A1"))  # no difference at all
    assert "A2 does not differ from A1 (p = 1.000); A2 has a larger error than A0" in claim(out)
    keep(out / "runs", "A0")
    assert "**holds in part** here: A1 has a smaller error than A0" in claim(out)


def test_a_difference_within_one_recording_is_not_significant(out: Path) -> None:
    better = errors("A0").copy()
    better[np.arange(COUNT) % 8 == 0] *= 0.5  # in one of eight recordings
    keep(out / "runs", "A1", better)
    assert stats.ttest_rel(better, errors("A0")).pvalue < 0.05
    assert "A1 does not differ from A0" in claim(out)


# What is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["A0", "A1", "A2", "direct regressor", "mean face"])
def test_a_missing_run_is_named(out: Path, label: str) -> None:
    if label == "A1":
        keep(out / "runs", "A1", status="partial")  # a part of the split is no result
    else:
        (out / "runs" / ESTIMATORS[label] / "results.json").unlink()
    text = page(out)
    assert f"no numbers below: {', '.join(each for each in ESTIMATORS if each in (label, *LANDMARKS))}" in text
    for table in (1, 3)[: 1 if label == "mean face" else 2]:
        assert set(cells(text, table)[f"{label} (no results)"]) == {"–"}
    assert ("**cannot be tested**" in text) == label.startswith("A")
    if pair := {"A0": "A2 vs A0", "A1": "A1 vs A0", "A2": "A2 vs A1"}.get(label):
        assert set(cells(text, 4)[f"{pair} (no results of {label})"]) == {"–"}
    assert ("No results of A2." in section(text, 6)) == (label == "A2")


def test_what_cannot_be_compared_is_refused(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(out / "runs", "A1", evaluator="another")
    mse = errors("A1")
    other = made_up_results("x", float(mse.mean()))
    write_results(out / "others" / "runs" / "x" / "results.json", other, samples(mse, 0.02))
    with pytest.raises(InputError, match="not scored on the same data by the same evaluator"):
        write_page(out)
    with pytest.raises(InputError, match=r"holds no results of SemanticFace's estimators.*run `python"):
        write_page(out / "others")
    assert not (out / "semanticface.md").exists()
    with pytest.raises(SystemExit):
        main(["--page", "--out", str(out / "nowhere")])
    assert capsys.readouterr().err.count(" no such folder") == 1


# A tiny run of everything -----------------------------------------------------------------------------------------


def test_a_tiny_run_trains_tests_and_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def in_this_process(command: list[str], **_: Any) -> SimpleNamespace:
        """A process for each command takes longer to start than these take to run."""
        assert command[1:3] == ["-m", "kfzoo"]
        commands.append(command[3:])
        return SimpleNamespace(returncode=run(*command[3:]))

    monkeypatch.setattr(runs, "subprocess", SimpleNamespace(run=in_this_process))
    monkeypatch.chdir(ROOT)
    names = ["vlm_estimator-builtin_a0", "mean_face-builtin_rendered"]
    source = "--data.init_args.source.init_args"
    start = [
        "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--jobs", "1", "--only", *names, "--",
        f"{source}.source.init_args.n=150", f"{source}.renderer.init_args.size=32", "--trainer.max_epochs=1",
        "--trainer.check_val_every_n_epoch=1", "--trainer.limit_train_batches=2", "--trainer.enable_progress_bar=false",
    ]  # fmt: skip
    main(start)
    expected = ["evaluator-image_motion_builtin", *names, *(f"{name}-wild" for name in names)]
    folders = [word.partition("=")[2] for words in commands for word in words if word.startswith("--run_dir=")]
    assert [Path(folder).name for folder in folders] == expected
    assert (tmp_path / "out" / "leaderboard.html").is_file()

    def found() -> list[dict[str, Any]]:
        places = [("wild" if name.endswith(WILD) else "runs", name) for name in expected[1:]]
        return [results(tmp_path / "out" / folder / name) for folder, name in places]

    text = (tmp_path / "out" / "semanticface.md").read_text()
    first = found()
    a0, _, wild, _ = first
    assert a0["invalid"] == wild["invalid"] == 0
    assert a0["data"]["fingerprint"] != wild["data"]["fingerprint"]
    assert (a0["data"]["split"], a0["evaluator"]) == (wild["data"]["split"], wild["evaluator"])
    for table, record in ((1, a0), (2, wild)):
        shown = cells(text, table)
        row = dict(zip(shown[""], map(number, shown["A0"]), strict=True))
        mse, top_3 = (record["scores"][name]["value"] for name in ("mse", "r_precision_3"))
        assert row["MSE ↓"] == pytest.approx(mse, abs=5.1e-6)
        assert row["R top-3, % ↑"] == pytest.approx(100 * top_3, abs=0.0051)
    assert "by DrawnFaces" in text
    assert "A2 (no results)" in cells(text, 1)
    assert str(tmp_path) not in text

    # The same command again: nothing is trained again, and the scores are the same.
    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").glob("*/best.ckpt")}
    assert len(weights) == 3
    main(start)
    assert {path: path.stat().st_mtime_ns for path in weights} == weights
    assert [each["scores"] for each in found()] == [each["scores"] for each in first]
    assert len(commands) == 2 * (len(expected) + 1)
