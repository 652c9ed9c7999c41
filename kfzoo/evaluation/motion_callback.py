"""The callback that compares, after `test`, generated clips with the true ones and writes the run's results."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from kfzoo.data.clip import Clip
from kfzoo.evaluation.leaderboard import print_leaderboard
from kfzoo.evaluation.motion import motion_references, motion_scores
from kfzoo.evaluation.motion_figure import Pair, draw_motion
from kfzoo.evaluation.provenance import provenance_of
from kfzoo.evaluation.results import Results, write_results
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
        targets, training = [clip.motion for clip in clips], data.train_coefficients.numpy()
        scores = motion_scores(made, targets, training)
        pl_module.log_dict({f"test/{name}": score.value for name, score in scores.items()}, rank_zero_only=True)
        if not writes_files(trainer):
            return
        seconds = time.perf_counter() - self._started
        results = Results(
            **vars(provenance_of(self.path, pl_module, data, self.config, seconds)),
            count=len(clips),
            invalid=0,
            scores=scores,
            references=motion_references(targets, training),
            status="complete" if len(clips) == len(data.samples("test")) else "partial",
        )
        write_results(self.path, results, None)
        longest = sorted(range(len(clips)), key=lambda place: -len(clips[place]))[:DRAWN]
        draw_motion([Pair(clips[each].captions[0], clips[each].motion, made[each]) for each in longest], self.image)
        print_leaderboard([results])
        print(f"results    {self.path}\nmotion     {self.image}")
