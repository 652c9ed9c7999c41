"""Images of faces from disk, as a model sees them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kfzoo.data.image_formats import opened
from kfzoo.errors import InputError

_ORIENTATION = 0x0112  # of EXIF; 1 is upright
_DRAFT = (64, 64)
_DEEPEST = 65535
_ENDINGS = {
    **dict.fromkeys((".png", ".apng"), "PNG"),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **{".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP", ".avif": "AVIF"},
}


def read_image(path: str | os.PathLike[str], size: int) -> NDArray[np.float32]:
    """Reads an image as `open_image` does, (3, size, size), red, green and blue in [0, 1].

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    return as_array(open_image(path, size))


def open_image(path: str | os.PathLike[str], size: int) -> Image.Image:
    """Reads an image upright, cut to its middle square and scaled.

    Args:
        path: As for `open_whole_image`.
        size: Side of the square in pixels.

    Returns:
        Red, green and blue.

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    return ImageOps.fit(open_whole_image(path), (size, size), Image.Resampling.BICUBIC)


def open_whole_image(path: str | os.PathLike[str]) -> Image.Image:
    """Reads an image upright, whole and at its own size.

    Args:
        path: Any of `kfzoo.data.image_formats.FORMATS`: greyscale, 16-bit, in print's colours, with a palette or with
            transparency, and turned as its EXIF tag says. Of an animation, or of pages, the first.

    Returns:
        Red, green and blue.

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    with opened(path) as image:
        upright = ImageOps.exif_transpose(image)
        _check_values(path, upright)
        if upright.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
            upright = Image.fromarray((np.asarray(upright, dtype=np.float64) / 257).round().astype(np.uint8))
        return upright.convert("RGB")


def read_pixels(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Reads an image as `open_whole_image` does, (H, W, 3): red, green and blue from 0 to 255.

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    return np.array(open_whole_image(path))


def as_array(image: object) -> NDArray[np.float32]:
    """Returns an RGB image as (3, H, W) in [0, 1]."""
    pixels = np.asarray(image, dtype=np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1) / 255)


def image_conversions(path: str | os.PathLike[str]) -> list[str]:
    """Reads an image through and lists the conversions that `open_whole_image` applies to it.

    Args:
        path: The file.

    Returns:
        In words; usually none.

    Raises:
        InputError: As `read_image`.
    """
    found = []
    with opened(path) as image:
        kind = "JPEG" if image.format == "MPO" else image.format or ""  # a JPEG that holds more, of a phone
        if _ENDINGS.get(Path(path).suffix.lower(), kind) != kind:
            found.append(f"is {kind} by its content, and read as that")
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            found.append("has several frames or pages, of which the first is read")
        if image.getexif().get(_ORIENTATION, 1) != 1:
            found.append("is turned upright, as the camera noted")
        if image.mode in ("1", "L", "LA") or image.mode.startswith("I"):
            found.append("is greyscale: its three colours are made equal")
        if image.mode == "CMYK":
            found.append("has the colours of print (CMYK), which are converted without their profile")
        if image.mode.startswith("I") or any(";16" in str(tile) for tile in getattr(image, "tile", ())):
            found.append("has 16 bits a colour, of which 8 are read")
        if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
            found.append("has transparent places, which are read as if they were not")
        image.draft("RGB", _DRAFT)  # what a JPEG file holds is read to its end, but need not be worked out in full
        image.load()
        _check_values(path, image)
    return found


def _check_values(path: str | os.PathLike[str], image: Image.Image) -> None:
    """Refuses values whose scale is not known.

    Raises:
        InputError: For floating-point values, and whole numbers beyond 16 bits.
    """
    remedy = "save it with 8 or 16 bits a colour"
    if image.mode == "F":
        raise InputError(path, "has floating-point values, whose scale is not known", remedy)
    if image.mode == "I":
        low, high = image.getextrema()
        if not 0 <= float(str(low)) <= float(str(high)) <= _DEEPEST:
            raise InputError(path, f"has values from {low} to {high}, expected 0 to {_DEEPEST}", remedy)
