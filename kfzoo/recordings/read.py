"""Reads a recording from a file of any known kind.

The kind is told by the first part of the file's content, not by its name. A new kind is a module with a function that
knows its files, a function that reads one into `NamedColumns`, and a line in `KINDS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from kfzoo.errors import InputError
from kfzoo.recordings.face_cap import looks_like_face_cap, read_face_cap
from kfzoo.recordings.ifacialmocap import looks_like_ifacialmocap, read_ifacialmocap
from kfzoo.recordings.json_recording import looks_like_json, looks_like_json_recording, read_json_recording
from kfzoo.recordings.live_link import read_live_link
from kfzoo.recordings.named_columns import NamedColumns, take_of
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.take import Take
from kfzoo.recordings.timed_table import looks_like_timed_table, read_timed_table


class Kind(NamedTuple):
    """A kind of recording beside Live Link Face's.

    Attributes:
        matches: Tells a file of this kind by its first part.
        read: Reads the file.
    """

    matches: Callable[[str], bool]
    read: Callable[[Path, ReadingOptions], NamedColumns]


KINDS = (
    Kind(looks_like_face_cap, read_face_cap),
    Kind(looks_like_ifacialmocap, read_ifacialmocap),
    Kind(looks_like_json, read_json_recording),
    Kind(looks_like_timed_table, read_timed_table),
)
"""In the order in which they are asked; what none of them knows is read as Live Link Face CSV."""

OTHER_ENDINGS = (".json", ".txt")
"""Endings that recordings share with other files: in a folder, only what is known to be a recording is read."""

_FIRST_PART = 65536  # Bytes by which a kind is told.


def read_take(path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS) -> Take:
    """Reads a recording.

    Args:
        path: The file.
        options: What the file leaves open.

    Returns:
        The take, at least two frames long.

    Raises:
        InputError: For a file of no known kind, and for everything wrong in it; names the line and column.
    """
    file = Path(path)
    first = _first_part(file)
    kind = next((kind for kind in KINDS if kind.matches(first)), None)
    return read_live_link(path, options) if kind is None else take_of(file, kind.read(file, options), options)


def recordings_in(folder: Path) -> list[Path]:
    """Finds the recordings in a folder and the folders below it, sorted.

    Args:
        folder: The folder.

    Returns:
        All CSV files, and those JSON and text files that hold a recording; not hidden ones.
    """
    files = (path for path in folder.rglob("*") if not path.name.startswith("."))
    return sorted(path for path in files if path.suffix.lower() in (".csv", *OTHER_ENDINGS) and _is_recording(path))


def without_equal_names(takes: list[tuple[str, Path]]) -> dict[str, Path]:
    """Returns recordings by name.

    Args:
        takes: Name and file of each.

    Raises:
        InputError: When two have one name.
    """
    named: dict[str, Path] = {}
    for name, path in takes:
        if name in named:
            raise InputError(path, f"has the name of another recording, {named[name].name}", "rename one of them")
        named[name] = path
    return named


def _is_recording(path: Path) -> bool:
    if path.suffix.lower() == ".csv":
        return True
    if not path.is_file():
        return False
    first = _first_part(path)
    return looks_like_json_recording(first) or looks_like_face_cap(first) or looks_like_ifacialmocap(first)


def _first_part(file: Path) -> str:
    """Returns the beginning of a file as text; nothing where it cannot be read, which its reader then reports."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_FIRST_PART)
    except OSError:
        return ""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, errors="ignore")
