"""Pictures of faces from disk, as a model sees them."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from kfzoo.errors import InputError


def read_picture(path: str | os.PathLike[str], size: int) -> NDArray[np.float32]:
    """Reads a picture upright, cut to its middle square and scaled.

    Args:
        path: A file that Pillow reads; any mode becomes RGB, and a rotation noted by the camera is applied.
        size: Side of the result in pixels.

    Returns:
        (3, size, size) in [0, 1].

    Raises:
        InputError: For a file that is missing, empty, cut off or no picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
                upright = Image.fromarray((np.asarray(upright, dtype=np.float64) / 257).round().astype(np.uint8))
            upright = upright.convert("RGB")
    except FileNotFoundError as error:
        raise InputError(path, "does not exist", "check the path of the picture") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InputError(path, f"cannot be read as a picture ({error})", "replace the file") from error
    return as_array(ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC))


def as_array(picture: object) -> NDArray[np.float32]:
    """Returns an RGB picture as (3, H, W) in [0, 1]."""
    pixels = np.asarray(picture, dtype=np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1) / 255)
