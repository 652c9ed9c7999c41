"""A folder of Live Link Face takes, read: calibrated, clamped, with a subject and an emotion."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import clamp
from kfzoo.data.calibration import calibrate, neutral_of
from kfzoo.data.script import UNSPECIFIED
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take, recordings_in, without_equal_names

EMOTION_PATTERN = (
    r"(?i)^(?P<emotion>angry|anger|disgusted|disgust|fearful|fear|happy|happiness|joyful|joy|sadness|sad|surprised"
    r"|surprise|contemptuous|contempt|neutral)(?![a-z])"
)
"""A word for an emotion at the start of a take's name, as in `Angry_MySlate_165`."""


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
    """

    name: str
    path: Path
    seconds: NDArray[np.float64]
    coefficients: NDArray[np.float32]
    lost: int
    calibrated: bool
    subject: str
    emotion: str


class Recordings:
    """The Live Link Face CSV files in a folder and the folders below it.

    Args:
        folder: The folder of the takes.
        neutral: As in `kfzoo.data.sources.live_link.LiveLinkTakes`, and so are the patterns.
        subject_pattern: For the subject in a take's name.
        emotion_pattern: For the emotion in a file's name.
        table: A CSV file that is no take.

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
    ) -> None:
        self.folder = Path(folder)
        self.neutral = neutral
        self._table = table
        self._subject = None if subject_pattern is None else compiled_pattern("subject", subject_pattern)
        self._emotion = compiled_pattern("emotion", emotion_pattern)
        if neutral not in (None, "first") and not Path(str(neutral)).is_file():
            raise InputError("neutral", f"there is no take '{neutral}'", "expected null, 'first' or the path of a take")
        self.paths()

    def paths(self) -> dict[str, Path]:
        """Returns the takes' paths by name, in the order of the names, without the neutral take and the table."""
        if not self.folder.is_dir():
            raise InputError(self.folder, "is not a folder", "give the folder of the Live Link Face CSV files")
        others = {Path(other).resolve() for other in (self.neutral, self._table) if other not in (None, "first")}
        paths = [path for path in recordings_in(self.folder) if path.resolve() not in others]
        takes = [(path.relative_to(self.folder).with_suffix("").as_posix(), path) for path in paths]
        if not takes:
            remedy = "give the folder of Live Link Face CSV files, or of other recordings"
            raise InputError(self.folder, "holds no recording", remedy)
        return without_equal_names(takes)

    def read(self, names: Container[str] | None = None) -> Iterator[Recording]:
        """Reads takes, one after the other.

        Args:
            names: Which ones; None for all.

        Yields:
            The takes, in the order of their names.

        Raises:
            InputError: For a file that is no take of at least two frames, and for one without a subject.
        """
        rest = neutral_of(read_take(Path(self.neutral))) if self.neutral not in (None, "first") else None
        for name, path in self.paths().items():
            if names is None or name in names:
                yield self._read(name, path, rest)

    def _read(self, name: str, path: Path, rest: NDArray[np.float32] | None) -> Recording:
        take = read_take(path)
        coefficients = take.coefficients
        if self.neutral == "first":
            rest = coefficients[0]
        if rest is not None:
            coefficients = calibrate(coefficients, rest, self.neutral if self.neutral != "first" else path)
        found = self._emotion.search(path.stem)
        return Recording(
            name=name,
            path=path,
            seconds=take.seconds,
            coefficients=clamp(coefficients),
            lost=take.lost,
            calibrated=rest is not None,
            subject=subject_of(self._subject, name, path, "change the pattern or leave the take out"),
            emotion=re.sub(r"[_\W]+", " ", found["emotion"]).strip().lower() if found else UNSPECIFIED,
        )


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
