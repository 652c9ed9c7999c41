"""SemanticFace's tables 1 to 3 and 5 to 7 as Markdown, from the results of its estimators and of other methods.

Every table has a row for each estimator: one without results is named as such, not left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Final, Literal

import numpy as np

from benchmarks.page import NONE, table
from kfzoo.arkit.channels import REGIONS, SUBSETS
from kfzoo.evaluation.papers import read_table
from kfzoo.evaluation.results import Run
from kfzoo.evaluation.scores import REFERENCES, Score

Estimators = Mapping[str, Run | None]
"""The rows of all tables by label, in their order; None where there are no results."""

Values = Sequence[float | None]

FIRST_PAGE: Final = 31
"""Channels in the paper's table 6; the others are in table 7."""

BELOW: Final = ("chance", "zero_face")
"""Reference rows under table 1; the ground truth is above it, and the mean face is an estimator."""

GEOMETRIC: Final = ("DeadFace fixed", "DeadFace compat", "SBCA")


@dataclass(frozen=True)
class Column:
    """How a column is printed.

    Attributes:
        title: Its head.
        better: Which value is printed bold; empty for none.
        decimals: Digits after the point.
        scale: What values are multiplied by: 100 for percent.
    """

    title: str
    better: Literal["low", "high", ""] = ""
    decimals: int = 4
    scale: float = 1.0

    def text(self, value: float | None) -> str:
        """Returns a value's cell, a dash where it is not defined."""
        return NONE if value is None else f"{value * self.scale:.{self.decimals}f}".replace("-", "−")

    def printed(self, value: float | None) -> str:
        """Returns a paper's number, without digits that it did not print."""
        return NONE if value is None else min(f"{value * self.scale:g}", self.text(value), key=len)


COLUMNS: Final = {
    "mse": Column("MSE ↓", "low", 5),
    **{f"r_precision_{k}": Column(f"R top-{k}, % ↑", "high", 2, 100) for k in (1, 2, 3)},
    "mmd": Column("MMD ↓", "low", 3),
    "mmd_unnormalised": Column("MMD, not normalised ↓", "low", 2),
    "sf13_pearson": Column("P-Cor, % ↑", "high", 2, 100),
    "sf13_spearman": Column("S-Cor, % ↑", "high", 2, 100),
    "sf13_accuracy": Column("Acc. ↑", "high"),
    "sf13_msd": Column("MSD ↓", "low"),
    "sf13_deviation": Column("Deviation ↓", "low"),
}
"""Table 1, by the suite's names."""

ABLATION: Final = {
    "mse": Column("Mean MSE, 1e-3 ↓", "low", 2, 1e3),
    "mse_median": Column("Median MSE, 1e-3 ↓", "low", 2, 1e3),
    "mse_std": Column("Std, 1e-3 ↓", "low", 2, 1e3),
    "mse_p90": Column("P90, 1e-3 ↓", "low", 2, 1e3),
}
HEAD_POSE: Final = {
    "pearson": Column("P-Cor, % ↑", "high", 2, 100),
    "spearman": Column("S-Cor, % ↑", "high", 2, 100),
    "msd": Column("MSD ↓", "low"),
    "deviation": Column("Deviation ↓", "low"),
}
CHANNEL: Final = {
    "mse": Column("MSE"),
    "pearson": Column("P Corr"),
    "spearman": Column("S Corr"),
    "deviation": Column("Deviation"),
}
COMPARED: Final = ("direct regressor", "SBCA")
"""Estimators whose correlations are next to those of A2 in tables 6 and 7."""

REMARKS: Final = {
    1: ("P-Cor to Deviation of its own row are over 14 channels, the 13 and MouthLeft", "SBCA's row is quoted"),
    2: ("660 photographs without ground truth",),
}
"""Remarks on the paper's own numbers."""


def main_table(estimators: Estimators) -> str:
    """Table 1: errors, retrieval and cross comparison on the test part."""
    rows = _rows(estimators, lambda run: _picked(run.results.scores, COLUMNS))
    cells = _cells(_with_references(rows, estimators, COLUMNS, BELOW), COLUMNS.values(), rows)
    skipped = {label: _skipped(run) for label, run in estimators.items()}
    lines = [[*line, skipped.get(line[0], NONE), _invalid(estimators.get(line[0]))] for line in cells]
    count = len(SUBSETS["sf13"])
    return table(["", *_titles(COLUMNS), f"Constant, of {count}", "Invalid"], _marked(lines, estimators))


def wild_table(estimators: Estimators) -> str:
    """Table 2: the scores that need no ground truth, then two that need it."""
    names = [name for name in COLUMNS if name.startswith(("r_precision", "mmd"))]
    columns = {name: COLUMNS[name] for name in (*names, "mse", "sf13_pearson")}
    rows = _rows(estimators, lambda run: _picked(run.results.scores, columns))
    cells = _cells(_with_references(rows, estimators, columns, ("chance",)), columns.values(), rows)
    lines = [[*line, _invalid(estimators.get(line[0]))] for line in cells]
    return table(["", *_titles(columns), "Invalid"], _marked(lines, estimators))


def ablation_table(estimators: Estimators) -> str:
    """Table 3: how the MSE of samples is spread, for A0 to A2 and the direct regressor."""
    chosen = {label: estimators[label] for label in ("A0", "A1", "A2", "direct regressor")}
    rows = _rows(chosen, _spread)
    return table(["", *_titles(ABLATION)], _marked(_cells(rows, ABLATION.values(), rows), chosen))


def head_pose_table(estimators: Estimators) -> str:
    """Table 5: each estimator by head channel; the best of a channel is bold."""
    lines: list[list[str]] = []
    for channel in REGIONS["head"]:
        rows = _rows(estimators, partial(_of_channel, name="head_pose", channel=channel, columns=tuple(HEAD_POSE)))
        cells = _marked(_cells(rows, HEAD_POSE.values(), rows), estimators)
        lines += [[f"{channel}, {line[0]}", *line[1:]] for line in cells]
    return table(["", *_titles(HEAD_POSE)], lines)


def channel_tables(estimators: Estimators) -> list[str]:
    """Tables 6 and 7: A2 by channel, the least MSE first; Pearson correlations of others in the last columns."""
    run = estimators["A2"]
    if run is None:
        return ["No results of A2."] * 2
    others = [estimators[label] for label in COMPARED]
    rows: dict[str, list[float | None]] = {
        channel: [
            *_of_channel(run, "channel", channel, tuple(CHANNEL)),
            *(None if other is None else _of_channel(other, "channel", channel, ("pearson",))[0] for other in others),
        ]
        for channel in run.results.tables["channel"].rows
    }
    columns = [*CHANNEL.values(), *(Column(f"P Corr, {label}") for label in COMPARED)]
    ranked = {name: rows[name] for name in sorted(rows, key=lambda name: rows[name][0] or 0.0)}
    cells = _cells(ranked, columns, ())
    average = [_mean(values) for values in zip(*ranked.values(), strict=True)]
    cells += _cells({"Average": average}, columns, ())
    header = ["", *(column.title for column in columns)]
    return [table(header, part) for part in (cells[:FIRST_PAGE], cells[FIRST_PAGE:])]


def geometry_table(test: Estimators, wild: Estimators | None) -> str:
    """Not in the paper: Pearson's correlation with the ground truth by channel, for estimators that read landmarks."""
    parts = {"test": test} | ({} if wild is None else {"wild": wild})
    columns = {f"{label}, {part}": runs[label] for label in GEOMETRIC for part, runs in parts.items()}
    known = {title: run for title, run in columns.items() if run is not None}
    if not known:
        return "No results of estimators that read landmarks."
    channels = next(iter(known.values())).results.tables["channel"].rows
    rows = {name: [_of_channel(run, "channel", name, ("pearson",))[0] for run in known.values()] for name in channels}
    rows["Average"] = [_mean(values) for values in zip(*rows.values(), strict=True)]
    return table(["", *known], _cells(rows, [Column(title, decimals=3) for title in known], ()))


def defined(run: Run) -> tuple[int, int]:
    """How many channels have a Pearson correlation, and how many there are."""
    found = run.results.tables["channel"]
    at = found.columns.index("pearson")
    return sum(row[at] is not None for row in found.rows.values()), len(found.rows)


def printed(number: int) -> str:
    """One of the tables 1, 2, 3 and 5 as the paper prints it."""
    found = read_table("SemanticFace", number)
    known = {3: ABLATION, 5: HEAD_POSE}.get(number, COLUMNS)
    columns = {name: known[name.replace("sf14", "sf13")] for name in found.columns}
    cells = [
        [name, *(column.printed(value) for column, value in zip(columns.values(), values, strict=True))]
        for name, values in found.rows.items()
    ]
    remarks = "; ".join(["other data and evaluator: not comparable", *REMARKS.get(number, ())])
    return f"As printed in the paper ({remarks}):\n\n{table(['', *_titles(columns)], cells)}"


def _rows(estimators: Estimators, values: Callable[[Run], Values]) -> dict[str, Values | None]:
    return {label: None if run is None else values(run) for label, run in estimators.items()}


def _with_references(
    rows: Mapping[str, Values | None], estimators: Estimators, names: Iterable[str], below: Sequence[str]
) -> dict[str, Values | None]:
    """Puts the ground truth above the rows, and other reference rows below; any run of the table has them."""
    references = next(run for run in estimators.values() if run is not None).results.references
    around = {name: _picked(references.get(name, {}), names) for name in ("ground_truth", *below)}
    named = {f"*{REFERENCES[name]}*": values for name, values in around.items()}
    first = f"*{REFERENCES['ground_truth']}*"
    return {first: named.pop(first), **rows, **named}


def _picked(scores: Mapping[str, Score], names: Iterable[str]) -> Values:
    return [scores[name].value if name in scores else None for name in names]


def _spread(run: Run) -> Values:
    assert run.samples is not None
    errors = run.samples.mse
    return [float(each) for each in (errors.mean(), np.median(errors), errors.std(), np.percentile(errors, 90))]


def _of_channel(run: Run, name: str, channel: str, columns: Sequence[str]) -> Values:
    found = run.results.tables[name]
    return [found.rows[channel][found.columns.index(column)] for column in columns]


def _mean(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return fmean(found) if found else None


def _skipped(run: Run | None) -> str:
    """How many of the 13 channels have no correlation, because the answers or the ground truth never change there."""
    found = None if run is None else run.results.tables.get("cross_comparison")
    count = None if found is None else found.rows["sf13"][found.columns.index("skipped")]
    return NONE if count is None else f"{count:.0f}"


def _invalid(run: Run | None) -> str:
    return NONE if run is None else f"{run.results.invalid:,}"


def _titles(columns: Mapping[str, Column]) -> list[str]:
    return [column.title for column in columns.values()]


def _cells(rows: Mapping[str, Values | None], columns: Iterable[Column], best_of: Iterable[str]) -> list[list[str]]:
    """Returns the lines of a table, the best printed value of the rows in `best_of` bold."""
    among = [name for name in best_of if rows[name] is not None]
    columns = list(columns)
    lines = {name: [name, *([NONE] * len(columns))] for name in rows}
    for at, column in enumerate(columns):
        for name, values in rows.items():
            lines[name][at + 1] = NONE if values is None else column.text(values[at])
        known = [value for name in among if (value := (rows[name] or ())[at]) is not None]
        if column.better and len(known) > 1:
            best = column.text(min(known) if column.better == "low" else max(known))
            for name in among:
                if lines[name][at + 1] == best:
                    lines[name][at + 1] = f"**{best}**"
    return list(lines.values())


def _marked(lines: Iterable[list[str]], estimators: Estimators) -> list[list[str]]:
    """Marks estimators without results."""
    missing = {label for label, run in estimators.items() if run is None}
    return [[f"{line[0]} (no results)" if line[0] in missing else line[0], *line[1:]] for line in lines]
