"""Errors of each sample, in a file next to the results, for paired tests."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.errors import InputError
from kfzoo.files import replacing

COLUMNS = ("id", "valid", "mse", "mae", "mean_face_mse")

DIGITS = 9
"""Significant digits of an error on disk: enough to distinguish all float32."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Errors of N samples, in the order of their ids.

    Attributes:
        ids: (N,) text, `<script id>#<keyframe index>`.
        valid: (N,) bool; rows that are not valid were scored as the mean face.
        mse: (N,) float64.
        mae: (N,) float64.
        mean_face_mse: (N,) float64, MSE of the training split's mean face, to test whether the model is better.
    """

    ids: NDArray[np.str_]
    valid: NDArray[np.bool_]
    mse: NDArray[np.float64]
    mae: NDArray[np.float64]
    mean_face_mse: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.ids)

    @property
    def scripts(self) -> NDArray[np.str_]:
        """(N,) the script each sample comes from."""
        from kfzoo.metrics.rows import scripts_of  # imports torch, which only readers of results do without

        return scripts_of(self.ids)

    @property
    def recordings(self) -> NDArray[np.str_]:
        """(N,) the recording each sample comes from: its script's id up to the last `/`, as `Script.recording`."""
        return np.array([name.rpartition("/")[0] or name for name in self.scripts.tolist()], dtype=np.str_)


def write_samples(path: str | os.PathLike[str], samples: Samples) -> None:
    """Writes samples as CSV, errors with `DIGITS` digits.

    Raises:
        InputError: When the folder cannot be written.
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        errors = zip(samples.mse.tolist(), samples.mae.tolist(), samples.mean_face_mse.tolist(), strict=True)
        for name, valid, row in zip(samples.ids.tolist(), samples.valid.tolist(), errors, strict=True):
            writer.writerow([name, int(valid), *(f"{value:.{DIGITS}g}" for value in row)])


def read_samples(path: str | os.PathLike[str]) -> Samples:
    """Reads what `write_samples` wrote.

    Raises:
        InputError: Naming the line: a missing file, another header, a missing cell, or a cell that is no number.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(path, f"cannot be read ({error})", "run `test` again to write it") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        found = ",".join(lines[0]) if lines else "an empty file"
        raise InputError(f"{path}:1", f"expected the header {','.join(COLUMNS)}, got {found}")
    rows = [_parse(line, f"{path}:{number}") for number, line in enumerate(lines[1:], start=2)]
    errors = np.array([row[2] for row in rows], dtype=np.float64).reshape(len(rows), 3)
    return Samples(
        ids=np.array([row[0] for row in rows], dtype=np.str_),
        valid=np.array([row[1] for row in rows], dtype=np.bool_),
        mse=errors[:, 0],
        mae=errors[:, 1],
        mean_face_mse=errors[:, 2],
    )


def _parse(line: list[str], where: str) -> tuple[str, bool, list[float]]:
    if len(line) != len(COLUMNS):
        raise InputError(where, f"expected {len(COLUMNS)} cells, got {len(line)}", "the file may be cut off")
    name, valid, *texts = line
    if valid not in ("0", "1"):
        raise InputError(where, f"column valid: expected 0 or 1, got '{valid}'")
    return name, valid == "1", [_number(text, column, where) for text, column in zip(texts, COLUMNS[2:], strict=True)]


def _number(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(where, f"column {column}: expected a number, got '{text}'")
    return value
