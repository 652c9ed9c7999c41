"""`ReadingOptions`: what a user may say of recordings that their files leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Head = Literal["recorded", "zero"]
"""Whether the nine head and eye angles must be in the file, or are 0 where it has none."""

Tongue = Literal["recorded", "zero"]
"""Whether `TongueOut` must be in the file, or is 0 where it has none: MediaPipe does not see the tongue."""


@dataclass(frozen=True)
class ReadingOptions:
    """What a user may say of recordings that their files leave open.

    Attributes:
        timecode_fps: Frames a second that the last field of a timecode counts; None to find it from the file.
        row_fps: Rows a second of a file without usable time; None to refuse such a file.
        head: Whether missing head and eye angles are an error, or 0.
        tongue: Whether a missing `TongueOut` is an error, or 0.
    """

    timecode_fps: float | None = None
    row_fps: float | None = None
    head: Head = "recorded"
    tongue: Tongue = "recorded"


DEFAULT_OPTIONS = ReadingOptions()
