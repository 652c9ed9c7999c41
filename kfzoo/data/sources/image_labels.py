"""The true faces that images are joined to: rows of Live Link takes or of JSON Lines, by session."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.ranges import OvershootCount
from kfzoo.data.calibration import calibrate, neutral_of
from kfzoo.data.json_lines import Fields, read_lines
from kfzoo.data.sources.jsonl import read_coefficients
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take

FRAME_DIGITS = 8
"""Digits of HH:MM:SS:FF; a timecode goes on with thousandths of a frame."""

ENDINGS = (".csv", ".json", ".txt")
"""Of recordings, in the order in which they are looked for."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Labels:
    """The rows of one session.

    Attributes:
        path: Their file.
        coefficients: In each channel's range, (T, 61).
        seconds: (T,) since the first row, or None where no time is known.
        names: Of the image of each row: its path in the folder, or digits of its timecode.
    """

    path: Path
    coefficients: NDArray[np.float32]
    seconds: NDArray[np.float64] | None
    names: Sequence[str]

    def row_named(self, image: str) -> int | None:
        """Returns the row that names an image.

        Args:
            image: Its path in the folder; a row may leave out folders and ending, or name it by its timecode, whose
                thousandths of a frame the image's name may leave out.
        """
        stem = image.rpartition("/")[2].rpartition(".")[0]
        found = [row for row, name in enumerate(self.names) if name in (image, image.rpartition("/")[2], stem)]
        if not found:
            digits = re.sub(r"\D", "", stem)
            if len(digits) >= FRAME_DIGITS:
                found = [row for row, name in enumerate(self.names) if name.isdigit() and name.startswith(digits)]
        return found[0] if len(found) == 1 else None

    def row_at(self, second: float, tolerance: float) -> int | None:
        """Returns the row nearest to a time, if it is within the tolerance."""
        assert self.seconds is not None
        row = int(np.argmin(np.abs(self.seconds - second)))
        return row if abs(self.seconds[row] - second) <= tolerance else None

    def calibrated(self, neutral: str | None, session: str) -> NDArray[np.float32]:
        """Returns the coefficients without the face at rest, (T, 61); see `ImageArkitPairs`."""
        if neutral is None:
            return self.coefficients
        if neutral == "first":
            return calibrate(self.coefficients, self.coefficients[0], self.path)
        path = _recording(Path(neutral), session) if Path(neutral).is_dir() else Path(neutral)
        return calibrate(self.coefficients, neutral_of(read_take(path)), path)


def read_labels(path: Path, sessions: Sequence[str]) -> dict[str, Labels]:
    """Reads the true faces of sessions.

    Args:
        path: A take (CSV, or another recording as JSON or text), for the one session there is; a folder of takes
            `<session>.csv`; or JSON Lines with "coefficients" and "image", and where they are known "time" and
            "session".
        sessions: Names of the images' folders; "" for the images of one folder without others.

    Returns:
        By session; those without ground truth are missing.

    Raises:
        InputError: For a file that is missing or cannot be read, or one take for several sessions.
    """
    if path.is_dir():
        takes = {session: _recording(path, session) for session in sessions}
        return {session: _of_take(take) for session, take in takes.items() if take.is_file()}
    if not path.is_file():
        raise InputError(path, "does not exist", "give a Live Link CSV, a folder of them, or JSON Lines")
    if path.suffix.lower() not in ENDINGS:
        return _of_lines(path, sessions)
    if len(sessions) > 1:
        problem = f"is one take, and the images are of {len(sessions)} sessions such as '{sessions[0]}'"
        raise InputError(path, problem, "give a folder with a take <session>.csv for each folder of images")
    return {sessions[0]: _of_take(path)}


def _recording(folder: Path, session: str) -> Path:
    paths = [folder / f"{session}{ending}" for ending in ENDINGS]
    return next((path for path in paths if path.is_file()), paths[0])


def _report(path: Path, overshoot: OvershootCount, remarks: tuple[str, ...] = ()) -> None:
    report = overshoot.report()
    for remark in remarks if report is None else (*remarks, report):
        _log.warning("%s: %s.", path, remark)


def _of_take(path: Path) -> Labels:
    take = read_take(path)
    overshoot = OvershootCount()
    coefficients = overshoot.clamp(str(path), take.coefficients)
    _report(path, overshoot, take.remarks)
    return Labels(path, coefficients, take.seconds, [re.sub(r"\D", "", code) for code in take.timecodes])


def _of_lines(path: Path, sessions: Sequence[str]) -> dict[str, Labels]:
    rows: dict[str, list[tuple[str, float, NDArray[np.float32]]]] = {}
    overshoot = OvershootCount()
    for where, line in read_lines(path):
        fields = Fields(where, line, known=("image", "session", "time", "coefficients"))
        values = read_coefficients(fields, overshoot)
        if values is None:
            raise InputError(where, "lacks the key 'coefficients'", "add it, or take the line out")
        image = fields.text("image", "")
        session = fields.text("session", image.rpartition("/")[0])
        if "time" not in fields and not image:
            raise InputError(where, "names neither 'image' nor 'time'", "add the one that images are joined by")
        time = fields.number("time") if "time" in fields else np.nan
        rows.setdefault(session, []).append((image, time, values))
    _report(path, overshoot)
    if len(sessions) == 1 and len(rows) == 1:  # one folder needs no name
        rows = {sessions[0]: next(iter(rows.values()))}
    return {
        session: Labels(
            path,
            np.stack([values for _, _, values in found]),
            None if np.isnan([time for _, time, _ in found]).any() else np.array([time for _, time, _ in found]),
            [image for image, _, _ in found],
        )
        for session, found in rows.items()
    }
