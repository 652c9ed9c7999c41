from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kfzoo.arkit.channels import ANGLES, CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from tests.recordings.takes import JAW, assert_opens_steadily, codes, opening_jaw, table, write_cells

ROWS = 90
Cells = list[list[str]]


def cells() -> Cells:
    return table(codes(ROWS), opening_jaw(ROWS))


def text(rows: Cells, separator: str = ",", end: str = "\n") -> str:
    return end.join(separator.join(row) for row in rows) + end


def quoted(rows: Cells) -> Cells:
    return [[f'"{cell}"' for cell in row] for row in rows]


def decimal_commas(rows: Cells) -> Cells:
    return [[cell if column < 1 else cell.replace(".", ",") for column, cell in enumerate(row)] for row in rows]


def indexed(rows: Cells) -> Cells:
    return [[str(number - 1) if number else "", *row] for number, row in enumerate(rows)]


def with_others(rows: Cells) -> Cells:
    head = [*rows[0], "Speaker", "jawOpenSmoothed"]
    return [head, *([*row, "a person" if number else "", "n/a"] for number, row in enumerate(rows[1:]))]


FILES: dict[str, Callable[[Cells], bytes]] = {
    "quotes": lambda rows: text(quoted(rows)).encode(),
    "quoted decimal commas": lambda rows: text(quoted(decimal_commas(rows))).encode(),
    "semicolons and decimal commas": lambda rows: ("\ufeff" + text(decimal_commas(rows), ";", "\r\n")).encode(),
    "semicolons": lambda rows: text(rows, ";").encode(),
    "tabs": lambda rows: text(rows, "\t").encode(),
    "tabs and decimal commas in UTF-16": lambda rows: text(decimal_commas(rows), "\t").encode("utf-16"),
    "UTF-16 without a mark": lambda rows: text(rows).encode("utf-16-le"),
    "UTF-16, big end first": lambda rows: text(rows).encode("utf-16-be"),
    "Excel names the separator": lambda rows: ("sep=;\r\n" + text(rows, ";", "\r\n")).encode(),
    "old line ends": lambda rows: text(rows, end="\r").encode(),
    "empty rows": lambda rows: ("\n" + text(rows[:9]) + "\n" + text(rows[9:]) + "," * 62 + "\n\n  \n").encode(),
    "a comma at the end": lambda rows: text([[*row, ""] for row in rows]).encode(),
    "a comma at the end, below the header": lambda rows: text([rows[0], *([*row, ""] for row in rows[1:])]).encode(),
    "an index column": lambda rows: text(indexed(rows)).encode(),
    "other columns": lambda rows: text(with_others(rows)).encode(),
    "a wrong count": lambda rows: text([rows[0], *([row[0], "51", *row[2:]] for row in rows[1:])]).encode(),
    "no count": lambda rows: text([[row[0], *row[2:]] for row in rows]).encode(),
    "columns turned round": lambda rows: text([row[::-1] for row in rows]).encode(),
    "spaces": lambda rows: text(rows, " , ").encode(),
    "a quoted cell of two lines": lambda rows: (
        text([["a\n b", *rows[0]], *(["x", *row] for row in rows[1:])]).replace("a\n b", '"a\n b"').encode()
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_tables_as_spreadsheets_and_programs_write_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(FILES[name](cells()))
    take = read_take(path)
    assert_opens_steadily(take, ROWS)
    expected = opening_jaw(ROWS)
    np.testing.assert_allclose(take.coefficients, expected, atol=1e-5)
    if name == "other columns":
        assert take.unusual == ("columns passed over: 'Speaker', 'jawOpenSmoothed'",)


@pytest.mark.parametrize("name", ["empty rows", "quotes", "a quoted cell of two lines"])
def test_faults_are_named_by_their_line_in_the_file(tmp_path: Path, name: str) -> None:
    rows = cells()
    rows[20][2 + JAW] = "wide"
    path = tmp_path / "a.csv"
    path.write_bytes(FILES[name](rows))
    line = 1 + next(number for number, line in enumerate(path.read_text().split("\n")) if "wide" in line)
    with pytest.raises(InputError, match=rf"a\.csv:{line}: column 'JawOpen' holds 'wide'"):
        read_take(path)


@pytest.mark.parametrize("case", ["no columns", "no head columns", "empty columns"])
def test_a_missing_head_is_refused_or_zero(tmp_path: Path, case: str) -> None:
    rows = cells()
    angles = {"no columns": ANGLES, "no head columns": ANGLES[:3], "empty columns": ANGLES}[case]
    columns = {2 + INDEX[name] for name in angles}
    if case == "empty columns":
        rows = [rows[0], *([*row[:-9], *[""] * 9] for row in rows[1:])]
    else:
        rows = [[cell for column, cell in enumerate(row) if column not in columns] for row in rows]
    path = write_cells(tmp_path / "a.csv", rows)
    which = "angles 'HeadYaw', 'HeadPitch', 'HeadRoll'" if len(angles) == 3 else "nine head and eye angles"
    with pytest.raises(InputError, match=rf"a\.csv:1: the {which} are missing; .*head: zero \(--source.head zero\)"):
        read_take(path)
    take = read_take(path, ReadingOptions(head="zero"))
    assert_opens_steadily(take, ROWS)
    expected = opening_jaw(ROWS)
    expected[:, [INDEX[name] for name in angles]] = 0
    np.testing.assert_allclose(take.coefficients, expected, atol=1e-5)
    assert take.unusual[0].startswith("set to 0, as head: zero asks: 'HeadYaw'")


def test_a_head_that_is_blank_in_some_rows_only_is_a_fault(tmp_path: Path) -> None:
    rows = cells()
    rows[1] = [*rows[1][:-9], *[""] * 9]
    path = write_cells(tmp_path / "a.csv", rows)
    with pytest.raises(InputError, match=r"a\.csv:2: column 'HeadYaw' holds an empty cell"):
        read_take(path, ReadingOptions(head="zero"))


def test_too_long_and_too_short_rows_that_make_up_for_each_other(tmp_path: Path) -> None:
    rows = cells()
    rows[5].append(rows[6].pop())
    path = write_cells(tmp_path / "a.csv", rows)
    with pytest.raises(InputError, match=rf"a\.csv:6: {len(CHANNELS) + 3} columns instead of {len(CHANNELS) + 2}; "):
        read_take(path)


def test_a_row_of_blank_values_shows_no_face_whatever_its_count(tmp_path: Path) -> None:
    rows = cells()
    rows[9] = [rows[9][0], "61", *[" "] * 61]
    rows[10] = [rows[10][0], "0"]
    take = read_take(write_cells(tmp_path / "a.csv", rows))
    assert take.lost == 2
    np.testing.assert_allclose(take.seconds, np.delete(np.arange(ROWS), [8, 9]) / 60)
