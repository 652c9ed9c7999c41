"""The result tables of the papers whose models the zoo reproduces, as they are printed.

One JSON file for each table, `<paper>_<table>.json`: the paper, the table's number, a title and notes in our own words,
`columns` (our name of the column: its printed head) and `rows` (printed name: values). A column that means a metric of
the suite has its key in `METRICS`. Numbers are as printed, digit for digit, but percentages are shares, and scaled
numbers are in plain units; a number that a paper leaves out is null.

KeyframeFace's table 1 compares data sets and has no scores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

TABLES: dict[str, tuple[int, ...]] = {"KeyframeFace": (2, 3, 4, 5), "SemanticFace": (1, 2, 3, 4, 5, 6, 7)}
"""The numbers of the tables here, by paper."""

ReferenceRow = tuple[str, str, dict[str, float]]
"""A row's label, where it is printed, and its scores by metric key."""


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper.

    Attributes:
        paper: A key of `TABLES`.
        table: Its number in the paper.
        title: What it shows, in our words.
        columns: Metric keys, or plain names where the suite has no such metric.
        rows: Values by the printed name of the row, in printed order; None where the paper has no number.
        note: What a comparison has to take into account.
    """

    paper: str
    table: int
    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float | None, ...]]
    note: str

    @property
    def source(self) -> str:
        """Where it is printed, such as `KeyframeFace, table 3`."""
        return f"{self.paper}, table {self.table}"

    def scores(self, row: str) -> dict[str, float]:
        """The finite numbers of one row, by its printed name, by column; without those that the paper leaves out."""
        pairs = zip(self.columns, self.rows[row], strict=True)
        return {column: value for column, value in pairs if value is not None}


def read_table(paper: str, table: int) -> PublishedTable:
    """Reads one table by a key of `TABLES` and one of its numbers."""
    content = json.loads(files(__name__).joinpath(f"{paper.lower()}_{table}.json").read_text(encoding="utf-8"))
    return PublishedTable(
        paper=content["paper"],
        table=content["table"],
        title=content["title"],
        columns=tuple(content["columns"]),
        rows={name: tuple(None if x is None else float(x) for x in row) for name, row in content["rows"].items()},
        note=" ".join(content["notes"]),
    )


def published() -> list[PublishedTable]:
    """All tables, by paper and number."""
    return [read_table(paper, table) for paper, tables in TABLES.items() for table in tables]


def reference_rows() -> list[ReferenceRow]:
    """The published rows that a leaderboard can show below its own.

    They were measured on the papers' own data, and R-Precision and MMD with the papers' own evaluators: they are not
    comparable with results on other data.

    Returns:
        KeyframeFace's table 3, with MSE and MAE of table 4 where that has the same configuration, then SemanticFace's
        tables 1 and 2.
    """
    return [*_keyframeface_rows(), *_semanticface_rows()]


def _keyframeface_rows() -> Iterator[ReferenceRow]:
    """Table 3 is all ARKit annotation; its 4B and 14B are the two Qwen3 models (section 5.1)."""
    main, errors = read_table("KeyframeFace", 3), read_table("KeyframeFace", 4)
    for name in main.rows:
        training, _, rest = name.partition("-")
        representation, _, size = rest.rpartition("-")
        configuration = f"{training}-qwen3-{size.lower()}-ARKit-{representation}"
        source, scores = main.source, main.scores(name)
        if configuration in errors.rows:
            source, scores = f"{main.paper}, tables 3 and 4", scores | errors.scores(configuration)
        yield name, source, scores


def _semanticface_rows() -> Iterator[ReferenceRow]:
    for number, suffix in ((1, ""), (2, " (in the wild)")):
        table = read_table("SemanticFace", number)
        for name in table.rows:
            label = {"Ours": "SemanticFace", "SBCA": "SBCA (quoted)"}.get(name, name)
            yield label + suffix, table.source, table.scores(name)
