"""`LiveLinkTakes`: a folder of Live Link Face recordings as scripts."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.describe import describe
from kfzoo.data.keyframe_selection import at_peaks, at_rate
from kfzoo.data.recording_folder import EMOTION_PATTERN, Recording, Recordings
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.data.take_files import Stream
from kfzoo.errors import InputError
from kfzoo.recordings.options import Head, ReadingOptions, Tongue


class LiveLinkTakes(Source):
    """Scripts from the Live Link Face CSV files in a folder and the folders below it.

    From each take keyframes are picked, and consecutive ones are grouped into scripts `<take>/<number>`, so that
    `Script.recording` is the take and a split by clip keeps a recording whole. `<take>` is the file's path in the
    folder, without its ending. Times count from the start of the take. Coefficients are clamped to their channel's
    range.

    Nobody wrote down what was asked of the performer. So the *original* description is the emotion, if one is known,
    and the coarse description of what can be seen; *image* is the coarse description alone, and *arkit* the full one.

    Args:
        folder: The folder of the takes.
        pick: How keyframes are picked: "fps" takes them at a steady rate of time (SemanticFace samples at 2 fps);
            "peaks" where the expression is strongest (`kfzoo.data.keyframe_selection`); anything else is the path of a
            CSV table with the columns `take,frame`, frames counted from 0, which also says which takes are read.
        fps: Keyframes a second, for "fps".
        neutral: What each take is calibrated by (`kfzoo.data.calibration`): nothing, "first" for its own first frame,
            or the path of a take of the face at rest, which is then not a performance and left out.
        keyframes_per_script: The most keyframes a script gets; KeyframeFace's have 1 to 5.
        subject_pattern: Regular expression with a group `subject`, searched in `<take>`; every take must match.
            Without it all takes are of one subject, "unspecified".
        emotion_pattern: Regular expression with a group `emotion`, searched in the file's name and then in `<take>`; a
            take that matches neither is "unspecified". Underscores and hyphens become spaces, capitals small letters.
        background: The situation of all takes, in a sentence.
        stream: Which file is read of a recording of which the phone wrote a raw and a calibrated one.
        timecode_fps: Frames a second that the last field of the timecodes counts; found from the files where it is
            null. The phone counts sixtieths, at any rate of the recording.
        row_fps: Rows a second of files whose timecodes are missing, stand still or jump; without it they are refused.
        head: Whether files without head and eye angles are refused ("recorded"), or have them at 0 ("zero").
        tongue: The same of the tongue, which MediaPipe does not see.

    Raises:
        InputError: For an argument out of range and a folder without takes; on reading, for a file that is no take of
            at least two frames, and for an unknown take or frame in the table.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        pick: str = "fps",
        fps: float = 2.0,
        neutral: str | None = None,
        keyframes_per_script: int = 3,
        subject_pattern: str | None = None,
        emotion_pattern: str = EMOTION_PATTERN,
        background: str = "",
        stream: Stream = "calibrated",
        timecode_fps: float | None = None,
        row_fps: float | None = None,
        head: Head = "recorded",
        tongue: Tongue = "recorded",
    ) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise InputError("fps", f"is {fps}, expected a positive number of keyframes a second")
        if keyframes_per_script < 1:
            raise InputError("keyframes_per_script", f"is {keyframes_per_script}, expected at least 1")
        table = None if pick in ("fps", "peaks") else Path(pick)
        if table is not None and not table.is_file():
            raise InputError("pick", f"is '{pick}'", "expected 'fps', 'peaks' or the path of a table take,frame")
        self.table = table
        self.pick, self.fps, self.keyframes_per_script = pick, fps, keyframes_per_script
        self.background = background
        options = ReadingOptions(timecode_fps, row_fps, head, tongue)
        self._recordings = Recordings(folder, neutral, subject_pattern, emotion_pattern, table, stream, options)

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts, takes in the order of their names."""
        frames = None if self.table is None else _read_table(self.table, self._recordings.paths())
        for recording in self._recordings.read(frames):
            yield from self._scripts(recording, None if frames is None else frames[recording.name])

    @property
    def remarks(self) -> list[str]:
        """What the last reading decided, in sentences."""
        return self._recordings.remarks

    def _scripts(self, recording: Recording, frames: Mapping[int, str] | None) -> Iterator[Script]:
        picked = self._picked(recording, frames)
        seconds, coefficients, emotion = recording.seconds, recording.coefficients, recording.emotion
        step = self.keyframes_per_script
        for number, start in enumerate(range(0, len(picked), step)):
            yield Script(
                id=f"{recording.name}/{number:03d}",
                subject=recording.subject,
                background=self.background,
                emotion=emotion,
                same_as=recording.same_as,
                keyframes=tuple(
                    describe_recorded_face(index, float(seconds[frame]), coefficients[frame], emotion)
                    for index, frame in enumerate(picked[start : start + step])
                ),
            )

    def _picked(self, recording: Recording, frames: Mapping[int, str] | None) -> list[int]:
        seconds, coefficients = recording.seconds, recording.coefficients
        if frames is None:
            if self.pick == "fps":
                return at_rate(seconds, self.fps)
            return at_peaks(seconds, coefficients, calibrated=recording.calibrated)
        name = recording.path.name
        for frame, where in frames.items():
            if recording.lost:
                # Those rows are not in the take, and the numbers after them would mean other frames.
                problem = f"frame numbers of {name} do not count: its camera lost the face in {recording.lost} frames"
                raise InputError(where, problem, "pick by 'fps' or 'peaks', or take the rows without a face out")
            if frame >= len(coefficients):
                problem = f"frame {frame} is not in {name}, which has {len(coefficients)}"
                raise InputError(where, problem, f"expected 0 to {len(coefficients) - 1}")
        return sorted(frames)


def describe_recorded_face(
    index: int,
    time: float,
    coefficients: NDArray[np.float32],
    emotion: str = UNSPECIFIED,
    image_path: str | None = None,
) -> Keyframe:
    """Makes a keyframe of a recorded face, whose descriptions say what can be seen of it.

    Args:
        index: Its place in the script.
        time: In seconds.
        coefficients: (61,).
        emotion: If one is known.
        image_path: Of its image.
    """
    seen = describe(coefficients, detail="coarse")
    return Keyframe(
        index=index,
        time=time,
        original=seen if emotion == UNSPECIFIED else f"{emotion.capitalize()}. {seen}",
        arkit=describe(coefficients, detail="full"),
        image=seen,
        coefficients=coefficients,
        image_path=image_path,
    )


def _read_table(path: Path, takes: dict[str, Path]) -> dict[str, dict[int, str]]:
    """Reads which frames of which takes are keyframes.

    Returns:
        By take's name: `file:line` by frame.
    """
    frames: dict[str, dict[int, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            if rows.fieldnames != ["take", "frame"]:
                found = ",".join(rows.fieldnames or [])
                raise InputError(f"{path}:1", f"has the columns '{found}', expected 'take,frame'", "correct the header")
            for row in rows:
                where = f"{path}:{rows.line_num}"
                name, frame = _row(where, row, takes)
                if frame in frames.setdefault(name, {}):
                    raise InputError(where, f"frame {frame} of '{name}' occurs twice", "keep one of the lines")
                frames[name][frame] = where
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read ({error})", "expected a UTF-8 CSV table take,frame") from error
    if not frames:
        raise InputError(path, "names no frame", "expected lines such as 'Angry_1,120'")
    return frames


def _row(where: str, row: dict[str | None, str | None], takes: dict[str, Path]) -> tuple[str, int]:
    name, frame = row["take"] or "", row["frame"] or ""
    name = name.removesuffix(".csv")
    if name not in takes:
        some = ", ".join(list(takes)[:5]) + (", …" if len(takes) > 5 else "")
        raise InputError(where, f"there is no take '{name}'", f"known: {some}")
    if None in row or not re.fullmatch(r"[0-9]{1,9}", frame.strip()):
        raise InputError(
            where, f"frame is '{frame}', expected a whole number from 0", "count the rows below the header"
        )
    return name, int(frame)
