"""The leaderboard in the terminal: as many metrics as fit its width, the most important first, and names in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import CLIPS, KEYFRAMES, Board, Entry, boards, not_listed
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import ALL_METRICS, REFERENCES

LEGEND = (
    f"↓ lower, ↑ higher, → nearer to the ground truth is better. †: {wording.MARKERS['†']}; ‡: {wording.MARKERS['‡']}. "
    "Intervals, p-values and what the columns mean: see the Markdown or HTML."
)
IMPORTANT = ("mse", *CLIPS.metrics[:4], "fid", "r_precision_1", "mae", "sf13_pearson", "diversity")
"""Metrics that a narrow terminal shows first; the others follow in the order of the tables."""

GAP = 2
"""Spaces between columns."""

Row = tuple[tuple[Text, ...], Mapping[str, Text]]
"""Names, and numbers by metric."""


def print_leaderboard(
    results: Sequence[Run | Results], console: Console | None = None, *, papers: bool = False
) -> None:
    """Prints the tables.

    Args:
        results: In any order; results without their samples are listed without markers.
        console: Where to; by default standard output.
        papers: Whether the published numbers are printed below.

    Raises:
        InputError: As `boards`.
    """
    console = console or Console()
    for board in boards(results):
        references = [
            _plain((label, wording.NONE), {name: wording.number(scores, name) for name in board.metrics})
            for key, label in REFERENCES.items()
            if (scores := board.references.get(key)) is not None
        ]
        models = [_model(board, entry) for entry in board.entries]
        _print(console, board.heading, ("Model", "Run"), board.metrics, models, references)
    if papers:
        published = [
            _plain((label, source), {name: wording.published(scores, name) for name in KEYFRAMES.metrics})
            for label, source, scores in reference_rows()
        ]
        metrics = [name for name in KEYFRAMES.metrics if any(name in scores for _, _, scores in reference_rows())]
        _print(console, f"As published; {wording.NOT_COMPARABLE}", ("Row", "Source"), metrics, published)
    for note in (LEGEND, *not_listed(results)):
        console.print(Text(note, style="dim"))


def _model(board: Board, entry: Entry) -> Row:
    results = entry.results
    numbers = {}
    for name in board.metrics:
        marker = entry.marker if name == board.kind.ranked_by else ""
        style = "bold green" if name in entry.best else ""
        numbers[name] = Text(wording.number(results.scores, name) + marker, style)
    return (Text(results.model), Text(results.run)), numbers


def _plain(names: Sequence[str], numbers: Mapping[str, str]) -> Row:
    return tuple(Text(name, "dim") for name in names), {key: Text(text, "dim") for key, text in numbers.items()}


def _print(
    console: Console, heading: str, titles: Sequence[str], metrics: Sequence[str], *sections: Sequence[Row]
) -> None:
    """Prints a table that neither folds nor cuts a cell: metrics that do not fit are named below it."""
    rows = [row for section in sections for row in section]
    names = [_width(title, [row[0][place] for row in rows]) for place, title in enumerate(titles)]
    widths = {name: _width(wording.title(name), [row[1][name] for row in rows]) for name in metrics}
    shown = _fitting(widths, console.width - sum(names) - GAP * (len(names) - 1))
    width = sum(names) + sum(widths[name] for name in shown) + GAP * (len(names) + len(shown) - 1)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), width=width)
    for title in titles:
        table.add_column(title, no_wrap=True)
    for name in shown:
        table.add_column(wording.title(name), justify="right", no_wrap=True)
    for section in sections:
        for row in section:
            table.add_row(*row[0], *(row[1][name] for name in shown))
        table.add_section()
    console.print(Text(heading, "bold"))
    console.print(table, crop=False, overflow="ignore", no_wrap=True)
    if left_out := [ALL_METRICS[name].label for name in metrics if name not in shown]:
        console.print(Text(f"A wider terminal shows also {', '.join(left_out)}.", "dim"))
    console.print()


def _width(title: str, cells: Sequence[Text]) -> int:
    return max(Text(title).cell_len, *(cell.cell_len for cell in cells))


def _fitting(widths: Mapping[str, int], room: int) -> list[str]:
    """The metrics that fit, the most important first; at least one. They keep the order of the table."""
    important = [name for name in IMPORTANT if name in widths]
    chosen: set[str] = set()
    for name in [*important, *(name for name in widths if name not in important)]:
        room -= widths[name] + GAP
        if room < 0 and chosen:
            break
        chosen.add(name)
    return [name for name in widths if name in chosen]
