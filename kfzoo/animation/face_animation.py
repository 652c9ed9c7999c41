"""`FaceAnimation`: a face over time, with what it was made from. Exporters write it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.animation.curves import interpolate, resample
from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.arkit.checks import check_keyframes
from kfzoo.errors import InputError


@dataclass(frozen=True, eq=False)
class FaceAnimation:
    """A face over time. `of_keyframes` and `of_motion` compute the curves.

    Attributes:
        times: Seconds of the keyframes, (N,), rising.
        keyframes: (N, 61) in Live Link order.
        curves: (T, 61), one face a frame.
        fps: Frames a second of the curves.
        text: What the whole animation was made from.
        texts: Words of each keyframe; none, or N.
        images: Paths of the images that the keyframes were estimated from; none, or N.
        start: Seconds of the first frame of the curves, on the clock of `times`; at most 0.
    """

    times: NDArray[np.float64]
    keyframes: NDArray[np.float64]
    curves: NDArray[np.float32]
    fps: float = 60.0
    text: str = ""
    texts: Sequence[str] = ()
    images: Sequence[Path] = ()
    start: float = 0.0

    def __post_init__(self) -> None:
        for name, values in (("texts", self.texts), ("images", self.images)):
            if values and len(values) != len(self.keyframes):
                problem = f"got {len(values)} for {len(self.keyframes)} keyframes"
                raise InputError(name, problem, "pass one for each keyframe, or none")

    @classmethod
    def of_keyframes(
        cls,
        times: ArrayLike,
        keyframes: ArrayLike,
        *,
        fps: float = 60.0,
        text: str = "",
        texts: Sequence[str] = (),
        images: Sequence[Path] = (),
        hold: float = 0.5,
        ease: float = 0.4,
    ) -> Self:
        """Interpolates keyframes.

        Args:
            times: Seconds, (N,), rising.
            keyframes: (N, 61) in Live Link order.
            fps: Frames a second of the curves.
            text: What the whole animation was made from.
            texts: Words of each keyframe; none, or N.
            images: Paths of the images that the keyframes were estimated from; none, or N.
            hold: See `interpolate`.
            ease: See `interpolate`.

        Raises:
            InputError: For wrong shapes or values, times that do not rise, or a rate that is not positive.
        """
        seconds, faces = check_keyframes(times, keyframes)
        at, curves = interpolate(seconds, faces, fps=fps, hold=hold, ease=ease)
        return cls(seconds, faces, curves, fps, text, texts, images, float(at[0]))

    @classmethod
    def of_motion(cls, motion: ArrayLike, rate: float, *, fps: float = 60.0, text: str = "") -> Self:
        """Takes every frame of a moving clip as a keyframe.

        Args:
            motion: (N, 61) at `rate`.
            rate: Frames a second of `motion`.
            fps: Frames a second of the curves.
            text: What the clip was made from.

        Raises:
            InputError: For wrong shapes or values, or a rate that is not positive.
        """
        curves = resample(motion, rate, fps)
        frames = np.asarray(motion, dtype=np.float64)
        return cls(np.arange(len(frames)) / rate, frames, curves, fps, text)

    def scaled(self, strength: float) -> Self:
        """Returns the animation with all movement multiplied, each channel limited to its range.

        Args:
            strength: The factor; 0 gives the neutral face.
        """
        keyframes, curves = (np.clip(strength * values, LOWER, UPPER) for values in (self.keyframes, self.curves))
        return replace(self, keyframes=keyframes, curves=curves.astype(np.float32))
