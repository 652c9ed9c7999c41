"""`ReadingOptions`: what a user may say of recordings that their files leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from kfzoo.errors import InputError

Head = Literal["recorded", "zero"]
"""Whether the nine head and eye angles must be in the file, or are 0 where it has none."""

Tongue = Literal["recorded", "zero"]
"""Whether `TongueOut` must be in the file, or is 0 where it has none: MediaPipe does not see the tongue."""


@dataclass(frozen=True)
class ReadingOptions:
    """What a user may say of recordings that their files leave open.

    Attributes:
        timecode_fps: Frames a second that the last field of a timecode counts; None to find it from the file.
        row_fps: Rows a second of a file whose timecodes are missing, stand still or jump; None to refuse such a file.
            Timecodes that can be used are used.
        head: Whether missing head and eye angles are an error, or 0.
        tongue: Whether a missing `TongueOut` is an error, or 0.

    Raises:
        InputError: For a rate that is not a positive number.
    """

    timecode_fps: float | None = None
    row_fps: float | None = None
    head: Head = "recorded"
    tongue: Tongue = "recorded"

    def __post_init__(self) -> None:
        """Checks the rates."""
        for name, rate in (("timecode_fps", self.timecode_fps), ("row_fps", self.row_fps)):
            if rate is not None and not (math.isfinite(rate) and 1 <= rate <= 1000):
                raise InputError(name, f"is {rate}, expected 1 to 1000 frames a second", "leave it out, or correct it")
        for name, choice in (("head", self.head), ("tongue", self.tongue)):
            if choice not in ("recorded", "zero"):
                raise InputError(name, f"is '{choice}', expected 'recorded' or 'zero'")


DEFAULT_OPTIONS = ReadingOptions()
