"""Trains and tests every model of words that the committed leaderboard lists, and writes it anew.

    python -m benchmarks.leaderboard [--takes FOLDER] [--runs FOLDER]

Evaluators first, then every model's `builtin*.yaml`; with a folder of Live Link Face takes also every `takes.yaml`, on
two splits. Killed at any point, the same command goes on where it stopped; what is trained already is only tested. The
language model wants `python -m kfzoo assets get smollm2` beforehand, and most of the time. Models of images are
`benchmarks.semanticface`'s. To be run in the project's folder.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kfzoo.configs import read_config
from kfzoo.evaluation.leaderboard import write_leaderboard
from kfzoo.evaluation.results import find_runs
from kfzoo.files import replacing

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
KEPT = ("results.json", "results.samples.csv", "evaluator.json")
"""Files of a run that are committed."""

HELD_OUT = (
    "--data.init_args.split.test=[Angry_MySlate_166,Fearful_MySlate_162,Sad_MySlate_168]",
    "--data.init_args.split.val=[Sad_MySlate_167]",
)
"""A split of the takes that holds out one of each acted emotion."""


@dataclass(frozen=True)
class Board:
    """One table: an evaluator, and the models that it evaluators.

    Attributes:
        kind: Name of the configurations, `builtin` or `takes`.
        suffix: Tells the runs of two boards of one kind apart.
        options: What is added to every command.
        condition: What the models read; those of images have `benchmarks.semanticface`.
    """

    kind: str
    suffix: str = ""
    options: tuple[str, ...] = ()
    condition: Literal["text", "image"] = "text"

    @property
    def evaluator(self) -> Path:
        """The configuration of its evaluator."""
        return ROOT / "configs" / "evaluator" / f"{self.condition}_motion_{self.kind}.yaml"

    @property
    def configs(self) -> list[Path]:
        """The configurations of its models."""
        found = [path for path in sorted((ROOT / "configs").glob(f"*/{self.kind}*.yaml")) if path.parent.name != "data"]
        return [each for each in found if ("RenderedFaces" in str(read_config(each))) == (self.condition == "image")]

    def name(self, config: Path) -> str:
        """Name of a configuration's run."""
        return f"{config.parent.name}-{config.stem}{self.suffix}"

    def commands(self, runs: Path, trainer: Sequence[str] = ()) -> Iterator[tuple[str, list[str]]]:
        """Yields each run's name and the arguments of its `fit`, the evaluator's first."""
        evaluator = f"--evaluator={runs / self.name(self.evaluator)}"
        for config, more in ((self.evaluator, []), *((config, [evaluator]) for config in self.configs)):
            folder = f"--run_dir={runs / self.name(config)}"
            place = config.relative_to(ROOT)
            yield self.name(config), ["fit", f"--config={place}", folder, *self.options, *more, *trainer]


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains, tests and writes the leaderboard."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.leaderboard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--takes", type=Path, help="folder of Live Link Face takes; by default only built-in data")
    parser.add_argument("--runs", type=Path, default=Path("runs/leaderboard"), help="folder of the runs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the leaderboard and the kept results")
    parser.add_argument("--trainer", nargs="*", default=[], help="options for every run, such as --trainer.devices=2")
    chosen = parser.parse_args(arguments)
    boards = [Board("builtin")]
    if chosen.takes is not None:
        folder = f"--data.init_args.source.init_args.folder={chosen.takes}"
        boards += [Board("takes", options=(folder,)), Board("takes", "-held_out", (folder, *HELD_OUT))]
    for board in boards:
        for name, command in board.commands(chosen.runs, chosen.trainer):
            print(f"$ python -m kfzoo {shlex.join(command)}", flush=True)
            subprocess.run([sys.executable, "-m", "kfzoo", *command], check=True)
            keep(chosen.runs / name, chosen.out / "runs" / name)
    write_pages(chosen.out)


def write_pages(out: Path) -> None:
    """Writes the leaderboard of the results that are kept, as Markdown and as HTML."""
    found = find_runs(out / "runs")
    for path in (out / "leaderboard.md", out / "leaderboard.html"):
        write_leaderboard(path, found)
        print(path)


def keep(run: Path, place: Path) -> None:
    """Copies what is committed of a run."""
    place.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (run / name).is_file():
            with replacing(place / name) as beside:
                shutil.copyfile(run / name, beside)


if __name__ == "__main__":
    main()
