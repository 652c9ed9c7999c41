"""Reading what a language model answered: 61 coefficients in one of several shapes, or the reasons why there are none.

Seen in the wild: `{"Keyframe_one": {…}}` (KeyframeFace), `{"analysis": …, "arkit": {…}}` (asked for by SemanticFace's
prompt), prose followed by one bare object (what its released model answers), a bare vector (KeyframeFace without
semantics), all of them with or without Markdown fences and a chain of thought before them.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX, LOWER, UPPER, canonical
from kfzoo.data.json_lines import shown
from kfzoo.data.vector import listed_vector, named_vector
from kfzoo.errors import InputError

_THINK, _THOUGHT = "<think>", "</think>"
_LABEL = re.compile(r"arkit|keyframe.*", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)
_SHORTEST_VECTOR = 3  # Shorter lists are ranges such as [0, 1] in prose.


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer as it was understood.

    Attributes:
        coefficients: (61,) float32, each clamped to its channel's range, or None.
        problems: Why there are no coefficients; empty exactly when there are.
        analysis: What the answer says in words, or empty.
        label: The key under which the coefficients stood, such as `Keyframe_one`, or empty.
    """

    coefficients: NDArray[np.float32] | None
    problems: tuple[str, ...]
    analysis: str = ""
    label: str = ""

    @property
    def valid(self) -> bool:
        """Whether there are coefficients."""
        return self.coefficients is not None


def parse_answer(text: str) -> Answer:
    """Reads an answer; any text is accepted, and nothing is ever filled in.

    Values are clamped to their channel's range. A channel that is missing, unknown or named twice, a value that is no
    finite number, or more than one face make the answer invalid.

    Args:
        text: What the model wrote.

    Returns:
        The coefficients, or the reasons why there are none.
    """
    _, thought, spoken = text.rpartition(_THOUGHT)
    if not thought and _THINK in text:
        return Answer(None, ("the answer breaks off before its thinking ends",))
    prose, values, broken = _decode(spoken)
    faces = _faces(values)
    analysis = next((words for value in values if (words := _analysis(value))), prose)
    if not faces:
        numbers = _bare_numbers(spoken)
        if not numbers:
            return Answer(
                None, (broken or "holds no coefficients, expected a JSON object with the 61 channels",), analysis
            )
        faces, analysis = [("", numbers)], ""
    if len(faces) > 1:
        return Answer(None, (f"holds {len(faces)} faces, expected one",), analysis)
    label, face = faces[0]
    vector, problems = named_vector(face.pairs) if isinstance(face, _Object) else listed_vector(face)
    if vector is None:
        return Answer(None, problems, analysis, label)
    return Answer(np.clip(vector, LOWER, UPPER).astype(np.float32), (), analysis, label)


@dataclass(frozen=True)
class _Object:
    """A JSON object that keeps names that occur twice."""

    pairs: list[tuple[str, Any]]


_Face = _Object | list[Any]
_DECODER = json.JSONDecoder(object_pairs_hook=_Object, parse_int=float)  # float: digits without limit


def _decode(text: str) -> tuple[str, list[Any], str]:
    """Splits a text into its words, the JSON objects and lists in it, and the first fault of an object."""
    prose: list[str] = []
    values: list[Any] = []
    broken = ""
    start = 0
    for match in re.finditer(r"[{\[]", text):
        if match.start() < start:
            continue
        try:
            value, end = _DECODER.raw_decode(text, match.start())
        except json.JSONDecodeError as error:
            if match[0] == "{" and not broken:
                cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
                broken = "the JSON breaks off" if cut else f"the JSON cannot be read ({error.msg} at {error.pos})"
                prose.append(text[start : match.start()])
        except RecursionError:
            return "".join(prose), values, broken or "the JSON is nested too deeply"
        else:
            if not broken:
                # A range such as [0, 1] belongs to the words around it.
                words_end = end if isinstance(value, list) and len(value) < _SHORTEST_VECTOR else match.start()
                prose.append(text[start:words_end])
            values.append(value)
            start = end
    if not broken:
        prose.append(text[start:])
    return _FENCE.sub("", "".join(prose)).strip(), values, broken


def _faces(values: list[Any]) -> list[tuple[str, _Face]]:
    """Finds what is meant as coefficients: what a key announces, else objects with channels, else the longest list."""
    objects = [pair for value in values for pair in _objects("", value)]
    announced = [(label, value) for label, value in objects if _LABEL.fullmatch(label)]
    if announced:
        # {"Keyframe_one": {"arkit": {…}}}: the outer one only announces the inner one.
        return [face for face in announced if not _announces(face[1])]
    named: list[tuple[str, _Face]] = [
        (label, value) for label, value in objects if isinstance(value, _Object) and _has_channel(value)
    ]
    if named:
        return named
    lists = [value for value in values if isinstance(value, list) and len(value) >= _SHORTEST_VECTOR]
    longest = max(map(len, lists), default=0)
    return [("", value) for value in lists if len(value) == longest]


def _objects(label: str, value: object) -> Iterator[tuple[str, _Face]]:
    """Yields an object or list and all that are in it, each with its key."""
    waiting = deque([(label, value)])
    while waiting:
        label, value = waiting.popleft()
        if isinstance(value, _Object):
            yield label, value
            waiting += value.pairs
        elif isinstance(value, list):
            yield label, value
            waiting += [("", item) for item in value]


def _announces(face: _Face) -> bool:
    pairs = face.pairs if isinstance(face, _Object) else []
    return any(_LABEL.fullmatch(name) and isinstance(value, _Object | list) for name, value in pairs)


def _has_channel(face: _Object) -> bool:
    for name, _ in face.pairs[: 2 * len(INDEX)]:
        try:
            canonical(name)
        except InputError:
            continue
        return True
    return False


def _bare_numbers(text: str) -> list[Any]:
    """Reads a vector without or with odd brackets; empty when the text holds anything but numbers."""
    words = re.split(r"[\s,;]+", _FENCE.sub(" ", text).strip(" \n\r\t[](),;"))
    if len(words) < _SHORTEST_VECTOR or not all(_NUMBER.fullmatch(word) for word in words):
        return []
    return [float(word) for word in words]


def _analysis(value: object) -> str:
    """Returns the words under "analysis", one line a heading and one level below it."""
    for name, found in value.pairs if isinstance(value, _Object) else []:
        if name.lower() == "analysis":
            if isinstance(found, _Object):
                return "\n".join(f"{_heading(key)}: {_words(inner)}" for key, inner in found.pairs)
            return _words(found)
    return ""


def _words(value: object) -> str:
    if isinstance(value, _Object):
        return "; ".join(f"{_heading(key).lower()}: {_plain(inner)}" for key, inner in value.pairs)
    return "; ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else shown(value)


def _heading(key: str) -> str:
    return key.replace("_", " ").strip().capitalize()
