"""The callback that writes the keyframes which a model generates in `predict`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from kfzoo.animation.exporters import check_formats, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.script import DECIMALS
from kfzoo.files import replacing
from kfzoo.models.base import Generation
from kfzoo.training.trainer import data_module, gather, writes_files


class PredictionWriter(Callback):
    """Writes the answers of `predict` as JSON Lines: one keyframe a line, in the source's order.

    A line holds `id`, `script`, `index`, `time`, `valid`, `coefficients` by name, and `text` where the model wrote one.

    Args:
        path: The file.
        formats: Further files, one for each script in the folder of the same name, without the invalid keyframes: file
            endings, separated by commas (`kfzoo.animation.exporters`); empty for none.

    Raises:
        InputError: For a format that is not known.
    """

    def __init__(self, path: Path, formats: str = "") -> None:
        self.path = path
        self.formats = ",".join(check_formats(formats)) if formats else ""

    def on_predict_start(self, *_: Any) -> None:
        """Clears the rows of an earlier run."""
        self._rows: dict[str, dict[str, Any]] = {}

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Collects a batch's rows."""
        self._rows.update((row["id"], row) for row in _rows(batch, outputs))

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Joins the rows of all processes and writes the file; a trial leaves the existing one."""
        found = {name: row for rows in gather(self._rows) for name, row in rows.items()}
        if not writes_files(trainer):
            return
        samples = data_module(trainer).predict_dataloader().dataset.samples
        with replacing(self.path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for sample in samples:
                if sample.id in found:
                    file.write(json.dumps(found[sample.id], ensure_ascii=False) + "\n")
        if self.formats:
            answered = [sample for sample in samples if sample.id in found and found[sample.id]["valid"]]
            for script, keyframes in groupby(answered, key=lambda sample: str(sample.script.id)):
                self._export(script, list(keyframes), found)

    def _export(self, script: str, samples: Sequence[Sample], found: dict[str, dict[str, Any]]) -> None:
        """Writes the keyframes of one script."""
        animation = FaceAnimation.of_keyframes(
            [sample.keyframe.time for sample in samples],
            [list(found[sample.id]["coefficients"].values()) for sample in samples],
            text=script,
            texts=[sample.description for sample in samples],
        )
        export(animation, self.path.with_suffix("") / script, self.formats)


def _rows(batch: KeyframeBatch, answer: Generation) -> Iterator[dict[str, Any]]:
    texts = answer.texts or (None,) * len(batch)
    values, valid = answer.coefficients.tolist(), answer.valid.tolist()
    for sample, row, is_valid, text in zip(batch.samples, values, valid, texts, strict=True):
        yield {
            "id": sample.id,
            "script": sample.script.id,
            "index": sample.keyframe.index,
            "time": sample.keyframe.time,
            "valid": is_valid,
            "coefficients": {name: round(value, DECIMALS) + 0.0 for name, value in zip(CHANNELS, row, strict=True)},
            **({} if text is None else {"text": text}),
        }
