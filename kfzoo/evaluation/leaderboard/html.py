"""The leaderboard as one HTML page that needs no other file: its templates are filled with plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import KEYFRAMES, Board, Entry, boards, not_listed, short
from kfzoo.evaluation.leaderboard.details import facts, identifiers, tables
from kfzoo.evaluation.leaderboard.significance import Comparison
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import ALL_METRICS, REFERENCES, Score

TESTS = {
    "p, vs best": "clustered t-test of its MSE against the best model's",
    "p, vs mean face": "clustered t-test of its MSE against the mean face's",
}
DIRECTIONS = {"low": "lower is better", "high": "higher is better", "target": "nearer to the ground truth is better"}

View = dict[str, Any]
"""What a template reads: text, numbers, and lists and dictionaries of them."""


class Cell(NamedTuple):
    """A number of a row.

    Attributes:
        text: As it is printed.
        sort: The value by which the page sorts; empty for rows that stay last, None for rows that are not sorted.
        interval: In brackets, or empty.
        best: Whether no other model is better.
        markers: Keys of `wording.MARKERS`, one character each.
        effect_size: Of a test.
    """

    text: str
    sort: str | None = None
    interval: str = ""
    best: bool = False
    markers: str = ""
    effect_size: str = ""


def render_html(results: Sequence[Run | Results]) -> str:
    """Returns the page; the same files in any order give the same text.

    Raises:
        InputError: As `boards`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    shown = boards(results)
    data = {_data(board): f"{board.shared.data.source} · {short(board.shared.data.fingerprint)}" for board in shown}
    evaluators = {_evaluator(board): short(board.shared.evaluator) for board in shown}
    evaluators |= {"none": "without one"} if "none" in evaluators else {}
    return environment.get_template("page.html.j2").render(
        boards=[_board(board) for board in shown],
        selections=[("data", "Data", "all data", data), ("evaluator", "Evaluator", "all evaluators", evaluators)],
        legend=wording.legend(shown),
        markers=wording.MARKERS,
        not_comparable=wording.NOT_COMPARABLE,
        not_listed=not_listed(results),
    )


def _data(board: Board) -> str:
    return f"{board.shared.data.source} {board.shared.data.fingerprint}"


def _evaluator(board: Board) -> str:
    return board.shared.evaluator or "none"


def _board(board: Board) -> View:
    shared = board.shared
    recordings = [f"{board.recordings:,} recordings"] if board.recordings else []
    digests = {"data": shared.data.fingerprint, "split": shared.data.split, "evaluator": shared.evaluator}
    tests = {} if board.untested else TESTS
    return {
        "title": f"{shared.data.source}, {shared.data.part}",
        "heading": board.heading,
        "data": _data(board),
        "evaluator": _evaluator(board),
        "facts": " · ".join([f"{shared.count:,} {board.kind.unit}", *recordings]),
        "hashes": {label: short(digest) for label, digest in digests.items()},
        "columns": [_column(name) for name in board.metrics],
        "tests": tests,
        "width": 2 + len(board.metrics) + len(tests),
        "models": [_model(board, entry) for entry in board.entries],
        "references": [
            {"name": label, **_row(board, board.references[name])}
            for name, label in REFERENCES.items()
            if name in board.references
        ],
        "papers": _papers(board),
        "note": wording.clustering(board),
    }


def _column(name: str) -> View:
    info = ALL_METRICS[name]
    first = "descending" if info.better == "high" else "ascending"
    return {"label": info.label, "arrow": info.arrow, "direction": DIRECTIONS[info.better], "first": first}


def _model(board: Board, entry: Entry) -> View:
    results = entry.results
    row = _row(board, results.scores, entry)
    names = {"name": results.model, "run": results.run, "annotation": results.data.annotation}
    return {**names, **row, "facts": facts(entry), "identifiers": identifiers(results), "tables": tables(results)}


def _row(board: Board, scores: Mapping[str, Score], entry: Entry | None = None) -> View:
    """The cells of a model, or of a reference row, which has no entry and no tests."""
    numbers = [
        Cell(
            wording.number(scores, name),
            f"{scores[name].value:.9g}" if name in scores else "",
            wording.interval(scores, name),
            best=entry is not None and name in entry.best,
            markers=entry.marker if entry is not None and name == board.kind.ranked_by else "",
        )
        for name in board.metrics
    ]
    tests: list[Cell | None] = [None] * (0 if board.untested else len(TESTS))
    if entry is not None and tests:
        best = "best" if entry is board.entries[0] else wording.NONE
        tests = [_test(entry.against_best, best), _test(entry.against_mean_face, wording.NONE)]
    return {"numbers": numbers, "drawing": _drawing(board, scores), "tests": tests}


def _test(comparison: Comparison | None, otherwise: str) -> Cell:
    if comparison is None:
        return Cell(otherwise, "")
    p_value, effect_size, _ = wording.test_of(comparison)
    return Cell(p_value, f"{comparison.p_value:.6f}", effect_size=effect_size)


def _papers(board: Board) -> list[View]:
    """Published rows: below all others, never sorted, never best; the papers have none of clips."""
    if board.kind is not KEYFRAMES:
        return []
    return [
        {
            "name": label,
            "source": source,
            "numbers": [Cell(wording.published(scores, name)) for name in board.metrics],
            "drawing": None,
            "tests": [None] * (0 if board.untested else len(TESTS)),
        }
        for label, source, scores in reference_rows()
        if any(name in scores for name in board.metrics)
    ]


def _drawing(board: Board, scores: Mapping[str, Score]) -> View | None:
    """Where a row's ranked metric lies between 0 and the farthest end of the board's intervals, in percent."""
    name = board.kind.ranked_by
    if name not in scores:
        return None
    rows = [*(entry.results.scores for entry in board.entries), *board.references.values()]
    farthest = max(_ends(row[name])[1] for row in rows if name in row) or 1.0
    low, high = _ends(scores[name])
    places = {"value": scores[name].value, "low": low, "high": high}
    if mean_face := board.references.get("mean_face", {}).get(name):
        places["mean_face"] = mean_face.value
    return {"mean_face": "", **{kind: f"{place / farthest * 100:.1f}" for kind, place in places.items()}}


def _ends(score: Score) -> tuple[float, float]:
    return score.interval or (score.value, score.value)
