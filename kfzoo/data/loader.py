"""A shuffling loader whose place in the epoch can be saved and found again.

Loaders draw a number from their generator at the start of each epoch. They get one of their own here: the global one
would otherwise be in another state after a resume.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import torch
from lightning.pytorch.overrides.distributed import UnrepeatedDistributedSampler
from torch.utils.data import BatchSampler, DataLoader, Dataset, DistributedSampler

T = TypeVar("T")

Vary = Callable[[Any, random.Random], Any]
"""Makes another version of a sample by chance."""


class SampleDataset(Dataset[T]):
    """The samples of one part, by number: keyframes, whole scripts or clips."""

    def __init__(self, samples: Sequence[T]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> T:
        """Returns one sample."""
        return self.samples[index]


class _VariedDataset(Dataset[Any]):
    """The samples of one part, each in another version every epoch.

    The epoch comes with the number: loading processes that live on would not hear of it otherwise.
    """

    def __init__(self, samples: Sequence[Any], vary: Vary, seed: int) -> None:
        self.samples, self.vary, self.seed = samples, vary, seed

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, drawn: tuple[int, int]) -> Any:
        epoch, index = drawn
        return self.vary(self.samples[index], random.Random(f"{self.seed}|{epoch}|{index}"))


class _SkippingBatchSampler(BatchSampler):
    """Leaves out the first `skip` batches of the next epoch, without loading them."""

    skip = 0

    def __iter__(self) -> Iterator[list[int]]:
        skip, self.skip = self.skip, 0
        for number, batch in enumerate(super().__iter__()):
            if number >= skip:
                yield batch


class _EpochBatchSampler(_SkippingBatchSampler):
    """Puts the epoch before every number, for `_VariedDataset`."""

    def __iter__(self) -> Iterator[list[Any]]:
        epoch = cast(DistributedSampler[Any], self.sampler).epoch
        for batch in super().__iter__():
            yield [(epoch, index) for index in batch]


class ResumableLoader(DataLoader[Any]):
    """Training batches in an order that depends on the seed and the epoch alone.

    Lightning saves the state of a loader that has `state_dict`, and a plain loader has none: it would replay the
    epoch's first batches after a resume.

    Args:
        samples: The training part.
        collate: From a list of samples to a batch.
        batch_size: Samples a batch and process.
        seed: Seed of the shuffling.
        rank: This process.
        world_size: Number of processes.
        num_workers: Loading processes.
        pin_memory: Page-locked batches, for GPUs.
        vary: Augmentation: makes the version of a sample that an epoch sees, by chance that depends on the seed, the
            epoch and the sample's place alone. None shows the samples as they are.
    """

    def __init__(
        self,
        samples: Sequence[Any],
        collate: Callable[[Sequence[Any]], Any],
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        num_workers: int = 0,
        pin_memory: bool = False,
        vary: Vary | None = None,
    ) -> None:
        dataset: Dataset[Any] = SampleDataset(samples) if vary is None else _VariedDataset(samples, vary, seed)
        # A DistributedSampler for one process, too: Lightning then sets its epoch and replaces nothing.
        self.epoch_sampler: DistributedSampler[Any] = DistributedSampler(
            dataset, num_replicas=world_size, rank=rank, shuffle=True, seed=seed
        )
        order = cast(Iterable[int], self.epoch_sampler)  # of places, though torch types it by its items
        sampler = _SkippingBatchSampler if vary is None else _EpochBatchSampler
        self._batches = sampler(order, batch_size, drop_last=False)
        self._done = 0
        super().__init__(
            dataset,
            batch_sampler=self._batches,
            generator=torch.Generator(),
            collate_fn=collate,
            num_workers=num_workers,
            pin_memory=pin_memory,
            persistent_workers=num_workers > 0,
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yields the epoch's batches that are still to come."""
        self._done = self._batches.skip
        for batch in super().__iter__():
            self._done += 1
            yield batch
        self._done = 0

    def state_dict(self) -> dict[str, int]:
        """Returns how many batches of the running epoch were handed out."""
        return {"batches": self._done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continues the next epoch after the batches that were handed out; a whole epoch leaves nothing to skip."""
        self._batches.skip = state["batches"] % len(self)


def evaluation_loader(
    samples: Sequence[T],
    collate: Callable[[Sequence[T]], Any],
    *,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    num_workers: int = 0,
    pin_memory: bool = False,
) -> DataLoader[T]:
    """Builds a loader in the source's order that shows every sample to exactly one process, so that means are exact."""
    dataset = SampleDataset(samples)
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=UnrepeatedDistributedSampler(dataset, num_replicas=world_size, rank=rank, shuffle=False),
        generator=torch.Generator(),
        collate_fn=collate,
        num_workers=num_workers,
        pin_memory=pin_memory,
    )
