"""The leaderboard: tables made from results files alone.

Rows stand in one table only when they were scored on the same data, split, part and number of samples, with the same
learned evaluator.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kfzoo.errors import InputError
from kfzoo.evaluation.results import Results
from kfzoo.evaluation.scores import METRICS, REFERENCES, Score
from kfzoo.files import replacing

SHOWN = ("mse", "mae", "rmse", "fid", "w_dist", "diversity")
"""Metrics of the table; the results files hold all of them."""

RANKED_BY = "mse"
NONE = "–"
NAMES = 3
"""Columns of text before the numbers."""
NOT_IN_TERMINAL = ("Annotation", "Invalid", "Checkpoint", "Seed", f"{METRICS['rmse'].label} {METRICS['rmse'].arrow}")
"""Columns that only the Markdown has room for."""
HASH_DIGITS = 8
LEGEND = (
    "↓ lower is better; → nearer to the ground truth's is better. Brackets: 95 % interval over scripts. "
    "Bold: best model. FID and W-Dist compare with the training split. Samples without a valid answer are counted "
    "and scored as the mean face."
)


@dataclass(frozen=True)
class Cell:
    """Text of a table's cell, and whether it is the best of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Board:
    """One table.

    Attributes:
        heading: What was scored.
        columns: Titles.
        models: A row for each results file, best first.
        references: A row for each reference.
    """

    heading: str
    columns: tuple[str, ...]
    models: tuple[tuple[Cell, ...], ...]
    references: tuple[tuple[Cell, ...], ...]


def boards(results: Sequence[Results]) -> list[Board]:
    """Groups complete results into tables.

    Args:
        results: In any order; partial ones are left out.

    Returns:
        In the order of source, fingerprint and the rest of what rows must share.
    """
    complete = sorted((each for each in results if each.status == "complete"), key=_shared)
    return [_board(list(group)) for _, group in groupby(complete, key=_shared)]


def render_markdown(results: Sequence[Results]) -> str:
    """Returns the leaderboard as Markdown; the same files give the same text, whatever their order."""
    parts = [
        "# Leaderboard",
        "<!-- Generated from results files by `python -m kfzoo leaderboard`; not to be edited. -->",
    ]
    for board in boards(results):
        lines = [_line(board.columns), _line(["---"] * NAMES + ["---:"] * (len(board.columns) - NAMES))]
        lines += [
            _line([f"**{_escaped(c.text)}**" if c.best else _escaped(c.text) for c in row]) for row in board.models
        ]
        lines += [_line([f"*{_escaped(row[0].text)}*", *(c.text for c in row[1:])]) for row in board.references]
        parts += [f"## {board.heading}", "\n".join(lines)]
    return "\n\n".join([*parts, LEGEND, *_left_out(results)]) + "\n"


def write_leaderboard(path: str | os.PathLike[str], results: Sequence[Results]) -> None:
    """Writes the Markdown.

    Raises:
        InputError: When the folder cannot be written.
    """
    text = render_markdown(results)
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def print_leaderboard(results: Sequence[Results], console: Console | None = None) -> None:
    """Prints the tables in the terminal.

    Args:
        results: In any order.
        console: Where to; by default standard output.
    """
    console = console or Console()
    for board in boards(results):
        # Numbers keep their width; in a narrow terminal the names give way. Intervals stand in the Markdown.
        table = Table(
            title=board.heading, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
        )
        kept = [position for position, title in enumerate(board.columns) if title not in NOT_IN_TERMINAL]
        widths = {position: max(7, len(board.columns[position])) for position in kept if position >= NAMES}
        names = len(kept) - len(widths)
        left = (console.width - sum(widths.values()) - 2 * len(kept)) // names
        for position in kept:
            table.add_column(
                board.columns[position],
                justify="left" if position < NAMES else "right",
                no_wrap=True,
                width=widths.get(position),
                max_width=None if position in widths else max(5, left),
            )
        for row in board.models:
            cells = [row[position] for position in kept]
            table.add_row(*(Text(_first(cell.text), style="bold green" if cell.best else "") for cell in cells))
        table.add_section()
        for row in board.references:
            table.add_row(*(Text(_first(row[position].text), style="dim") for position in kept))
        console.print(table)
    for note in (LEGEND, *_left_out(results)):
        console.print(Text(note, style="dim"))


def _shared(results: Results) -> tuple[str, ...]:
    """What rows of one table have in common."""
    data = results.data
    size = f"{results.count:012d}"  # text that sorts as the number does
    return (data.source, data.fingerprint, data.split, data.part, size, results.evaluator or "")


def _board(results: Sequence[Results]) -> Board:
    ranked = sorted(results, key=lambda each: (_score(each, RANKED_BY).value, each.run, each.model, each.created))
    first = ranked[0]
    # The references depend on the data alone, so any file of the group tells them.
    references = first.references
    metrics = {name: _cells([_score(each, name) for each in ranked], name, _truth(first, name)) for name in SHOWN}
    models = []
    for position, each in enumerate(ranked):
        identity = [Cell(each.model), Cell(each.run), Cell(each.data.annotation)]
        seed = NONE if each.seed is None else str(each.seed)
        origin = [Cell(str(each.invalid)), Cell((each.checkpoint or NONE)[:HASH_DIGITS]), Cell(seed)]
        models.append((*identity, *(metrics[name][position] for name in SHOWN), *origin))
    return Board(
        heading=_heading(first),
        columns=(
            *("Model", "Run", "Annotation"),
            *(f"{METRICS[name].label} {METRICS[name].arrow}" for name in SHOWN),
            *("Invalid", "Checkpoint", "Seed"),
        ),
        models=tuple(models),
        references=tuple(
            _reference(label, references[name]) for name, label in REFERENCES.items() if name in references
        ),
    )


def _heading(results: Results) -> str:
    data = results.data
    parts = [
        f"{data.source}, {data.part}: {results.count:,} keyframes",
        f"data {data.fingerprint[:HASH_DIGITS]}",
        f"split {data.split[:HASH_DIGITS]}",
    ]
    if results.evaluator:
        parts.append(f"evaluator {results.evaluator[:HASH_DIGITS]}")
    return ", ".join(parts)


def _score(results: Results, name: str) -> Score:
    if name not in results.scores:
        raise InputError(f"results of run '{results.run}'", f"lack the metric '{name}'", "run `test` again")
    return results.scores[name]


def _truth(results: Results, name: str) -> float:
    """What the ground truth itself reaches; 0 where no reference says so."""
    truth = results.references.get("ground_truth", {}).get(name)
    return truth.value if truth else 0.0


def _cells(scores: Sequence[Score], name: str, truth: float) -> list[Cell]:
    badness = [abs(each.value - truth) if METRICS[name].better == "truth" else each.value for each in scores]
    return [Cell(_number(each, name), bad == min(badness)) for each, bad in zip(scores, badness, strict=True)]


def _number(score: Score, name: str) -> str:
    decimals = METRICS[name].decimals
    text = f"{score.value:.{decimals}f}"
    if name == RANKED_BY and score.interval is not None:
        text += f" [{score.interval[0]:.{decimals}f}, {score.interval[1]:.{decimals}f}]"
    return text


def _reference(label: str, scores: Mapping[str, Score]) -> tuple[Cell, ...]:
    numbers = [Cell(_number(scores[name], name) if name in scores else NONE) for name in SHOWN]
    return (Cell(label), Cell(NONE), Cell(NONE), *numbers, Cell(NONE), Cell(NONE), Cell(NONE))


def _left_out(results: Sequence[Results]) -> list[str]:
    partial = sorted(each.run for each in results if each.status == "partial")
    return [f"Not listed, because only a part of the split was scored: {', '.join(partial)}."] if partial else []


def _first(text: str) -> str:
    """A number without its interval."""
    return text.partition(" [")[0]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
