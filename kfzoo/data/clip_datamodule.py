"""`ClipDataModule`: from a source of clips to the batches of models of motion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from kfzoo.data.clip import Clip, clips_fingerprint
from kfzoo.data.clip_augmentation import Variation
from kfzoo.data.clip_batch import collate_clips
from kfzoo.data.loader import ResumableLoader, evaluation_loader
from kfzoo.data.script import PARTS, Part
from kfzoo.data.sources.base import ClipSource
from kfzoo.data.split import Split, digest
from kfzoo.data.statistics import Statistics, statistics_of
from kfzoo.errors import InputError


class ClipDataModule(LightningDataModule):
    """Clips of any source, split by whole recordings or subjects.

    In training a clip is shown with one of its captions, and changed as asked, by chance that depends on the seed, the
    epoch and the clip alone. In validation, test and predict it is shown as it is, with its first caption.

    Args:
        source: Where the clips come from, by class path.
        split: How clips are divided; see `Split`, whose `clip` means the whole recording.
        batch_size: Clips a batch and process; Express4D's is 64.
        evaluation_batch_size: Clips a batch and process in validation, test and predict; by default `batch_size`.
        mirror: Chance of a training clip to be mirrored, motion and words; 0.5 where Express4D's loader flips.
        latest_start: The most frames that are cut off a training clip's start; 10 in Express4D's loader.
        smallest_std: Floor of each channel's standard deviation, so that the noise of a still channel is not blown up.
        num_workers: Loading processes; 0 loads in the main one, which is fastest for small data.
        predict: Which part `predict` answers; `all` needs no split.
        seed: Seed of the shuffling and of the changes.

    Raises:
        InputError: For an argument out of range, data that cannot be read, an empty part.
    """

    annotation = "caption"
    """What a model reads, as told in checkpoints and results."""

    def __init__(
        self,
        source: ClipSource,
        split: Split = Split(),  # noqa: B008  frozen
        batch_size: int = 64,
        evaluation_batch_size: int | None = None,
        mirror: float = 0.0,
        latest_start: int = 0,
        smallest_std: float = 0.02,
        num_workers: int = 0,
        predict: Literal["train", "val", "test", "all"] = "test",
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, size in (("batch_size", batch_size), ("evaluation_batch_size", evaluation_batch_size)):
            if size is not None and size < 1:
                raise InputError(f"data.{name}", f"expected at least 1, found {size}")
        if not 0 <= mirror <= 1:
            raise InputError("data.mirror", f"expected a chance between 0 and 1, found {mirror}")
        if latest_start < 0:
            raise InputError("data.latest_start", f"expected 0 or more frames, found {latest_start}")
        if not 0 < smallest_std < math.inf:
            raise InputError("data.smallest_std", f"expected more than 0, found {smallest_std}")
        self.source = source
        self.split = split
        self.batch_size = batch_size
        self.evaluation_batch_size = evaluation_batch_size or batch_size
        self.variation = Variation(mirror, latest_start)
        self.smallest_std = smallest_std
        self.num_workers = num_workers
        self.predict = predict
        self.seed = seed

    @cached_property
    def clips(self) -> list[Clip]:
        """All clips of the source, read once."""
        clips = list(tqdm(self.source, desc="Reading clips", unit=" clips", delay=2, leave=False))
        if not clips:
            raise InputError("data.source", "holds no clips")
        return clips

    @cached_property
    def parts(self) -> list[Part]:
        """The part of every clip, in the source's order."""
        return self.split.assign(self.clips)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the clips' content."""
        return clips_fingerprint(self.clips)

    @cached_property
    def split_digest(self) -> str:
        """sha256 of which clip stands in which part."""
        return digest(self.clips, self.parts)

    @cached_property
    def _samples(self) -> dict[Part, list[Clip]]:
        samples: dict[Part, list[Clip]] = {part: [] for part in PARTS}
        for clip, part in zip(self.clips, self.parts, strict=True):
            samples[part].append(clip)
        return samples

    def samples(self, part: Part) -> Sequence[Clip]:
        """Returns the clips of one part."""
        return self._samples[part]

    @cached_property
    def train_coefficients(self) -> Tensor:
        """Every frame of the training part, (N, 61)."""
        return torch.from_numpy(np.concatenate([clip.motion for clip in self.samples("train")]))

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the training part's frames, deviations not below `smallest_std`."""
        found = statistics_of(self.train_coefficients)
        return Statistics(mean=found.mean, std=found.std.clamp_min(self.smallest_std))

    @property
    def _rank(self) -> int:
        return self.trainer.global_rank if self.trainer is not None else 0

    @property
    def _world_size(self) -> int:
        return self.trainer.world_size if self.trainer is not None else 1

    def train_dataloader(self) -> ResumableLoader:
        """Shuffled, changed batches of the training part."""
        return ResumableLoader(
            self.samples("train"),
            collate_clips,
            batch_size=self.batch_size,
            seed=self.seed,
            rank=self._rank,
            world_size=self._world_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
            vary=self.variation,
        )

    def val_dataloader(self) -> DataLoader[Clip]:
        """The validation part, on which checkpoints are chosen."""
        return self._evaluation(self.samples("val"))

    def test_dataloader(self) -> DataLoader[Clip]:
        """The test part, on which nothing is chosen."""
        return self._evaluation(self.samples("test"))

    def predict_dataloader(self) -> DataLoader[Clip]:
        """The part that `predict` names."""
        return self._evaluation(self.clips if self.predict == "all" else self.samples(self.predict))

    def _evaluation(self, clips: Sequence[Clip]) -> DataLoader[Clip]:
        return evaluation_loader(
            clips,
            collate_clips,
            batch_size=self.evaluation_batch_size,
            rank=self._rank,
            world_size=self._world_size,
            num_workers=self.num_workers,
            pin_memory=torch.cuda.is_available(),
        )
