"""`ClipBatch`: clips of several lengths side by side, and which of their frames are real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import TensorBatch
from kfzoo.data.clip import Clip


@dataclass(frozen=True, eq=False)
class ClipBatch(TensorBatch):
    """A batch of clips.

    Attributes:
        motion: (B, T, 61) float32, T the frames of the longest clip; zeros after the end of a shorter one.
        mask: (B, T) bool, True for frames that exist.
        captions: One text a clip.
        clips: The clips, as they came from the source or its augmentation.
    """

    motion: Tensor
    mask: Tensor
    captions: tuple[str, ...]
    clips: tuple[Clip, ...]

    def __len__(self) -> int:
        """Number of clips, B."""
        return len(self.clips)

    @property
    def ids(self) -> list[str]:
        """Unique names of the clips."""
        return [clip.id for clip in self.clips]

    @property
    def lengths(self) -> Tensor:
        """Frames of each clip, (B,) int64."""
        return self.mask.sum(dim=1)


def collate_clips(clips: Sequence[Clip]) -> ClipBatch:
    """Collects clips into a batch, each with the first of its captions."""
    lengths = torch.tensor([len(clip) for clip in clips])
    longest = int(lengths.max())
    motion = torch.zeros(len(clips), longest, len(CHANNELS))
    for row, clip in zip(motion, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip.motion)
    return ClipBatch(
        motion=motion,
        mask=torch.arange(longest) < lengths[:, None],
        captions=tuple(clip.captions[0] for clip in clips),
        clips=tuple(clips),
    )
