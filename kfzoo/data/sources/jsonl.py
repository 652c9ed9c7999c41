"""Our own format: one script a line, readable by people; `write_scripts` writes it, `ScriptsJsonl` reads it.

A line is what `kfzoo.data.script.to_dict` gives. Coefficients are an object with all 61 channels in any spelling, a
list of 61 numbers in Live Link order, or the word "beside": then they are in `<stem>.npz` next to the file, one (61,)
array under `<script id>/<keyframe index>`. A path of an image is relative to the file.
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.arkit.ranges import OvershootCount, off_scale
from kfzoo.data.json_lines import Fields, existing_file, read_lines, shown
from kfzoo.data.script import ANNOTATIONS, PARTS, Keyframe, Script, to_dict
from kfzoo.data.sources.base import Source
from kfzoo.data.vector import listed_vector, named_vector
from kfzoo.errors import InputError
from kfzoo.files import replacing

BESIDE = "beside"
_SCRIPT_KEYS = ("id", "subject", "background", "emotion", "part", "keyframes")
_KEYFRAME_KEYS = ("index", "time", *ANNOTATIONS, "image_path", "emotions", "analysis", "coefficients")
_log = logging.getLogger(__name__)


def write_scripts(
    path: str | os.PathLike[str], scripts: Iterable[Script], arrays: Literal["inside", "beside"] = "inside"
) -> int:
    """Writes scripts as JSON Lines, one by one, and moves the file into place at the end.

    Coefficients in the lines are rounded to `kfzoo.data.script.DECIMALS`; arrays in the other file keep float32. An
    image that lies under the file's folder is written relative to it, so that the folder can be moved; any other by its
    full path.

    Args:
        path: The file.
        scripts: At least one.
        arrays: "inside" puts coefficients into the lines, "beside" into `<stem>.npz` next to the file.

    Returns:
        The number of scripts written.

    Raises:
        InputError: When the file cannot be written, there are no scripts, or `ScriptsJsonl` would refuse one of them;
            then nothing is written.
    """
    final = Path(path)
    seen: dict[str, str] = {}
    with ExitStack() as stack:
        lines = stack.enter_context(replacing(final)).open("w", encoding="utf-8", newline="\n")
        stack.enter_context(lines)
        archive: zipfile.ZipFile | None = None
        if arrays == BESIDE:
            archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(replacing(_arrays_path(final))), "w"))
        for script in scripts:
            where = f"{final}:{len(seen) + 1}"
            values = _checked(script, where, final.parent)
            _refuse_repeat(seen, script.id, where)
            if archive is not None:
                _move_beside(archive, script, values)
            lines.write(json.dumps(values, ensure_ascii=False) + "\n")
        if not seen:
            raise InputError(final, "there are no scripts to write", "check the source")
    return len(seen)


class ScriptsJsonl(Source):
    """Scripts from a file in our own format (see the module).

    Values a little outside their channel's range (`kfzoo.arkit.ranges`) are clamped, and counted in one line.

    Args:
        path: The JSON Lines file.

    Raises:
        InputError: When there is no such file; on reading, for every fault in it, with line and key.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = existing_file(path)
        self._reported = False

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts in the file's order."""
        seen: dict[str, str] = {}
        overshoot = OvershootCount()
        with ExitStack() as stack:
            archive = _Arrays(_arrays_path(self.path), stack)
            for where, values in read_lines(self.path):
                if "keyframes" not in values and "coefficients" in values:
                    remedy = "faces of images are read by ImageArkitPairs, predictions by score"
                    raise InputError(where, f"holds {', '.join(values)[:80]}, expected a script", remedy)
                script = _script(Fields(where, values, known=_SCRIPT_KEYS), self.path.parent, archive, overshoot)
                _refuse_repeat(seen, script.id, where)
                yield script
        report = overshoot.report()
        if report is not None and not self._reported:
            self._reported = True
            _log.warning("%s: %s.", self.path, report)


class _Arrays:
    """The archive next to a file, opened when the first line asks for it."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack
        self._archive: zipfile.ZipFile | None = None

    def get(self, fields: Fields, name: str) -> NDArray[np.float64]:
        """Returns the (61,) array under a name; faults name the line that asks for it."""
        what = f"is 'beside', but array '{name}' of {self._path.name}"
        remedy = "write the two files again"
        try:
            if self._archive is None:
                self._archive = self._stack.enter_context(zipfile.ZipFile(self._path))
            with self._archive.open(f"{name}.npy") as entry:
                array = np.lib.format.read_array(entry, allow_pickle=False)
        except FileNotFoundError:
            problem = f"is 'beside', but there is no {self._path.name}"
            raise fields.fault("coefficients", problem, f"put it into {self._path.parent}") from None
        except KeyError:
            raise fields.fault("coefficients", f"{what} is missing", remedy) from None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise fields.fault("coefficients", f"{what} cannot be read ({error})", remedy) from None
        if array.shape != (len(CHANNELS),) or array.dtype.kind != "f":
            found = f"{array.dtype} of shape {array.shape}"
            raise fields.fault(
                "coefficients", f"{what} is {found}, expected floats of shape ({len(CHANNELS)},)", remedy
            )
        if not np.isfinite(array).all():
            channel = CHANNELS[int(np.argmin(np.isfinite(array)))]
            raise fields.fault("coefficients", f"{what} holds no finite number at channel '{channel}'", remedy)
        return array.astype(np.float64)


def _script(fields: Fields, folder: Path, archive: _Arrays | None, overshoot: OvershootCount) -> Script:
    name = fields.text("id")
    if not name or not name.isprintable():
        raise fields.fault("id", f"is {shown(name)}, expected printable characters", "give the script a name")
    part = fields.values.get("part")
    if part is not None and part not in PARTS:
        raise fields.fault("part", f"is {shown(part)}, expected one of {', '.join(PARTS)}")
    keyframes: list[Keyframe] = []
    for index, values in enumerate(fields.items("keyframes")):
        inner = Fields(fields.where, values, f"keyframes[{index}]", _KEYFRAME_KEYS)
        keyframe = _keyframe(inner, index, name, folder, archive, overshoot)
        if keyframes and keyframe.time < keyframes[-1].time:
            raise inner.fault("time", f"is {keyframe.time}, before the keyframe at {keyframes[-1].time}", "sort them")
        keyframes.append(keyframe)
    return Script(
        id=name,
        subject=fields.text("subject"),
        background=fields.text("background"),
        emotion=fields.text("emotion"),
        keyframes=tuple(keyframes),
        part=part,
    )


def _keyframe(
    fields: Fields, index: int, script: str, folder: Path, archive: _Arrays | None, overshoot: OvershootCount
) -> Keyframe:
    found = fields.get("index")
    if isinstance(found, bool) or found != index:
        raise fields.fault(
            "index", f"is {shown(found)}, expected {index}", "number the keyframes from 0 in their order"
        )
    time = fields.number("time")
    if time < 0:
        raise fields.fault("time", f"is {time}, expected seconds from the start of the clip")
    image = fields.text("image_path") if fields.values.get("image_path") is not None else None
    return Keyframe(
        index=index,
        time=time,
        original=fields.text("original", ""),
        arkit=fields.text("arkit", ""),
        image=fields.text("image", ""),
        coefficients=read_coefficients(fields, overshoot, f"{script}/{index}", archive),
        image_path=None if image is None else str(folder / image),
        emotions=_emotions(fields),
        analysis=fields.text("analysis", ""),
    )


def _emotions(fields: Fields) -> dict[str, float]:
    inner = Fields(fields.where, fields.values.get("emotions", {}), fields.path("emotions"))
    scores = {name: inner.number(name) for name in inner.values}
    for name, score in scores.items():
        if not 0 <= score <= 1:
            raise inner.fault(name, f"is {score}, expected a score in [0, 1]")
    return scores


def read_coefficients(
    fields: Fields, overshoot: OvershootCount, name: str = "", archive: _Arrays | None = None
) -> NDArray[np.float32] | None:
    """Reads the key "coefficients" of an object.

    Args:
        fields: The object.
        overshoot: Counts the values that are clamped.
        name: Of the array, when they are in the archive.
        archive: The file next to the scripts.

    Returns:
        (61,) in each channel's range, or None when the key is missing.

    Raises:
        InputError: For anything else but 61 values by name or in a list, or a value far outside its channel's range.
    """
    values = fields.values.get("coefficients")
    problems: tuple[str, ...] = ()
    if values is None:
        return None
    if isinstance(values, dict):
        vector, problems = named_vector(list(values.items()))
    elif isinstance(values, list):
        vector, problems = listed_vector(values)
    elif values == BESIDE and archive is not None:
        vector = archive.get(fields, name)
    else:
        raise fields.fault("coefficients", f"is {shown(values)}, expected 61 values by name or in a list, or 'beside'")
    if vector is None:
        raise fields.fault("coefficients", f"is not valid: {_in_one_line(problems)}")
    found = off_scale(vector)
    if found is not None:
        raise fields.fault(f"coefficients.{found.channel}", found.problem, found.remedy)
    return overshoot.clamp(fields.where, vector)


def _in_one_line(problems: tuple[str, ...]) -> str:
    """Returns the first problem; of several also the last, which names what is missing.

    One misspelt channel is both unknown and missing; the first says it.
    """
    first, last = problems[0], problems[-1]
    return f"{first}; {last}" if len(problems) > 1 and last.endswith("missing") and "," in last else first


def _checked(script: Script, where: str, folder: Path) -> dict[str, Any]:
    """Returns the values of a line, after the reader has accepted them."""
    for keyframe in script.keyframes:
        if keyframe.coefficients is not None and np.shape(keyframe.coefficients) != (len(CHANNELS),):
            shape = np.shape(keyframe.coefficients)
            raise InputError(where, f"keyframe {keyframe.index} of '{script.id}' has coefficients of shape {shape}")
    values = to_dict(script)
    for keyframe in values["keyframes"]:
        if "image_path" in keyframe:
            keyframe["image_path"] = _relative(Path(keyframe["image_path"]), folder)
    _script(Fields(where, values, known=_SCRIPT_KEYS), folder, None, OvershootCount())
    return values


def _relative(image: Path, folder: Path) -> str:
    full = Path(os.path.abspath(image))  # noqa: PTH100 - resolve() would follow links out of the folder
    base = Path(os.path.abspath(folder))  # noqa: PTH100
    return (full.relative_to(base) if full.is_relative_to(base) else full).as_posix()


def _move_beside(archive: zipfile.ZipFile, script: Script, values: dict[str, Any]) -> None:
    for keyframe, written in zip(script.keyframes, values["keyframes"], strict=True):
        if keyframe.coefficients is not None:
            written["coefficients"] = BESIDE
            # ZipInfo's fixed date makes equal data equal bytes.
            with archive.open(zipfile.ZipInfo(f"{script.id}/{keyframe.index}.npy"), "w") as entry:
                array = np.asarray(keyframe.coefficients, dtype=np.float32)
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _arrays_path(path: Path) -> Path:
    return path.with_suffix(".npz")


def _refuse_repeat(seen: dict[str, str], name: str, where: str) -> None:
    if name in seen:
        raise InputError(where, f"key 'id' is '{name}', which {seen[name]} has already", "give each script its own")
    seen[name] = where
