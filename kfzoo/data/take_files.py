"""Which files of a folder are takes: one stream of each recording, without what the phone writes beside it.

Live Link Face writes a folder for each take: `…_raw.csv` as recorded, `…_cal.csv` with the face at rest taken out,
`…_neutral.csv` with that face in one row, `frame_log.csv`, a video, and descriptions in JSON.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Literal, NamedTuple

from kfzoo.errors import InputError
from kfzoo.recordings.read import recordings_in, without_equal_names

Stream = Literal["calibrated", "raw"]
"""Which of a recording's two files is read where there are both: with the face at rest taken out, or as recorded."""

FRAME_LOG = "frame_log.csv"
"""What the phone calls its list of the video's frames."""

_LOGS, _NEUTRAL = "lists of a video's frames", "faces at rest"
_STREAM = re.compile(r"(?i)^(?P<take>.+)[_-](?P<stream>raw|cal|calibrated|neutral)$")
_KINDS = {"raw": "raw", "cal": "calibrated", "calibrated": "calibrated", "neutral": "neutral"}


class TakeFiles(NamedTuple):
    """The takes of a folder.

    Attributes:
        paths: By name (the path in the folder, without its ending), in the order of the names' files.
        remarks: Which files are not read, and why, in sentences; each with whether that goes without saying.
    """

    paths: dict[str, Path]
    remarks: dict[str, bool]


def find_takes(folder: Path, stream: Stream, others: set[Path]) -> TakeFiles:
    """Finds the files that are takes in a folder and the folders below it.

    Args:
        folder: The folder.
        stream: Which file is read of a recording that has two.
        others: Resolved paths of CSV files that are no takes.

    Raises:
        InputError: When there is no such folder, no take in it, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", "give the folder of the Live Link Face CSV files")
    files = recordings_in(folder)
    recordings: dict[tuple[Path, str, str], dict[str, Path]] = defaultdict(dict)
    left: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        if path.resolve() in others:
            continue
        if path.name.lower() == FRAME_LOG:
            left[_LOGS].append(path)
            continue
        found = _STREAM.match(path.stem)
        name, kind = (found["take"], _KINDS[found["stream"].lower()]) if found else (path.stem, "raw")
        # Of two files of one kind, such as a.csv and a_raw.csv, each is a take.
        ending = path.suffix.lower()
        if kind in recordings[path.parent, name, ending]:
            name, kind = path.stem, "raw"
        recordings[path.parent, name, ending][kind] = path
    chosen: set[Path] = set()
    for kinds in recordings.values():
        neutral = kinds.get("neutral")
        if neutral is not None and (len(kinds) > 1 or _has_one_row(neutral)):
            left[_NEUTRAL].append(kinds.pop("neutral"))
        if "raw" in kinds and "calibrated" in kinds:
            other = kinds.pop("calibrated" if stream == "raw" else "raw")
            left[f"the other stream, as {stream} is read (--source.stream)"].append(other)
        chosen |= set(kinds.values())
    if not chosen:
        more = f" but {_listed(folder, [path for paths in left.values() for path in paths])}" if left else ""
        raise InputError(folder, f"holds no recording{more}", "give the folder of the Live Link Face CSV files")
    named = [(path.relative_to(folder).with_suffix("").as_posix(), path) for path in files if path in chosen]
    paths = without_equal_names(named)
    remarks = {
        f"{len(those)} files are not read: {why} ({_listed(folder, those)})": why in (_LOGS, _NEUTRAL)
        for why, those in left.items()
    }
    return TakeFiles(paths, remarks)


def _has_one_row(path: Path) -> bool:
    """Whether a file holds a header and at most one row; only its first lines are read."""
    try:
        with path.open("rb") as file:
            return sum(1 for _, line in zip(range(8), file, strict=False) if line.strip()) <= 2
    except OSError:
        return False


def _listed(folder: Path, paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return paths[0].relative_to(folder).as_posix() + more
