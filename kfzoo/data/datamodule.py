"""`ZooDataModule`: from a source to the loaders of the training, validation, test and predict parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from kfzoo.data.loader import ResumableLoader, Vary, evaluation_loader
from kfzoo.data.script import PARTS, Part
from kfzoo.data.split import Split, SplitItem, digest
from kfzoo.data.statistics import Statistics, statistics_of
from kfzoo.errors import InputError

Kind = Literal["keyframes", "clips"]
"""What a data module gives and a module reads."""

PredictedPart = Literal["train", "val", "test", "all"]

Item = TypeVar("Item", bound=SplitItem)
Sample = TypeVar("Sample")


class ZooDataModule(LightningDataModule, ABC, Generic[Item, Sample]):
    """The items of a source (scripts or clips), split into parts, and the samples in them.

    Subclasses say what an item's samples are, how a batch is collated, and how the content is hashed.

    Args:
        source: Yields the items, the same ones in the same order each time.
        split: How items are divided; see `Split`.
        batch_size: Samples in a batch of one process.
        evaluation_batch_size: The same for validation, test and predict; by default `batch_size`.
        num_workers: Loading processes; 0 loads in the main one, which is fastest for small data.
        predict: Which part `predict` answers; `all` needs no split and no targets.
        seed: Seed of the shuffling.

    Attributes:
        kind: What the batches hold.
        item: Name of an item, for messages.
        annotation: Which description of a sample the models read.

    Raises:
        InputError: For a batch size below 1, data that cannot be read, an empty part.
    """

    kind: ClassVar[Kind]
    item: ClassVar[str]
    annotation: str

    def __init__(
        self,
        source: Iterable[Item],
        split: Split,
        batch_size: int,
        evaluation_batch_size: int | None,
        num_workers: int,
        predict: PredictedPart,
        seed: int,
    ) -> None:
        super().__init__()
        for name, size in (("batch_size", batch_size), ("evaluation_batch_size", evaluation_batch_size)):
            if size is not None and size < 1:
                raise InputError(f"data.{name}", f"expected at least 1, found {size}")
        self.source = source
        self.split = split
        self.batch_size = batch_size
        self.evaluation_batch_size = evaluation_batch_size or batch_size
        self.num_workers = num_workers
        self.predict: PredictedPart = predict
        self.seed = seed

    # What a subclass says -------------------------------------------------------------------------------------------

    @abstractmethod
    def samples_of(self, item: Item) -> Sequence[Sample]:
        """Returns the samples of one item, in order."""

    @abstractmethod
    def hash_of(self, items: Sequence[Item]) -> str:
        """Returns the sha256 of the items' content."""

    @abstractmethod
    def coefficients_of(self, samples: Sequence[Sample]) -> Tensor:
        """Returns the targets of samples, (N, 61)."""

    @property
    @abstractmethod
    def collate(self) -> Callable[[Sequence[Any]], Any]:
        """From a list of samples to a batch."""

    vary: Vary | None = None
    """Augmentation of the training samples; None shows them as they are."""

    # What follows from it -------------------------------------------------------------------------------------------

    @cached_property
    def items(self) -> list[Item]:
        """All items of the source, read once."""
        items = list(tqdm(self.source, desc=f"Reading {self.item}s", unit=f" {self.item}s", delay=2, leave=False))
        if not items:
            raise InputError("data.source", f"holds no {self.item}s")
        return items

    @cached_property
    def parts(self) -> list[Part]:
        """The part of every item, in the source's order."""
        return self.split.assign(self.items)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the items' content."""
        return self.hash_of(self.items)

    @cached_property
    def split_digest(self) -> str:
        """sha256 of the assignment of items to parts."""
        return digest(self.items, self.parts)

    def split_record(self) -> dict[str, Any]:
        """Returns the split as plain values: which groups are in which part."""
        return self.split.record(self.items, self.parts)

    @cached_property
    def _samples(self) -> dict[Part, list[Sample]]:
        samples: dict[Part, list[Sample]] = {part: [] for part in PARTS}
        for item, part in zip(self.items, self.parts, strict=True):
            samples[part] += self.samples_of(item)
        for part, found in samples.items():
            if not found:
                raise InputError("data", f"the {part} part has no {self.kind} with an '{self.annotation}' description")
        return samples

    def samples(self, part: Part) -> Sequence[Sample]:
        """Returns the samples of one part."""
        return self._samples[part]

    @cached_property
    def train_coefficients(self) -> Tensor:
        """Targets of the training part, (N, 61): one row a keyframe, or one a frame of every clip."""
        return self.coefficients_of(self.samples("train"))

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the training part alone."""
        return statistics_of(self.train_coefficients)

    # Loaders --------------------------------------------------------------------------------------------------------

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled batches of the training part."""
        return self._train_loader(self.samples("train"), self.collate)

    def val_dataloader(self) -> DataLoader[Any]:
        """The validation part, on which checkpoints are chosen."""
        return self._evaluation(self.samples("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        """The test part, on which nothing is chosen."""
        return self._evaluation(self.samples("test"))

    def predict_dataloader(self) -> DataLoader[Any]:
        """The part that `predict` names."""
        if self.predict == "all":
            return self._evaluation([sample for item in self.items for sample in self.samples_of(item)])
        return self._evaluation(self.samples(self.predict))

    def _train_loader(self, samples: Sequence[Any], collate: Callable[[Sequence[Any]], Any]) -> ResumableLoader:
        shared = self._loading
        return ResumableLoader(samples, collate, batch_size=self.batch_size, seed=self.seed, vary=self.vary, **shared)

    def _evaluation(self, samples: Sequence[Sample]) -> DataLoader[Any]:
        return evaluation_loader(samples, self.collate, batch_size=self.evaluation_batch_size, **self._loading)

    @property
    def _loading(self) -> dict[str, Any]:
        trainer = self.trainer
        return {
            "rank": trainer.global_rank if trainer is not None else 0,
            "world_size": trainer.world_size if trainer is not None else 1,
            "num_workers": self.num_workers,
            "pin_memory": torch.cuda.is_available(),
        }
