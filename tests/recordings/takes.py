"""Takes in the ways in which programs write them: the jaw opens by a tenth a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.recordings.take import Take

NAMES = ("Timecode", "BlendshapeCount", *CHANNELS)
JAW = INDEX["JawOpen"]


def opening_jaw(rows: int, fps: float = 60) -> NDArray[np.float64]:
    """(rows, 61), the jaw at a tenth of the seconds."""
    faces = np.full((rows, len(CHANNELS)), 0.02)
    faces[:, JAW] = np.arange(rows) / fps / 10
    return faces


def codes(rows: int, count: int = 60, start: int = 0, end: str = ".000") -> list[str]:
    """Timecodes whose last field counts `count` a second, from a number of frames after ten o'clock."""
    found = []
    for frame in range(start, start + rows):
        second, last = divmod(frame, count)
        found.append(f"10:{second // 60:02d}:{second % 60:02d}:{last:02d}{end}")
    return found


def table(timecodes: Sequence[str], faces: NDArray[np.float64]) -> list[list[str]]:
    """The cells of a take with six decimals, the header among them."""
    rows = zip(timecodes, faces.tolist(), strict=True)
    return [list(NAMES), *([code, "61", *(f"{value:.6f}" for value in face)] for code, face in rows)]


def write_cells(path: Path, cells: Sequence[Sequence[str]], separator: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(separator.join(row) for row in cells) + "\n", encoding="utf-8")
    return path


def assert_opens_steadily(take: Take, rows: int, fps: float = 60) -> None:
    """The jaw is at a tenth of the time in every frame, and none is missing."""
    assert len(take.seconds) == rows
    np.testing.assert_allclose(take.seconds, np.arange(rows) / fps, atol=1e-9)
    np.testing.assert_allclose(take.coefficients[:, JAW], take.seconds / 10, atol=1e-5)
