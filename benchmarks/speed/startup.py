"""Time of the command line's `--help` next to a Python process that does nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.page import prose
from benchmarks.timing import clocked, in_turn, speeds

TITLE = "Time to help"
NOTHING = "`python -c pass`"
COMMANDS = {"`python -m kfzoo --help`": ["-m", "kfzoo", "--help"], NOTHING: ["-c", "pass"]}


def measure(rounds: int = 20) -> str:
    """Starts processes and returns the table.

    Args:
        rounds: Processes of each kind; one more is not counted.
    """
    jobs = {name: clocked(partial(_start, arguments)) for name, arguments in COMMANDS.items()}
    text = prose(f"Wall time of {rounds} processes of each kind, in turn.")
    return f"{text}\n\n{speeds(in_turn(jobs, rounds), 1, 'process', [NOTHING])}"


def _start(arguments: list[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
