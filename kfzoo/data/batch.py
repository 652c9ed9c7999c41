"""`Sample` and `KeyframeBatch`: what a loader collects and a model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.script import Annotation, Keyframe, Script
from kfzoo.errors import InputError

IMAGE_REMEDY = "give a source with images, or wrap this one in kfzoo.data.sources.rendered_faces.RenderedFaces"


class Sample(NamedTuple):
    """One keyframe with the script around it.

    Attributes:
        script: The whole script, so that a model can see what comes before and after.
        position: Which of `script.keyframes` is meant.
        annotation: Which of the three descriptions is read.
    """

    script: Script
    position: int
    annotation: Annotation

    @property
    def keyframe(self) -> Keyframe:
        """The keyframe that is meant."""
        return self.script.keyframes[self.position]

    @property
    def id(self) -> str:
        """Unique within the source: `<script id>#<keyframe index>`."""
        return f"{self.script.id}#{self.keyframe.index}"

    @property
    def description(self) -> str:
        """The keyframe's description in the chosen annotation."""
        return self.keyframe.description(self.annotation)


@dataclass(frozen=True, eq=False)
class TensorBatch:
    """A batch whose tensors move together."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Self:
        """Returns the batch with its tensors on a device."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Returns the batch with its tensors in page-locked memory (called by the loader)."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Self:
        changed: dict[str, object] = {}
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                changed[name] = change(value)
            elif isinstance(value, tuple) and value and all(isinstance(each, Tensor) for each in value):
                changed[name] = tuple(map(change, value))
        return replace(self, **changed)


@dataclass(frozen=True, eq=False)
class KeyframeBatch(TensorBatch):
    """A batch of keyframes.

    Attributes:
        samples: The keyframes and their scripts, as they came from the source; B of them.
        coefficients: (B, 61) float32, or None when the ground truth of any of them is not known.
        pixels: (B, 3, H, W) float32 in [0, 1], upright; B of (3, H, W) where their sizes differ; or None for models
            that read no images, or read them from their files.
    """

    samples: tuple[Sample, ...]
    coefficients: Tensor | None = None
    pixels: Tensor | tuple[Tensor, ...] | None = None

    def __len__(self) -> int:
        """Number of keyframes, B."""
        return len(self.samples)

    @property
    def ids(self) -> list[str]:
        """Unique names of the keyframes."""
        return [sample.id for sample in self.samples]

    @property
    def emotions(self) -> list[str]:
        """The emotion of each keyframe's script, in words."""
        return [sample.script.emotion for sample in self.samples]

    @property
    def descriptions(self) -> list[str]:
        """Each keyframe's description in the chosen annotation."""
        return [sample.description for sample in self.samples]

    @property
    def targets(self) -> Tensor:
        """The coefficients, (B, 61), where a model cannot do without them.

        Raises:
            ValueError: When the batch carries none.
        """
        if self.coefficients is None:
            missing = next(sample.id for sample in self.samples if sample.keyframe.coefficients is None)
            raise ValueError(f"keyframe '{missing}' has no coefficients")
        return self.coefficients

    @property
    def images(self) -> Tensor:
        """The images, (B, 3, H, W), where a model cannot do without them.

        Raises:
            InputError: When the batch carries none.
            ValueError: When their sizes differ.
        """
        if self.pixels is None:
            raise InputError(f"keyframe '{self.ids[0]}'", "has no image", IMAGE_REMEDY)
        if isinstance(self.pixels, tuple):
            raise ValueError("the images of the batch differ in size")
        return self.pixels

    def images_by_size(self) -> list[tuple[list[int], Tensor]]:
        """The images, those of one size together: their rows in the batch, and (rows, 3, H, W).

        Raises:
            InputError: When the batch carries none.
        """
        if not isinstance(self.pixels, tuple):
            return [(list(range(len(self))), self.images)]
        rows: dict[torch.Size, list[int]] = {}
        for row, image in enumerate(self.pixels):
            rows.setdefault(image.shape, []).append(row)
        return [(found, torch.stack([self.pixels[row] for row in found])) for found in rows.values()]


def collate(
    samples: Sequence[Sample], image_size: int | None = None, read: Callable[[str], NDArray[np.float32]] | None = None
) -> KeyframeBatch:
    """Collects samples into a batch; the ground truth is left out as soon as one keyframe lacks it.

    Args:
        samples: B of them.
        image_size: Side in pixels of the keyframes' images, which are cut to squares; None reads none.
        read: Reads an image from its path, (3, H, W), in place of cutting squares.

    Raises:
        InputError: With a size or a reader: for a keyframe without an image, or a file that is none.
    """
    known = [sample.keyframe.coefficients for sample in samples]
    complete = [values for values in known if values is not None]
    stacked = torch.from_numpy(np.stack(complete)) if len(complete) == len(known) and known else None
    if read is None and image_size is not None:
        read = partial(_read_square, size=image_size)
    pixels = None if read is None else _images(samples, read)
    return KeyframeBatch(samples=tuple(samples), coefficients=stacked, pixels=pixels)


def _read_square(path: str, size: int) -> NDArray[np.float32]:
    from kfzoo.data.images import read_image

    return read_image(path, size)


def _images(samples: Sequence[Sample], read: Callable[[str], NDArray[np.float32]]) -> Tensor | tuple[Tensor, ...]:
    images = []
    for sample in samples:
        if sample.keyframe.image_path is None:
            raise InputError(f"keyframe '{sample.id}'", "has no image", IMAGE_REMEDY)
        images.append(torch.from_numpy(read(sample.keyframe.image_path)))
    return torch.stack(images) if len({image.shape for image in images}) == 1 else tuple(images)
