"""Reads JSON Lines key by key; every fault is named by file, line and key."""

from __future__ import annotations

import codecs
import json
import math
import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kfzoo.data.json_array import array_items, is_array
from kfzoo.errors import InputError
from kfzoo.json_text import as_number, decode_json

_SHOWN = 40  # Characters of a wrong value that a message repeats.


def existing_file(path: str | os.PathLike[str]) -> Path:
    """Returns `path` when it is a file.

    Raises:
        InputError: When it is missing or a folder.
    """
    found = Path(path)
    if not found.is_file():
        problem = "is a folder, expected a file" if found.is_dir() else "does not exist"
        raise InputError(found, problem, "give the path of a JSON Lines file")
    return found


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the objects of a JSON Lines file; blank lines are passed over.

    Args:
        path: A UTF-8 file with one JSON object a line.

    Yields:
        `file:line` for messages, and the object.

    Raises:
        InputError: For a file that cannot be read or is empty, and for a line that is no JSON object, names a key
            twice, or is cut off.
    """
    empty = True
    for where, raw in raw_lines(path):
        empty = False
        yield where, _object(where, raw)
    if empty:
        raise InputError(path, "is empty, expected one JSON object a line", "write the file again")


def raw_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields `file:line` and the bytes of each line that is not blank, or of each entry of a JSON array.

    Raises:
        InputError: For a file that cannot be read.
    """
    try:
        if is_array(path):
            yield from array_items(path)
            return
        # Bytes are split at line feeds only: U+2028 and its like may occur inside a text.
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if raw.strip():
                    yield f"{path}:{number}", raw
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path and its permissions") from error


def shown(value: object) -> str:
    """Returns a JSON value for a message: cut short, lists and objects only named."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is not None and not isinstance(value, str | int | float):
        return "an object"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class Fields:
    """One JSON object, read key by key.

    Args:
        where: `file:line` of the object.
        values: What was read, expected to be an object.
        key: Where in the line it is, such as `keyframes[0]`; empty for the line itself.
        known: The only keys allowed; empty allows all.

    Raises:
        InputError: When it is no object or holds an unknown key.
    """

    def __init__(self, where: str, values: object, key: str = "", known: Sequence[str] = ()) -> None:
        self.where = where
        self._key = key
        if not isinstance(values, dict):
            raise InputError(where, f"{self._name()} is {shown(values)}, expected a JSON object")
        self.values: dict[str, Any] = values
        for name in values:
            if known and name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
                raise self.fault(name, "is unknown", hint)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def path(self, key: str) -> str:
        """Returns a key with the way to it, such as `keyframes[0].time`."""
        return f"{self._key}.{key}" if self._key else key

    def fault(self, key: str, problem: str, remedy: str = "") -> InputError:
        """Returns the error for the value of a key."""
        return InputError(self.where, f"key '{self.path(key)}' {problem}", remedy)

    def get(self, key: str) -> Any:
        """Returns a required value of any type."""
        if key not in self.values:
            raise InputError(self.where, f"{self._name()} lacks the key '{key}'", "add it")
        return self.values[key]

    def text(self, key: str, default: str | None = None) -> str:
        """Returns a text; required when no default is given."""
        value = self.get(key) if default is None else self.values.get(key, default)
        if not isinstance(value, str):
            raise self.fault(key, f"is {shown(value)}, expected a text")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self.fault(key, "holds half of a surrogate pair, which is no character", "write it as UTF-8")
        return value

    def number(self, key: str) -> float:
        """Returns a required finite number."""
        value = self.get(key)
        number = as_number(value)
        if math.isnan(number):
            raise self.fault(key, f"is {shown(value)}, expected a finite number")
        return number

    def items(self, key: str) -> list[Any]:
        """Returns a required list that is not empty."""
        value = self.get(key)
        if not isinstance(value, list) or not value:
            raise self.fault(key, f"is {shown(value)}, expected a list with at least one entry")
        return value

    def _name(self) -> str:
        return f"key '{self._key}'" if self._key else "the line"


def _object(where: str, raw: bytes) -> dict[str, Any]:
    try:
        values = decode_json(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(where, "is not UTF-8", "save the file as UTF-8") from error
    except ValueError as error:
        if not raw.endswith(b"\n"):
            raise InputError(
                where, f"is cut off or not JSON ({error})", "the file's end is lost: write it again"
            ) from None
        raise InputError(where, f"is not JSON ({error})", "expected one JSON object a line") from None
    if not isinstance(values, dict):
        remedy = "numbers alone are read as a recording (.json) or as predictions" if isinstance(values, list) else ""
        raise InputError(where, f"the line is {shown(values)}, expected a JSON object", remedy)
    return values
