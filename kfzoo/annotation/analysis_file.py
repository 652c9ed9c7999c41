"""Stage I over a whole data set: once, resumable, one line of JSON a keyframe.

A line: `{"id": "<script>#<index>", "face": …, "by": …, "analysis": {…}}`. "face" is a digest of the coefficients and
"by" the annotator: an analysis is taken over only where both are the same, so that changed data are analysed anew.
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

_KEYS = ("id", "face", "by", "analysis")
_DIGITS = 4  # Of a coefficient: as they are written in scripts.


@dataclass(frozen=True)
class Entry:
    """One analysed keyframe.

    Attributes:
        id: Of the keyframe.
        face: `face_digest` of its coefficients.
        by: Name of the annotator.
        analysis: What it says.
    """

    id: str
    face: str
    by: str
    analysis: Analysis

    def line(self) -> str:
        """Returns it as a line of the file."""
        values = {"id": self.id, "face": self.face, "by": self.by, "analysis": self.analysis.values()}
        return json.dumps(values, ensure_ascii=False) + "\n"


def face_digest(coefficients: ArrayLike) -> str:
    """Returns a short digest of coefficients (61,), to `_DIGITS` digits."""
    steps = np.rint(np.asarray(coefficients, dtype=np.float64) * 10**_DIGITS).astype("<i4")
    return hashlib.sha256(steps.tobytes()).hexdigest()[:16]


def read_book(path: str | os.PathLike[str]) -> dict[str, Entry]:
    """Reads analyses by the keyframes' ids; of two for one keyframe the later counts.

    Raises:
        InputError: For a file that is missing, and a line of another shape.
    """
    found = Path(path)
    if not found.is_file():
        raise InputError(found, "does not exist", "write it with python -m kfzoo data describe")
    return {entry.id: entry for entry in map(_entry, read_lines(found))}


def write_book(
    path: str | os.PathLike[str],
    faces: Sequence[tuple[str, ArrayLike]],
    annotator: Annotator,
    *,
    parallel: int = 1,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, int]:
    """Analyses faces and writes one line each, in their order.

    What is done is kept beside the file, in `<name>.part`, as soon as it is done: after an interruption, the same call
    goes on there. Analyses that the file holds already are taken over.

    Args:
        path: The file; it appears, or is replaced, when it is whole.
        faces: Ids, all different, and coefficients (61,).
        annotator: Who analyses.
        parallel: How many faces are asked for at a time; for servers.
        progress: Gets the number of faces that are done, each time one is.

    Returns:
        How many were analysed now, and how many were there.

    Raises:
        InputError: When the file cannot be written or is of another kind, and whatever the annotator raises.
    """
    final = Path(path)
    part = final.with_name(f"{final.name}.part")
    wanted = {name: (face_digest(face), face) for name, face in faces}
    known = _kept(final, part)
    done = {
        name: entry
        for name, entry in known.items()
        if name in wanted and (entry.face, entry.by) == (wanted[name][0], annotator.name)
    }
    there = len(done)
    progress(there)
    if there == len(wanted) and not part.exists() and list(known) == list(wanted):
        return 0, there
    todo = [(name, digest, face) for name, (digest, face) in wanted.items() if name not in done]
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as journal:
            journal.writelines(entry.line() for entry in done.values())
            for entry in _analysed(todo, annotator, parallel):
                journal.write(entry.line())
                journal.flush()
                done[entry.id] = entry
                progress(len(done))
    except OSError as error:
        raise InputError(
            part, f"cannot be written ({error.strerror})", "choose a folder that can be written"
        ) from error
    with replacing(final) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(done[name].line() for name in wanted)
    part.unlink()
    return len(todo), there


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


def _kept(final: Path, part: Path) -> dict[str, Entry]:
    """Returns what is there: the whole file, and over it what an interrupted call has left."""
    known = read_book(final) if final.exists() else {}
    if part.exists():
        # The last line may be cut off: then it was not done.
        whole = part.read_bytes().rpartition(b"\n")[0]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                values = json.loads(line)
            except ValueError as error:
                raise InputError(f"{part}:{number}", f"is not JSON ({error})", "remove the file") from None
            entry = _entry((f"{part}:{number}", values))
            known[entry.id] = entry
    return known


def _entry(line: tuple[str, Any]) -> Entry:
    where, values = line
    fields = Fields(where, values, known=_KEYS)
    name, face, by = (fields.text(key) for key in _KEYS[:3])
    return Entry(name, face, by, check_analysis(where, fields.get("analysis")))
