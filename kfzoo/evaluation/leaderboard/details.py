"""What the HTML page shows of one model when its row is unfolded, as plain values."""

from __future__ import annotations

import hashlib
import json

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import Entry
from kfzoo.evaluation.results import Results
from kfzoo.evaluation.scores import ALL_METRICS, Table

TITLES = {
    "channel": "Per channel",
    "head_pose": "Head pose",
    "cross_comparison": "Cross comparison",
    "region": "By region",
    "emotion": "By emotion",
    "subject": "By subject",
    "keyframe": "By keyframe index",
}
DECIMALS = 4

Lines = list[tuple[str, list[str]]]
"""A table's lines: the label and the values of each."""


def facts(entry: Entry) -> list[tuple[str, str]]:
    """A row's tests, and how it was made."""
    results = entry.results
    tests = {"MSE against the best model": entry.against_best, "MSE against the mean face": entry.against_mean_face}
    return [
        *((term, wording.sentence(comparison)) for term, comparison in tests.items() if comparison is not None),
        ("Invalid", f"{results.invalid:,} of {results.count:,}"),
        ("Seed", wording.NONE if results.seed is None else str(results.seed)),
        ("Hardware", results.hardware),
        ("Test took", f"{results.seconds:.1f} s"),
        ("Written", f"{results.created} by kfzoo {results.version}"),
    ]


def identifiers(results: Results) -> dict[str, str | None]:
    """The class of the model, and the hashes of everything that a row depends on."""
    config = json.dumps(results.config, sort_keys=True, separators=(",", ":"))
    return {
        "Class": results.class_path,
        "Checkpoint": results.checkpoint,
        "Config": hashlib.sha256(config.encode()).hexdigest(),
        "Commit": results.commit,
        "Data": results.data.fingerprint,
        "Split": results.data.split,
        "Evaluator": results.evaluator,
    }


def tables(results: Results) -> list[tuple[str, list[str], Lines]]:
    """Title, columns and lines of the table of all scores and of each breakdown."""
    scores: Lines = [
        (info.label, [wording.number(results.scores, name), wording.interval(results.scores, name)])
        for name, info in ALL_METRICS.items()
        if name in results.scores
    ]
    return [
        ("All scores", ["Metric", "Value", "95 % interval"], scores),
        *(
            (TITLES.get(name, name.replace("_", " ")), ["", *table.columns], _lines(table))
            for name, table in results.tables.items()
        ),
    ]


def _lines(table: Table) -> Lines:
    """Values as text; columns of whole numbers, such as counts, without decimals."""
    columns = zip(*table.rows.values(), strict=True)
    decimals = [0 if all(x is None or x == int(x) for x in column) else DECIMALS for column in columns]
    return [
        (name, [wording.NONE if x is None else f"{x:.{d}f}" for x, d in zip(values, decimals, strict=True)])
        for name, values in table.rows.items()
    ]
