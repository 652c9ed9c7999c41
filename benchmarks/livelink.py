"""How fast Live Link Face takes are read, beside what a user would otherwise read them with."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import clocked, interleaved, table
from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.arkit.livelink import read_take, write_take

TITLE = "Reading Live Link Face takes"
FPS = 60
SECONDS = (30, 600)

Values = NDArray[np.float32]
Reader = Callable[[Path], Values]


def with_kfzoo(path: Path) -> Values:
    """Reads names, timecodes and values, and checks them all."""
    return read_take(path).coefficients


def with_pandas(path: Path) -> Values:
    """Reads whatever stands there into a data frame, as `pandas.read_csv` does by default."""
    pandas: Any = importlib.import_module("pandas")  # not among the project's dependencies
    values: Values = pandas.read_csv(path).iloc[:, 2:].to_numpy(dtype=np.float32)
    return values


def with_loadtxt(path: Path) -> Values:
    """Reads the values alone."""
    columns = range(2, 2 + len(CHANNELS))
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns, dtype=np.float32)


def with_csv(path: Path) -> Values:
    """Reads the values alone, one `float` after the other."""
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return np.array([[float(cell) for cell in row[2:]] for row in rows], dtype=np.float32)


def readers() -> dict[str, Reader]:
    """Returns what can be compared here; pandas only where it is installed."""
    found: dict[str, Reader] = {"`kfzoo.arkit.livelink.read_take`": with_kfzoo}
    if importlib.util.find_spec("pandas"):
        found["`pandas.read_csv`"] = with_pandas
    return found | {"`numpy.loadtxt`": with_loadtxt, "`csv.reader` and `float`": with_csv}


def faces(frames: int) -> Values:
    """Makes smooth motion in each channel's range, (frames, 61), with rest between movements as real takes have it."""
    generator = np.random.default_rng(0)
    rates, phases = generator.uniform(0.05, 0.5, (2, len(CHANNELS)))
    waves = np.sin(2 * np.pi * (np.arange(frames)[:, None] / FPS * rates + phases))
    found: Values = np.clip(0.8 * waves, LOWER, UPPER).astype(np.float32)
    return found


def measure(seconds: tuple[int, ...] = SECONDS, runs: int = 9) -> str:
    """Writes takes to a temporary folder, reads them and returns the table.

    Args:
        seconds: Lengths of the takes at 60 fps.
        runs: Readings of each take with each reader.
    """
    rows = []
    with TemporaryDirectory() as folder:
        for length in seconds:
            path = Path(folder) / f"{length}.csv"
            write_take(path, faces(length * FPS))
            rows += _compared(path, length, runs)
    return "\n".join(
        [
            f"Median of {runs} readings from a warm file cache, readers in turn. Only `read_take` reads the timecodes,",
            "finds columns by name and refuses what is no number; the others take the file as it comes.",
            "",
            table(["reader", "take, s", "median, ms", "frames/s", "relative time"], rows),
        ]
    )


def _compared(path: Path, length: int, runs: int) -> list[list[str]]:
    jobs = {name: clocked(partial(read, path)) for name, read in readers().items()}
    taken = {name: median(found) for name, found in interleaved(jobs, runs, f"Reading {length} s").items()}
    ours = next(iter(taken.values()))
    return [
        [name, f"{length}", f"{t * 1000:.4g}", f"{length * FPS / t:,.0f}", f"{t / ours:.2f} ×"]
        for name, t in taken.items()
    ]
