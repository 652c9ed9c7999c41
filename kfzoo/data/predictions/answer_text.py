"""Reading what a language model answered: 61 coefficients in one of several shapes, or the reasons why there are none.

Seen in the wild: `{"Keyframe_one": {…}}` (KeyframeFace), `{"analysis": …, "arkit": {…}}` (asked for by SemanticFace's
prompt), prose followed by one bare object (what its released model answers), a bare vector (KeyframeFace without
semantics), all of them with or without Markdown fences and a chain of thought before them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import INDEX, clamp, is_channel
from kfzoo.arkit.ranges import off_scale, overshooting
from kfzoo.data.json_lines import shown
from kfzoo.data.predictions.embedded_json import SHORTEST_VECTOR, JsonObject, embedded_json
from kfzoo.data.vector import listed_vector, named_vector

_THINK, _THOUGHT = "<think>", "</think>"
_LABEL = re.compile(r"arkit|keyframe.*", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer as it was understood.

    Attributes:
        coefficients: (61,) float32, each clamped to its channel's range, or None.
        problems: Why there are no coefficients; empty exactly when there are.
        analysis: What the answer says in words, or empty.
        label: The key under which the coefficients stood, such as `Keyframe_one`, or empty.
        clamped: How many values were a little outside their channel's range.
    """

    coefficients: NDArray[np.float32] | None
    problems: tuple[str, ...]
    analysis: str = ""
    label: str = ""
    clamped: int = 0

    @property
    def valid(self) -> bool:
        """Whether there are coefficients."""
        return self.coefficients is not None


def parse_answer(text: str) -> Answer:
    """Reads an answer; any text is accepted, and nothing is ever filled in.

    Values a little outside their channel's range are clamped. A channel that is missing, unknown or named twice, a
    value that is no finite number or on another scale, or more than one face make the answer invalid. The time grows
    with the length of the text.

    Args:
        text: What the model wrote.

    Returns:
        The coefficients, or the reasons why there are none.
    """
    _, thought, spoken = text.rpartition(_THOUGHT)
    if not thought and _THINK in text:
        return Answer(None, ("the answer breaks off before its thinking ends",))
    prose, values, broken = embedded_json(spoken)
    prose = _FENCE.sub("", prose).strip()
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
    vector, problems = named_vector(face.pairs) if isinstance(face, JsonObject) else listed_vector(face)
    if vector is None:
        return Answer(None, problems, analysis, label)
    if odd := off_scale(vector):
        return Answer(None, (f"channel '{odd.channel}' {odd.problem}: {odd.remedy}",), analysis, label)
    return Answer(clamp(vector), (), analysis, label, overshooting(vector))


_Face = JsonObject | list[Any]


def _faces(values: list[Any]) -> list[tuple[str, _Face]]:
    """Finds what is meant as coefficients: what a key announces, else objects with channels, else the longest list."""
    objects = [pair for value in values for pair in _objects("", value)]
    announced = [(label, value) for label, value in objects if _LABEL.fullmatch(label)]
    if announced:
        # {"Keyframe_one": {"arkit": {…}}}: the outer one only announces the inner one.
        return [face for face in announced if not _announces(face[1])]
    named: list[tuple[str, _Face]] = [
        (label, value) for label, value in objects if isinstance(value, JsonObject) and _has_channel(value)
    ]
    if named:
        return named
    lists = [value for value in values if isinstance(value, list) and len(value) >= SHORTEST_VECTOR]
    longest = max(map(len, lists), default=0)
    return [("", value) for value in lists if len(value) == longest]


def _objects(label: str, value: object) -> Iterator[tuple[str, _Face]]:
    """Yields an object or list and all that are in it, each with its key."""
    waiting = deque([(label, value)])
    while waiting:
        label, value = waiting.popleft()
        if isinstance(value, JsonObject):
            yield label, value
            waiting += value.pairs
        elif isinstance(value, list):
            yield label, value
            waiting += [("", item) for item in value]


def _announces(face: _Face) -> bool:
    pairs = face.pairs if isinstance(face, JsonObject) else []
    return any(_LABEL.fullmatch(name) and isinstance(value, JsonObject | list) for name, value in pairs)


def _has_channel(face: JsonObject) -> bool:
    return any(is_channel(name) for name, _ in face.pairs[: 2 * len(INDEX)])


def _bare_numbers(text: str) -> list[Any]:
    """Reads a vector without or with odd brackets; empty when the text holds anything but numbers."""
    words = re.split(r"[\s,;]+", _FENCE.sub(" ", text).strip(" \n\r\t[](),;"))
    if len(words) < SHORTEST_VECTOR or not all(_NUMBER.fullmatch(word) for word in words):
        return []
    return [float(word) for word in words]


def _analysis(value: object) -> str:
    """Returns the words under "analysis", one line a heading and one level below it."""
    for name, found in value.pairs if isinstance(value, JsonObject) else []:
        if name.lower() == "analysis":
            if isinstance(found, JsonObject):
                return "\n".join(f"{_heading(key)}: {_words(inner)}" for key, inner in found.pairs)
            return _words(found)
    return ""


def _words(value: object) -> str:
    if isinstance(value, JsonObject):
        return "; ".join(f"{_heading(key).lower()}: {_plain(inner)}" for key, inner in value.pairs)
    return "; ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> str:
    return value.strip() if isinstance(value, str) else shown(value)


def _heading(key: str) -> str:
    return key.replace("_", " ").strip().capitalize()
