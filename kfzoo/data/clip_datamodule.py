"""`ClipDataModule`: the clips of any source, for models of motion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kfzoo.data.clip import Clip, clips_fingerprint
from kfzoo.data.clip_augmentation import Variation
from kfzoo.data.clip_batch import ClipBatch, collate_clips
from kfzoo.data.datamodule import PredictedPart, ZooDataModule
from kfzoo.data.sources.base import ClipSource
from kfzoo.data.split import Split
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError


class ClipDataModule(ZooDataModule[Clip, Clip]):
    """Clips of any source, split by whole recordings or subjects.

    In training a clip is shown with one of its captions, and augmented as asked, by chance that depends on the seed,
    the epoch and the clip alone. In validation, test and predict it is shown as it is, with its first caption.

    Args:
        source: Where the clips come from.
        split: How clips are divided; see `Split`, whose `recording` keeps all clips of one recording together.
        batch_size: Clips in a batch of one process; Express4D's is 64.
        evaluation_batch_size: Clips in a batch of validation, test and predict; by default `batch_size`.
        mirror: Probability that a training clip is mirrored, motion and words; 0.5 where Express4D's loader flips.
        latest_start: The most frames that are cut off a training clip's start; 10 in Express4D's loader.
        smallest_std: Floor of each channel's standard deviation, so that the noise of a still channel is not amplified.
        num_workers: Loading processes; 0 loads in the main one, which is fastest for small data.
        predict: Which part `predict` answers; `all` needs no split.
        seed: Seed of the shuffling and of the augmentation.

    Raises:
        InputError: For an argument out of range, data that cannot be read, an empty part.
    """

    kind = "clips"
    item = "clip"
    annotation = "caption"

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
        predict: PredictedPart = "test",
        seed: int = 0,
    ) -> None:
        super().__init__(source, split, batch_size, evaluation_batch_size, num_workers, predict, seed)
        if not 0 <= mirror <= 1:
            raise InputError("data.mirror", f"expected a probability between 0 and 1, found {mirror}")
        if latest_start < 0:
            raise InputError("data.latest_start", f"expected 0 or more frames, found {latest_start}")
        if not 0 < smallest_std < math.inf:
            raise InputError("data.smallest_std", f"expected more than 0, found {smallest_std}")
        self.vary: Variation = Variation(mirror, latest_start)
        self.smallest_std = smallest_std

    def samples_of(self, item: Clip) -> list[Clip]:
        """Returns the clip itself: it is one sample."""
        return [item]

    def hash_of(self, items: Sequence[Clip]) -> str:
        """Returns the sha256 of the clips' content."""
        return clips_fingerprint(items)

    def coefficients_of(self, samples: Sequence[Clip]) -> Tensor:
        """Returns every frame of clips, (N, 61)."""
        return torch.from_numpy(np.concatenate([clip.motion for clip in samples]))

    @property
    def collate(self) -> Callable[[Sequence[Clip]], ClipBatch]:
        """Pads clips to the longest of a batch."""
        return collate_clips

    @cached_property
    def statistics(self) -> Statistics:
        """Moments of the training part's frames, deviations not below `smallest_std`."""
        found = super().statistics
        return Statistics(mean=found.mean, std=found.std.clamp_min(self.smallest_std))
