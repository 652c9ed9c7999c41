"""A folder of takes, read: one stream of each recording, calibrated, clamped, with a subject and an emotion."""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import clamp
from kfzoo.arkit.ranges import overshooting
from kfzoo.data.calibration import calibrate, neutral_of
from kfzoo.data.performances import Performances
from kfzoo.data.script import UNSPECIFIED
from kfzoo.data.take_files import Stream, TakeFiles, find_takes
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import read_faces
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import USUAL

_log = logging.getLogger(__name__)

EMOTION_PATTERN = (
    r"(?i)(?:^|/)(?P<emotion>angry|anger|disgusted|disgust|fearful|fear|happy|happiness|joyful|joy|sadness|sad|surprised"
    r"|surprise|contemptuous|contempt|neutral)(?![a-z])"
)
"""A word for an emotion at the start of a take's name or folder, as in `Angry_MySlate_165` and `Angry/MySlate_165`."""

_NAMED = 3  # Takes that one remark names.


@dataclass(frozen=True, eq=False)
class Recording:
    """One take, ready to be cut.

    Attributes:
        name: Its path in the folder, without its ending.
        path: Its file.
        seconds: Time of each frame since the first one, (T,).
        coefficients: In each channel's range, (T, 61).
        lost: Frames left out because the camera had lost the face.
        calibrated: Whether a face at rest was taken out, so that rest is 0.
        subject: Who performs it.
        emotion: The emotion in words.
        same_as: Names of earlier takes that show the same performance.
    """

    name: str
    path: Path
    seconds: NDArray[np.float64]
    coefficients: NDArray[np.float32]
    lost: int
    calibrated: bool
    subject: str
    emotion: str
    same_as: tuple[str, ...] = ()


class Recordings:
    """The Live Link Face CSV files in a folder and the folders below it.

    Args:
        folder: The folder of the takes.
        neutral: As in `kfzoo.data.sources.live_link.LiveLinkTakes`, and so are the patterns.
        subject_pattern: For the subject in a take's name.
        emotion_pattern: For the emotion in a take's name: it is searched in the file's name, then in its whole path.
        table: A CSV file that is no take.
        stream: Which file is read of a recording that has a raw and a calibrated one.
        options: How files are read.

    Attributes:
        remarks: What was decided in reading the takes, and which of them are the same, in sentences.

    Raises:
        InputError: For a wrong pattern, a missing neutral take, and a folder without takes.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        neutral: str | None = None,
        subject_pattern: str | None = None,
        emotion_pattern: str = EMOTION_PATTERN,
        table: Path | None = None,
        stream: Stream = "calibrated",
        options: ReadingOptions = DEFAULT_OPTIONS,
    ) -> None:
        if stream not in ("calibrated", "raw"):
            raise InputError("stream", f"is '{stream}', expected 'calibrated' or 'raw'")
        self.folder = Path(folder)
        self.stream: Stream = stream
        self.options = options
        self.remarks: list[str] = []
        self.neutral = neutral
        self._table = table
        self._subject = None if subject_pattern is None else compiled_pattern("subject", subject_pattern)
        self._emotion = compiled_pattern("emotion", emotion_pattern)
        if neutral not in (None, "first") and not Path(str(neutral)).is_file():
            raise InputError("neutral", f"there is no take '{neutral}'", "expected null, 'first' or the path of a take")
        self.paths()

    def paths(self) -> dict[str, Path]:
        """Returns the takes' paths by name, in the order of the names, without the neutral take and the table."""
        return self._files().paths

    def _files(self) -> TakeFiles:
        others = {Path(str(other)).resolve() for other in (self.neutral, self._table) if other not in (None, "first")}
        return find_takes(self.folder, self.stream, others)

    def read(self, names: Container[str] | None = None) -> Iterator[Recording]:
        """Reads takes, one after the other.

        Args:
            names: Which ones; None for all.

        Yields:
            The takes, in the order of their names.

        Raises:
            InputError: For a file that is no take of at least two frames, and for one without a subject.
        """
        rest = None if self.neutral in (None, "first") else _face_at_rest(Path(self.neutral), self.options)
        paths, passed_over = self._files()
        report = _Report(passed_over)
        performances = Performances()
        for name, path in paths.items():
            if names is None or name in names:
                yield self._read(name, path, rest, performances, report)
        self._say(report)

    def _read(
        self, name: str, path: Path, rest: NDArray[np.float32] | None, performances: Performances, report: _Report
    ) -> Recording:
        take = read_take(path, self.options)
        coefficients = take.coefficients
        if self.neutral == "first":
            rest = coefficients[0]
        if rest is not None:
            coefficients = calibrate(coefficients, rest, self.neutral if self.neutral != "first" else path)
        recording = Recording(
            name=name,
            path=path,
            seconds=take.seconds,
            coefficients=clamp(coefficients),
            lost=take.lost,
            calibrated=rest is not None,
            subject=subject_of(self._subject, name, path, "change the pattern or leave the take out"),
            emotion=self._emotion_of(name, path),
            same_as=performances.same_as(name, take),
        )
        report.add(recording, take.remarks, overshooting(take.coefficients))
        return recording

    def _emotion_of(self, name: str, path: Path) -> str:
        # In the path the last one counts: the folder that is nearest to the file.
        found = self._emotion.search(path.stem) or max(
            self._emotion.finditer(name), key=lambda match: match.start(), default=None
        )
        return re.sub(r"[_\W]+", " ", found["emotion"] or "").strip().lower() if found else UNSPECIFIED

    def _say(self, report: _Report) -> None:
        """Logs the remarks; those of an earlier reading are not repeated."""
        remarks = report.remarks()
        for remark, usual in remarks.items():
            if remark not in self.remarks:
                _log.log(logging.INFO if usual else logging.WARNING, "%s: %s.", self.folder, remark)
        self.remarks = list(remarks)


def _face_at_rest(path: Path, options: ReadingOptions) -> NDArray[np.float32]:
    """Reads a neutral take, or the phone's own file of one row, which is none."""
    try:
        return neutral_of(read_take(path, options))
    except InputError:
        with suppress(InputError):
            faces = read_faces(path, options)
            if len(faces.shown) == 1:
                return np.asarray(faces.coefficients[faces.shown[0]], np.float32)
        raise


class _Report:
    """Collects what is to be said of takes, and says it in a line for each kind.

    Args:
        passed_over: Sentences on files that are not read, each with whether that goes without saying.
    """

    def __init__(self, passed_over: dict[str, bool]) -> None:
        self._passed_over = passed_over
        self._takes: dict[str, list[str]] = defaultdict(list)
        self._repeated: list[str] = []
        self._overshooting: dict[str, int] = {}

    def add(self, recording: Recording, remarks: tuple[str, ...], overshooting: int) -> None:
        for remark in remarks:
            self._takes[remark].append(recording.name)
        if recording.same_as:
            self._repeated.append(f"'{recording.name}' = '{recording.same_as[0]}'")
        if overshooting:
            self._overshooting[recording.name] = overshooting

    def remarks(self) -> dict[str, bool]:
        """Returns the sentences, each with whether it is usual."""
        found = {
            f"{remark} ({_listed([repr(name) for name in names])})": remark == USUAL
            for remark, names in self._takes.items()
        }
        found |= self._passed_over
        if self._overshooting:
            count = sum(self._overshooting.values())
            found[f"{count} values in {len(self._overshooting)} takes overshoot their range and are clamped"] = True
        if self._repeated:
            text = f"{len(self._repeated)} takes repeat others, and stay with them in one part of a split"
            found[f"{text}: {_listed(self._repeated)}"] = False
        return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def subject_of(pattern: re.Pattern[str] | None, name: str, where: Path, remedy: str) -> str:
    """Returns the subject in a name; `UNSPECIFIED` without a pattern.

    Raises:
        InputError: When the name does not match.
    """
    if pattern is None:
        return UNSPECIFIED
    found = pattern.search(name)
    if found is None or not found["subject"]:
        raise InputError(where, f"'{name}' does not match subject_pattern '{pattern.pattern}'", remedy)
    return found["subject"]


def compiled_pattern(group: str, pattern: str) -> re.Pattern[str]:
    """Compiles a regular expression with a named group.

    Raises:
        InputError: When it is none, or has no such group.
    """
    where = f"{group}_pattern"
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(where, f"'{pattern}' is no regular expression ({error})") from error
    if group not in compiled.groupindex:
        raise InputError(where, f"'{pattern}' has no group '{group}'", f"write (?P<{group}>…) around the {group}")
    return compiled
