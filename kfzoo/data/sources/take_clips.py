"""`TakeClips`: Live Link Face recordings, cut into clips and captioned by what is seen in them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.describe import describe
from kfzoo.arkit.movements import Detail
from kfzoo.data.clip import FPS, MAX_FRAMES, MIN_FRAMES, Clip
from kfzoo.data.clip_cutting import LONGEST_GAP, Piece, at_clip_rate, cut_at_rest
from kfzoo.data.keyframe_selection import expression_strength, peaks
from kfzoo.data.recording_folder import EMOTION_PATTERN, Recording, Recordings
from kfzoo.data.sources.base import ClipSource
from kfzoo.data.take_files import Stream
from kfzoo.errors import InputError
from kfzoo.recordings.options import Head, ReadingOptions, Tongue

_log = logging.getLogger(__name__)


class TakeClips(ClipSource):
    """Clips from the Live Link Face CSV files in a folder and the folders below it.

    A take is brought to 20 frames a second and cut where the face is nearest to rest, so that a clip holds whole
    expressions. Where the camera had lost the face for more than 0.1 s the take falls into pieces; those too short for
    a clip are left out, counted and logged. Ids are `<take>/<number>`, so that a split by clip keeps a recording whole.

    The caption of a clip describes the frames where its expression is strongest, in their order: "First the brows are
    visibly lowered. Then the face is at rest." Nothing is said that `describe` does not see in a frame of the clip.

    Args:
        folder: The folder of the takes.
        shortest: Seconds of a clip at least; 1 or more.
        longest: Seconds at most; at least twice the shortest, and 9.8 (196 frames) or less.
        keyframes: The most moments that a caption describes; the strongest are kept.
        detail: How much a caption says of each: "coarse" for what can be seen in an image, "full" for every muscle.
        neutral: What each take is calibrated by, as for `kfzoo.data.sources.live_link.LiveLinkTakes`.
        subject_pattern: Regular expression with a group `subject`, searched in `<take>`; without it all takes are of
            one subject, "unspecified".
        emotion_pattern: Regular expression with a group `emotion`, searched in the file's name and then in `<take>`;
            only a stratified split asks for it.
        stream: As for `kfzoo.data.sources.live_link.LiveLinkTakes`, and so are the next three.
        timecode_fps: Frames a second that timecodes count.
        row_fps: Rows a second, where timecodes are of no use.
        head: Whether head and eye angles may be missing.
        tongue: The same of the tongue, which MediaPipe does not see.

    Raises:
        InputError: For an argument out of range and a folder without takes; on reading, for a file that is no take, and
            for one without a clip in it.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        shortest: float = MIN_FRAMES / FPS,
        longest: float = MAX_FRAMES / FPS,
        keyframes: int = 3,
        detail: Detail = "coarse",
        neutral: str | None = None,
        subject_pattern: str | None = None,
        emotion_pattern: str = EMOTION_PATTERN,
        stream: Stream = "calibrated",
        timecode_fps: float | None = None,
        row_fps: float | None = None,
        head: Head = "recorded",
        tongue: Tongue = "recorded",
    ) -> None:
        if not shortest >= MIN_FRAMES / FPS:
            raise InputError("shortest", f"is {shortest}, expected {MIN_FRAMES / FPS} or more seconds")
        if not 2 * shortest <= longest <= MAX_FRAMES / FPS:
            expected = f"at least twice the shortest ({2 * shortest}) and at most {MAX_FRAMES / FPS} seconds"
            raise InputError("longest", f"is {longest}, expected {expected}")
        if keyframes < 1:
            raise InputError("keyframes", f"is {keyframes}, expected at least 1")
        if detail not in ("coarse", "full"):
            raise InputError("detail", f"is '{detail}', expected 'coarse' or 'full'")
        self.shortest, self.longest = round(shortest * FPS), round(longest * FPS)
        self.keyframes = keyframes
        self.detail: Detail = detail
        options = ReadingOptions(timecode_fps, row_fps, head, tongue)
        self._recordings = Recordings(folder, neutral, subject_pattern, emotion_pattern, stream=stream, options=options)

    def __iter__(self) -> Iterator[Clip]:
        """Yields the clips, takes in the order of their names."""
        for recording in self._recordings.read():
            yield from self._clips(recording)

    @property
    def remarks(self) -> list[str]:
        """What the last reading decided, in sentences."""
        return self._recordings.remarks

    def _clips(self, recording: Recording) -> Iterator[Clip]:
        pieces = at_clip_rate(recording.seconds, recording.coefficients)
        usable = [piece for piece in pieces if len(piece.motion) >= self.shortest]
        if not usable:
            problem = (
                f"holds no {self.shortest / FPS} s of a face without a gap of more than {LONGEST_GAP} s "
                f"({len(recording.seconds)} frames in {recording.seconds[-1]:.2f} s)"
            )
            raise InputError(recording.path, problem, "record a longer take or leave it out")
        if len(usable) < len(pieces):
            text = "%s: %d of %d pieces between gaps are shorter than %s s and left out."
            _log.warning(text, recording.path, len(pieces) - len(usable), len(pieces), self.shortest / FPS)
        # One face at rest for the whole take, before pieces are left out.
        strength = expression_strength(
            np.concatenate([piece.motion for piece in usable]), calibrated=recording.calibrated
        )
        number = 0
        for piece in usable:
            moved, strength = np.split(strength, [len(piece.motion)])
            marked = np.array(peaks(piece.seconds, moved))
            for start, end in cut_at_rest(moved, self.shortest, self.longest):
                inside = marked[(marked >= start) & (marked < end)]
                yield Clip(
                    id=f"{recording.name}/{number:03d}",
                    motion=np.ascontiguousarray(piece.motion[start:end]),
                    captions=(self._caption(piece, self._moments(inside, moved, start, end)),),
                    subject=recording.subject,
                    recording=recording.name,
                    start=float(piece.seconds[start]),
                    emotion=recording.emotion,
                    same_as=recording.same_as,
                )
                number += 1

    def _moments(self, inside: NDArray[np.int64], moved: NDArray[np.float64], start: int, end: int) -> list[int]:
        """Returns the frames that a caption describes: the strongest peaks, or without any the most active frame."""
        if not len(inside):
            return [start + int(np.argmax(moved[start:end]))]
        strongest = np.argsort(-moved[inside], kind="stable")[: self.keyframes]
        return sorted(inside[strongest].tolist())

    def _caption(self, piece: Piece, frames: list[int]) -> str:
        return in_order([describe(piece.motion[frame], detail=self.detail) for frame in frames])


def in_order(texts: list[str]) -> str:
    """Joins what is seen one after the other: "First …", "Then …"; a text that repeats the one before is left out."""
    changes = [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]
    if len(changes) == 1:
        return changes[0]
    words = ("First", *["Then"] * (len(changes) - 1))
    return " ".join(f"{word} {text[0].lower()}{text[1:]}" for word, text in zip(words, changes, strict=True))
