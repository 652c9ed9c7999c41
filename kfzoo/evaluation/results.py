"""The results file: all that a leaderboard, or a reader in a year, needs to know of one run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from kfzoo.errors import InputError
from kfzoo.evaluation.provenance import DataIdentity, Provenance
from kfzoo.evaluation.samples import Samples, read_samples, write_samples
from kfzoo.evaluation.scores import Score, Table
from kfzoo.files import replacing

FORMAT = "kfzoo-results"
"""Marks a JSON file as a results file."""

SCHEMA = 2
"""Version of the file's layout; a reader refuses others."""

Status = Literal["complete", "partial", "no ground truth"]
"""`partial`: only some of the split was scored; `no ground truth`: the data has none. No leaderboard lists either."""

MOST_DIGITS = 19
"""Digits from which on a whole number is none: no sample, channel or second is counted so far."""

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
    text = _laid_out({"format": FORMAT, "schema": SCHEMA, **asdict(results)})
    if samples is not None:
        write_samples(samples_path(path), samples)
    with replacing(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
    if samples is None:
        samples_path(path).unlink(missing_ok=True)


def _laid_out(value: Any, margin: str = "") -> str:
    """Writes JSON with lists of numbers, and scores, in one line each: a file of hundreds of them stays readable."""
    inner = f"{margin}  "
    if isinstance(value, Mapping) and value and set(value) != {"value", "interval"}:
        lines = [f"{inner}{json.dumps(str(key))}: {_laid_out(each, inner)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    if isinstance(value, list | tuple) and not all(each is None or isinstance(each, int | float) for each in value):
        return "[\n" + ",\n".join(f"{inner}{_laid_out(each, inner)}" for each in value) + f"\n{margin}]"
    return json.dumps(value, allow_nan=False)


def find_runs(folder: str | os.PathLike[str]) -> list[Run]:
    """Reads all results files in a folder and below it, and the samples of those that are complete.

    JSON files of other kinds are left aside.

    Returns:
        In the order of their paths.

    Raises:
        InputError: When the folder is missing or holds no results, and as `read_results` and `read_samples`.
    """
    if not Path(folder).is_dir():
        raise InputError(folder, "no such folder", "name the one that `test` wrote its results to")
    # A name with a leading dot is a file that is just being written.
    paths = sorted(path for path in Path(folder).rglob("*.json") if not path.name.startswith("."))
    found = [_run(path, _parse(path, record)) for path in paths if _is_ours(record := _load(path))]
    if not found:
        raise InputError(folder, "holds no results files", "run `test` first, or name another folder")
    return found


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
    return _Reader(path, record).results()


def _load(path: str | os.PathLike[str]) -> Any:
    def refuse(constant: str) -> None:
        raise InputError(path, f"holds {constant}, expected finite numbers", REMEDY)

    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_constant=refuse, parse_int=_whole_number)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "check the path") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}", f"is no JSON ({error.msg}); it may be cut off", REMEDY) from error
    except RecursionError as error:
        raise InputError(path, "is nested too deeply", REMEDY) from error


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
            config=self.take("config", dict),
            seed=self.maybe("seed", int),
            seconds=self.number("seconds"),
            status=self.status(),
            tables={name: tables.inner(name).table() for name in tables.record},
        )

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
        if isinstance(value, bool) or not math.isfinite(value):
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


def _whole_number(digits: str) -> int | float:
    """Reads a whole number; one that no count can be is infinite, which every key refuses."""
    return int(digits) if len(digits) < MOST_DIGITS else math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


STATUSES: dict[str, Status] = {
    "complete": "complete",
    "partial": "partial",
    "no ground truth": "no ground truth",
    "no truth": "no ground truth",  # of earlier versions
}
NAMES: dict[type, str] = {str: "text", int: "a whole number", float: "a number", dict: "an object", list: "a list"}
