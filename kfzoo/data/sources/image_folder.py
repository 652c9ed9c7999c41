"""`ImageFolder`: images of faces whose ground truth nobody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kfzoo.data.image_listing import list_images
from kfzoo.data.image_problems import ImageProblems
from kfzoo.data.script import UNSPECIFIED, Keyframe, Script
from kfzoo.data.sources.base import CachedSource


class ImageFolder(CachedSource):
    """A script of one keyframe, without words and coefficients, for each image in a folder and those below it.

    It is named after the image's path in the folder; images of one folder are one clip. Answer it with
    `predict: all`. Images come in the natural order of their names: frame2 before frame10. What cannot be read is left
    out; that, conversions on reading, such as from greyscale, and files that are no images are logged, one line each
    kind.

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
        problems = ImageProblems(self.folder, self.strict)
        listing = list_images(self.folder)
        problems.pass_over(listing)
        used = 0
        for path in listing.images:
            if problems.usable(path):
                used += 1
                yield Script(
                    id=path.relative_to(self.folder).as_posix(),
                    subject=UNSPECIFIED,
                    background="",
                    emotion=UNSPECIFIED,
                    keyframes=(Keyframe(index=0, time=0.0, image_path=str(path)),),
                )
        problems.summarise(used)
