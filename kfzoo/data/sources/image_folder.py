"""`ImageFolder`: images of faces whose ground truth nobody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kfzoo.data.images import ImageProblems, list_images
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.base import CachedSource


class ImageFolder(CachedSource):
    """A script of one keyframe, without words and coefficients, for each image in a folder and those below it.

    It is named after the image's path in the folder; images of one folder are one clip. Answer it with
    `predict: all`. What cannot be read is logged, one line each, and left out; conversions on reading, such as
    from greyscale, are logged too.

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

    def _read(self) -> Iterator[Script]:
        problems = ImageProblems(self.strict)
        used = 0
        for path in list_images(self.folder):
            if problems.usable(path):
                used += 1
                yield Script(
                    id=path.relative_to(self.folder).as_posix(),
                    subject=UNSPECIFIED,
                    background="",
                    emotion=UNSPECIFIED,
                    keyframes=(Keyframe(index=0, time=0.0, image_path=str(path)),),
                )
        problems.summarise(self.folder, used)
