"""The callback that says, after `test`, how clips move that a model of motion generates."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch.distributed import all_gather_object

from kfzoo.data.clip import Clip
from kfzoo.encoders.frozen import weights_digest
from kfzoo.evaluation.callback import commit, identity, whole
from kfzoo.evaluation.motion import motion_references, motion_scores
from kfzoo.evaluation.motion_figure import Pair, draw_motion
from kfzoo.evaluation.provenance import hardware
from kfzoo.evaluation.scores import Score
from kfzoo.files import replacing

FORMAT = "kfzoo-motion"
DRAWN = 4
"""Clips on the image: the longest of the test part."""


class MotionCallback(Callback):
    """Compares what `test_step` generates, a `ClipBatch` of the model's own motion, with the true clips.

    Args:
        path: Where the report goes.
        image: Where an image of ground truth beside generated goes.
        config: The resolved configuration, to be kept with it.
    """

    def __init__(self, path: Path, image: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        self.image = image
        self.config = config

    def on_test_start(self, *_: Any) -> None:
        """Forgets an earlier test."""
        self._generated: dict[str, NDArray[np.float32]] = {}
        self._started = time.perf_counter()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Takes a batch's clips."""
        for name, motion, length in zip(outputs.ids, outputs.motion.cpu(), outputs.lengths.tolist(), strict=True):
            self._generated[name] = motion[:length].numpy()

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Joins all processes' clips; rank 0 compares, writes and prints."""
        gathered = [self._generated]
        if trainer.world_size > 1:
            gathered = [{} for _ in range(trainer.world_size)]
            all_gather_object(gathered, self._generated)
        if not trainer.is_global_zero:
            return
        generated = {name: motion for part in gathered for name, motion in part.items()}
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        clips: list[Clip] = [clip for clip in data.samples("test") if clip.id in generated]
        made = [generated[clip.id] for clip in clips]
        targets, training = [clip.motion for clip in clips], data.train_coefficients.numpy()
        scores = motion_scores(made, targets, training)
        pl_module.log_dict({f"test/{name}": score.value for name, score in scores.items()}, rank_zero_only=True)
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        self._write(data, pl_module, len(clips), scores, motion_references(targets, training))
        chosen = sorted(range(len(clips)), key=lambda place: -len(clips[place]))[:DRAWN]
        draw_motion([Pair(clips[each].captions[0], clips[each].motion, made[each]) for each in chosen], self.image)
        print(f"report     {self.path}\npicture    {self.image}")

    def _write(
        self, data: Any, module: Any, count: int, scores: dict[str, Score], references: dict[str, dict[str, Score]]
    ) -> None:
        record = {
            "format": FORMAT,
            "schema": 1,
            "run": self.path.parent.name,
            "model": type(module).__name__,
            "class_path": f"{type(module).__module__}.{type(module).__qualname__}",
            "data": asdict(identity(data, "test")),
            "status": "complete" if count == len(data.samples("test")) else "partial",
            "count": count,
            "scores": {name: asdict(score) for name, score in scores.items()},
            "references": {
                row: {name: asdict(score) for name, score in each.items()} for row, each in references.items()
            },
            "config": dict(self.config),
            "seed": whole(self.config.get("seed_everything")),
            "commit": commit(),
            "checkpoint": weights_digest(module.stored()),
            "hardware": hardware(),
            "seconds": time.perf_counter() - self._started,
        }
        with replacing(self.path) as beside:
            beside.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
