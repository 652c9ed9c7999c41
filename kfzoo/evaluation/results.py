"""The results file: all that a leaderboard, or a reader in a year, needs to know of one run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from kfzoo.errors import InputError
from kfzoo.evaluation.provenance import DataIdentity, Provenance
from kfzoo.evaluation.results_text import faults_of_json, is_finite, json_text
from kfzoo.evaluation.samples import Samples, read_samples, write_samples
from kfzoo.evaluation.scores import Score, Table
from kfzoo.files import replacing

FORMAT = "kfzoo-results"
"""Marks a JSON file as a results file."""

SCHEMA = 2
"""Version of the file's layout; a reader refuses others."""

Status = Literal["complete", "partial", "no ground truth"]
"""`partial`: only some of the split was scored; `no ground truth`: the data has none. No leaderboard lists either."""

LARGEST = 1e15
"""A score's absolute value at the most."""

REMEDY = "run `test` again to write it"
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Results(Provenance):
    """The numbers of one run and their provenance.

    Attributes:
        count: Number of samples scored.
        invalid: How many of them had no valid answer.
        scores: By metric.
        references: The reference rows: scores by metric, by row.
        tables: Breakdowns by name, such as `channel`, `head_pose`, `region`, `emotion`, `subject`, `keyframe`.
        status: Whether the whole part was scored.
    """

    count: int
    invalid: int
    scores: Mapping[str, Score]
    references: Mapping[str, Mapping[str, Score]]
    tables: Mapping[str, Table] = field(default_factory=dict)
    status: Status

    @property
    def of_clips(self) -> bool:
        """Whether clips were scored, not keyframes: as sets, so that there are no errors of single samples."""
        return "fid_frames" in self.scores


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk.

    Attributes:
        results: Its numbers.
        samples: Its errors of each sample; None where they were not read.
    """

    results: Results
    samples: Samples | None = None


def samples_path(path: str | os.PathLike[str]) -> Path:
    """Where the per-sample errors of a results file lie: `name.json` → `name.samples.csv`."""
    return Path(path).with_suffix(".samples.csv")


def write_results(path: str | os.PathLike[str], results: Results, samples: Samples | None) -> None:
    """Writes a results file and, next to it, the per-sample errors.

    The samples are moved into place first: where there is a results file, there are its samples.

    Args:
        path: Ends in `.json`.
        results: To be written; finite numbers and plain values only.
        samples: To be written to `samples_path(path)`; None where nothing is known of single samples: then none of an
            earlier run are left there.

    Raises:
        InputError: When the folder cannot be written.
        ValueError: For a number that is not finite.
    """
    text = json_text({"format": FORMAT, "schema": SCHEMA, **asdict(results)})
    if samples is not None:
        write_samples(samples_path(path), samples)
    with replacing(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
    if samples is None:
        samples_path(path).unlink(missing_ok=True)


def find_runs(folder: str | os.PathLike[str]) -> list[Run]:
    """Reads all results files in a folder and below it, and the samples of those that are complete.

    JSON files of other kinds are left aside.

    Returns:
        In the order of their paths.

    Raises:
        InputError: When the folder is missing or holds no results, and as `read_results` and `read_samples`.
    """
    found, faults = search_runs(folder)
    if faults:
        raise faults[0]
    return found


def search_runs(folder: str | os.PathLike[str]) -> tuple[list[Run], list[InputError]]:
    """As `find_runs`, but what cannot be read is passed over.

    Returns:
        The runs, and what is wrong with each file that was passed over.

    Raises:
        InputError: When the folder is missing or holds no results files.
    """
    if not Path(folder).is_dir():
        raise InputError(folder, "no such folder", "name the one that `test` wrote its results to")
    runs, faults = [], []
    # A name with a leading dot is a file that is just being written.
    for path in sorted(path for path in Path(folder).rglob("*.json") if not path.name.startswith(".")):
        try:
            if not path.is_dir() and _is_ours(record := _load(path)):
                runs.append(_run(path, _parse(path, record)))
        except InputError as error:
            faults.append(error)
    if not runs and not faults:
        raise InputError(folder, "holds no results files", "run `test` first, or name another folder")
    return runs, faults


def read_results(path: str | os.PathLike[str]) -> Results:
    """Reads a results file; keys it does not know are left aside.

    Raises:
        InputError: For a missing or cut-off file, another format or schema, a missing key, a value of another type, or
            a number that is not finite.
    """
    record = _load(path)
    if not _is_ours(record):
        raise InputError(path, f'is no results file (expected "format": "{FORMAT}")', "choose one that `test` wrote")
    return _parse(path, record)


def _run(path: Path, results: Results) -> Run:
    if results.status != "complete" or results.of_clips:  # no test compares its samples with others
        return Run(results)
    samples = read_samples(samples_path(path))
    if len(samples) != results.count:
        found = f"holds {len(samples)} samples, expected {results.count} as in {path.name}"
        raise InputError(samples_path(path), found, REMEDY)
    return Run(results, samples)


def _is_ours(record: Any) -> bool:
    return isinstance(record, dict) and record.get("format") == FORMAT


def _parse(path: str | os.PathLike[str], record: Mapping[str, Any]) -> Results:
    if record.get("schema") != SCHEMA:
        raise InputError(path, f"has schema {record.get('schema')!r}, expected {SCHEMA}", "use the kfzoo that wrote it")
    for problem in faults_of_json(record):
        raise InputError(path, problem, REMEDY)
    return _Reader(path, record).results()


def _load(path: str | os.PathLike[str]) -> Any:
    def refuse(constant: str) -> None:
        raise InputError(path, f"holds {constant}, expected finite numbers", REMEDY)

    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=refuse)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "check the path") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}", f"is no JSON ({error.msg}); it may be cut off", REMEDY) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists in lists in lists
        raise InputError(path, f"holds what no results file does ({str(error)[:80]})", REMEDY) from error


class _Reader:
    """Takes values out of a parsed file and says which key is at fault."""

    def __init__(self, path: str | os.PathLike[str], record: Mapping[str, Any], prefix: str = "") -> None:
        self.path, self.record, self.prefix = path, record, prefix

    def results(self) -> Results:
        data, references, tables = self.inner("data"), self.inner("references"), self.inner("tables")
        texts = ("run", "model", "class_path", "hardware", "version", "created")
        found: dict[str, Any] = {key: self.take(key, str) for key in texts}
        found |= {key: self.maybe(key, str) for key in ("commit", "checkpoint", "evaluator")}
        return Results(
            **found,
            data=DataIdentity(**{key: data.take(key, str) for key in DataIdentity.__dataclass_fields__}),
            count=self.take("count", int),
            invalid=self.take("invalid", int),
            scores=self.inner("scores").scores(),
            references={name: references.inner(name).scores() for name in references.record},
            config=self.config(),
            seed=self.maybe("seed", int),
            seconds=self.number("seconds"),
            status=self.status(),
            tables={name: tables.inner(name).table() for name in tables.record},
        )

    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.take("config", dict)
        if not is_finite(config):
            raise self.fault("config", "expected finite numbers")
        return config

    def status(self) -> Status:
        status = self.take("status", str)
        if status not in STATUSES:
            raise self.fault("status", f"expected one of {', '.join(dict.fromkeys(STATUSES.values()))}, got '{status}'")
        return STATUSES[status]

    def scores(self) -> dict[str, Score]:
        return {name: self.inner(name).score() for name in self.record}

    def score(self) -> Score:
        ends = self.maybe("interval", list)
        if ends is not None and len(ends) != 2:
            raise self.fault("interval", f"expected two numbers, got {len(ends)}")
        if ends is None:
            return Score(self.number("value"))
        pair = _Reader(self.path, dict(zip(("lower", "upper"), ends, strict=True)), f"{self.prefix}interval.")
        return Score(self.number("value"), (pair.number("lower"), pair.number("upper")))

    def table(self) -> Table:
        columns, rows = self.take("columns", list), self.inner("rows")
        for name in rows.record:
            values = rows.take(name, list)
            if len(values) != len(columns) or not all(each is None or _is_number(each) for each in values):
                raise rows.fault(name, f"expected {len(columns)} numbers or null")
        return Table(tuple(map(str, columns)), {name: tuple(values) for name, values in rows.record.items()})

    def inner(self, key: str) -> _Reader:
        return _Reader(self.path, self.take(key, dict), f"{self.prefix}{key}.")

    def number(self, key: str) -> float:
        value = self.record[key] if isinstance(self.record.get(key), int) else self.take(key, float)
        if not _is_number(value):
            raise self.fault(key, f"expected a finite number, got {value}")
        return float(value)

    def maybe(self, key: str, kind: type[Value]) -> Value | None:
        return None if key in self.record and self.record[key] is None else self.take(key, kind)

    def take(self, key: str, kind: type[Value]) -> Value:
        if key not in self.record:
            raise InputError(self.path, f"key '{self.prefix}{key}' is missing", REMEDY)
        value = self.record[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fault(key, f"expected {NAMES[kind]}, got {json.dumps(value)[:60]}")
        return value

    def fault(self, key: str, problem: str) -> InputError:
        return InputError(self.path, f"key '{self.prefix}{key}': {problem}", REMEDY)


def _is_number(value: Any) -> bool:
    """Whether a value is a number that a score can have; all are of coefficients between -π and π."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


STATUSES: dict[str, Status] = {
    "complete": "complete",
    "partial": "partial",
    "no ground truth": "no ground truth",
    "no truth": "no ground truth",  # of earlier versions
}
NAMES: dict[type, str] = {str: "text", int: "a whole number", float: "a number", dict: "an object", list: "a list"}
