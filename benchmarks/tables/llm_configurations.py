"""KeyframeFace's configurations: Base and Tuned, language model, annotation, semantic or not (section 5.2, table 4).

    python -m benchmarks.tables.llm_configurations                              # the twelve rows of SmolLM2
    python -m benchmarks.tables.llm_configurations --rows "*-qwen3-*" --list    # the commands of some of all 48 rows
    python -m benchmarks.tables.llm_configurations --rows "*-deepseek-*" -- --trainer.devices=8 --trainer.strategy=ddp

A row is one configuration file and four settings; 36 rows are the paper's, and 12 the same with the language model that
fits a laptop. Rows that have results are skipped, and an interrupted row resumes where it stopped. Options after `--`
go to every command. Run it in the project's folder.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Final

from benchmarks.tables.runs import keep, kfzoo, parse, parser

CONFIGS: Final = {
    "smollm2": "builtin",
    "qwen3-4b": "paper_qwen3_4b",
    "qwen3-14b": "paper_qwen3_14b",
    "deepseek": "paper_deepseek_14b",
}
"""Language models by their short names in the paper's table 4, and the configuration of each."""

ANNOTATIONS: Final = {"original": "original", "ARKit": "arkit", "Image": "image"}
"""The three descriptions of a keyframe (section 3.1.4), by their names in the paper's table 4."""

SMALL: Final = ("--data.init_args.source.init_args.n=160", "--trainer.limit_val_batches=1")
"""SmolLM2's rows see few scripts, so that each takes minutes on two cores."""

BUDGET: Final = {
    "semantic": (
        "--trainer.limit_train_batches=20",
        "--model.init_args.warmup_steps=2",
        "--data.init_args.evaluation_batch_size=4",
    ),
    "non_semantic": ("--trainer.limit_train_batches=60", "--data.init_args.evaluation_batch_size=16"),
}
"""SmolLM2's rows are tuned for minutes; a semantic step takes several times as long as another."""


@dataclass(frozen=True)
class Row:
    """One configuration.

    Attributes:
        tuned: Whether LoRA is trained.
        model: A key of `CONFIGS`.
        annotation: A key of `ANNOTATIONS`.
        representation: semantic or non_semantic.
    """

    tuned: bool
    model: str
    annotation: str
    representation: str

    @property
    def name(self) -> str:
        """As the paper's table 4 writes it, such as Tuned-qwen3-4b-ARKit-semantic."""
        kind = "Tuned" if self.tuned else "Base"
        return f"{kind}-{self.model}-{self.annotation}-{self.representation.replace('_', '-')}"

    def options(self) -> Iterator[str]:
        """Yields the settings in which this row differs from its configuration file."""
        yield f"--model.init_args.tune={str(self.tuned).lower()}"
        yield f"--model.init_args.representation={self.representation}"
        yield f"--data.init_args.annotation={ANNOTATIONS[self.annotation]}"
        if self.model == "smollm2":
            yield from (*SMALL, *BUDGET[self.representation])
        if not self.tuned:
            yield "--trainer.max_epochs=1"
            yield "--trainer.limit_train_batches=1"

    def command(self, runs: Path, evaluator: str, more: Sequence[str] = ()) -> list[str]:
        """Returns the arguments of the row's `fit`."""
        config = f"--config=configs/llm_generator/{CONFIGS[self.model]}.yaml"
        scored = [f"--evaluator={evaluator}"] if evaluator else []
        return ["fit", config, f"--run_dir={runs / self.name}", *scored, *self.options(), *more]


ROWS: Final = tuple(
    Row(tuned, model, annotation, representation)
    for model, annotation, representation, tuned in product(
        CONFIGS, ("ARKit", "original", "Image"), ("semantic", "non_semantic"), (True, False)
    )
)
"""All rows: 36 of the paper, and SmolLM2's 12."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and runs the rows that have no results."""
    options = parser("llm_configurations", __doc__, "runs/leaderboard")
    options.add_argument("--rows", nargs="*", default=["*-smollm2-*"], help="names or patterns, such as 'Tuned-*'")
    options.add_argument("--evaluator", help="by default the runs' evaluator-text_motion_builtin; '' for none")
    options.add_argument("--list", action="store_true", help="print the commands and run nothing")
    chosen, more = parse(options, arguments)
    rows = [row for row in ROWS if any(fnmatch(row.name, pattern) for pattern in chosen.rows)]
    if not rows:
        options.error(f"no row has such a name; rows: {', '.join(row.name for row in ROWS)}")
    evaluator = chosen.runs / "evaluator-text_motion_builtin" if chosen.evaluator is None else chosen.evaluator
    for row in rows:
        kept = chosen.out / "runs" / row.name
        command = row.command(chosen.runs, str(evaluator), more)
        if (kept / "results.json").is_file():
            print(f"{row.name}: has results in {kept}")
        elif chosen.list:
            print(f"$ python -m kfzoo {shlex.join(command)}")
        else:
            kfzoo(command)
            keep(chosen.runs / row.name, kept)


if __name__ == "__main__":
    main()
