"""A data source that joins stage I's analyses to another source."""

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
        analyses: The file that `python -m kfzoo data describe` wrote for it.

    Raises:
        InputError: While reading, for a keyframe with coefficients whose analysis is missing or of another face.
    """

    def __init__(self, source: Source, analyses: str | os.PathLike[str]) -> None:
        self.source = source
        self.analyses = analyses

    def __iter__(self) -> Iterator[Script]:
        """Yields the source's scripts."""
        entries = read_analyses(self.analyses)
        for script in self.source:
            keyframes = tuple(self._described(script, keyframe, entries) for keyframe in script.keyframes)
            yield replace(script, keyframes=keyframes)

    def __len__(self) -> int:
        """Number of scripts."""
        return len(self.source)

    def _described(self, script: Script, keyframe: Keyframe, entries: dict[str, Entry]) -> Keyframe:
        if keyframe.coefficients is None:
            return keyframe
        name = f"{script.id}#{keyframe.index}"
        entry = entries.get(name)
        if entry is None or entry.face != face_digest(keyframe.coefficients):
            problem = f"contains no analysis of keyframe '{name}'" + (" as it is now" if entry else "")
            raise InputError(self.analyses, problem, "run python -m kfzoo data describe again")
        return replace(keyframe, analysis=entry.analysis.text())
