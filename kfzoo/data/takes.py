"""`LiveLinkTakes`: a folder of Live Link Face recordings as scripts."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import clamp
from kfzoo.arkit.describe import describe
from kfzoo.arkit.livelink import Take, read_take
from kfzoo.data.calibration import calibrate, neutral_of
from kfzoo.data.picking import at_peaks, at_rate
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.source import Source
from kfzoo.errors import InputError

EMOTION_PATTERN = (
    r"(?i)^(?P<emotion>angry|anger|disgusted|disgust|fearful|fear|happy|happiness|joyful|joy|sadness|sad|surprised"
    r"|surprise|contemptuous|contempt|neutral)(?![a-z])"
)
"""A word for an emotion at the start of a take's name, as in `Angry_MySlate_165`."""


class LiveLinkTakes(Source):
    """Scripts from the Live Link Face CSV files in a folder and the folders below it.

    From each take keyframes are picked, and consecutive ones are grouped into scripts `<take>/<number>`, so that
    `Script.clip` is the take and a split by clip keeps a recording whole. `<take>` is the file's path in the folder,
    without its ending. Times count from the start of the take. Coefficients are clamped to their channel's range.

    Nobody wrote down what was asked of the performer. So the *original* description is the emotion, if one is known,
    and the coarse description of what can be seen; *image* is the coarse description alone, and *arkit* the full one.

    Args:
        folder: The folder of the takes.
        pick: How keyframes are picked: "fps" takes them at a steady rate of time (SemanticFace samples at 2 fps);
            "peaks" where the expression is strongest (`kfzoo.data.picking`); anything else is the path of a CSV table
            with the columns `take,frame`, frames counted from 0, which also says which takes are read.
        fps: Keyframes a second, for "fps".
        neutral: What each take is calibrated by (`kfzoo.data.calibration`): nothing, "first" for its own first frame,
            or the path of a take of the face at rest, which is then not a performance and left out.
        keyframes_per_script: The most keyframes a script gets; KeyframeFace's have 1 to 5.
        subject_pattern: Regular expression with a group `subject`, searched in `<take>`; every take must match.
            Without it all takes are of one subject, "unspecified".
        emotion_pattern: Regular expression with a group `emotion`, searched in the file's name; a take that does not
            match is "unspecified". Underscores and hyphens become spaces, capitals small letters.
        background: The situation of all takes, in a sentence.

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
    ) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise InputError("fps", f"is {fps}, expected a positive number of keyframes a second")
        if keyframes_per_script < 1:
            raise InputError("keyframes_per_script", f"is {keyframes_per_script}, expected at least 1")
        self.folder = Path(folder)
        self.table = None if pick in ("fps", "peaks") else Path(pick)
        self.neutral = neutral
        self.pick, self.fps, self.keyframes_per_script = pick, fps, keyframes_per_script
        self.background = background
        self._subject = None if subject_pattern is None else _pattern("subject", subject_pattern)
        self._emotion = _pattern("emotion", emotion_pattern)
        if self.table is not None and not self.table.is_file():
            raise InputError("pick", f"is '{pick}'", "expected 'fps', 'peaks' or the path of a table take,frame")
        if neutral not in (None, "first") and not Path(str(neutral)).is_file():
            raise InputError("neutral", f"there is no take '{neutral}'", "expected null, 'first' or the path of a take")
        self._takes()

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts, takes in the order of their names."""
        paths = self._takes()
        frames = None if self.table is None else _read_table(self.table, paths)
        rest = neutral_of(read_take(Path(self.neutral))) if self.neutral not in (None, "first") else None
        for name, path in paths.items():
            if frames is None or name in frames:
                yield from self._scripts(name, path, rest, None if frames is None else frames[name])

    def _takes(self) -> dict[str, Path]:
        """Returns the takes' paths by name, without the neutral take and the table."""
        if not self.folder.is_dir():
            raise InputError(self.folder, "is not a folder", "give the folder of the Live Link Face CSV files")
        others = {Path(other).resolve() for other in (self.neutral, self.table) if other not in (None, "first")}
        paths = sorted(path for path in self.folder.rglob("*.[cC][sS][vV]") if not path.name.startswith("."))
        takes = {
            path.relative_to(self.folder).with_suffix("").as_posix(): path
            for path in paths
            if path.resolve() not in others
        }
        if not takes:
            raise InputError(self.folder, "holds no CSV file", "give the folder of the Live Link Face CSV files")
        return takes

    def _scripts(
        self, name: str, path: Path, rest: NDArray[np.float32] | None, frames: dict[int, str] | None
    ) -> Iterator[Script]:
        take = read_take(path)
        coefficients = take.coefficients
        if self.neutral == "first":
            rest = coefficients[0]
        if rest is not None:
            coefficients = calibrate(coefficients, rest, self.neutral if self.neutral != "first" else path)
        coefficients = clamp(coefficients)
        picked = self._picked(take, path, coefficients, frames, calibrated=rest is not None)
        found = self._emotion.search(path.stem)
        emotion = re.sub(r"[_\W]+", " ", found["emotion"]).strip().lower() if found else UNSPECIFIED
        step = self.keyframes_per_script
        for number, start in enumerate(range(0, len(picked), step)):
            yield Script(
                id=f"{name}/{number:03d}",
                subject=self._subject_of(name, path),
                background=self.background,
                emotion=emotion,
                keyframes=tuple(
                    _keyframe(index, float(take.seconds[frame]), coefficients[frame], emotion)
                    for index, frame in enumerate(picked[start : start + step])
                ),
            )

    def _picked(
        self,
        take: Take,
        path: Path,
        coefficients: NDArray[np.float32],
        frames: dict[int, str] | None,
        *,
        calibrated: bool,
    ) -> list[int]:
        if frames is None:
            if self.pick == "fps":
                return at_rate(take.seconds, self.fps)
            return at_peaks(take.seconds, coefficients, calibrated=calibrated)
        for frame, where in frames.items():
            if take.lost:
                # Those rows are not in the take, and the numbers after them would mean other frames.
                problem = f"frame numbers of {path.name} do not count: its camera lost the face in {take.lost} frames"
                raise InputError(where, problem, "pick by 'fps' or 'peaks', or take the rows without a face out")
            if frame >= len(coefficients):
                problem = f"frame {frame} is not in {path.name}, which has {len(coefficients)}"
                raise InputError(where, problem, f"expected 0 to {len(coefficients) - 1}")
        return sorted(frames)

    def _subject_of(self, name: str, path: Path) -> str:
        if self._subject is None:
            return UNSPECIFIED
        found = self._subject.search(name)
        if found is None or not found["subject"]:
            remedy = "change the pattern or leave the take out"
            raise InputError(path, f"'{name}' does not match subject_pattern '{self._subject.pattern}'", remedy)
        return found["subject"]


def _keyframe(index: int, time: float, coefficients: NDArray[np.float32], emotion: str) -> Keyframe:
    seen = describe(coefficients, detail="coarse")
    return Keyframe(
        index=index,
        time=time,
        original=seen if emotion == UNSPECIFIED else f"{emotion.capitalize()}. {seen}",
        arkit=describe(coefficients, detail="full"),
        image=seen,
        coefficients=coefficients,
    )


def _pattern(group: str, pattern: str) -> re.Pattern[str]:
    where = f"{group}_pattern"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(where, f"'{pattern}' is no regular expression ({error})") from error
    if group not in compiled.groupindex:
        raise InputError(where, f"'{pattern}' has no group '{group}'", f"write (?P<{group}>…) around the {group}")
    return compiled


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
                    raise InputError(where, f"frame {frame} of '{name}' stands twice", "keep one of the lines")
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
