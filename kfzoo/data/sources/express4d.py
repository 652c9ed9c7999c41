"""`Express4DFolder`: the folder of the Express4D data set (Aloni et al., 2025), as its own loader reads it.

| path | holds |
|---|---|
| `data/<name>.npy` | (frames, 61) float at 60 frames a second, channels in Live Link order |
| `texts/<name>.txt` | one text a line, `caption#tokens`; the tokens (`word/POS …`) serve the set's own evaluator only |
| `train.txt`, `test.txt` | the names of the two parts, one a line; the ending `.npy` or `.csv` may be left out |

In place of an array there may be `data/<name>.csv`, the take that it was made from; it is read at its own rate.

The loader takes every third frame, then the first 196 of those, passes over what is shorter than 20, and standardises
by the mean and deviation of every array below the folder at 60 frames a second. It has no validation part.
"""

from __future__ import annotations

import logging
import os
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.data.clip import FPS, MAX_FRAMES, MIN_FRAMES, Clip, check_motion, check_scale
from kfzoo.data.clip_cutting import LONGEST_GAP, at_clip_rate
from kfzoo.data.script import UNSPECIFIED, Part
from kfzoo.data.sources.base import ClipSource
from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take

RECORDED_FPS = 60
"""Frames a second of the arrays."""

_ENDING = re.compile(r"\.(?:npy|csv)$", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Express4DFolder(ClipSource):
    """Clips from a folder in Express4D's layout, one for each name of its lists.

    The parts are the folder's own, for a split by source. A share of the training list becomes the validation part: the
    peers choose their checkpoint on the test part. Values are those of the arrays, not clamped.

    Args:
        folder: The folder that holds `data`, `texts`, `train.txt` and `test.txt`.
        validation: Share of the training list that is drawn for validation.
        seed: Seed of that draw.
        skip_short: Leave recordings of less than 20 frames (at 20 a second) out, counted and logged; the loader does it
            in silence; otherwise they are an error.
        timecode_fps: Frames a second that the timecodes of takes count, where the takes do not tell.

    Raises:
        InputError: For a share out of range and a folder of another layout; on reading, for a name without its array or
            text, an array or take of other channels or values, a take with a gap, a text without a caption.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        validation: float = 0.1,
        seed: int = 0,
        skip_short: bool = False,
        timecode_fps: float | None = None,
    ) -> None:
        if not 0 < validation < 1:
            raise InputError("validation", f"is {validation}, expected a share between 0 and 1")
        self.folder = Path(folder)
        self.validation = validation
        self.seed = seed
        self.skip_short = skip_short
        self._options = ReadingOptions(timecode_fps=timecode_fps)
        self._lists()

    def __iter__(self) -> Iterator[Clip]:
        """Yields the clips, the training list first."""
        short = []
        for name, (part, where) in self._lists().items():
            motion = self._motion(name)
            if len(motion) < MIN_FRAMES:
                short.append(name)
                if self.skip_short:
                    continue
                problem = f"holds {len(motion)} frames at {FPS} a second, expected at least {MIN_FRAMES}"
                raise InputError(self._recording(name), problem, f"take {where} out, or set skip_short to true")
            yield Clip(name, motion, self._captions(name), subject=UNSPECIFIED, recording=name, part=part)
        if short:
            text = "%s: %d recordings shorter than %d frames at %d a second are left out (the first is '%s')."
            _log.warning(text, self.folder, len(short), MIN_FRAMES, FPS, short[0])

    def _recording(self, name: str) -> Path:
        """Returns the file of a recording: its array, or where there is none its take."""
        array, take = (self.folder / "data" / f"{name}{ending}" for ending in (".npy", ".csv"))
        return take if take.is_file() and not array.exists() else array

    def _motion(self, name: str) -> NDArray[np.float32]:
        """Reads a recording at 20 frames a second, 196 frames at most, (T, 61)."""
        path = self._recording(name)
        motion = _read_csv(path, self._options) if path.suffix == ".csv" else _read_array(path)[:: RECORDED_FPS // FPS]
        return np.ascontiguousarray(motion[:MAX_FRAMES])

    def _captions(self, name: str) -> tuple[str, ...]:
        path = self.folder / "texts" / f"{name}.txt"
        captions = []
        for number, line in _lines(path, f"write the captions of '{name}' there"):
            caption = line.partition("#")[0].strip()
            if not caption:
                raise InputError(f"{path}:{number}", "has no caption before the '#'", "expected caption#tokens")
            captions.append(caption)
        if not captions:
            raise InputError(path, "holds no caption", "expected one or more lines caption#tokens")
        return tuple(captions)

    def _lists(self) -> dict[str, tuple[Part, str]]:
        """Returns the part of each name, and the line that names it."""
        if not self.folder.is_dir():
            raise InputError(self.folder, "is not a folder", "give the folder of the Express4D data set")
        named: dict[str, tuple[Part, str]] = {}
        lists: tuple[Part, ...] = ("train", "test")
        for part in lists:
            path = self.folder / f"{part}.txt"
            for number, line in _lines(path, "expected the names of the recordings, one a line"):
                name = _ENDING.sub("", line)
                if name in named:
                    also = named[name][1]
                    raise InputError(f"{path}:{number}", f"'{name}' is in {also}, too", "keep one of the lines")
                named[name] = part, f"{path}:{number}"
        trained = sorted(name for name, (part, _) in named.items() if part == "train")
        order = np.random.default_rng(self.seed).permutation(len(trained))
        for place in order[: max(1, round(self.validation * len(trained)))]:
            named[trained[place]] = "val", named[trained[place]][1]
        return named


def _lines(path: Path, remedy: str) -> list[tuple[int, str]]:
    """Returns number and content of the lines that are not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", remedy) from error
    except UnicodeDecodeError as error:
        raise InputError(path, "is not UTF-8", "save the file as UTF-8") from error
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path and its permissions") from error
    # Line feeds only: other separators may occur inside a text.
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _read_array(path: Path) -> NDArray[np.float32]:
    """Reads the motion of one recording at its own rate, (frames, 61)."""
    try:
        # Unlike numpy.load, it takes nothing else than one array for an .npy file.
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(path, "there is no such file", "take the name out of the lists, or add its array") from error
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError) as error:
        remedy = "save it again with numpy.save, as numbers"
        raise InputError(path, f"cannot be read as an array ({error})", remedy) from error
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(path, f"holds values of type {array.dtype}, expected floating-point numbers", "save it again")
    with np.errstate(over="ignore"):  # what is too large for float32 is reported as no finite number
        motion: NDArray[np.float32] = array.astype(np.float32)
    check_motion(path, motion)
    check_scale(path, motion)
    return motion


def _read_csv(path: Path, options: ReadingOptions) -> NDArray[np.float32]:
    """Reads a take at its own rate and brings it to that of clips, (T, 61)."""
    take = read_take(path, options)
    check_scale(path, take.coefficients)
    for remark in take.remarks:
        _log.info("%s: %s.", path, remark)
    pieces = at_clip_rate(take.seconds, take.coefficients)
    if len(pieces) > 1:
        problem = f"has a gap of more than {LONGEST_GAP} s at {float(pieces[0].seconds[-1]):.2f} s, without a face"
        raise InputError(path, problem, "take its name out of the lists, or cut the take there")
    return pieces[0].motion
