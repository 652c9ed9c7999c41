"""Lines and numbers of text recordings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kfzoo.errors import InputError

_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*", re.ASCII)


def read_text(file: Path) -> str:
    """Reads a file as text: UTF-8, or UTF-16 with its mark.

    Raises:
        InputError: When it cannot be read, or is no text.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InputError(file, "there is no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(file, "is a folder, expected a recording", "name a file in it") from error
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "check the path and its permissions") from error
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{file}:{line}", "holds bytes that are not text", "export the recording again") from error


def text_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yields number and text of the lines that are not blank.

    Raises:
        InputError: As `read_text`.
    """
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        if line.strip():
            yield number, line.strip()


def numbers_of(where: str, cells: Sequence[str]) -> list[float]:
    """Converts texts into numbers, infinite where they are too large for one.

    Raises:
        InputError: For a text that is no number.
    """
    for cell in cells:
        if not _NUMBER.fullmatch(cell):
            found = f"'{cell.strip()[:40]}'" if cell.strip() else "an empty cell"
            raise InputError(where, f"holds {found}, expected a number", "correct the value or take the line out")
    return [float(cell) for cell in cells]
