"""`Take`: one recording, as it was read from a file of any kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEADY = 30.0
"""Frames a second where a take is too short to tell."""

USUAL = "the timecodes count 60 frames a second"
"""The remark on a take as the phone records it."""


@dataclass(frozen=True, eq=False)
class Take:
    """One recording.

    Attributes:
        name: File name without its suffix.
        seconds: Time of each frame since the first one, (T,) float64, never decreasing.
        coefficients: As recorded, not limited to their ranges, (T, 61) float32.
        timecodes: Timecode of each frame, as written; empty where the file has none.
        lost: Frames left out because the camera had lost the face.
        remarks: What the reader had to decide, in sentences: the rate it took for the timecodes, columns it passed
            over.
    """

    name: str
    seconds: NDArray[np.float64]
    coefficients: NDArray[np.float32]
    timecodes: list[str]
    lost: int = 0
    remarks: tuple[str, ...] = ()

    @property
    def unusual(self) -> tuple[str, ...]:
        """The remarks that a user should see: all but that the take is as the phone records it."""
        return tuple(remark for remark in self.remarks if remark != USUAL)


def usual_rate(seconds: NDArray[np.float64]) -> float:
    """Returns the frames a second of rising times, (T,), by the median of their steps; `STEADY` where there is none."""
    steps = np.diff(seconds)
    steps = steps[steps > 0]
    return float(1 / np.median(steps)) if len(steps) else STEADY
