"""`KeyframeDataModule`: the keyframes of any source's scripts, for every model of single faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, groupby
from typing import Any

from torch import Tensor

from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.datamodule import PredictedPart, ZooDataModule
from kfzoo.data.keyframe_augmentation import KeyframeAugmentation
from kfzoo.data.loader import ResumableLoader
from kfzoo.data.script import ANNOTATIONS, Annotation, Script, fingerprint
from kfzoo.data.sources.base import Source
from kfzoo.data.split import Split
from kfzoo.data.statistics import coefficients_of
from kfzoo.errors import InputError


class KeyframeDataModule(ZooDataModule[Script, Sample]):
    """Keyframes of any source, split, for every model of the zoo.

    Args:
        source: Where the scripts come from.
        annotation: Which of the three descriptions the models read (KeyframeFace, section 3.1.4).
        split: How scripts are divided; see `Split`.
        batch_size: Keyframes in a batch of one process.
        whole_scripts: Train on batches of `batch_size` whole scripts instead, for models that read a script once for
            all its keyframes.
        evaluation_batch_size: Keyframes in a batch of validation, test and predict; by default `batch_size`.
        num_workers: Loading processes; 0 loads in the main one, which is fastest for small data.
        predict: Which part `predict` answers; `all` needs no split and no targets.
        seed: Seed of the shuffling and of the augmentation.
        augmentation: Other versions of the training keyframes, drawn anew each epoch; none for whole scripts.

    Raises:
        InputError: For a batch size below 1, an augmentation of whole scripts, data that cannot be read, an empty part.
    """

    kind = "keyframes"
    item = "script"
    source: Source

    def __init__(
        self,
        source: Source,
        annotation: Annotation = "arkit",
        split: Split = Split(),  # noqa: B008  frozen
        batch_size: int = 256,
        whole_scripts: bool = False,
        evaluation_batch_size: int | None = None,
        num_workers: int = 0,
        predict: PredictedPart = "test",
        seed: int = 0,
        augmentation: KeyframeAugmentation | None = None,
    ) -> None:
        super().__init__(source, split, batch_size, evaluation_batch_size, num_workers, predict, seed)
        if annotation not in ANNOTATIONS:
            raise InputError("data.annotation", f"expected one of {', '.join(ANNOTATIONS)}, found '{annotation}'")
        if augmentation is not None and whole_scripts:
            raise InputError("data.augmentation", "excludes whole_scripts", "set one of them to null or false")
        self.annotation: Annotation = annotation
        self.vary = augmentation
        self.whole_scripts = whole_scripts

    def samples_of(self, item: Script) -> list[Sample]:
        """Returns the keyframes of a script that a model can be asked for: those with a description or an image."""
        return [
            Sample(item, position, self.annotation)
            for position, keyframe in enumerate(item.keyframes)
            if keyframe.description(self.annotation) or keyframe.image_path
        ]

    def hash_of(self, items: Sequence[Script]) -> str:
        """Returns the sha256 of the scripts' content."""
        return fingerprint(items)

    def coefficients_of(self, samples: Sequence[Sample]) -> Tensor:
        """Returns the targets of keyframes, (N, 61)."""
        return coefficients_of(samples)

    @property
    def collate(self) -> Callable[[Sequence[Sample]], KeyframeBatch]:
        """The model's own way to make a batch, or `kfzoo.data.batch.collate` without a model."""
        model = self.trainer.lightning_module if self.trainer is not None else None
        own: Callable[[Sequence[Sample]], KeyframeBatch] | None = getattr(model, "collate", None)
        return own or collate

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches of the training part's keyframes, or of its whole scripts."""
        if not self.whole_scripts:
            return super().train_dataloader()
        scripts = [list(group) for _, group in groupby(self.samples("train"), key=lambda sample: str(sample.script.id))]
        return self._train_loader(scripts, partial(_collate_scripts, self.collate))


def _collate_scripts(own: Callable[[Sequence[Any]], KeyframeBatch], scripts: Sequence[Sequence[Any]]) -> KeyframeBatch:
    return own(list(chain.from_iterable(scripts)))
