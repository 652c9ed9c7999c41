"""`KeyframeDataModule`: from a source to the batches of every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import chain, groupby
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.loader import ResumableLoader, evaluation_loader
from kfzoo.data.script import ANNOTATIONS, PARTS, Annotation, Part, Script, fingerprint
from kfzoo.data.sources.base import Source
from kfzoo.data.split import Split, digest
from kfzoo.data.statistics import Statistics, coefficients_of, statistics_of
from kfzoo.errors import InputError


class KeyframeDataModule(LightningDataModule):
    """Keyframes of any source, split, for every model of the zoo.

    Args:
        source: Where the scripts come from, by class path.
        annotation: Which of the three descriptions the models read (KeyframeFace, section 3.1.4).
        split: How scripts are divided; see `Split`.
        batch_size: Keyframes a batch and process.
        whole_scripts: Train on batches of `batch_size` whole scripts instead, for models that read a script once for
            all its keyframes.
        evaluation_batch_size: Keyframes a batch and process in validation, test and predict; by default `batch_size`.
        num_workers: Loading processes; 0 loads in the main one, which is fastest for small data.
        predict: Which part `predict` answers; `all` needs no split and no ground truth.
        seed: Seed of the shuffling.

    Raises:
        InputError: For a batch size below 1, data that cannot be read, an empty part.
    """

    def __init__(
        self,
        source: Source,
        annotation: Annotation = "arkit",
        split: Split = Split(),  # noqa: B008  frozen
        batch_size: int = 256,
        whole_scripts: bool = False,
        evaluation_batch_size: int | None = None,
        num_workers: int = 0,
        predict: Literal["train", "val", "test", "all"] = "test",
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, size in (("batch_size", batch_size), ("evaluation_batch_size", evaluation_batch_size)):
            if size is not None and size < 1:
                raise InputError(f"data.{name}", f"expected at least 1, found {size}")
        if annotation not in ANNOTATIONS:
            raise InputError("data.annotation", f"expected one of {', '.join(ANNOTATIONS)}, found '{annotation}'")
        self.source = source
        self.annotation: Annotation = annotation
        self.split = split
        self.batch_size = batch_size
        self.whole_scripts = whole_scripts
        self.evaluation_batch_size = evaluation_batch_size or batch_size
        self.num_workers = num_workers
        self.predict = predict
        self.seed = seed

    @cached_property
    def scripts(self) -> list[Script]:
        """All scripts of the source, read once."""
        progress = tqdm(self.source, desc="Reading scripts", unit=" scripts", delay=2, leave=False)
        scripts = list(progress)
        if not scripts:
            raise InputError("data.source", "holds no scripts")
        return scripts

    @cached_property
    def parts(self) -> list[Part]:
        """The part of every script, in the source's order."""
        return self.split.assign(self.scripts)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the scripts' content."""
        return fingerprint(self.scripts)

    @cached_property
    def split_digest(self) -> str:
        """sha256 of which script stands in which part."""
        return digest(self.scripts, self.parts)

    @cached_property
    def _samples(self) -> dict[Part, list[Sample]]:
        samples: dict[Part, list[Sample]] = {part: [] for part in PARTS}
        for script, part in zip(self.scripts, self.parts, strict=True):
            samples[part] += self._of(script)
        for part, found in samples.items():
            if not found:
                raise InputError("data", f"the {part} part has no keyframes with an '{self.annotation}' description")
        return samples

    def _of(self, script: Script) -> list[Sample]:
        return [
            Sample(script, position, self.annotation)
            for position, keyframe in enumerate(script.keyframes)
            if keyframe.description(self.annotation) or keyframe.image_path
        ]

    def samples(self, part: Part) -> Sequence[Sample]:
        """Returns the keyframes of one part."""
        return self._samples[part]

    @cached_property
    def train_coefficients(self) -> Tensor:
        """Ground ground truth of the training part, (N, 61)."""
        return coefficients_of(self.samples("train"))

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the training part alone."""
        return statistics_of(self.train_coefficients)

    @property
    def _collate(self) -> Callable[[Sequence[Sample]], KeyframeBatch]:
        model = self.trainer.lightning_module if self.trainer is not None else None
        own: Callable[[Sequence[Sample]], KeyframeBatch] | None = getattr(model, "collate", None)
        return own or collate

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer is not None else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer is not None else 1

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches of the training part."""
        samples: Sequence[Any] = self.samples("train")
        own: Callable[[Sequence[Any]], KeyframeBatch] = self._collate
        if self.whole_scripts:
            samples = [list(group) for _, group in groupby(samples, key=lambda sample: str(sample.script.id))]
            own = partial(_collate_scripts, own)
        return ResumableLoader(
            samples,
            own,
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self._rank,
            world_size=self._world_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        """The validation part, on which checkpoints are chosen."""
        return self._evaluation(self.samples("val"))

    def test_dataloader(self) -> DataLoader[Sample]:
        """The test part, on which nothing is chosen."""
        return self._evaluation(self.samples("test"))

    def predict_dataloader(self) -> DataLoader[Sample]:
        """The part that `predict` names."""
        if self.predict == "all":
            return self._evaluation([sample for script in self.scripts for sample in self._of(script)])
        return self._evaluation(self.samples(self.predict))

    def _evaluation(self, samples: Sequence[Sample]) -> DataLoader[Sample]:
        return evaluation_loader(
            samples,
            self._collate,
            batch_size=self.evaluation_batch_size,
            rank=self._rank,
            world_size=self._world_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )


def _collate_scripts(
    own: Callable[[Sequence[Sample]], KeyframeBatch], scripts: Sequence[Sequence[Sample]]
) -> KeyframeBatch:
    return own(list(chain.from_iterable(scripts)))
