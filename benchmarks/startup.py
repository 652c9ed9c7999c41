"""How long a user waits for `--help`, beside a Python that does nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.report import clocked, interleaved, spread, table, verdict

TITLE = "Time to help"
TARGET = 0.3
"""Seconds that `--help` may take."""

COMMANDS = {"python -m kfzoo --help": ["-m", "kfzoo", "--help"], "python -c pass": ["-c", "pass"]}


def measure(runs: int = 20) -> str:
    """Starts fresh processes and returns the table.

    Args:
        runs: Processes of each kind.
    """
    jobs = {name: clocked(partial(_start, arguments)) for name, arguments in COMMANDS.items()}
    seconds = interleaved(jobs, runs, "Starting processes")
    reached = median(seconds["python -m kfzoo --help"])
    rows = [[f"`{name}`", *spread(taken, 1000)] for name, taken in seconds.items()]
    return "\n".join(
        [
            f"Wall time of {runs} fresh processes each, in turn, after one that is not counted.",
            "",
            table(["command", "median, ms", "fastest, ms", "slowest, ms"], rows),
            "",
            verdict(f"`--help` below {TARGET} s", f"{reached:.3f} s", reached < TARGET),
        ]
    )


def _start(arguments: list[str]) -> None:
    root = Path(__file__).parent.parent
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=root)
