"""What the commands that train and test share: arguments, one run of `python -m kfzoo`, and the files that are kept."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kfzoo.files import replacing

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
KEPT = ("results.json", "results.samples.csv", "evaluator.json")
"""Files of a run that are committed."""

Command = tuple[str, list[str]]
"""Name of a run and the arguments of `python -m kfzoo`."""


def parser(module: str, description: str | None, runs: str) -> argparse.ArgumentParser:
    """Returns a parser with the options that all commands have.

    Args:
        module: Of the command.
        description: Its docstring.
        runs: Default folder of the runs.
    """
    found = argparse.ArgumentParser(
        f"python -m benchmarks.tables.{module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--runs", type=Path, default=Path(runs), help="folder of the runs")
    found.add_argument("--out", type=Path, default=RESULTS, help="folder of the pages and of the kept results")
    return found


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> tuple[argparse.Namespace, tuple[str, ...]]:
    """Parses arguments; returns them and the options after `--`, which every command of kfzoo gets."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    return parser.parse_args(given[:cut]), tuple(given[cut + 1 :])


def kfzoo(arguments: Sequence[str], one_thread: bool = False) -> None:
    """Prints a command of kfzoo and runs it in a process of its own.

    Raises:
        SystemExit: When the command fails.
    """
    print(f"$ python -m kfzoo {shlex.join(arguments)}", flush=True)
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if one_thread else {})
    code = subprocess.run([sys.executable, "-m", "kfzoo", *arguments], env=environment, check=False).returncode
    if code:
        raise SystemExit(f"`{arguments[0]}` ended with exit code {code}; the same command resumes where it stopped")


def keep(run: Path, place: Path) -> None:
    """Copies the files of a run that are committed."""
    place.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (run / name).is_file():
            with replacing(place / name) as path:
                shutil.copyfile(run / name, path)


def write_leaderboard(out: Path) -> None:
    """Writes the leaderboard of the kept results, as Markdown and as HTML."""
    kfzoo(["leaderboard", f"--results={out / 'runs'}", f"--out={out / 'leaderboard.md'}"])
