"""The file of stage I's analyses of a whole data set: one line of JSON a keyframe, written by a resumable call.

A line: `{"id": "<script>#<index>", "face": …, "by": …, "analysis": {…}}`. "face" is a digest of the coefficients and
"by" the annotator: an analysis is kept only where both are the same, so that changed data are analysed again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.annotation.analysis import Analysis, check_analysis
from kfzoo.annotation.annotators import Annotator
from kfzoo.annotation.many_answers import answer_all
from kfzoo.data.json_lines import Fields, read_lines
from kfzoo.errors import InputError
from kfzoo.files import check_target, replacing
from kfzoo.journal import Journal
from kfzoo.language_models.backend import AnswerError
from kfzoo.terminal import say

MOST_FAULTS = 10
"""Faces in a row without an analysis after which the fault is the annotator's, and not the faces'."""

_KEYS = ("id", "face", "by", "analysis")
_DIGITS = 4  # Of a coefficient: as they are written in scripts.


@dataclass(frozen=True)
class Entry:
    """One analysed keyframe.

    Attributes:
        id: Of the keyframe.
        face: `face_digest` of its coefficients.
        by: Name of the annotator.
        analysis: What the annotator wrote.
    """

    id: str
    face: str
    by: str
    analysis: Analysis

    def values(self) -> dict[str, Any]:
        """Returns plain values, without the id."""
        return {"face": self.face, "by": self.by, "analysis": self.analysis.values()}

    def line(self) -> str:
        """Returns a line of the file."""
        return json.dumps({"id": self.id, **self.values()}, ensure_ascii=False) + "\n"


def face_digest(coefficients: ArrayLike) -> str:
    """Returns a short digest of coefficients (61,), to `_DIGITS` digits."""
    steps = np.rint(np.asarray(coefficients, dtype=np.float64) * 10**_DIGITS).astype("<i4")
    return hashlib.sha256(steps.tobytes()).hexdigest()[:16]


def read_analyses(path: str | os.PathLike[str]) -> dict[str, Entry]:
    """Reads analyses by the keyframes' ids; of two for one keyframe the later counts.

    Raises:
        InputError: For a file that is missing, and a line of another shape.
    """
    found = Path(path)
    if not found.is_file():
        raise InputError(found, "does not exist", "write it with python -m kfzoo data describe")
    return {entry.id: entry for entry in map(_entry, read_lines(found))}


class Outcome(NamedTuple):
    """What `write_analyses` did.

    Attributes:
        new: Number of faces that were analysed now.
        before: Number of analyses that were there before.
        faults: Why a face got no analysis, by its id.
    """

    new: int
    before: int
    faults: dict[str, str]


def write_analyses(
    path: str | os.PathLike[str],
    faces: Sequence[tuple[str, ArrayLike]],
    annotator: Annotator,
    *,
    parallel: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> Outcome:
    """Analyses faces and writes one line each, in their order.

    Each analysis is in a journal next to the file as soon as it is done: after an interruption, the same call resumes.
    Analyses that the file already holds are kept. A face that gets no analysis is left out of the file, and asked for
    again by the next call.

    Args:
        path: The file; it appears, or is replaced, when every face was asked for.
        faces: Ids, all different, and coefficients (61,).
        annotator: Analyses them.
        parallel: Number of faces that are analysed at a time; for servers.
        progress: Gets the number of faces that are done, each time one is.

    Raises:
        InputError: When a file cannot be written or is of another kind, what the annotator raises, and after
            `MOST_FAULTS` faces in a row without an analysis. The analyses until then are kept.
    """
    final = Path(path)
    check_target(final)
    wanted = {name: (face_digest(face), face) for name, face in faces}
    journal = Journal(final, {"annotator": annotator.name})
    for other in journal.others():
        say(other.line)
    known = read_analyses(final) if final.exists() else {}
    unchanged = list(known) == list(wanted) and not journal.found
    known |= {name: _entry((str(journal.pattern), {"id": name, **journal[name]})) for name in journal}
    done = {
        name: entry
        for name, entry in known.items()
        if name in wanted and (entry.face, entry.by) == (wanted[name][0], annotator.name)
    }
    before = len(done)
    progress(before)
    if before == len(wanted) and unchanged:
        return Outcome(0, before, {})
    faults = _analyse_rest(wanted, done, annotator, journal, parallel, progress)
    with replacing(final) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(done[name].line() for name in wanted if name in done)
    journal.remove()
    return Outcome(len(done) - before, before, faults)


def _analyse_rest(
    wanted: Mapping[str, tuple[str, ArrayLike]],
    done: dict[str, Entry],
    annotator: Annotator,
    journal: Journal,
    parallel: int,
    progress: Callable[[int], None],
) -> dict[str, str]:
    """Analyses what is not done, into `done` and the journal; returns why a face got no analysis, by id."""
    faults: dict[str, str] = {}
    in_a_row = 0

    def analyse(name: str) -> Entry:
        digest, face = wanted[name]
        return Entry(name, digest, annotator.name, annotator.analyse(face))

    def finish(name: str, found: Entry | AnswerError) -> None:
        nonlocal in_a_row
        if isinstance(found, AnswerError):
            faults[name] = str(found)
            in_a_row += 1
            if in_a_row == MOST_FAULTS:
                problem = f"{MOST_FAULTS} faces in a row got no analysis (the last, '{name}': {found})"
                raise InputError(annotator.name, problem, "what was finished is kept: the same command goes on")
            return
        in_a_row = 0
        journal.add({name: found.values()})
        done[name] = found
        progress(len(done))

    todo = [name for name in wanted if name not in done]
    try:
        answer_all(todo, analyse, finish, parallel=parallel, cancel=annotator.close)
    finally:
        journal.close()
    return faults


def _entry(line: tuple[str, Any]) -> Entry:
    where, values = line
    fields = Fields(where, values, known=_KEYS)
    name, face, by = (fields.text(key) for key in _KEYS[:3])
    return Entry(name, face, by, check_analysis(where, fields.get("analysis")))
