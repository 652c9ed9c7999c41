"""The one function that writes images: of Pillow as PNG, of matplotlib in the format that the path's ending names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PIL import Image

from kfzoo.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_image(
    image: Image.Image | Figure, path: str | os.PathLike[str], *, dpi: int = 200, fast: bool = False
) -> None:
    """Writes an image or a figure; the file is replaced as a whole.

    Args:
        image: A Pillow image, or a matplotlib figure.
        path: The file.
        dpi: Dots an inch of a figure.
        fast: Compress an image little: faster, and 1.1 times the size.

    Raises:
        InputError: When the folder cannot be written.
    """
    with replacing(path) as temporary:
        if isinstance(image, Image.Image):
            options = {"compress_level": 1} if fast else {"optimize": True}
            image.save(temporary, format="PNG", **options)
        else:
            image.savefig(temporary, dpi=dpi)
