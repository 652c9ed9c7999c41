from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kfzoo
from kfzoo.errors import InputError
from kfzoo.evaluation import results as module
from kfzoo.evaluation.provenance import DataIdentity
from kfzoo.evaluation.results import Results, find_runs, read_results, samples_path, write_results
from kfzoo.evaluation.results_text import json_text
from kfzoo.evaluation.samples import Samples, read_samples, write_samples
from kfzoo.evaluation.scores import Score, Table

SAMPLES = Samples(
    ids=np.array(['a, "quoted"#0', "b#1", "ü#2"]),
    valid=np.array([True, False, True]),
    mse=np.array([0.1, 1 / 3, 1e-17]),
    mae=np.array([0.2, 2 / 3, 0.0]),
    mean_face_mse=np.array([0.3, 0.5, 1e9]),
)
RESULTS = Results(
    run="first",
    model="mean_face",
    class_path="kfzoo.models.mean_face.MeanFace",
    data=DataIdentity(source="BuiltinScripts", fingerprint="f" * 64, split="5" * 64, part="test", annotation="arkit"),
    count=3,
    invalid=1,
    scores={"mse": Score(1 / 3, (0.25, 0.5)), "fid": Score(2.0)},
    references={"zero_face": {"mse": Score(0.75)}},
    config={"seed_everything": 7, "data": {"ratios": [0.8, None]}},
    seed=7,
    commit=None,
    checkpoint="c" * 64,
    hardware="a CPU",
    seconds=1.5,
    status="complete",
    tables={"channel": Table(("pearson", "msd"), {"JawOpen": (0.5, 1), "TongueOut": (None, 0.0)})},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "runs" / "first" / "results.json"
    write_results(target, RESULTS, SAMPLES)
    return target


def test_what_is_written_is_read(path: Path) -> None:
    assert read_results(path) == RESULTS
    assert read_results(path).version == kfzoo.__version__
    assert RESULTS.created.endswith("+00:00")


def test_the_file_says_what_it_is(path: Path) -> None:
    record = json.loads(path.read_text())
    assert list(record)[:2] == ["format", "schema"]
    assert (record["format"], record["schema"]) == ("kfzoo-results", 2)
    assert record["scores"]["mse"] == {"value": 1 / 3, "interval": [0.25, 0.5]}


def test_samples_are_next_to_it_with_the_digits_of_float32(path: Path) -> None:
    assert sorted(file.name for file in path.parent.iterdir()) == ["results.json", "results.samples.csv"]
    samples = read_samples(samples_path(path))
    assert samples.ids.tolist() == SAMPLES.ids.tolist()
    assert samples.valid.tolist() == SAMPLES.valid.tolist()
    for name in ("mse", "mae", "mean_face_mse"):
        found, given = getattr(samples, name), getattr(SAMPLES, name)
        assert found.astype(np.float32).tolist() == given.astype(np.float32).tolist()


def test_script_and_recording_of_an_id() -> None:
    ids = ["a#0", "a#b#12", "alone", "take/3#7", "day/take/3#7"]
    none = np.zeros(len(ids))
    samples = Samples(np.array(ids), none.astype(bool), none, none, none)
    assert samples.scripts.tolist() == ["a", "a#b", "alone", "take/3", "day/take/3"]
    assert samples.recordings.tolist() == ["a", "a#b", "alone", "take", "day/take"]


def test_nothing_is_left_when_a_number_is_not_finite(tmp_path: Path) -> None:
    broken = replace(RESULTS, scores={"mse": Score(float("nan"))})
    with pytest.raises(ValueError, match="Out of range float values"):
        write_results(tmp_path / "results.json", broken, SAMPLES)
    assert list(tmp_path.iterdir()) == []


def test_old_results_stay_when_writing_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        write_results(path, replace(RESULTS, run="second"), SAMPLES)
    assert read_results(path) == RESULTS
    assert len(list(path.parent.iterdir())) == 2


def test_later_keys_are_left_aside(path: Path) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"breakdown": {"region": {}}}))
    assert read_results(path) == RESULTS


def changed(path: Path, key: str, value: Any) -> None:
    """Sets a dotted key of the file; the value `...` takes it out."""
    record = json.loads(path.read_text())
    *parents, last = key.split(".")
    inner = record
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    if value is ...:
        del inner[last]
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "other", 'is no results file (expected "format": "kfzoo-results"); choose one that `test` wrote'),
        ("schema", 1, "has schema 1, expected 2; use the kfzoo that wrote it"),
        ("run", ..., "key 'run' is missing; run `test` again to write it"),
        ("data.split", ..., "key 'data.split' is missing; run `test` again to write it"),
        ("scores.mse.value", ..., "key 'scores.mse.value' is missing; run `test` again to write it"),
        ("seed", "seven", "key 'seed': expected a whole number, got \"seven\"; run `test` again to write it"),
        ("count", True, "key 'count': expected a whole number, got true; run `test` again to write it"),
        ("data", [], "key 'data': expected an object, got []; run `test` again to write it"),
        ("scores.mse", 0.5, "key 'scores.mse': expected an object, got 0.5; run `test` again to write it"),
        ("scores.mse.interval", [1], "key 'scores.mse.interval': expected two numbers, got 1; run `test` again to w"),
        ("scores.mse.interval", [0, "x"], "key 'scores.mse.interval.upper': expected a number, got \"x\"; run `te"),
        ("seconds", True, "key 'seconds': expected a finite number, got True; run `test` again to write it"),
        ("status", "odd", "key 'status': expected one of complete, partial, no ground truth, got 'odd'; run `test`"),
        ("tables.channel.rows.JawOpen", [1.0], "key 'tables.channel.rows.JawOpen': expected 2 numbers or null; run"),
        ("tables.channel.rows.JawOpen", [1, "x"], "key 'tables.channel.rows.JawOpen': expected 2 numbers or null; run"),
        ("references.zero_face", None, "key 'references.zero_face': expected an object, got null; run `test` again"),
    ],
)
def test_faults_are_reported_in_one_line(path: Path, key: str, value: Any, message: str) -> None:
    changed(path, key, value)
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.25", "NaN", ": holds NaN, expected finite numbers"),
        ("0.25", "-Infinity", ": holds -Infinity, expected finite numbers"),
        ("0.25", "1e999", ": key 'scores.mse.interval.lower': expected a finite number, got inf"),
        ('"count": 3', '"count": ', ":28: is no JSON (Expecting value); it may be cut off"),
    ],
)
def test_text_that_is_no_finite_json(path: Path, old: str, new: str, message: str) -> None:
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert str(caught.value) == f"{path}{message}; run `test` again to write it"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("config.x", [[[[0]] * 2]], None),
        ("config.x", json.loads("[" * 50 + "]" * 50), "is nested more than 40 deep"),
        ("config.x", 10**30, "holds a whole number of 31 digits"),
        ("count", 10**30, "holds a whole number of 31 digits"),
        ("scores.mse.value", 1e300, "key 'scores.mse.value': expected a finite number, got 1e+300"),
        ("tables.channel.rows.JawOpen", [1e300, 0.0], "key 'tables.channel.rows.JawOpen': expected 2 numbers or null"),
        ("run", "\ud800", "holds text that is no Unicode ('\\ud800')"),
    ],
)
def test_nesting_and_huge_numbers_are_refused(path: Path, key: str, value: Any, problem: str | None) -> None:
    changed(path, key, value)
    if problem is None:
        assert read_results(path).config["x"] == value
        return
    with pytest.raises(InputError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_the_text_holds_what_was_given(value: Any) -> None:
    assert json.loads(json_text(value)) == value


def test_the_text_has_lists_of_numbers_and_scores_in_one_line() -> None:
    value = {
        "a": {"value": 0.5, "interval": [0.25, 1]},
        "b": [1, None, 2.5],
        "c": ["x", "[  1,\n 2 ]"],
        "d": [],
        "e": {},
    }
    assert json_text(value).splitlines() == [
        "{",
        '  "a": {"value": 0.5, "interval": [0.25, 1]},',
        '  "b": [1, null, 2.5],',
        '  "c": [',
        '    "x",',
        r'    "[  1,\n 2 ]"',
        "  ],",
        '  "d": [],',
        '  "e": {}',
        "}",
    ]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_off_file_is_no_json(path: Path, share: float) -> None:
    text = path.read_text().strip()
    path.write_text(text[: int(share * len(text))])
    with pytest.raises(InputError, match="it may be cut off; run `test` again to write it"):
        read_results(path)


def test_a_missing_file_and_a_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read \(.*No such file.*\); check the path"):
        read_results(tmp_path / "none.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InputError, match="is no results file"):
        read_results(tmp_path / "list.json")


def test_found_below_a_folder_among_other_files(path: Path) -> None:
    root = path.parent.parent
    write_results(root / "later.json", replace(RESULTS, run="later"), SAMPLES)
    (root / "adapter_config.json").write_text('{"r": 8}')
    (root / ".results.half.json").write_text("{")
    found = find_runs(root)
    assert [run.results.run for run in found] == ["first", "later"]
    assert [run.samples.ids.tolist() for run in found if run.samples] == [SAMPLES.ids.tolist()] * 2


def test_complete_results_need_their_samples(path: Path) -> None:
    whole = samples_path(path).read_text()
    samples_path(path).write_text("\n".join(whole.splitlines()[:-1]))
    with pytest.raises(InputError) as caught:
        find_runs(path.parent)
    problem = "holds 2 samples, expected 3 as in results.json; run `test` again to write it"
    assert str(caught.value) == f"{samples_path(path)}: {problem}"
    samples_path(path).unlink()
    with pytest.raises(InputError, match=r"results\.samples\.csv: cannot be read \(.*\); run `test` again to write it"):
        find_runs(path.parent)


@pytest.mark.parametrize("status", ["partial", "no ground truth"])
def test_other_results_need_no_samples(path: Path, status: str) -> None:
    changed(path, "status", status)
    samples_path(path).unlink()
    (run,) = find_runs(path.parent)
    assert (run.results.status, run.samples) == (status, None)


def test_folders_without_results(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_runs(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: no such folder; name the one that `test` wrote its results to"
    with pytest.raises(InputError) as caught:
        find_runs(tmp_path)
    assert str(caught.value) == f"{tmp_path}: holds no results files; run `test` first, or name another folder"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: expected the header id,valid,mse,mae,mean_face_mse, got an empty file"),
        ("id,mse\n", ":1: expected the header id,valid,mse,mae,mean_face_mse, got id,mse"),
        ("id,valid,mse,mae,mean_face_mse\na#0,1,0.5\n", ":2: expected 5 cells, got 3; the file may be cut off"),
        ("id,valid,mse,mae,mean_face_mse\na#0,yes,1,1,1\n", ":2: column valid: expected 0 or 1, got 'yes'"),
        ("id,valid,mse,mae,mean_face_mse\na#0,1,1,1,1\nb#0,1,1,x,1\n", ":3: column mae: expected a number, got 'x'"),
        ("id,valid,mse,mae,mean_face_mse\na#0,1,nan,1,1\n", ":2: column mse: expected a number, got 'nan'"),
    ],
)
def test_faults_in_samples_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.samples.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_samples(path)
    assert str(caught.value) == f"{path}{message}"


def test_no_samples_are_read_as_none(tmp_path: Path) -> None:
    write_samples(tmp_path / "x.csv", Samples(*(getattr(SAMPLES, name)[:0] for name in asdict(SAMPLES))))
    assert len(read_samples(tmp_path / "x.csv")) == 0


def test_results_are_read_without_torch() -> None:
    code = "import sys, kfzoo.evaluation.leaderboard; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert module.SCHEMA == 2


def test_the_layout_changes_no_text(tmp_path: Path) -> None:
    """Lists of numbers and scores stand in one line each; brackets, braces and spaces inside texts stay."""
    words = ["[ 1,\n 2 ]", '{ "value": 1,   "interval": null }']
    odd = {
        "words": words,
        "numbers": [1, None, 2.5],
        "empty": {},
        "none": [],
    }
    path = tmp_path / "results.json"
    write_results(path, replace(RESULTS, config=odd), None)
    text = path.read_text()
    assert read_results(path).config == odd
    assert json.loads(text) == json.loads(json.dumps(json.loads(text), indent=2))
    for line in ('"numbers": [1, null, 2.5],', '"mse": {"value": 0.3333333333333333, "interval": [0.25, 0.5]},'):
        assert line in text


def test_the_layout_takes_a_time_linear_in_the_size(tmp_path: Path) -> None:
    started = time.process_time()
    config = {"a": "[" + "\n" * 200_000, "b": "{ " * 100_000, "c": [[]] * 50_000}
    write_results(tmp_path / "results.json", replace(RESULTS, config=config), None)
    assert time.process_time() - started < 10


def test_the_status_of_earlier_versions_is_read(path: Path) -> None:
    path.write_text(path.read_text().replace('"status": "complete"', '"status": "no truth"'))
    assert read_results(path).status == "no ground truth"
