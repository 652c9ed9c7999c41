"""The leaderboard in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import SHOWN, Board, boards, not_listed
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import METRICS, REFERENCES

LEGEND = (
    "↓ lower, ↑ higher, → nearer to the ground truth's is better. †: not told from the best model; ‡: not shown to be "
    "better than the mean face. Intervals, p-values and the columns' meaning: see the Markdown or HTML."
)
NARROWEST = 7
"""Characters of a number's column."""

NAMES = 2
NAME = 12
"""Characters that a name gets at least, before numbers are left out."""


def print_leaderboard(
    results: Sequence[Run | Results], console: Console | None = None, *, papers: bool = False
) -> None:
    """Prints the tables.

    Args:
        results: In any order; results without their samples are listed without markers.
        console: Where to; by default standard output.
        papers: Whether the papers' own numbers are printed below.

    Raises:
        InputError: As `boards`.
    """
    console = console or Console()
    for board in boards(results):
        console.print(_table(board, console.width))
    if papers:
        console.print(_published(console.width))
    for note in (LEGEND, *not_listed(results)):
        console.print(Text(note, style="dim"))


def _table(board: Board, width: int) -> Table:
    metrics = _fitting(board.metrics, width)
    table = _empty(board.heading, ("Model", "Run"), metrics, width)
    for entry in board.entries:
        results = entry.results
        cells = [Text(results.model), Text(results.run)]
        for name in metrics:
            text = wording.number(results.scores, name) + (entry.marker if name == "mse" else "")
            cells.append(Text(text, style="bold green" if name in entry.best else ""))
        table.add_row(*cells)
    table.add_section()
    for name, label in REFERENCES.items():
        if name in board.references:
            numbers = [wording.number(board.references[name], metric) for metric in metrics]
            table.add_row(*(Text(text, style="dim") for text in (label, wording.NONE, *numbers)))
    _tell_missing(table, board.metrics[len(metrics) :])
    return table


def _published(width: int) -> Table:
    rows = reference_rows()
    present = [name for name in SHOWN if any(name in scores for _, _, scores in rows)]
    metrics = _fitting(present, width)
    table = _empty(f"As published; {wording.NOT_COMPARABLE}", ("Row", "Source"), metrics, width)
    for label, source, scores in rows:
        numbers = (wording.published(scores, name) for name in metrics)
        table.add_row(*(Text(text, style="dim") for text in (label, source, *numbers)))
    _tell_missing(table, present[len(metrics) :])
    return table


def _width(name: str) -> int:
    markers = 2 if name == "mse" else 0
    return max(NARROWEST + markers, len(wording.title(name)))


def _fitting(metrics: Sequence[str], width: int) -> Sequence[str]:
    """As many of the columns, from the left, as fit beside the names: a number is never cut."""
    left = width - NAMES * (NAME + 2)
    for count, name in enumerate(metrics):
        left -= _width(name) + 2
        if left < 0:
            return metrics[: max(1, count)]
    return metrics


def _tell_missing(table: Table, metrics: Sequence[str]) -> None:
    if metrics:
        table.caption = f"Too narrow for {', '.join(METRICS[name].label for name in metrics)}"
        table.caption_justify = "left"


def _empty(heading: str, names: Sequence[str], metrics: Sequence[str], width: int) -> Table:
    """A table whose numbers keep their width; in a narrow terminal the names are folded."""
    table = Table(title=heading, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    left = (width - sum(map(_width, metrics)) - 2 * (len(names) + len(metrics))) // len(names)
    for name in names:
        table.add_column(name, overflow="fold", max_width=max(5, left))
    for name in metrics:
        table.add_column(wording.title(name), justify="right", no_wrap=True, width=_width(name))
    return table
