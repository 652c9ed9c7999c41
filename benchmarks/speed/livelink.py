"""Reading Live Link Face recordings next to pandas, NumPy and the csv module."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.page import prose
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.recordings.live_link import write_take
from kfzoo.recordings.read import read_take

TITLE = "Reading Live Link Face takes"
FPS = 60
OURS = "`kfzoo.recordings.read.read_take`"

Values = NDArray[np.float32]


def with_kfzoo(path: Path) -> Values:
    """Reads names, timecodes and values, and checks them all."""
    return read_take(path).coefficients


def with_pandas(path: Path) -> Values:
    """Reads the file into a data frame, as `pandas.read_csv` does by default."""
    pandas: Any = importlib.import_module("pandas")  # not among the project's dependencies
    values: Values = pandas.read_csv(path).iloc[:, 2:].to_numpy(dtype=np.float32)
    return values


def with_loadtxt(path: Path) -> Values:
    """Reads only the values."""
    columns = range(2, 2 + len(CHANNELS))
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns, dtype=np.float32)


def with_csv(path: Path) -> Values:
    """Reads only the values, one `float` after the other."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return np.array([[float(cell) for cell in row[2:]] for row in rows], dtype=np.float32)


def readers() -> dict[str, Callable[[Path], Values]]:
    """Returns what can be compared here; pandas only where it is installed."""
    pandas = {"`pandas.read_csv`": with_pandas} if importlib.util.find_spec("pandas") else {}
    return {OURS: with_kfzoo, **pandas, "`numpy.loadtxt`": with_loadtxt, "`csv.reader` and `float`": with_csv}


def faces(frames: int) -> Values:
    """Makes smooth motion in each channel's range, (frames, 61), with rest between movements as real takes have it."""
    generator = np.random.default_rng(0)
    rates, phases = generator.uniform(0.05, 0.5, (2, len(CHANNELS)))
    waves = np.sin(2 * np.pi * (np.arange(frames)[:, None] / FPS * rates + phases))
    found: Values = np.clip(0.8 * waves, LOWER, UPPER).astype(np.float32)
    return found


def measure(seconds: tuple[int, ...] = (30, 600), rounds: int = 9) -> str:
    """Writes recordings to a temporary folder, reads them and returns the tables.

    Args:
        seconds: Lengths of the recordings at 60 frames a second.
        rounds: Readings of each recording by each reader; one more is not counted.
    """
    parts = [
        prose(
            f"""{rounds} readings from a warm file cache, readers in turn. Only `read_take` reads the timecodes, finds
            columns by name and refuses what is not a number; the others accept the file as it is."""
        )
    ]
    with TemporaryDirectory() as folder:
        for length in seconds:
            path = Path(folder) / f"{length}.csv"
            write_take(path, faces(length * FPS))
            jobs = {name: clocked(partial(read, path)) for name, read in readers().items()}
            parts += [f"## {length} seconds", speeds(in_turn(jobs, rounds), length * FPS, "frame", [OURS])]
    return "\n\n".join(parts)
