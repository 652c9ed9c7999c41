"""Times of several ways of doing the same, measured in turn, and their ratios."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from tqdm import tqdm

from benchmarks.page import NONE, table

Times = Mapping[str, Sequence[float]]
"""Seconds of each round, by way."""


def clocked(work: Callable[[], object]) -> Callable[[], float]:
    """Makes a job of `work`: it returns the seconds that a call takes, until a GPU, if there is one, is idle."""

    def job() -> float:
        start = _now()
        work()
        return _now() - start

    return job


def in_turn(jobs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Runs jobs in turn, so that other work on the machine slows all of them alike.

    Args:
        jobs: By way; each returns the seconds that it took. One round before the others is not counted.
        rounds: Counted rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for number in tqdm(range(rounds + 1), desc="Measuring", unit=" rounds", delay=2, leave=False):
        for name, job in jobs.items():
            taken = job()
            if number:
                seconds[name].append(taken)
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """Returns how many times as fast the second way is: the median of the rounds' own ratios."""
    return median(one / other for one, other in zip(slow, fast, strict=True))


def speeds(seconds: Times, count: int | Mapping[str, int], unit: str, others: Sequence[str] = ()) -> str:
    """Returns the table of several ways.

    Args:
        seconds: By way.
        count: Units that a round handles; by way where they differ. Ratios compare the time of one unit.
        unit: Such as "keyframe".
        others: Ways with which all are compared, one column each.
    """
    counts = {way: count if isinstance(count, int) else count[way] for way in seconds}
    each = {way: [taken / counts[way] for taken in found] for way, found in seconds.items()}
    rows = []
    for way, found in each.items():
        times = [f"{1000 * value:.4g}" for value in (median(found), min(found), max(found))]
        ratios = [f"{ratio(each[other], found):.3g} ×" if other in each else NONE for other in others]
        rows.append([way, *times, f"{1 / median(found):,.4g}", *ratios])
    head = [f"ms per {unit}", "fastest", "slowest", f"{unit}s/s"]
    return table(["way", *head, *(f"as fast as {other}" for other in others)], rows)


def _now() -> float:
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
    return time.perf_counter()
