"""What `predict` leaves on disk of a model of motion: every clip as a Live Link Face recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException

from kfzoo.animation.curves import resample
from kfzoo.arkit.livelink import TIMECODE_FPS, write_take
from kfzoo.data.clip import FPS
from kfzoo.data.clip_batch import ClipBatch, collate_clips
from kfzoo.errors import InputError
from kfzoo.evaluation.prediction_callbacks import answers_depend_on
from kfzoo.files import replacing
from kfzoo.models.base import ClipModule

ORIGIN = "origin.json"
"""File beside the clips that tells what they depend on."""


class ClipWriter(Callback):
    """Writes each clip that `predict` generates as `<id>.csv`, 60 frames a second, as soon as its batch is done.

    Files that stand are kept and not generated again, so that an interrupted `predict` goes on where it stopped.

    Args:
        folder: Where the files go; the names of recordings become folders in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._module: Any = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Looks at what stands, and stands between the model's step and its answers.

        Raises:
            InputError: When the folder holds clips of another checkpoint, other data or other settings.
        """
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        module: Any = pl_module
        origin = json.loads(json.dumps(answers_depend_on(trainer, module), default=str))
        standing = self._standing(origin)
        trainer.strategy.barrier("clips")  # all processes have looked: new files may be written
        if trainer.is_global_zero:
            if standing:
                print(f"Going on: {standing} clips are in {self.folder}")
            with replacing(self.folder / ORIGIN) as beside:
                beside.write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
        module.generate = self._only_new(module)
        self._module = module

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Writes a batch's clips; ends where the process was asked to, for which Lightning's loop does not look."""
        if self._module is not None:
            for name, motion, length in zip(outputs.ids, outputs.motion.cpu(), outputs.lengths.tolist(), strict=True):
                write_take(path_of(self.folder, name), resample(motion[:length], FPS, TIMECODE_FPS), TIMECODE_FPS)
        if trainer.received_sigterm:
            raise SIGTERMException

    def on_predict_end(self, *_: Any) -> None:
        """Steps aside."""
        if self._module is not None:
            del self._module.generate  # the class's own shows again
            self._module = None

    def on_exception(self, *_: Any) -> None:
        """Steps aside; what is written stays."""
        self.on_predict_end()

    def _standing(self, origin: dict[str, Any]) -> int:
        """Counts the clips that stand, all of which must be of this origin."""
        count = sum(1 for _ in self.folder.rglob("[!.]*.csv")) if self.folder.is_dir() else 0
        if not count:
            return 0
        try:
            other = json.loads((self.folder / ORIGIN).read_text(encoding="utf-8"))
            places = [key for key in [*origin, *other] if origin.get(key) != other.get(key)]
            why = f"{places[0]}: {other.get(places[0])} there, {origin.get(places[0])} now" if places else ""
        except (OSError, ValueError, AttributeError, TypeError):
            why = f"its {ORIGIN} cannot be read"
        if why:
            remedy = "move the folder elsewhere, or remove it"
            raise InputError(self.folder, f"holds {count} clips of another model, data or settings ({why})", remedy)
        return count

    def _only_new(self, module: ClipModule) -> Callable[[ClipBatch], ClipBatch]:
        answer = module.generate

        def ask(batch: ClipBatch) -> ClipBatch:
            new = [clip for clip in batch.clips if not path_of(self.folder, clip.id).is_file()]
            if not new:
                return ClipBatch(batch.motion[:0], batch.mask[:0], (), ())
            return answer(collate_clips(new).to(module.device))

        return ask


def path_of(folder: Path, name: str) -> Path:
    """Returns where a clip's file goes.

    Raises:
        InputError: When the clip's name would lead out of the folder.
    """
    *above, last = name.split("/")
    if not last or any(part in ("", ".", "..") for part in above) or "\\" in name:
        raise InputError(f"clip '{name}'", "has a name that no file can have", "rename the recording")
    return folder.joinpath(*above, f"{last}.csv")
