"""Predictions as Live Link Face takes: every keyframe is answered by the frame at its time."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kfzoo.data.predictions.collector import Fault, PredictionCollector, fault_of
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import Take
from kfzoo.recordings.timecode import TIMECODE_FPS

_MOST_LINES = 100
"""Lines of one take that may be unreadable; with more of them it is no take."""

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
        recording = _only_recording(collector.path, set(positions))
        _answer_recording(collector, collector.path, positions[recording])
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


def _only_recording(path: Path, recordings: set[str]) -> str:
    if path.stem in recordings:
        return path.stem
    if len(recordings) == 1:
        return recordings.pop()
    problem = f"is named after none of the {len(recordings)} recordings that were asked for"
    remedy = f"name it after its recording, such as '{min(recordings)}', or give a folder of such files"
    raise InputError(path, problem, remedy)


def _answer_recording(collector: PredictionCollector, path: Path, positions: list[int]) -> None:
    """Answers one recording's keyframes by the frames nearest to them, at most half a frame away."""
    take = _mended_take(collector, path)
    _note_repeats(collector, path, take)
    half = float(np.median(np.diff(take.seconds))) / 2 or 0.5 / TIMECODE_FPS
    for position in positions:
        keyframe = collector.samples[position].keyframe
        frame = int(np.argmin(np.abs(take.seconds - keyframe.time)))
        near = abs(take.seconds[frame] - keyframe.time) <= half + _ROUNDING
        if not collector.claim(position, str(path), "time" if near else None):
            continue
        if near:
            collector.fill_written(position, str(path), take.coefficients[frame], ())
        else:
            name, last = collector.samples[position].id, take.seconds[-1]
            problem = f"has no frame for '{name}' at {keyframe.time:.3f} s; the take lasts from 0 to {last:.3f} s"
            collector.fault(path, problem)


def _mended_take(collector: PredictionCollector, path: Path) -> Take:
    """Reads a take; a row that cannot be read is noted and counts as one in which the camera lost the face.

    Raises:
        InputError: When the file is no take even so: another header, too few frames, too many such rows, or the first
            frame, from which times count, among them.
    """
    try:
        return read_take(path)
    except InputError as error:
        fault = fault_of(error, path)
    lines = _lines(path)
    faults: dict[int, Fault] = {}
    with tempfile.TemporaryDirectory() as folder:
        mended = Path(folder) / path.name
        while len(faults) < _MOST_LINES:
            number = int(fault.where.removeprefix(f"{path}").lstrip(":") or 0)
            if not _first_frame(lines) < number <= len(lines):
                raise InputError(fault.where, fault.problem)
            faults[number] = fault
            lines[number - 1] = _lost_row(lines[0])
            mended.write_text("\n".join(lines) + "\n", encoding="utf-8")
            try:
                take = read_take(mended)
            except InputError as error:
                there = fault_of(error, mended)
                fault = Fault(there.where.replace(str(mended), str(path)), there.problem)
            else:
                for _, each in sorted(faults.items()):
                    collector.fault(each.where, each.problem)
                return take
    raise InputError(path, f"more than {_MOST_LINES} rows cannot be read, such as {next(iter(faults.values()))}")


def _lines(path: Path) -> list[str]:
    """Returns the lines of a file; one that is no text has a single line."""
    try:
        return path.read_text(encoding="utf-8-sig").rstrip().split("\n")
    except (OSError, UnicodeDecodeError):
        return [""]


def _first_frame(lines: list[str]) -> int:
    """Returns the number of the first line that shows a face, or of the last one; a fault up to there is no row's."""
    lost = _lost_row(lines[0]).split(",")
    count = lost.index("0") if "0" in lost else 0
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")
        if len(cells) <= count or cells[count].strip() != "0":
            return number
    return len(lines)


def _lost_row(header: str) -> str:
    """Returns a row as Live Link Face writes it for a frame without a face: its count is 0, and it has no values."""
    names = [name.strip().lower() for name in header.split(",")]
    return ",".join("0" if name == "blendshapecount" else "" for name in names)


def _note_repeats(collector: PredictionCollector, path: Path, take: Take) -> None:
    """Notes rows whose timecode an earlier row has already; `argmin` takes the first."""
    if len(set(take.timecodes)) == len(take.timecodes):
        return
    for timecode, numbers in _numbers_by_timecode(path):
        for number in numbers[1:]:
            problem = f"timecode {timecode} is in line {numbers[0]} already; the first counts"
            collector.fault(f"{path}:{number}", problem)


def _numbers_by_timecode(path: Path) -> Iterator[tuple[str, list[int]]]:
    header, *rows = path.read_text(encoding="utf-8-sig").split("\n")
    names = [name.strip().lower() for name in header.split(",")]
    timecode, count = names.index("timecode"), names.index("blendshapecount")
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows, start=2):
        cells = row.split(",")
        if len(cells) == len(names) and cells[count].strip() != "0":
            numbers[cells[timecode].strip()].append(number)
    yield from numbers.items()
