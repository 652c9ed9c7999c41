"""CSV tables by the rules of CSV, and as spreadsheets write them, brought to one plain form without losing speed.

Read are: commas, semicolons and tabs between cells; decimal commas beside the latter two; quotes; UTF-8 and UTF-16;
every kind of line end; Excel's `sep=` line; and empty rows, which are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kfzoo.errors import InputError

_BLANK = " ,\t"
_EXCEL = re.compile(r"sep=(.)", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table in plain form.

    Attributes:
        names: The header's cells, without spaces around them.
        rows: The other lines: cells with a comma between them, without quotes and commas in them, decimal points.
        lines: Number of each in the file.
        header_line: Number of the header's line.
        regular: Whether rows probably have as many cells as the header, none of them empty; in a file for which this
            holds, a row that is too long implies another that is too short.
    """

    names: list[str]
    rows: list[str]
    lines: Sequence[int]
    header_line: int
    regular: bool = False


def read_table(file: Path, kind: str = "CSV") -> Table:
    """Reads a table.

    Args:
        file: The file.
        kind: What it is expected to be, for messages.

    Raises:
        InputError: For a file that is missing, cannot be read, is empty, no text or no CSV.
    """
    text = _text(file, kind)
    text = text.rstrip("\n")
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise InputError(file, f"is empty, expected a {kind} file", "export the take again")
    delimiter = _delimiter(lines[start])
    found = _EXCEL.fullmatch(lines[start].strip())
    if found and start + 1 < len(lines):
        delimiter, start = found[1], start + 1
    if delimiter == "," and start == 0 and _is_regular(text, lines):
        return Table([name.strip() for name in lines[0].split(",")], lines[1:], range(2, len(lines) + 1), 1, True)
    numbers: Sequence[int]
    if '"' in text:
        lines, numbers = _unquoted(file, lines, start, delimiter)
    else:
        lines, numbers = _plain(lines[start:], delimiter), range(start + 1, len(lines) + 1)
    kept = [(line, number) for line, number in zip(lines, numbers, strict=True) if line.strip(_BLANK)]
    if not kept:
        raise InputError(file, f"holds only empty cells, expected a {kind} file", "export the take again")
    names = [name.strip() for name in kept[0][0].split(",")]
    return Table(names, [line for line, _ in kept[1:]], [number for _, number in kept[1:]], kept[0][1])


def _text(file: Path, kind: str) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(file, "there is no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(file, f"is a folder, expected a {kind} file", "name a file in it") from error
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "check the path and its permissions") from error
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file}:{line}", "holds bytes that are not text", "export the take as CSV again") from error
    # Not splitlines: it splits at separators within a cell, too.
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    beginning = data[:200]
    for zeros, encoding in ((beginning[1::2], "utf-16-le"), (beginning[::2], "utf-16-be")):
        if len(beginning) >= 4 and zeros.count(0) > 0.9 * len(zeros):
            return encoding
    return "utf-8-sig"


def _delimiter(header: str) -> str:
    return max(",;\t", key=re.sub(r'"[^"]*"', "", header).count)


def _is_regular(text: str, lines: list[str]) -> bool:
    """Looks at the text as a whole, which is many times faster than to look at each row."""
    if any(sign in text for sign in ('"', ",,", ",\n", "\n\n")) or text[-1] == ",":
        return False
    return text.count(",") == len(lines) * lines[0].count(",")


def _plain(lines: list[str], delimiter: str) -> list[str]:
    return lines if delimiter == "," else [line.replace(",", ".").replace(delimiter, ",") for line in lines]


def _unquoted(file: Path, lines: list[str], start: int, delimiter: str) -> tuple[list[str], list[int]]:
    plain, numbers = [], []
    reader = csv.reader(io.StringIO("\n".join(lines[start:]), newline=""), delimiter=delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            plain.append(",".join(cell.replace(",", ".").replace("\n", " ") for cell in cells))
            numbers.append(start + before + 1)
            before = reader.line_num
    except csv.Error as error:
        problem = f"is not CSV ({error})"
        raise InputError(
            f"{file}:{start + before + 1}", problem, "close the quotes, or export the take again"
        ) from None
    return plain, numbers
