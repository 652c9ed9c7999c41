"""JSON arrays of objects, read as if each object were a line of JSON Lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from kfzoo.errors import InputError

_BEGIN = re.compile(rb"\s*\[\s*\{")
_KEY = re.compile(rb'"(messages|conversations|query|instruction|response|id|script|keyframes|coefficients)"\s*:')
_BLANK = re.compile(r"\s*")
_PEEKED = 1 << 16  # Bytes that are looked at to tell the two forms apart.


def is_array(path: Path) -> bool:
    """Returns whether a file is one JSON array of records.

    JSON Lines may hold arrays, too: an answer that is a list. So the array must span lines, or its first object must
    have a key of the project's records.

    Raises:
        OSError: When the file cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(_PEEKED).removeprefix(codecs.BOM_UTF8)
    if _BEGIN.match(begin) is None:
        return False
    first, _, more = begin.strip().partition(b"\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        if more:
            return True
    return not more and _KEY.search(begin) is not None


def array_items(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields `file:line` of each entry's beginning, and the entry as one line of JSON.

    Raises:
        InputError: When the file is no JSON array.
    """
    try:
        text = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "save the file as UTF-8") from error
    decoder = json.JSONDecoder(parse_int=float)  # float: digits without limit
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        at = _after_blank(text, at)
        line, counted = line + text.count("\n", counted, at), at
        where = f"{path}:{line}"
        if text[at : at + 1] == "]":
            break
        try:
            _, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise InputError(where, f"the array's entry is cut off or no JSON ({reason})", "write it again") from None
        yield where, text[at:end].encode() + b"\n"
        at = _after_blank(text, end)
        if text[at : at + 1] not in (",", "]"):
            raise InputError(where, "the array breaks off after this entry", "the file's end is lost: write it again")
        at += text[at] == ","
    rest = text[at + 1 :].strip()
    if rest:
        raise InputError(where, "there is more after the array's end", "expected one JSON array, or JSON Lines")


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
