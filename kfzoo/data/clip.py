"""`Clip`: a few seconds of a moving face and its captions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.ranges import off_scale
from kfzoo.data.script import DECIMALS, UNSPECIFIED, Part
from kfzoo.errors import InputError

FPS = 20
"""Frames a second of every clip: Express4D's rate of training, every third of the recorded frames."""

MIN_FRAMES = 20
"""Shortest clip: one second. Express4D's loader drops shorter ones."""

MAX_FRAMES = 196
"""Longest clip: 9.8 seconds, as long as MDM's and Express4D's motions get."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A captioned piece of a recording.

    Attributes:
        id: Unique within its source; `<recording>/<number>` when several clips were cut from one recording.
        motion: (T, 61) float32 at `FPS`, in Live Link order, `MIN_FRAMES` ≤ T ≤ `MAX_FRAMES`.
        captions: Texts that each describe the whole clip; at least one.
        subject: Who performs it.
        recording: The recording that it was cut from.
        start: Seconds from the start of the recording to the clip's first frame.
        emotion: The emotion in words.
        part: The part of the split that the source itself assigns, or None when it leaves that to the reader.
        same_as: Other recordings that show the same performance; a split keeps them in one part.

    Raises:
        InputError: For motion of another shape, type or length, a value that is no finite number, and an empty caption.
    """

    id: str
    motion: NDArray[np.float32]
    captions: tuple[str, ...]
    subject: str
    recording: str
    start: float = 0.0
    emotion: str = UNSPECIFIED
    part: Part | None = None
    same_as: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks what models rely on."""
        where = f"clip '{self.id}'"
        check_motion(where, self.motion)
        if self.motion.dtype != np.float32:
            raise InputError(where, f"its motion is {self.motion.dtype}, expected float32")
        if not MIN_FRAMES <= len(self.motion) <= MAX_FRAMES:
            problem = f"holds {len(self.motion)} frames, expected {MIN_FRAMES} to {MAX_FRAMES} at {FPS} a second"
            raise InputError(where, problem, "cut it to another length or leave it out")
        if not self.captions or not all(caption.strip() for caption in self.captions):
            raise InputError(where, "has an empty caption", "write what is seen in it, or leave it out")

    def __len__(self) -> int:
        """Number of frames, T."""
        return len(self.motion)


def check_motion(where: object, motion: NDArray[np.floating]) -> None:
    """Checks that motion of any length holds 61 finite channels.

    Args:
        where: File or clip, for the message.
        motion: Expected to be (T, 61).

    Raises:
        InputError: For another shape, and for the first value that is no finite number.
    """
    if motion.ndim != 2 or motion.shape[1] != len(CHANNELS):
        expected = f"expected (frames, {len(CHANNELS)}), the channels in Live Link order"
        raise InputError(where, f"holds an array of shape {motion.shape}, {expected}")
    bad = np.argwhere(~np.isfinite(motion))
    if len(bad):
        frame, channel = bad[0].tolist()
        raise InputError(where, f"{CHANNELS[channel]} of frame {frame} is not a finite number", "leave the clip out")


def check_scale(where: object, motion: NDArray[np.floating]) -> None:
    """Checks that recorded motion has the scale of coefficients.

    Args:
        where: The file, for the message.
        motion: (T, 61), finite.

    Raises:
        InputError: For values on another scale, such as percentages and degrees.
    """
    found = off_scale(motion)
    if found is not None:
        raise InputError(where, f"{found.channel} of frame {found.row} {found.problem}", found.remedy)


def clips_fingerprint(clips: Iterable[Clip]) -> str:
    """Returns the sha256 of the clips' content, in their order.

    Two data sets with one fingerprint hold the same words and, to `DECIMALS` digits, the same motion.
    """
    digest = hashlib.sha256()
    for clip in clips:
        fields = [clip.id, clip.subject, clip.recording, clip.emotion, clip.part, round(clip.start, DECIMALS)]
        header = json.dumps([*fields, clip.captions, len(clip)], ensure_ascii=False)
        digest.update(header.encode() + b"\n")
        digest.update(np.rint(clip.motion.astype(np.float64) * 10**DECIMALS).astype("<i4").tobytes())
    return digest.hexdigest()
