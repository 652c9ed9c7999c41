"""`ShownTake`: one face over time as a page shows it, made of an animation or of a recording."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.recordings.take import Take, usual_rate

FPS = 30.0
"""Frames a second that a page shows at most; the browser draws the faces between them."""

MOST_FRAMES = 1800
"""Of a take on a page: 60 seconds at `FPS`. A longer take is shown at a lower rate."""


class Mark(NamedTuple):
    """A keyframe of a take: its time in seconds since the first frame, and its words, which may be empty."""

    seconds: float
    words: str


class Sampled(NamedTuple):
    """A take at the rate of its page.

    Attributes:
        coefficients: (F, 61) in Live Link order.
        rate: Frames a second.
        reduced: Whether it is lower than usual, as the take is long.
    """

    coefficients: NDArray[np.float32]
    rate: float
    reduced: bool


@dataclass(frozen=True, eq=False)
class ShownTake:
    """One face over time.

    Attributes:
        title: Its name on the page.
        seconds: Of each frame, (T,), from 0, never decreasing.
        coefficients: (T, 61) in Live Link order.
        fps: Frames a second.
        marks: Its keyframes, in order of time.
        text: What all of it was made from; empty where the marks say it.
        remarks: What the reader of a recording had to decide, in sentences.
    """

    title: str
    seconds: NDArray[np.float64]
    coefficients: NDArray[np.float32]
    fps: float
    marks: Sequence[Mark] = ()
    text: str = ""
    remarks: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Checks the shapes.

        Raises:
            InputError: For other than one face of 61 numbers a frame, and for no frame.
        """
        if not len(self.seconds) or self.coefficients.shape != (len(self.seconds), len(CHANNELS)):
            problem = f"got coefficients of shape {self.coefficients.shape} for {len(self.seconds)} frames"
            raise InputError(self.title, problem, f"expected ({len(self.seconds)}, {len(CHANNELS)})")

    @classmethod
    def of_animation(cls, animation: FaceAnimation, title: str) -> Self:
        """Takes an animation's curves, and its keyframes as marks where they have words of their own."""
        times = np.asarray(animation.times) - animation.start
        marks = [Mark(float(time), words) for time, words in zip(times, animation.texts, strict=False)]
        seconds = np.arange(len(animation.curves)) / animation.fps
        return cls(title, seconds, animation.curves, animation.fps, marks, "" if marks else animation.text)

    @classmethod
    def of_recording(cls, take: Take, title: str) -> Self:
        """Takes a recording; its rate is the usual one between two frames."""
        return cls(title, take.seconds, take.coefficients, usual_rate(take.seconds), remarks=take.unusual)

    def part(self, start: float, end: float) -> Self:
        """Cuts a part out.

        Args:
            start: Seconds of its first frame.
            end: Seconds of its last frame.

        Raises:
            InputError: When no frame lies between them.
        """
        if start > self.seconds[-1] + 1e-6:
            raise InputError(self.title, f"ends at {self.seconds[-1]:g} s, before --start ({start:g} s)", "lower it")
        kept = (self.seconds >= start - 1e-6) & (self.seconds <= end + 1e-6)
        if not kept.any():
            problem = f"has no frame from {start:g} s to {end:g} s; its last one is at {self.seconds[-1]:g} s"
            raise InputError(self.title, problem, "change --start and --end")
        first = float(self.seconds[kept][0])
        marks = [Mark(mark.seconds - first, mark.words) for mark in self.marks if start <= mark.seconds <= end]
        seconds, coefficients = self.seconds[kept] - first, self.coefficients[kept]
        return replace(self, seconds=seconds, coefficients=coefficients, marks=marks)

    def sampled(self, fps: float = FPS, most: int = MOST_FRAMES) -> Sampled:
        """Returns the frames that the page shows: every one, or every second, third, … of a steady rate.

        Where the recording's own frames are not evenly spaced, the shown ones are interpolated linearly.

        Args:
            fps: Frames a second at most.
            most: Frames after the first one at most.
        """
        duration = float(self.seconds[-1])
        usual = max(1, math.ceil(self.fps / fps - 1e-6))
        step = max(usual, math.ceil(duration * self.fps / most - 1e-6))
        rate = self.fps / step
        at = np.arange(int(duration * rate + 1e-3) + 1) / rate
        curves = [np.interp(at, self.seconds, self.coefficients[:, channel]) for channel in range(len(CHANNELS))]
        return Sampled(np.stack(curves, axis=1).astype(np.float32), rate, step > usual)
