"""Images in the sizes that a vision-language model sees: with their own aspect, or with bars to a square."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kfzoo.data.images import as_array, open_whole_image
from kfzoo.errors import InputError

FEWEST_TOKENS = 4
"""Smaller images are enlarged, as by Qwen3-VL."""

LONGEST = 200
"""Times that the longer side may be as long as the shorter one."""

_GREY = (128, 128, 128)  # the middle of what the model sees


def fitted_size(height: int, width: int, piece: int, most: int) -> tuple[int, int]:
    """Returns the size nearest to an image's own whose sides are multiples, as Qwen3-VL's `smart_resize`.

    Args:
        height: Of the image in pixels.
        width: Of the image in pixels.
        piece: Side in pixels of what becomes a token.
        most: Tokens that an image may have.

    Returns:
        Height and width in pixels.

    Raises:
        InputError: For an image that is more than `LONGEST` times as long as it is narrow.
    """
    if max(height, width) > LONGEST * min(height, width):
        raise InputError("image", f"has {width}×{height} pixels, expected an aspect of at most {LONGEST}", "cut it")
    rows, columns = (round(side / piece) for side in (height, width))
    area = height * width / piece**2
    if rows * columns > most:
        shrink = math.sqrt(area / most)
        rows, columns = (max(1, math.floor(side / shrink / piece)) for side in (height, width))
    elif rows * columns < FEWEST_TOKENS:
        grow = math.sqrt(FEWEST_TOKENS / area)
        rows, columns = (math.ceil(side * grow / piece) for side in (height, width))
    return rows * piece, columns * piece


def image_reader(size: int | None, piece: int, most: int) -> Callable[[str], NDArray[np.float32]]:
    """Returns the function that reads images: with bars to a square of a size, or with their own aspect."""
    if size is None:
        return partial(read_fitted, piece=piece, most=most)
    return partial(read_letterboxed, size=size)


def read_fitted(path: str | os.PathLike[str], piece: int, most: int) -> NDArray[np.float32]:
    """Reads a whole image in its `fitted_size`, (3, H, W) in [0, 1].

    Raises:
        InputError: For a file that is no image, and an aspect beyond `LONGEST`.
    """
    image = open_whole_image(path)
    try:
        height, width = fitted_size(image.height, image.width, piece, most)
    except InputError as error:
        raise InputError(path, str(error).removeprefix("image: ")) from error
    return as_array(image.resize((width, height), Image.Resampling.BICUBIC))


def read_letterboxed(path: str | os.PathLike[str], size: int) -> NDArray[np.float32]:
    """Reads a whole image, scaled into a square with grey bars, (3, size, size) in [0, 1].

    Raises:
        InputError: For a file that is no image.
    """
    return as_array(ImageOps.pad(open_whole_image(path), (size, size), Image.Resampling.BICUBIC, color=_GREY))
