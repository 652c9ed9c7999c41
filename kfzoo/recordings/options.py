"""`ReadingOptions`: what a user may say of recordings that their files leave open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Head = Literal["recorded", "zero"]
"""Whether the nine head and eye angles must be in the file, or are 0 where it has none."""


@dataclass(frozen=True)
class ReadingOptions:
    """What a user may say of recordings that their files leave open.

    Attributes:
        timecode_fps: Frames a second that the last field of a timecode counts; None to find it from the file.
        head: Whether missing head and eye angles are an error, or 0.
    """

    timecode_fps: float | None = None
    head: Head = "recorded"


DEFAULT_OPTIONS = ReadingOptions()
