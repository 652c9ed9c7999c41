"""`ImageFolder`: images of faces whose ground truth nobody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from kfzoo.data.images import Findings, list_images
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.base import Source


class ImageFolder(Source):
    """A script of one keyframe, without words and coefficients, for each image in a folder and those below it.

    It is named after the image's path in the folder; images of one folder are one clip. Answer it with
    `predict: all`. What cannot be read is told in a line each and left out, and what is changed on reading, such as
    greyscale, is told too.

    Args:
        folder: The folder.
        strict: Whether the first image that cannot be read ends the work instead.

    Raises:
        InputError: For no folder, or one without images; on reading, when no image can be used, or when strict.
    """

    def __init__(self, folder: str | os.PathLike[str], strict: bool = False) -> None:
        self.folder = Path(folder)
        self.strict = strict
        list_images(self.folder)

    def __iter__(self) -> Iterator[Script]:
        """Yields the images that can be read, by name."""
        yield from self._scripts

    def __len__(self) -> int:
        """Number of images that can be read."""
        return len(self._scripts)

    @cached_property
    def _scripts(self) -> list[Script]:
        """Looked through once: `len` and each iteration would tell everything again."""
        return list(self._read())

    def _read(self) -> Iterator[Script]:
        findings = Findings(self.strict)
        used = 0
        for path in list_images(self.folder):
            if findings.usable(path):
                used += 1
                yield Script(
                    id=path.relative_to(self.folder).as_posix(),
                    subject=UNSPECIFIED,
                    background="",
                    emotion=UNSPECIFIED,
                    keyframes=(Keyframe(index=0, time=0.0, image_path=str(path)),),
                )
        findings.sum_up(self.folder, used)
