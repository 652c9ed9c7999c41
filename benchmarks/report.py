"""What every benchmark shares: interleaved timing, and the page with its table."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median

from tqdm import tqdm

PACKAGES = ("kfzoo", "numpy", "pandas", "torch", "lightning")
"""Packages whose versions a page names, where they are installed."""


def clocked(work: Callable[[], object]) -> Callable[[], float]:
    """Makes a job of `work`: it returns the seconds that a call took."""

    def job() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return job


def interleaved(jobs: Mapping[str, Callable[[], float]], runs: int, what: str) -> dict[str, list[float]]:
    """Runs jobs in turn, so that whatever else the machine does meets all of them alike.

    Args:
        jobs: By name; each returns the seconds that it took. One run of each goes ahead and is not counted.
        runs: Counted runs of each job.
        what: Shown beside the progress bar.

    Returns:
        The seconds of each job's runs.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for number in tqdm(range(runs + 1), desc=what, unit=" rounds", delay=2, leave=False):
        for name, job in jobs.items():
            taken = job()
            if number:
                seconds[name].append(taken)
    return seconds


def spread(seconds: Sequence[float], scale: float = 1.0) -> list[str]:
    """Returns the cells median, fastest and slowest, in seconds or, with a scale of 1000, milliseconds."""
    return [f"{value * scale:.4g}" for value in (median(seconds), min(seconds), max(seconds))]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table; the first column stands left, all others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verdict(target: str, reached: str, met: bool) -> str:
    """Returns the line that says whether a target was met."""
    return f"Target: {target}. Reached: {reached}. **{'Met' if met else 'Missed'}.**"


def page(name: str, title: str, body: str) -> str:
    """Puts a heading over a benchmark's text that says where and with what it was measured."""
    from kfzoo.evaluation.provenance import commit, hardware  # imports torch, which no measured process should meet

    head = [
        f"- hardware: {hardware()}",
        f"- versions: {', '.join(_versions())}",
        f"- commit: {commit() or 'not known'} (`+`: with changes)",
        f"- command: `python -m benchmarks {name}`",
    ]
    return "\n".join([f"# {title}", "", *head, "", body]) + "\n"


def _versions() -> list[str]:
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
