"""The callback that writes the clips which a model generates in `predict`, at 60 frames a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from kfzoo.animation.exporters import check_formats, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.data.clip import FPS
from kfzoo.data.clip_batch import ClipBatch, collate_clips
from kfzoo.errors import InputError
from kfzoo.evaluation.resume_callback import answers_depend_on
from kfzoo.journal import Journal
from kfzoo.recordings.timecode import TIMECODE_FPS
from kfzoo.training.trainer import is_trial, stop_if_terminated


class ClipJournal(Journal):
    """A journal of the clips in a folder: it names them, and each has a file of its own, `<id>.csv`.

    Args:
        folder: The folder; the names of recordings become folders in it.
        origin: What the clips depend on; plain values.
        process: Number of this process.
        formats: Endings of the files of a clip, separated by commas; the last one is csv.

    Raises:
        InputError: When the folder holds clips of another origin.
    """

    def __init__(self, folder: Path, origin: Mapping[str, Any], process: int = 0, formats: str = "csv") -> None:
        super().__init__(folder / "clips.jsonl", origin, process)
        self._folder = folder
        self._formats = formats
        self.written = set(folder.rglob("[!.]*.csv"))
        unknown = self.written - {self.path(name) for name in self}
        if unknown:
            why = next((other.why for other in self.others()), "no journal says how they were made")
            problem = f"holds {len(unknown)} clips of another model, data or settings ({why})"
            raise InputError(folder, problem, "move the folder elsewhere, or remove it")

    def answer(self, batch: ClipBatch, generate: Callable[[ClipBatch], ClipBatch]) -> ClipBatch:
        """Generates those clips of a batch that have no file yet, and returns them alone."""
        new = [clip for clip in batch.clips if not self.path(clip.id).is_file()]
        if not new:
            return ClipBatch(batch.motion[:0], batch.mask[:0], (), ())
        return generate(collate_clips(new).to(batch.motion.device))

    def write(self, clips: ClipBatch) -> None:
        """Writes each clip at 60 frames a second; a clip is named in the journal before its file exists."""
        self.add({name: {} for name in clips.ids})
        for name, motion, length in zip(clips.ids, clips.motion.cpu(), clips.lengths.tolist(), strict=True):
            animation = FaceAnimation.of_motion(motion[:length].numpy(), FPS, fps=TIMECODE_FPS, text=name)
            out = str(self.path(name)).removesuffix(".csv")
            export(animation, out, self._formats)

    def path(self, name: str) -> Path:
        """Returns the file of a clip.

        Raises:
            InputError: When the clip's name would lead out of the folder.
        """
        *above, last = name.split("/")
        if not last or any(part in ("", ".", "..") for part in above) or "\\" in name:
            raise InputError(f"clip '{name}'", "has a name that no file can have", "rename the recording")
        return self._folder.joinpath(*above, f"{last}.csv")


class ClipWriter(Callback):
    """Writes the clips of each batch of `predict` as soon as it is done.

    Clips that have a file are not generated again, so that an interrupted `predict` resumes. The journal stays: it
    says which model and which data the clips in the folder are of.

    Args:
        folder: Where the files go.
        formats: Further files of each clip: endings, separated by commas (`kfzoo.animation.exporters`). The Live Link
            Face CSV is always written, and last: a clip that has one is complete.

    Raises:
        InputError: For a format that is not known.
    """

    def __init__(self, folder: Path, formats: str = "") -> None:
        self.folder = folder
        further = [each for each in check_formats(formats) if each != "csv"] if formats else []
        self.formats = ",".join([*further, "csv"])
        self._journal: ClipJournal | None = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Opens the journal.

        Raises:
            InputError: When the folder holds clips of another checkpoint, other data or other settings.
        """
        if is_trial(trainer):
            return
        module: Any = pl_module
        journal = ClipJournal(self.folder, answers_depend_on(trainer, module), trainer.global_rank, self.formats)
        trainer.strategy.barrier("journal")  # all processes have read: new clips may be written
        if journal.written and trainer.is_global_zero:
            print(f"Going on: {len(journal.written)} clips are in {self.folder}")
        self._journal = module.journal = journal

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        """Writes a batch's clips, and stops where the process was asked to."""
        if self._journal is not None:
            self._journal.write(outputs)
        stop_if_terminated(trainer)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()
            module: Any = pl_module
            self._journal = module.journal = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Closes the journal; what is written stays."""
        self.on_predict_end(trainer, pl_module)
