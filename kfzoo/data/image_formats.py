"""Which files are images: formats that are opened, and what a file is that is none of them."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from kfzoo.errors import InputError

SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".heic", ".heif", ".hif", ".avif"),
)
"""Endings of files that count as images, in any case."""

VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".mts", ".3gp")
"""Endings of videos, in any case."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "AVIF")
"""What Pillow may open, whatever a file is called: its other readers start programs (EPS: Ghostscript) or are
seldom tested. HEIF joins them where `pillow-heif` is installed."""

_HEAD = 64
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_STARTS = (
    (b"%!PS", "a PostScript file (EPS)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file (EPS)"),
    (b"%PDF", "a PDF file"),
    (b"8BPS", "a Photoshop file"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"version https://git-lfs", "a pointer of Git LFS, without the content"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_VIDEO = "a video"
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"OggS")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """Opens an image by its content; an error inside becomes one line.

    Args:
        path: The file.

    Yields:
        The image, not yet decoded.

    Raises:
        InputError: For a file that is missing, empty, cut off, too large, a video or no image of `FORMATS`.
    """
    place = Path(path)
    try:
        if place.is_file() and place.stat().st_size == 0:
            raise InputError(path, "is empty (0 bytes)", "replace the file")
        with warnings.catch_warnings():  # of damaged tags, and at half the size at which Pillow refuses
            warnings.simplefilter("ignore")
            with Image.open(place, formats=_formats(place)) as image:
                yield image
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(path, "does not exist", "check the path of the image") from error
    except UnidentifiedImageError as error:
        raise _no_image(place) from error
    except Image.DecompressionBombError as error:
        raise InputError(path, f"has too many pixels ({_reason(error)})", "scale the image down") from error
    except MemoryError as error:
        raise InputError(path, "does not fit into memory", "scale the image down") from error
    except Exception as error:  # on damaged files Pillow's readers raise whatever their arithmetic meets
        raise InputError(path, f"cannot be read as an image ({_reason(error)})", "replace the file") from error


def video_error(path: str | os.PathLike[str]) -> InputError:
    """Returns the error of a video where images are expected, with the command that cuts it into images."""
    command = f"mkdir frames && ffmpeg -i {shlex.quote(str(path))} -vf fps=2 frames/%06d.png"
    return InputError(path, "is a video, and videos are not read yet", f"cut it into images: {command}")


def content_of(path: Path) -> str:
    """Returns what a file is by its first bytes, such as "a video"; empty when unknown."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[4:8] == b"ftyp":
        brands = {head[start : start + 4] for start in (8, *range(16, len(head), 4))}
        return "an AVIF image" if brands & _AVIF else "a HEIC image" if brands & _HEIF else _VIDEO
    if head.startswith(_VIDEO_STARTS) or (head[:4], head[8:12]) == (b"RIFF", b"AVI "):
        return _VIDEO
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((words for sign, words in _STARTS if start.startswith(sign.lower())), "")


@cache
def heif_is_read() -> bool:
    """Whether HEIC images can be read; registers the reader."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _formats(path: Path) -> tuple[str, ...]:
    """Returns what may be opened; the reader of HEIC is imported for HEIC alone."""
    if content_of(path) != "a HEIC image":
        return FORMATS
    if not heif_is_read():
        remedy = 'run: pip install "kfzoo[images]"'
        raise InputError(path, "is a HEIC image, which needs the package pillow-heif", remedy)
    return (*FORMATS, "HEIF")


def _no_image(path: Path) -> InputError:
    found = content_of(path)
    if found == _VIDEO:
        return video_error(path)
    if not found:
        return InputError(path, "cannot be read as an image (of no format that is known)", "replace the file")
    if found.endswith("image"):
        return InputError(
            path, f"cannot be read as an image (it begins as {found}, and is damaged)", "replace the file"
        )
    return InputError(path, f"cannot be read as an image (it is {found})", "save it as PNG or JPEG")


def _reason(error: Exception) -> str:
    """Returns an error's words in one line; some of Pillow's have none."""
    return " ".join(str(error).split())[:200] or type(error).__name__
