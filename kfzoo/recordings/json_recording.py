"""Recordings in JSON: which kind a file is, and Audio2Face's and NeuroSync's.

| kind | holds |
|---|---|
| Audio2Face | `facsNames`, `weightMat` (frames × names), `exportFps` |
| NeuroSync | `{"blendshapes": [[…], …]}`, the list alone, or one list a line: 61 channels and seven emotions |
| frames with names | MediaPipe's and others' (`kfzoo.recordings.json_frames`) |
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, NEUROSYNC
from kfzoo.errors import InputError
from kfzoo.json_text import as_number, decode_json
from kfzoo.recordings.frame_times import seconds_of_rate
from kfzoo.recordings.json_frames import frames_in, keys_of, read_frames
from kfzoo.recordings.named_columns import NamedColumns
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.text_lines import read_text

NEUROSYNC_FPS = 60.0
"""Frames a second that NeuroSync's models give, and its player shows."""

_RECORDING = re.compile(
    r"\"(?:facsNames|weightMat)\"|eye_?blink_?l|\[\s*\[\s*-?\d", re.IGNORECASE
)  # A name that every recording has, or numbers alone.


def looks_like_json(text: str) -> bool:
    """Tells JSON by its first character."""
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def looks_like_json_recording(text: str) -> bool:
    """Tells a recording from other JSON, such as a phone's `take.json`, by its first part."""
    return looks_like_json(text) and _RECORDING.search(text) is not None


def read_json_recording(file: Path, options: ReadingOptions) -> NamedColumns:
    """Reads a recording in JSON or JSON Lines.

    Args:
        file: A JSON file.
        options: `row_fps` is the rate where the file has neither time nor rate.

    Returns:
        Its columns.

    Raises:
        InputError: For JSON of no known recording, and everything wrong in a known one.
    """
    values = _decoded(file)
    if isinstance(values, dict) and "weightMat" in values:
        return _audio2face(file, values, options)
    lists = values.get("blendshapes") if isinstance(values, dict) else values
    if isinstance(lists, list) and lists and isinstance(lists[0], list) and not _holds_objects(lists[0]):
        return _neurosync(file, lists, options)
    frames = frames_in(values)
    if frames is None:
        known = "Audio2Face (facsNames, weightMat), NeuroSync (lists of 68), frames of names and scores"
        raise InputError(file, f"is JSON with {keys_of(values)}, which is no known recording", f"known: {known}")
    return read_frames(file, frames, values if isinstance(values, dict) else {}, options)


def _decoded(file: Path) -> Any:
    text = read_text(file)
    try:
        return decode_json(text)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            if len(lines) > 1:  # JSON Lines: one frame a line.
                return [decode_json(line) for line in lines]
        except ValueError:
            pass
        raise InputError(file, f"is not JSON ({error})", "export the recording again") from None


def _audio2face(file: Path, values: dict[str, Any], options: ReadingOptions) -> NamedColumns:
    names, frames = values.get("facsNames"), values["weightMat"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(file, "key 'facsNames' is no list of names", "export the weights from Audio2Face again")
    if not isinstance(frames, list):
        raise InputError(file, "key 'weightMat' is no list of frames", "export the weights from Audio2Face again")
    for key, count in (("numPoses", len(names)), ("numFrames", len(frames))):
        if values.get(key, count) != count:
            raise InputError(file, f"key '{key}' is {values[key]}, but there are {count}", "export it again")
    rate = as_number(values["exportFps"]) if "exportFps" in values else None
    seconds, words = seconds_of_rate(file, len(frames), rate, options)
    remarks = [words]
    if any(values.get(key) for key in ("joints", "rotations", "translations")):
        remarks.append("joints are passed over")
    matrix = _matrix(file, frames, len(names), "weightMat")
    return NamedColumns("Audio2Face", names, matrix, seconds, lambda row: f"{file}: frame {row}", 0, tuple(remarks))


def _neurosync(file: Path, frames: list[Any], options: ReadingOptions) -> NamedColumns:
    width = len(frames[0])
    if width not in (len(CHANNELS), NEUROSYNC):
        expected = f"expected {len(CHANNELS)} in Live Link order, or NeuroSync's {NEUROSYNC}"
        raise InputError(file, f"holds lists of {width} numbers without names, {expected}", "export them with names")
    seconds, words = seconds_of_rate(file, len(frames), None, options, NEUROSYNC_FPS if width == NEUROSYNC else None)
    matrix = _matrix(file, frames, width, "blendshapes")
    remarks = [words, "lists are taken in Live Link order"]
    if width == NEUROSYNC:
        remarks.append("the last 7 numbers of a frame, NeuroSync's emotions, are passed over")
    kind = "NeuroSync" if width == NEUROSYNC else "lists of numbers"
    matrix = matrix[:, : len(CHANNELS)]
    return NamedColumns(kind, CHANNELS, matrix, seconds, lambda row: f"{file}: frame {row}", 0, tuple(remarks))


def _matrix(file: Path, frames: list[Any], width: int, key: str) -> NDArray[np.float64]:
    """Returns (T, width) numbers, NaN where there is none."""
    for row, frame in enumerate(frames):
        if not isinstance(frame, list) or len(frame) != width:
            found = f"{len(frame)} numbers" if isinstance(frame, list) else "no list"
            problem = f"holds {found} in '{key}', expected {width}"
            raise InputError(f"{file}: frame {row}", problem, "take the frame out or export it again")
    return np.array([[as_number(value) for value in frame] for frame in frames]).reshape(len(frames), width)


def _holds_objects(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)
