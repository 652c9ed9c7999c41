"""Predictions as takes: every keyframe is answered by the frame at its time.

A CSV whose rows are no frames of a recording, one row a keyframe, answers them in their order.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kfzoo.data.predictions.collector import PredictionCollector
from kfzoo.errors import InputError
from kfzoo.recordings.clock import RowError
from kfzoo.recordings.live_link import Faces, read_faces, read_faulty_live_link
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import Take
from kfzoo.recordings.timecode import TIMECODE_FPS

_log = logging.getLogger(__name__)

_ROUNDING = 1e-4
"""Seconds by which a keyframe's time may be off: files keep four digits of it."""


def read_predicted_takes(collector: PredictionCollector) -> None:
    """Reads a CSV file, or a folder of them, into a collector.

    Args:
        collector: Gets the answers and the faults. The files of a folder are named after the data's recordings; a
            single file answers the recording of its own name, or the only recording there is.

    Raises:
        InputError: For a single file that is no take or no recording's, and for a folder without CSV files.
    """
    positions: dict[str, list[int]] = defaultdict(list)
    for position, sample in enumerate(collector.samples):
        positions[sample.script.recording].append(position)
    others = {_clip(name) for name in collector.others} - set(positions)
    if not collector.path.is_dir():
        _answer_by_file(collector, positions)
        return
    paths = sorted(path for path in collector.path.rglob("*.[cC][sS][vV]") if not path.name.startswith("."))
    if not paths:
        remedy = "give a folder of Live Link Face takes named after the recordings"
        raise InputError(collector.path, "holds no CSV file", remedy)
    for path in paths:
        recording = path.relative_to(collector.path).with_suffix("").as_posix()
        if recording in positions:
            try:
                _answer_recording(collector, path, positions[recording])
            except InputError as error:
                collector.refused(path, error)
        elif recording in others:
            collector.left_out += 1
        else:
            collector.fault(path, f"is named after no recording of the data{collector.hint(recording, positions)}")


def _clip(name: str) -> str:
    """The recording of a keyframe's id: `<recording>/<number>#<keyframe>`, as `Script.recording`."""
    script = name.rpartition("#")[0]
    return script.rpartition("/")[0] or script


def _answer_by_file(collector: PredictionCollector, positions: dict[str, list[int]]) -> None:
    """Answers by a single file: a take, or a row for each keyframe that was asked for."""
    try:
        recording = _only_recording(collector.path, set(positions))
    except InputError:
        if not _answer_in_order(collector, collector.path, range(len(collector))):
            raise
        return
    _answer_recording(collector, collector.path, positions[recording])


def _only_recording(path: Path, recordings: set[str]) -> str:
    if path.stem in recordings:
        return path.stem
    if len(recordings) == 1:
        return recordings.pop()
    problem = f"is named after none of the {len(recordings)} recordings that were asked for"
    remedy = f"name it after its recording, such as '{min(recordings)}', or give a folder of such files"
    raise InputError(path, problem, remedy)


def _answer_recording(collector: PredictionCollector, path: Path, positions: Sequence[int]) -> None:
    """Answers one recording's keyframes by the frames at their times, or where those fail row by row."""
    try:
        take, faults = _mended_take(path)
    except InputError:
        if not _answer_in_order(collector, path, positions):
            raise
        return
    times = np.array([collector.samples[position].keyframe.time for position in positions])
    half = float(np.median(np.diff(take.seconds))) / 2 or 0.5 / TIMECODE_FPS
    frames = [int(np.argmin(np.abs(take.seconds - time))) for time in times]
    near = np.abs(take.seconds[frames] - times) <= half + _ROUNDING
    if not near.all() and _answer_in_order(collector, path, positions):
        return
    for remark in take.unusual:
        _log.warning("%s: %s.", path, remark)
    for fault in faults:
        collector.refused(path, fault.of(path))
    _note_repeats(collector, path, take)
    for position, frame, hit in zip(positions, frames, near, strict=True):
        if not collector.claim(position, str(path), "time" if hit else None):
            continue
        if hit:
            collector.fill_written(position, str(path), take.coefficients[frame], ())
        else:
            sample, last = collector.samples[position], take.seconds[-1]
            problem = f"has no frame for '{sample.id}' at {sample.keyframe.time:.3f} s"
            collector.fault(path, f"{problem}; the take lasts from 0 to {last:.3f} s")


def _answer_in_order(collector: PredictionCollector, path: Path, positions: Sequence[int]) -> bool:
    """Answers keyframes row by row, where a CSV has a row for each of them.

    Returns:
        Whether it has.
    """
    faces = _faces(path)
    if faces is None or len(faces.coefficients) != len(positions):
        return False
    faults = {fault.line: fault for fault in faces.faults}
    for position, line, face in zip(positions, faces.lines.tolist(), faces.coefficients, strict=True):
        where = f"{path}:{line}"
        if collector.claim(position, where, "order"):
            fault = faults.get(line)
            problems = (fault.problem if fault else "the row shows no face",)
            collector.fill(position, where, face if np.isfinite(face).all() else None, problems)
    return True


def _faces(path: Path) -> Faces | None:
    """Reads the rows of a Live Link CSV, whose timecodes do not matter; None for any other file."""
    try:
        return read_faces(path, ReadingOptions(row_fps=1))
    except InputError:
        return None


def _mended_take(path: Path) -> tuple[Take, list[RowError]]:
    """Reads a take; a row that cannot be read counts as one in which the camera lost the face.

    Raises:
        InputError: When the file is no take even so; see `read_faulty_live_link`.
    """
    try:
        return read_take(path), []
    except InputError:
        if _faces(path) is None:
            raise
    return read_faulty_live_link(path)


def _note_repeats(collector: PredictionCollector, path: Path, take: Take) -> None:
    """Notes rows whose timecode an earlier row has already; `argmin` takes the first."""
    if len(set(take.timecodes)) == len(take.timecodes):
        return
    faces = _faces(path)
    assert faces is not None
    first: dict[str, int] = {}
    for place in faces.shown:
        timecode, line = faces.timecodes[place].strip(), int(faces.lines[place])
        if first.setdefault(timecode, line) != line:
            problem = f"timecode {timecode} is in line {first[timecode]} already; the first counts"
            collector.fault(f"{path}:{line}", problem)
