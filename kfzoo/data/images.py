"""Images of faces from disk, as a model sees them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of files that count as images, in any case."""

_ORIENTATION = 0x0112  # of EXIF; 1 is upright
_DRAFT = (64, 64)


def read_image(path: str | os.PathLike[str], size: int) -> NDArray[np.float32]:
    """Reads an image as `open_image` does, (3, size, size), red, green and blue in [0, 1].

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    return as_array(open_image(path, size))


def open_image(path: str | os.PathLike[str], size: int) -> Image.Image:
    """Reads an image upright, cut to its middle square and scaled.

    Args:
        path: Any format that Pillow reads: greyscale, 16-bit, with a palette or with transparency, and turned as its
            EXIF tag says.
        size: Side of the square in pixels.

    Returns:
        Red, green and blue.

    Raises:
        InputError: For a file that is missing, empty, cut off or no image.
    """
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):  # Pillow would cut 16 bits off at 255
            upright = Image.fromarray((np.asarray(upright, dtype=np.float64) / 257).round().astype(np.uint8))
        upright = upright.convert("RGB")
    return ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)


def as_array(image: object) -> NDArray[np.float32]:
    """Returns an RGB image as (3, H, W) in [0, 1]."""
    pixels = np.asarray(image, dtype=np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1) / 255)


def image_conversions(path: str | os.PathLike[str]) -> list[str]:
    """Reads an image through and lists the conversions that `read_image` applies to it.

    Args:
        path: The file.

    Returns:
        In words; usually none.

    Raises:
        InputError: As `read_image`.
    """
    found = []
    with _opened(path) as image:
        if image.getexif().get(_ORIENTATION, 1) != 1:
            found.append("is turned upright, as the camera noted")
        if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I"):
            found.append("is greyscale: its three colours are made equal")
        if image.mode.startswith("I") or any(";16" in str(tile) for tile in getattr(image, "tile", ())):
            found.append("has 16 bits a colour, of which 8 are read")
        if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
            found.append("has transparent places, which are read as if they were not")
        image.draft("RGB", _DRAFT)  # what a JPEG file holds is read to its end, but need not be worked out in full
        image.load()
    return found


def list_images(folder: Path) -> list[Path]:
    """Returns the images in a folder and the folders below it, by name.

    Raises:
        InputError: When it is no folder or holds no image.
    """
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", "give the folder of the images")
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    found = sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    if not found:
        raise InputError(folder, f"holds no image ({', '.join(SUFFIXES)})", "give the folder of the images")
    return found


class ImageProblems:
    """Logs what is wrong with images and their labels, one line each, and counts it.

    Args:
        strict: Whether the first thing that cannot be used ends the work; otherwise it is left out.
    """

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.left_out = 0
        self.changed = 0

    def leave_out(self, error: InputError) -> None:
        """Logs an image, or a row, that cannot be used.

        Raises:
            InputError: The same, when strict.
        """
        if self.strict:
            raise error
        self.left_out += 1
        _log.warning("%s; it is left out", error)

    def warn(self, where: Path, words: str) -> None:
        """Logs a remark."""
        _log.warning("%s: %s", where, words)

    def usable(self, path: Path) -> bool:
        """Logs the conversions of an image; returns whether it can be read.

        Raises:
            InputError: When it cannot, and strict.
        """
        try:
            found = image_conversions(path)
        except InputError as error:
            self.leave_out(error)
            return False
        for words in found:
            _log.warning("%s: %s", path, words)
        self.changed += bool(found)
        return True

    def summarise(self, where: Path, used: int) -> None:
        """Logs the counts.

        Raises:
            InputError: When nothing is left.
        """
        if self.left_out or self.changed:
            _log.warning(
                "%s: %d images are used, %d of them changed; %d left out", where, used, self.changed, self.left_out
            )
        if not used:
            raise InputError(where, "holds no image that can be used", "see the lines above")


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens an image; an error inside becomes one line."""
    if Path(path).is_file() and Path(path).stat().st_size == 0:
        raise InputError(path, "is empty (0 bytes)", "replace the file")
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise InputError(path, "does not exist", "check the path of the image") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise InputError(path, f"cannot be read as an image ({reason})", "replace the file") from error
