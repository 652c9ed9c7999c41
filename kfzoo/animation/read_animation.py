"""Reads a recording of any kind, or the JSON of `generate`, as an animation to be written or sent."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.curves import resample, resample_at
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.keyframes_json import first_part, is_keyframes_json, read_keyframes_json
from kfzoo.arkit.channels import clamp
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import usual_rate

_log = logging.getLogger(__name__)

_UNEVEN, _ROUNDED = 0.25, 0.05
"""Parts of a frame by which a recording's clock may be off a steady one, and off a whole rate by rounded stamps."""


def read_animation(
    path: str | os.PathLike[str], fps: float | None = None, row_fps: float | None = None
) -> FaceAnimation:
    """Reads a take; what a recording's format lacks, angles or the tongue, is 0.

    Args:
        path: A file of any kind that `kfzoo.recordings.read` knows, or keyframes as `generate` and `estimate` write
            them in JSON, which are held and eased as `generate` does it.
        fps: Frames a second of the animation; by default the recording's own, with its frames as they are. Where they
            are uneven in time, they are brought to a steady rate, and it is said.
        row_fps: Rows a second of a file that has no time.

    Raises:
        InputError: For whatever is wrong in the file, and a rate that is not positive.
    """
    file = Path(path)
    if is_keyframes_json(first_part(file)):
        return _at_rate(read_keyframes_json(file), fps)
    take = read_take(path, ReadingOptions(row_fps=row_fps, head="zero", tongue="zero"))
    for remark in take.unusual:
        _log.warning("%s: %s", path, remark)
    faces = clamp(take.coefficients)
    rate = _rate(take.seconds)
    if fps is None and _off(take.seconds, rate) > _UNEVEN:
        fps = float(round(usual_rate(take.seconds)) or 1)
        _log.warning("%s: its frames are uneven in time, and are brought to %g a second", path, fps)
    if fps is not None:
        rising = np.flatnonzero(np.diff(take.seconds, prepend=-1.0) > 0)
        rate, faces = fps, resample_at(take.seconds[rising], faces[rising], fps)
    return FaceAnimation(np.arange(len(faces)) / rate, faces.astype(np.float64), faces, rate, take.name)


def _at_rate(animation: FaceAnimation, fps: float | None) -> FaceAnimation:
    if fps is None or fps == animation.fps:
        return animation
    return replace(animation, curves=resample(animation.curves, animation.fps, fps), fps=fps)


def _rate(seconds: NDArray[np.float64]) -> float:
    """Returns the mean rate; a whole number where the stamps' rounding hides it."""
    rate = float((len(seconds) - 1) / max(seconds[-1], 1e-9))
    whole = float(round(rate))
    return whole if whole and _off(seconds, whole) <= _ROUNDED else rate


def _off(seconds: NDArray[np.float64], rate: float) -> float:
    """Returns how many frames the stamps are off a steady rate at the most."""
    return float(np.abs(seconds * rate - np.arange(len(seconds))).max())
