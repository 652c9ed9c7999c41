"""The leaderboard as Markdown, for repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import Board, Entry, boards, not_listed, short
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import METRICS, REFERENCES, Score

WITH_INTERVAL = ("mse", "fid_frames", "r_precision_1")
"""Columns that show their interval; the HTML shows all intervals."""

NAMES = ("Model", "Run", "Annotation")
ORIGIN = ("Invalid", "Seed", "Checkpoint")
TESTS = ("p", "d_z", "Wilcoxon p")


def render_markdown(results: Sequence[Run | Results]) -> str:
    """Returns the leaderboard as Markdown; the same files in any order give the same text.

    Raises:
        InputError: As `boards`.
    """
    shown = boards(results)
    notice = "<!-- Generated from results files by `python -m kfzoo leaderboard`; do not edit. -->"
    parts = ["# Leaderboard", notice]
    for board in shown:
        parts += [f"## {escaped(board.heading)}", _scores(board), wording.clustering(board)]
        if not board.untested:
            parts.append(_tests(board))
    parts += ["## How to read it", "\n".join(f"- {escaped(term)}: {text}" for term, text in wording.legend(shown))]
    parts += [escaped(sentence) for sentence in not_listed(results)]
    return "\n\n".join([*parts, "## As published", f"{wording.NOT_COMPARABLE.capitalize()}.", _published()]) + "\n"


def escaped(text: str) -> str:
    """Text in which Markdown and its tables find no markup."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))


def _scores(board: Board) -> str:
    columns = [*NAMES, *map(wording.title, board.metrics), *ORIGIN]
    lines = [_model(entry, board.metrics) for entry in board.entries]
    for name, label in REFERENCES.items():
        if name in board.references:
            numbers = [_number(board.references[name], metric) for metric in board.metrics]
            lines.append([f"*{label}*", *[wording.NONE] * 2, *numbers, *[wording.NONE] * len(ORIGIN)])
    return _table(columns, lines, names=len(NAMES))


def _model(entry: Entry, metrics: Sequence[str]) -> list[str]:
    results = entry.results
    cells = [escaped(each) for each in (results.model, results.run, results.data.annotation)]
    for name in metrics:
        text = _number(results.scores, name)
        cells.append(f"**{text}**" if name in entry.best else text)
    cells[len(NAMES)] = f"{cells[len(NAMES)]} {entry.marker}".strip()  # the ranked metric
    seed = wording.NONE if results.seed is None else str(results.seed)
    return [*cells, str(results.invalid), seed, short(results.checkpoint)]


def _number(scores: Mapping[str, Score], name: str) -> str:
    ends = wording.interval(scores, name) if name in WITH_INTERVAL else ""
    return f"{wording.number(scores, name)} {ends}".strip()


def _tests(board: Board) -> str:
    columns = [*NAMES[:2], *(f"{each}, {other}" for other in ("best", "mean face") for each in map(escaped, TESTS))]
    lines = [
        [
            *(escaped(each) for each in (entry.results.model, entry.results.run)),
            *map(escaped, wording.test_of(entry.against_best)),
            *map(escaped, wording.test_of(entry.against_mean_face)),
        ]
        for entry in board.entries
    ]
    return _table(columns, lines, names=2)


def _published() -> str:
    rows = reference_rows()
    metrics = [name for name in METRICS if any(name in scores for _, _, scores in rows)]
    lines = [
        [escaped(label), escaped(source), *(wording.published(scores, name) for name in metrics)]
        for label, source, scores in rows
    ]
    return _table(["Row", "Source", *map(wording.title, metrics)], lines, names=2)


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]], names: int) -> str:
    rule = ["---"] * names + ["---:"] * (len(columns) - names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *lines))
