"""Plain words: of how many held-out sentences of everyday English each model's faces do what the words say.

    python -m benchmarks.tables.plain_words [--runs FOLDER] [--only NAME ...] [--checkpoint PATH ...] [-- OPTION ...]
    python -m benchmarks.tables.plain_words --page                 # only the page, from the numbers that are kept
    python -m benchmarks.tables.plain_words --figure CHECKPOINT    # only the figure, by default of the default weights

Trains every model's `everyday.yaml`, cheapest first; the same command resumes an interrupted run, and a run that has
its results is only scored. Then all runs, and the checkpoints that are given, answer the same sentences. Writes
`plain_words.json` and `plain_words.md`; rows of other runs that were scored on the same sentences are kept. Options
after `--` go to every `fit`. Run it in the project's folder. An hour on two cores.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.page import head
from benchmarks.tables.plain_words_page import TRUTH, write_page
from benchmarks.tables.runs import ROOT, Command, kfzoo, parse, parser
from kfzoo.errors import InputError
from kfzoo.evaluation.results_text import json_text
from kfzoo.files import replacing

if TYPE_CHECKING:
    from kfzoo.evaluation.plain_words import PlainWords

COMMAND: Final = "python -m benchmarks.tables.plain_words"
CHEAPEST: Final = ("zero_face", "mean_face", "nearest_neighbour", "aligned_autoencoder", "mdm")
"""Models in the order in which they are trained; others follow."""

Record = dict[str, Any]


def commands(runs: Path, more: Sequence[str] = ()) -> list[Command]:
    """Returns the `fit` of every configuration of plain English, the cheapest first."""
    configs = [path for path in (ROOT / "configs").glob("*/everyday.yaml") if path.parent.name != "data"]
    order = {name: place for place, name in enumerate(CHEAPEST)}
    configs.sort(key=lambda path: (order.get(path.parent.name, len(order)), path.parent.name))
    names = [f"{path.parent.name}-{path.stem}" for path in configs]
    return [
        (name, ["fit", f"--config={path.relative_to(ROOT)}", f"--run_dir={runs / name}", *more])
        for name, path in zip(names, configs, strict=True)
    ]


def train(runs: Path, only: Sequence[str] | None, more: Sequence[str]) -> list[Path]:
    """Trains what is missing; returns the folders of the runs.

    Args:
        runs: Folder of the runs.
        only: Names of the runs that are wanted; None for all.
        more: Options of every `fit`; with options, a run that has its results is fitted, too, as they may be others.

    Raises:
        InputError: For the name of no run.
    """
    found = dict(commands(runs, more))
    for name in only or ():
        if name not in found:
            raise InputError("--only", f"'{name}' is no run", f"there are {', '.join(found)}")
    wanted = [name for name in found if only is None or name in only]
    for name in wanted:
        if more or not (runs / name / "results.json").is_file():
            kfzoo(found[name])
    return [runs / name for name in wanted]


def row_of(board: PlainWords, checkpoint: str) -> Record:
    """Loads a checkpoint, asks it for all sentences and scores its faces.

    Args:
        board: The sentences.
        checkpoint: A path, or `default`.

    Raises:
        InputError: For a checkpoint that cannot be used.
    """
    import torch

    from kfzoo.commands.inference import answer
    from kfzoo.encoders.frozen import weights_digest
    from kfzoo.models.base import KeyframeModule
    from kfzoo.training.checkpoint import load_module

    model = load_module(checkpoint, KeyframeModule)
    graded = board.weaker_samples()
    answers = answer(model, [*board.samples(), *graded])
    # Without an answer, the error is that of the mean face, as in the leaderboard.
    faces = torch.where(answers.valid[:, None], answers.coefficients, model.train_mean)
    count = len(board.scripts)
    report = board.score(faces[:count], faces[count:], answers.valid[:count])
    results = Path(checkpoint).with_name("results.json")
    said = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else {}
    return {
        "model": type(model).__name__,
        "checkpoint": weights_digest(model.stored()),
        "data": model.provenance.get("data"),
        **{key: said.get(key) for key in ("seed", "commit", "hardware")},
        **asdict(report),
    }


def name_of(checkpoint: str) -> str:
    """Name of a checkpoint's row: that of its run, or `default`."""
    path = Path(checkpoint)
    return path.parent.name if path.stem in ("best", "last") else path.stem


def training_of(run: Path, kept: Mapping[str, Any] | None) -> Record:
    """Counts the training sentences in which each channel moves most.

    Args:
        run: Folder of a run.
        kept: The counts of earlier, which are returned when they are of the same data.
    """
    from kfzoo.evaluation.plain_words import leading_counts
    from kfzoo.runs import RunFolder

    data = json.loads((run / "results.json").read_text(encoding="utf-8"))["data"]
    if kept is not None and kept["data"] == data:
        return dict(kept)
    samples = [each for each in RunFolder(run).data().samples("train") if "everyday-" in str(each.script.id)]
    return {"data": data, "count": len(samples), "channels": leading_counts(samples)}


def measure(board: PlainWords, runs: Sequence[Path], checkpoints: Sequence[str], kept: Record) -> Record:
    """Scores runs and checkpoints.

    Args:
        board: The sentences.
        runs: Folders of trained runs.
        checkpoints: Further checkpoints, paths or `default`.
        kept: The record of earlier; its rows are kept when they are of the same sentences.

    Raises:
        InputError: For a checkpoint that cannot be used.
    """
    from kfzoo.runs import RunFolder

    sentences = {
        "source": "EverydayDescriptions", "part": "test", "seed": board.seed, "count": len(board.scripts),
        "graded": len(board.graded), "digest": board.digest, "kinds": board.kinds, "channels": board.channels,
    }  # fmt: skip
    same = kept.get("sentences", {}).get("digest") == board.digest
    if kept and not same:
        print("the kept rows are of other sentences and are left out", flush=True)
    rows: Record = dict(kept["rows"]) if same else {}
    rows[TRUTH] = {"model": TRUTH, **asdict(board.truth())}
    for checkpoint in (*(str(RunFolder(run).checkpoint()) for run in runs), *checkpoints):
        name = name_of(checkpoint)
        rows[name] = row_of(board, checkpoint)
        value = rows[name]["scores"]["instruction_accuracy"]["value"]
        print(f"{name}: {value:.1%} of the sentences are followed", flush=True)
    training = training_of(runs[0], kept.get("training")) if runs else kept.get("training")
    return {"head": head(COMMAND), "sentences": sentences, "training": training, "rows": rows}


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains, scores, and writes the numbers and the page."""
    options = parser("plain_words", __doc__, "runs/plain_words")
    options.add_argument("--only", nargs="*", metavar="NAME", help="runs, such as mdm-everyday; without a name none")
    options.add_argument("--checkpoint", nargs="+", default=[], help="checkpoints to score, too: paths, or `default`")
    options.add_argument("--sentences", type=int, default=2000, help="how many sentences of the test part are asked")
    options.add_argument("--page", action="store_true", help="only write the page from the kept numbers")
    options.add_argument("--figure", nargs="?", const="default", metavar="CHECKPOINT", help="only draw the figure")
    options.add_argument("--png", type=Path, default=ROOT / "model_cards" / "text_regressor.png", help="the figure")
    chosen, more = parse(options, arguments)
    try:
        _run(chosen, more)
    except InputError as error:
        options.error(str(error))


def _run(chosen: argparse.Namespace, more: Sequence[str]) -> None:
    kept = chosen.out / "plain_words.json"
    earlier = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    if chosen.page:
        if not earlier:
            raise InputError(kept, "does not exist", f"run `{COMMAND}` first")
        write_page(earlier, chosen.out)
        return
    if chosen.sentences < 1:
        raise InputError("--sentences", f"is {chosen.sentences}, expected 1 or more")

    from kfzoo.evaluation.plain_words import PlainWords

    if chosen.figure is not None:
        from benchmarks.tables.plain_words_figure import draw

        draw(PlainWords(chosen.sentences), chosen.figure, chosen.png)
        return
    runs = train(chosen.runs, chosen.only, more)
    record = measure(PlainWords(chosen.sentences), runs, chosen.checkpoint, earlier)
    with replacing(kept) as path:
        path.write_text(json_text(record) + "\n", encoding="utf-8")
    write_page(record, chosen.out)


if __name__ == "__main__":
    main()
