"""Trains and tests every model of text in the committed leaderboard, and writes the leaderboard.

    python -m benchmarks.tables.leaderboard [--takes FOLDER] [--runs FOLDER] [-- OPTION ...]

Evaluators are trained first, then every model's `builtin*.yaml`; with a folder of Live Link Face recordings also every
`takes.yaml`, on two splits. The same command resumes an interrupted run; models that are trained are only tested. The
language model needs `python -m kfzoo assets get smollm2` beforehand, and takes most of the time. Models of images are
trained by `benchmarks.tables.semanticface`. Options after `--` go to every command. Run it in the project's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.tables.runs import ROOT, Command, keep, kfzoo, parse, parser, write_leaderboard

HELD_OUT = (
    "--data.init_args.split.test=[Angry_MySlate_166,Fearful_MySlate_162,Sad_MySlate_168]",
    "--data.init_args.split.val=[Sad_MySlate_167]",
)
"""A split of the recordings that holds out one recording of each acted emotion."""


@dataclass(frozen=True)
class Board:
    """One table: an evaluator and the models that it scores.

    Attributes:
        kind: Name of the configurations, `builtin` or `takes`.
        suffix: Separates the runs of two boards of one kind.
        options: Added to every command.
        condition: What the models read.
    """

    kind: str
    suffix: str = ""
    options: tuple[str, ...] = ()
    condition: Literal["text", "image"] = "text"

    @property
    def evaluator(self) -> Path:
        """The configuration of the evaluator."""
        return ROOT / "configs" / "evaluator" / f"{self.condition}_motion_{self.kind}.yaml"

    @property
    def configs(self) -> list[Path]:
        """The configurations of the models."""
        found = sorted((ROOT / "configs").glob(f"*/{self.kind}*.yaml"))
        return [path for path in found if path.parent.name != "data" and condition_of(path) == self.condition]

    def name(self, config: Path) -> str:
        """Name of a configuration's run."""
        return f"{config.parent.name}-{config.stem}{self.suffix}"

    def commands(self, runs: Path, more: Sequence[str] = ()) -> Iterator[Command]:
        """Yields each run's name and the arguments of its `fit`, the evaluator's first."""
        evaluator = f"--evaluator={runs / self.name(self.evaluator)}"
        for config, scored in ((self.evaluator, []), *((config, [evaluator]) for config in self.configs)):
            folder = f"--run_dir={runs / self.name(config)}"
            place = config.relative_to(ROOT)
            yield self.name(config), ["fit", f"--config={place}", folder, *self.options, *scored, *more]


@cache
def condition_of(config: Path) -> str:
    """Returns what the model of a configuration is scored on: text, or images (its class says so, or the file name)."""
    from kfzoo import models
    from kfzoo.configs import read_config

    class_path: str = read_config(config)["model"]["class_path"]
    condition: str = getattr(models, class_path.rpartition(".")[2]).condition
    return "image" if config.stem.endswith("_rendered") else condition


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains, tests and writes the leaderboard."""
    options = parser("leaderboard", __doc__, "runs/leaderboard")
    options.add_argument("--takes", type=Path, help="folder of Live Link Face recordings")
    chosen, more = parse(options, arguments)
    boards = [Board("builtin")]
    if chosen.takes is not None:
        folder = f"--data.init_args.source.init_args.folder={chosen.takes}"
        boards += [Board("takes", options=(folder,)), Board("takes", "-held_out", (folder, *HELD_OUT))]
    for board in boards:
        for name, command in board.commands(chosen.runs, more):
            kfzoo(command)
            keep(chosen.runs / name, chosen.out / "runs" / name)
    write_leaderboard(chosen.out)


if __name__ == "__main__":
    main()
