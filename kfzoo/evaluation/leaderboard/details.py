"""What the HTML page tells of one model when its row is unfolded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import Entry
from kfzoo.evaluation.leaderboard.elements import Element, element
from kfzoo.evaluation.leaderboard.significance import Comparison
from kfzoo.evaluation.results import Results
from kfzoo.evaluation.scores import METRICS, Table

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


def details(entry: Entry) -> Element:
    """Where a row comes from, its tests, all its scores and all its tables."""
    results = entry.results
    facts = [*_tests(entry), *_origin(results)]
    folds = [_fold("All scores", _all_scores(results))]
    folds += [_fold(TITLES.get(name, name.replace("_", " ")), _table(table)) for name, table in results.tables.items()]
    told = [element("div", element("dt", term), element("dd", meaning)) for term, meaning in facts]
    return Element(element("dl", *told, class_="facts-of") + element("div", *folds, class_="folds"))


def _tests(entry: Entry) -> list[tuple[str, str]]:
    pairs = {"MSE against the best model": entry.against_best, "MSE against the mean face": entry.against_mean_face}
    return [(term, _sentence(comparison)) for term, comparison in pairs.items() if comparison is not None]


def _sentence(comparison: Comparison) -> str:
    p_value, effect_size, wilcoxon = wording.test_of(comparison)
    difference = wording.signed(comparison.difference, METRICS["mse"].decimals)
    return f"difference {difference}, d_z {effect_size}; clustered p {p_value}, Wilcoxon p {wilcoxon}"


def _origin(results: Results) -> list[tuple[str, str | Element]]:
    config = json.dumps(results.config, sort_keys=True, separators=(",", ":"))
    hashes = {
        "Checkpoint": results.checkpoint,
        "Config": hashlib.sha256(config.encode()).hexdigest(),
        "Commit": results.commit,
        "Data": results.data.fingerprint,
        "Split": results.data.split,
        "Evaluator": results.evaluator,
    }
    return [
        ("Class", element("code", results.class_path)),
        ("Invalid", f"{results.invalid:,} of {results.count:,}"),
        ("Seed", wording.NONE if results.seed is None else str(results.seed)),
        ("Hardware", results.hardware),
        ("Test took", f"{results.seconds:.1f} s"),
        ("Written", f"{results.created} by kfzoo {results.version}"),
        *((name, element("code", digest) if digest else wording.NONE) for name, digest in hashes.items()),
    ]


def _all_scores(results: Results) -> Element:
    lines = [
        (METRICS[name].label, wording.number(results.scores, name), wording.interval(results.scores, name))
        for name in METRICS
        if name in results.scores
    ]
    return _plain(("Metric", "Value", "95 % interval"), lines)


def _table(table: Table) -> Element:
    columns = list(zip(*table.rows.values(), strict=True))
    whole = [all(value is None or value == int(value) for value in column) for column in columns]
    decimals = [0 if each else DECIMALS for each in whole]
    lines = [(name, *map(_value, values, decimals)) for name, values in table.rows.items()]
    return _plain(("", *table.columns), lines)


def _value(value: float | None, decimals: int) -> str:
    return wording.NONE if value is None else f"{value:.{decimals}f}"


def _plain(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Element:
    head = [element("th", each, scope="col", class_="number" if place else None) for place, each in enumerate(columns)]
    rows = [
        element("tr", element("th", line[0], scope="row"), *(element("td", each, class_="number") for each in line[1:]))
        for line in lines
    ]
    return element("table", element("thead", element("tr", *head)), element("tbody", *rows))


def _fold(title: str, table: Element) -> Element:
    return element("details", element("summary", title), element("div", table, class_="wide"))
