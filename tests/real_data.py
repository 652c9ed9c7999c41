"""Real recordings, released samples and assets that tests read and the project does not ship.

The environment variable `KFZOO_TEST_DATA` alone says where they are: the folder that holds `livelink/`, `released/`,
`mediapipe/` and `ict_facekit.tar.xz`, or its parent, which holds them in `data/`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "KFZOO_TEST_DATA"
REASON = f"needs real data: set {VARIABLE}"
"""The reason of every skipped test that needs real data; tests/conftest.py counts them by it."""

TAKE_NAMES = (
    *("Angry_MySlate_165", "Angry_MySlate_166", "Fearful_MySlate_161", "Fearful_MySlate_162"),
    *("Neutral_default", "Sad_MySlate_167", "Sad_MySlate_168", "alex_rom_3"),
)
FILES = (
    *(f"livelink/{name}.csv" for name in TAKE_NAMES),
    *(f"released/keyframeface/{name}" for name in ("example.jsonl", "example_result.jsonl", "example_result.csv")),
    *(f"released/semanticface/{name}" for name in ("example.jsonl", "example_result.jsonl")),
    *("mediapipe/face_landmarker.task", "ict_facekit.tar.xz"),
)


def data_folder(value: str) -> Path:
    """The folder that the variable's value means: the named one, or the `data/` in it."""
    named = Path(value)
    return (named / "data" if (named / "data").is_dir() else named).resolve()


def check(value: str) -> None:
    """Refuses a folder that lacks a file: a test that cannot read what it needs must not be skipped.

    Raises:
        pytest.UsageError: Names the first missing file.
    """
    folder = data_folder(value)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if value and missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise pytest.UsageError(f"{VARIABLE}: {folder} lacks {missing[0]}{more}; complete the folder or unset it")


VALUE = os.environ.get(VARIABLE, "")
DATA = data_folder(VALUE)
"""Meaningful only in tests that are marked with `needs_real_data`, like the paths below."""

LIVELINK = DATA / "livelink"
KEYFRAMEFACE = DATA / "released" / "keyframeface"
SEMANTICFACE = DATA / "released" / "semanticface"
LANDMARKER = DATA / "mediapipe" / "face_landmarker.task"
FACEKIT = DATA / "ict_facekit.tar.xz"
DEADFACE = DATA.parent / "cases" / "22-deadface"
"""Images and what DeadFace itself wrote for them; it may be missing."""


def require() -> None:
    """Skips the test that calls it where there is no real data."""
    if not VALUE:
        pytest.skip(REASON)


needs_real_data = pytest.mark.skipif(not VALUE, reason=REASON)
"""Marks a test or a class that reads any of these paths."""
