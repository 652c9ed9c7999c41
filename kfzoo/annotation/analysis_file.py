"""The file of stage I's analyses of a whole data set: one line of JSON a keyframe, written by a resumable call.

A line: `{"id": "<script>#<index>", "face": …, "by": …, "analysis": {…}}`. "face" is a digest of the coefficients and
"by" the annotator: an analysis is kept only where both are the same, so that changed data are analysed again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kfzoo.annotation.analysis import Analysis, check_analysis
from kfzoo.annotation.annotators import Annotator
from kfzoo.data.json_lines import Fields, read_lines
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.journal import Journal

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


def write_analyses(
    path: str | os.PathLike[str],
    faces: Sequence[tuple[str, ArrayLike]],
    annotator: Annotator,
    *,
    parallel: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, int]:
    """Analyses faces and writes one line each, in their order.

    Each analysis is in a journal next to the file as soon as it is done: after an interruption, the same call resumes.
    Analyses that the file already holds are kept.

    Args:
        path: The file; it appears, or is replaced, when it is complete.
        faces: Ids, all different, and coefficients (61,).
        annotator: Analyses them.
        parallel: Number of faces that are analysed at a time; for servers.
        progress: Gets the number of faces that are done, each time one is.

    Returns:
        How many were analysed now, and how many were there before.

    Raises:
        InputError: When a file cannot be written or is of another kind, and what the annotator raises.
    """
    final = Path(path)
    wanted = {name: (face_digest(face), face) for name, face in faces}
    journal = Journal(final, {"annotator": annotator.name})
    for other in journal.others():
        print(other.line)
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
        return 0, before
    todo = [(name, digest, face) for name, (digest, face) in wanted.items() if name not in done]
    try:
        for entry in _analysed(todo, annotator, parallel):
            journal.add({entry.id: entry.values()})
            done[entry.id] = entry
            progress(len(done))
    finally:
        journal.close()
    with replacing(final) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(done[name].line() for name in wanted)
    journal.remove()
    return len(todo), before


def _analysed(todo: Sequence[tuple[str, str, ArrayLike]], annotator: Annotator, parallel: int) -> Iterator[Entry]:
    """Yields entries as they are done."""

    def one(name: str, digest: str, face: ArrayLike) -> Entry:
        return Entry(name, digest, annotator.name, annotator.analyse(face))

    if parallel <= 1:
        yield from (one(*each) for each in todo)
        return
    rest = iter(todo)
    with ThreadPoolExecutor(parallel) as pool:
        running: set[Future[Entry]] = {pool.submit(one, *each) for each in islice(rest, parallel)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(one, *each) for each in islice(rest, len(ended))}
            for future in ended:
                yield future.result()


def _entry(line: tuple[str, Any]) -> Entry:
    where, values = line
    fields = Fields(where, values, known=_KEYS)
    name, face, by = (fields.text(key) for key in _KEYS[:3])
    return Entry(name, face, by, check_analysis(where, fields.get("analysis")))
