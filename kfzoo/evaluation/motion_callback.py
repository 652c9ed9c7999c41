"""The callback that compares, after `test`, generated clips with the true ones and writes the run's results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kfzoo.data.clip import Clip
from kfzoo.evaluation.motion import MotionReport, MotionScores, compare_motion
from kfzoo.evaluation.motion_figure import Pair, draw_motion
from kfzoo.evaluation.provenance import provenance_of
from kfzoo.evaluation.results import Results, write_results
from kfzoo.evaluation.scores import MOTION_METRICS, Score
from kfzoo.training.trainer import data_module, gather, writes_files

DRAWN = 4
"""Clips in the figure: the longest of the test part."""


class MotionCallback(Callback):
    """Scores what `test_step` generates, a `ClipBatch` of the model's own motion.

    Args:
        path: The results file.
        image: The figure: ground truth next to generated.
        config: The resolved configuration, to be kept with the results.
    """

    def __init__(self, path: Path, image: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        self.image = image
        self.config = config

    def on_test_start(self, *_: Any) -> None:
        """Clears the clips of an earlier test."""
        self._generated: dict[str, NDArray[np.float32]] = {}
        self._started = time.perf_counter()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Collects a batch's clips."""
        for name, motion, length in zip(outputs.ids, outputs.motion.cpu(), outputs.lengths.tolist(), strict=True):
            self._generated[name] = motion[:length].numpy()

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Joins the clips of all processes; rank 0 compares, writes and prints."""
        generated = {name: motion for part in gather(self._generated) for name, motion in part.items()}
        if not trainer.is_global_zero:
            return
        data = data_module(trainer)
        clips: list[Clip] = [clip for clip in data.samples("test") if clip.id in generated]
        made = [generated[clip.id] for clip in clips]
        report = compare_motion(made, [clip.motion for clip in clips], data.train_coefficients.numpy())
        scores, target = scores_of(report)
        pl_module.log_dict({f"test/{name}": score.value for name, score in scores.items()}, rank_zero_only=True)
        if not writes_files(trainer):
            return
        seconds = time.perf_counter() - self._started
        results = Results(
            **vars(provenance_of(self.path, pl_module, data, self.config, seconds)),
            count=report.count,
            invalid=0,
            scores=scores,
            references={"ground_truth": target},
            status="complete" if report.count == len(data.samples("test")) else "partial",
        )
        write_results(self.path, results, None)
        self._draw(clips, made)
        print_report(report)
        print(f"results    {self.path}\nmotion     {self.image}")

    def _draw(self, clips: Sequence[Clip], made: Sequence[NDArray[np.float32]]) -> None:
        longest = sorted(range(len(clips)), key=lambda place: -len(clips[place]))[:DRAWN]
        draw_motion([Pair(clips[each].captions[0], clips[each].motion, made[each]) for each in longest], self.image)


def scores_of(report: MotionReport) -> tuple[dict[str, Score], dict[str, Score]]:
    """Returns the scores of the generated and of the true clips, by the names in `MOTION_METRICS`.

    There is no speed ratio where the true clips do not move.
    """
    generated, target = _scores(report.generated), _scores(report.targets)
    if report.speed_ratio is not None:
        generated = {"speed_ratio": Score(report.speed_ratio), **generated}
        target = {"speed_ratio": Score(1.0), **target}
    return generated, target


def _scores(scores: MotionScores) -> dict[str, Score]:
    return {
        "speed": Score(scores.speed),
        "acceleration": Score(scores.acceleration),
        "static_share": Score(scores.static),
        "fid_frames": Score(scores.fid),
    }


def print_report(report: MotionReport, console: Console | None = None) -> None:
    """Prints the scores of the true clips and, in the next line, of the generated ones."""
    rows = dict(zip(("generated", "target"), scores_of(report), strict=True))
    names = [name for name in MOTION_METRICS if name in rows["target"]]
    header = [f"{MOTION_METRICS[name].label} {MOTION_METRICS[name].arrow}" for name in names]
    table = Table("", *header, box=SIMPLE_HEAD, title=f"{report.count} clips", title_justify="left")
    for row in ("target", "generated"):
        table.add_row(row, *(f"{rows[row][name].value:.{MOTION_METRICS[name].decimals}f}" for name in names))
    (console or Console()).print(table)
