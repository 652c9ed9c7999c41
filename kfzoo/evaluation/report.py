"""A report in the terminal: one set of predictions next to the references, and its tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.results import Results
from kfzoo.evaluation.scores import METRICS, REFERENCES, Table
from kfzoo.terminal import terminal

CROSS_COMPARISON = ("sf13_", "sf14_", "all61_")
"""How the names of the cross comparison's metrics begin."""

TABLES = {
    "head_pose": "Head pose",
    "region": "By region",
    "emotion": "By emotion",
    "subject": "By subject",
    "keyframe": "By keyframe",
}
"""Tables that are printed, and their titles; the results file holds the channels', too."""

MOST_ROWS = 20
"""Rows of a table that are printed."""

COUNTS = ("n", "channels", "skipped")
"""Columns of whole numbers."""

DECIMALS = 4
LEGEND = (
    "↓ lower is better; ↑ higher is better; → nearer to the ground truth's is better. Brackets: 95 % interval. "
    "Next to it the references: the ground truth itself, the ground truth shuffled, the training part's mean "
    "face, and the face at rest. Samples without a valid answer are scored as the mean face, where there is one."
)


def print_report(results: Results, console: Console | None = None) -> None:
    """Prints all numbers of a results file except the single channels'.

    Args:
        results: Of any status.
        console: Where to; by default standard output.
    """
    console = console or terminal()
    console.print(Text(_heading(results), style="bold"))
    invalid = f"invalid    {results.invalid:,} of {results.count:,} samples"
    console.print(Text(invalid, style="bold red" if results.invalid else ""))
    compared = [name for name in results.scores if name.startswith(CROSS_COMPARISON)]
    console.print()
    console.print(_scores("Scores", results, [name for name in results.scores if name not in compared]))
    if compared:
        console.print()
        console.print(_scores("Cross comparison, means over channels", results, compared))
        console.print(Text(_skipped(results), style="dim"))
    for name, title in TABLES.items():
        if name in results.tables and results.tables[name].rows:
            console.print()
            console.print(_table(title, results.tables[name]))
    console.print()
    console.print(Text(LEGEND, style="dim"))


def _heading(results: Results) -> str:
    data = results.data
    evaluator = f", evaluator {results.evaluator[:8]}" if results.evaluator else ""
    target = ", without ground truth" if results.status == "no ground truth" else ""
    where = f"{data.source}, {data.part}: {results.count:,} keyframes, data {data.fingerprint[:8]}"
    return f"{results.model} on {where}{evaluator}{target}"


def _scores(title: str, results: Results, names: Sequence[str]) -> Grid:
    references = [name for name in REFERENCES if name in results.references]
    labels = [REFERENCES[name].removesuffix(" face") for name in references]
    grid = _grid(title, "", "value", "95 %", *labels, "invalid")
    for name in (each for each in METRICS if each in names):
        grid.add_row(
            wording.title(name),
            Text(wording.number(results.scores, name), style="bold"),
            wording.interval(results.scores, name),
            *(Text(wording.number(results.references[each], name), style="dim") for each in references),
            Text(f"{results.invalid:,}", style="bold red" if results.invalid else "dim"),
        )
    return grid


def _skipped(results: Results) -> str:
    """How many channels had no correlation, and are not in its mean."""
    table = results.tables.get("cross_comparison")
    if table is None or "skipped" not in table.columns:
        return ""
    at = table.columns.index("skipped")
    counts = ", ".join(f"{name}: {_plain(values[at], 'skipped')}" for name, values in table.rows.items())
    return f"Constant channels, left out of the means of correlations: {counts}."


def _table(title: str, table: Table) -> Grid:
    more = f" (the first {MOST_ROWS} of {len(table.rows)})" if len(table.rows) > MOST_ROWS else ""
    grid = _grid(f"{title}{more}", "", *table.columns)
    for name, values in list(table.rows.items())[:MOST_ROWS]:
        grid.add_row(Text(name), *map(_plain, values, table.columns))
    return grid


def _grid(title: str, *columns: str) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    grid.padding = (0, 1, 0, 0)
    for position, column in enumerate(columns):
        # Numbers keep their width; in a narrow terminal the names give way.
        grid.add_column(Text(column), justify="right" if position else "left", no_wrap=position > 0, overflow="fold")
    return grid


def _plain(value: float | None, column: str) -> str:
    if value is None:
        return wording.NONE
    metric = METRICS.get(column.partition("_")[0])
    decimals = 0 if column in COUNTS else metric.decimals if metric else DECIMALS
    return f"{value:.{decimals}f}"
