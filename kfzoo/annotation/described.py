"""A data source with stage I's analyses joined to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from kfzoo.annotation.analysis_file import Entry, face_digest, read_analyses
from kfzoo.data.script import Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.errors import InputError


class Described(Source):
    """Another source's scripts, each keyframe with its analysis.

    Args:
        source: Any source.
        analyses: The file that `python -m kfzoo data describe` wrote of it.

    Raises:
        InputError: On reading, for a keyframe with coefficients that has no analysis there, or one of another face.
    """

    def __init__(self, source: Source, analyses: str | os.PathLike[str]) -> None:
        self.source = source
        self.analyses = analyses

    def __iter__(self) -> Iterator[Script]:
        """Yields the source's scripts."""
        book = read_analyses(self.analyses)
        for script in self.source:
            keyframes = tuple(self._described(script, keyframe, book) for keyframe in script.keyframes)
            yield replace(script, keyframes=keyframes)

    def __len__(self) -> int:
        """Number of scripts."""
        return len(self.source)

    def _described(self, script: Script, keyframe: Keyframe, book: dict[str, Entry]) -> Keyframe:
        if keyframe.coefficients is None:
            return keyframe
        name = f"{script.id}#{keyframe.index}"
        entry = book.get(name)
        if entry is None or entry.face != face_digest(keyframe.coefficients):
            problem = f"holds no analysis of keyframe '{name}'" + (" as it is now" if entry else "")
            raise InputError(self.analyses, problem, "run python -m kfzoo data describe again")
        return replace(keyframe, analysis=entry.analysis.text())
