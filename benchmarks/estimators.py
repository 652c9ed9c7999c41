"""How many images the estimators answer in a second, and how many samples they are trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import torch

from benchmarks.estimator_ways import (
    ALONE,
    DEGREES,
    MEDIAPIPE,
    THEIRS,
    TOGETHER,
    Row,
    answering_models,
    answering_rows,
    fresh,
    rendered,
    token_counts,
    training_rows,
)
from benchmarks.llm_setup import prose
from benchmarks.report import clocked, interleaved, spread, table
from kfzoo.data.batch import Sample
from kfzoo.encoders.landmarks import VARIABLE as LANDMARKER
from kfzoo.errors import InputError
from kfzoo.files import replacing
from kfzoo.models import VLMEstimator
from kfzoo.models.base import KeyframeModule

TITLE = "The image estimators"
PRODUCT = "matrix product"
SIDE = 1024
"""Rows and columns of the matrices whose product tells the machine's rate."""

NOTHING = "–"


def measure(
    runs: str | None = None,
    rounds: int = 5,
    images: int = 64,
    alone: int = 8,
    batch: int = 32,
    record: Path | None = None,
    **changes: Any,
) -> str:
    """Answers and trains in all ways in turn and returns the tables.

    Args:
        runs: Folder of the runs of `benchmarks.semanticface`, whose checkpoints answer; by default random weights do.
        rounds: That count; one more goes ahead.
        images: That are answered together.
        alone: Of these, those that are answered one at a time.
        batch: Samples of a training step.
        record: File for the seconds as JSON.
        changes: Arguments of the language models that differ from their configurations.

    Raises:
        InputError: When there is no such folder of runs.
    """
    if runs is not None and not Path(runs).is_dir():
        raise InputError("--runs", f"there is no folder '{runs}'", "give that of benchmarks.semanticface")
    torch.manual_seed(0)
    samples = rendered(max(images, batch))
    models, untrained = answering_models(runs, changes)
    with ExitStack() as stack:
        answering = answering_rows(models, samples[:images], alone, stack)
        answered = _timed(answering, rounds, "Answering")
    learners = {name: fresh(name, changes) for name in models}
    training, apart = training_rows(learners, samples[:batch])
    trained = _timed(training, rounds, "Training")
    if record is not None:
        with replacing(record) as path:
            found = {"threads": torch.get_num_threads(), "answering": answered.seconds, "training": trained.seconds}
            path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    parts = [
        _head(rounds),
        *_answering_part(answering, answered, untrained, alone),
        *_training_part(training, trained, learners, samples[:batch]),
        f"From the same weights, the losses of both ways differ by {apart:.1g} of one at most.",
    ]
    return "\n\n".join(parts)


class Timed(NamedTuple):
    """What was found.

    Attributes:
        seconds: Of an image or sample, by row and round.
        rate: Operations a second of a matrix product, the median.
        given: What each row's work returned last.
    """

    seconds: dict[str, list[float]]
    rate: float
    given: dict[str, Any]


def _timed(rows: Sequence[Row], rounds: int, what: str) -> Timed:
    """Times all rows, and a matrix product, in turn."""
    given: dict[str, Any] = {}
    jobs = {row.name: clocked(lambda row=row: given.update({row.name: row.work()})) for row in rows}  # type: ignore[misc]
    matrix = torch.rand(SIDE, SIDE)
    taken = interleaved(jobs | {PRODUCT: clocked(lambda: matrix @ matrix)}, rounds, what)
    rate = 2 * SIDE**3 / median(taken.pop(PRODUCT))
    return Timed({row.name: [each / row.size for each in taken[row.name]] for row in rows}, rate, given)


def _head(rounds: int) -> str:
    return prose(
        f"""Images of drawn faces, rendered before; {torch.get_num_threads()} threads, {rounds} rounds in turn,
        medians, fastest and slowest; ratios are medians of the rounds' own. *Of the bound* compares with the least
        arithmetic (matrix products, convolutions and attention, as torch counts them) at the rate of a product of
        {SIDE}² float32 matrices, measured in the same rounds."""
    )


def _answering_part(rows: Sequence[Row], found: Timed, untrained: Sequence[str], alone: int) -> list[str]:
    columns = ["ms an image", "fastest", "slowest", "images/s", "passes", "tokens", "of the bound"]
    ratios = [f"as fast as the other way, {way}" for way in (ALONE, TOGETHER)]
    cells = [[*_common(row, found), *_written(found.given[row.name]), *_ratios(row, found)] for row in rows]
    parts = [
        "## Answering",
        prose(
            f"""All images together, or {alone} of them one at a time, from pixels in memory to 61 values; reading the
            files is in no estimator's time and has lines of its own. *The other way* is, of A0, A1 and A2, greedy
            `generate` of transformers on the same weights, free of any constraint, its answers then read; else the
            backbone or MediaPipe without ours around it. *Passes* of the decoder and *tokens* are those of an answer;
            the bound reads image and true answer once."""
        ),
        table(["estimator", *columns, *ratios], cells),
        _agreement(found.given),
    ]
    if untrained:
        parts.append(
            prose(
                f"""Random weights answer as {", ".join(untrained)}: their guesses hold less often than trained ones',
                an untrained A2 rambles until `max_analysis_tokens`, and `generate` ends where it is made to."""
            )
        )
    return [*parts, _faces_found(found.given)]


def _faces_found(given: Mapping[str, Any]) -> str:
    if MEDIAPIPE not in given:
        return f"MediaPipe and SBCA were not measured: {LANDMARKER} names no model file."
    held = given[MEDIAPIPE].valid
    return f"MediaPipe finds a face in {int(held.sum())} of {len(held)} images; SBCA was fitted to these same ones."


def _common(row: Row, found: Timed) -> list[str]:
    seconds = found.seconds[row.name]
    return [row.name, *spread(seconds, 1000), f"{1 / median(seconds):.4g}"]


def _written(given: Any) -> list[str]:
    """Returns the mean passes and tokens of what `read` gave; of what anything else gave, nothing."""
    if not isinstance(given, list) or not isinstance(given[0], tuple):
        return [NOTHING, NOTHING]
    answers = [answer for answer, _ in given]
    return [f"{fmean(each.passes for each in answers):.1f}", f"{fmean(len(each.ids) for each in answers):.1f}"]


def _ratios(row: Row, found: Timed) -> list[str]:
    """Returns the share of the bound, and how fast a row is by its alternatives."""
    seconds = found.seconds[row.name]
    share = f"{row.flops / median(seconds) / found.rate:.1%}" if row.flops else NOTHING
    pairs = [zip(found.seconds[name], seconds, strict=True) if name else () for name in row.instead]
    return [share, *(f"{median(one / own for one, own in pair):.2f} ×" if pair else NOTHING for pair in pairs)]


def _agreement(given: Mapping[str, Any]) -> str:
    """Says how many answers are valid, and how many of transformers' are ours."""
    lines = []
    for name in DEGREES:
        ours, theirs = given[f"{name}, {ALONE}"], given[f"{name}, {THEIRS}, {ALONE}"]
        valid = [(own.text, other.text) for (own, _), (other, held) in zip(ours, theirs, strict=True) if held]
        same = sum(own == other for own, other in valid)
        lines.append(
            f"- {name}: {sum(held for _, held in ours)} of {len(ours)} answers of ours are valid, {len(valid)} of "
            f"`generate`, {same} of those equal to ours to the letter."
        )
    return "\n".join(lines)


def _training_part(
    rows: Sequence[Row], found: Timed, models: Mapping[str, KeyframeModule], samples: Sequence[Sample]
) -> list[str]:
    columns = ["ms a sample", "fastest", "slowest", "samples/s", "tokens (prompt, image, answer)", "tokens/s"]
    work = ["MFLOP a sample, 6 × parameters × tokens", "counted", "of the bound", "as fast as the other way"]
    tokens = {name: token_counts(each, samples) for name, each in models.items() if isinstance(each, VLMEstimator)}
    cells = []
    for row in rows:
        name = row.name.split(",")[0]
        told = [NOTHING] * 3
        if name in tokens:
            total, parameters = sum(tokens[name]), sum(each.numel() for each in models[name].parameters())
            told = [f"{total:.1f} ({' + '.join(f'{each:.4g}' for each in tokens[name])})"]
            told += [f"{total / median(found.seconds[row.name]):,.0f}", f"{6e-6 * parameters * total:,.0f}"]
        cells.append([*_common(row, found), *told, f"{row.flops / 1e6:,.0f}", *_ratios(row, found)])
    return [
        f"## Training, {len(samples)} a batch",
        prose(
            """Loss, backward and AdamW's step, from random weights. Ours writes and tokenises the answers in each step;
            *the other way* is transformers' own loss on tokens that are ready, or timm's backbone and head in a plain
            loop. Tokens are without padding."""
        ),
        table(["estimator", *columns, *work], cells),
        "\n".join(_explained(tokens, found)),
    ]


def _explained(tokens: Mapping[str, Sequence[float]], found: Timed) -> list[str]:
    """Says whether the tokens explain the times."""
    first = next(iter(tokens))
    lines = []
    for name in list(tokens)[1:]:
        pairs = zip(found.seconds[name], found.seconds[first], strict=True)
        times, counts = median(own / other for own, other in pairs), sum(tokens[name]) / sum(tokens[first])
        lines.append(f"- {name} takes {times:.2f} × the time of {first}, and has {counts:.2f} × its tokens.")
    return lines
