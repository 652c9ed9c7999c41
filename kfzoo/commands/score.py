"""`score`: the numbers of any system's output, without running a model."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kfzoo.errors import InputError
from kfzoo.terminal import say

if TYPE_CHECKING:
    from kfzoo.commands.score_data import ScoringData
    from kfzoo.data.predictions.collector import Fault, Predictions
    from kfzoo.evaluation.evaluator import MotionEvaluator
    from kfzoo.evaluation.results import Results
    from kfzoo.evaluation.suite import Report

SHOWN = 20
"""Faults that are printed; the results file holds all of them."""


def score(
    predictions: str,
    data: str = "",
    part: Literal["train", "val", "test", "all"] = "test",
    target: str = "",
    annotation: Literal["original", "arkit", "image"] | None = None,
    folder: str = "",
    evaluator: str = "",
    out: str = "",
    name: str = "",
    strict: bool = False,
) -> None:
    """Scores predictions that anything has written, and reports every fault in them.

    A keyframe without a usable answer is counted, and scored as the mean face of the training part; where the data has
    none, it is in no number. Predictions are JSON Lines as `predict` writes them, answers as KeyframeFace and
    SemanticFace released them, a Live Link Face CSV, or a folder of those named after the clips.

    Args:
        predictions: The file, or the folder of CSV files.
        data: What was to be answered: folder of a run, configuration with a `data` section, or JSON Lines of chat
            requests or scripts.
        part: The part of the data that was to be answered; where nothing is split, all is.
        target: True answers to chat requests, in their order.
        annotation: Which descriptions of JSON Lines are meant; by default original of chat requests, and of scripts
            arkit where there are such.
        folder: Replaces the folder of takes that the configuration names.
        evaluator: Folder or checkpoint of a trained evaluator, for R-Precision, MMD and the embedding FID.
        out: Results file; by default `<name of the predictions>.results.json` next to them.
        name: The system's name on the leaderboard; by default that of the predictions.
        strict: Ends with exit code 2 when there is any fault, and writes nothing.

    Raises:
        InputError: For data or predictions that cannot be read or do not belong together, for predictions without one
            usable answer, and under `strict`.
    """
    started = time.perf_counter()
    if not data:
        raise InputError("--data", "is missing", "give a run's folder, a configuration, or a JSON Lines file")

    from kfzoo.commands.score_data import open_data
    from kfzoo.data.predictions.read import read_predictions
    from kfzoo.evaluation.report import print_report
    from kfzoo.evaluation.results import write_results

    path = Path(predictions)
    expected = open_data(data, part, target, annotation, folder)
    found = read_predictions(path, expected.samples, expected.others)
    _print_faults(found.faults, len(found.faults) if strict else SHOWN)
    if strict and found.faults:
        count = f"{len(found.faults)} fault{'s' if len(found.faults) > 1 else ''}"
        raise InputError(predictions, f"holds {count}, and nothing was scored", "leave out --strict to score the rest")
    if not found.answered:
        first = f" ({found.faults[0]})" if found.faults else ": all are marked as not valid"
        problem = f"holds no usable answer to the {len(found.samples):,} keyframes that were asked for{first}"
        raise InputError(predictions, problem, "correct the file: there is nothing to score")
    report, results = _scored(expected, found, _evaluator(evaluator, expected), path, name, started)
    file = Path(out or path.with_name(f"{path.stem}.results.json"))
    write_results(file, results, report.samples)
    say(_summary(found, with_mean_face=expected.train is not None))
    print_report(results)
    say(f"results    {file}")


def _print_faults(faults: Sequence[Fault], most: int) -> None:
    for fault in faults[:most]:
        say(fault, sys.stderr)
    if len(faults) > most:
        print(f"{len(faults) - most} faults more; the results file holds all of them", file=sys.stderr)


def _evaluator(path: str, data: ScoringData) -> MotionEvaluator | None:
    if not path:
        return None
    from kfzoo.evaluation.evaluator import check_evaluator, load_evaluator

    evaluator = load_evaluator(path)
    check_evaluator(evaluator, data.identity.fingerprint, data.identity.split)
    silent = [sample.id for sample in data.samples if not sample.keyframe.description(evaluator.annotation)]
    if silent and evaluator.condition == "text":
        problem = (
            f"reads '{evaluator.annotation}' descriptions, and {len(silent)} keyframes such as '{silent[0]}' have none"
        )
        raise InputError("--evaluator", problem, "say with --annotation what chat requests hold, or leave it out")
    return evaluator


def _scored(
    data: ScoringData, found: Predictions, evaluator: MotionEvaluator | None, path: Path, name: str, started: float
) -> tuple[Report, Results]:
    """Scores the samples with a known target or, where none is known, what needs no target."""
    import numpy as np

    from kfzoo.commands.score_data import target_of
    from kfzoo.evaluation.results import Results
    from kfzoo.evaluation.suite import EvaluationSuite
    from kfzoo.metrics.rows import Rows

    known = data.known
    scored = [row for row in range(len(known)) if known[row] or not known.any()]
    samples = [data.samples[row] for row in scored]
    rows = Rows(
        ids=np.array([sample.id for sample in samples], dtype=np.str_),
        predictions=found.coefficients[scored],
        targets=target_of(samples) if known.any() else None,
        valid=found.valid[scored],
    )
    suite = EvaluationSuite(data.train, samples, evaluator)
    report = suite.report(rows)
    references = suite.reference_reports(rows)
    origin = {"predictions": path.name, "sha256": _digest(path), "faults": [str(fault) for fault in found.faults]}
    results = Results(
        run=path.stem,
        model=name or path.stem,
        class_path="predictions",
        data=data.identity,
        count=report.count,
        invalid=report.invalid,
        scores=report.scores,
        references={row: each.scores for row, each in references.items()},
        tables=report.tables,
        config=origin,
        seed=None,
        checkpoint=None,
        evaluator=None if evaluator is None else evaluator.digest,
        seconds=time.perf_counter() - started,
        # Without a training part a row without an answer is in no number: nothing to be compared with others'.
        status="no ground truth"
        if not known.any()
        else "complete"
        if known.all() and report.samples is not None
        else "partial",
    )
    return report, results


def _summary(found: Predictions, *, with_mean_face: bool) -> str:
    ways = {"id": "by id", "request": "by request", "order": "in order", "time": "by time"}
    matched = ", ".join(f"{count:,} {ways[way]}" for way, count in found.matched.items())
    lines = [f"answered   {found.answered:,} of {len(found.samples):,} keyframes (matched: {matched})"]
    silent = len(found.samples) - found.answered
    if silent:
        instead = "scored as the mean face" if with_mean_face else "in no number: there is no training part"
        lines.append(f"           {silent:,} without a usable answer, {instead}")
    if found.left_out:
        lines.append(f"           {found.left_out:,} answers to what was not asked for are left out")
    lines += [f"note       {remark}" for remark in found.remarks]
    if found.faults:
        lines.append(f"faults     {len(found.faults):,}")
    return "\n".join(lines)


def _digest(path: Path) -> str:
    """sha256 of the predictions: of the file, or of the names and contents of a folder's CSV files."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
    else:
        for file in sorted(path.rglob("*.[cC][sS][vV]")):
            digest.update(f"{file.relative_to(path).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


COMMAND = score
