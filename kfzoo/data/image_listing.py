"""The images of a folder in the order of their numbers, and everything else that is in it, by kind."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kfzoo.data.image_formats import SUFFIXES, VIDEOS, content_of, video_error
from kfzoo.errors import InputError

_DIGITS = re.compile(r"(\d+)")
MOST_NAMES = 10
"""Names in one line; more are counted."""

_REMEDY = "give the folder of the images"


@dataclass(frozen=True)
class ImageListing:
    """What a folder and those below it hold.

    Attributes:
        images: Files that are called images, in the natural order of their paths: frame2 before frame10.
        others: Paths in the folder of everything else, by kind in words, such as "videos, which are not read".
    """

    images: tuple[Path, ...]
    others: Mapping[str, Sequence[str]]


def list_images(folder: Path) -> ImageListing:
    """Lists a folder and the folders below it.

    Raises:
        InputError: When it is no folder, or holds no image.
    """
    if folder.is_file() and (folder.suffix.lower() in VIDEOS or content_of(folder) == "a video"):
        raise video_error(folder)
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", _REMEDY)
    images: list[Path] = []
    others: dict[str, list[str]] = {}
    for path, kind in _walk(folder):
        if not kind:
            images.append(path)
        else:
            others.setdefault(kind, []).append(path.relative_to(folder).as_posix())
    if not images:
        raise _without_images(folder, others)
    images.sort(key=lambda path: natural_key(path.relative_to(folder)))
    return ImageListing(tuple(images), {kind: sorted(names) for kind, names in sorted(others.items())})


def natural_key(path: Path) -> tuple[object, ...]:
    """Returns a key that sorts paths part by part, numbers in them by their value; equal ones by their spelling."""
    parts = [[int(text) if place % 2 else text for place, text in enumerate(_DIGITS.split(p))] for p in path.parts]
    return parts, str(path)


def some_of(names: Sequence[str]) -> str:
    """Returns the names in one line; of more than `MOST_NAMES` the first and how many more."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yields everything that is no folder, with its kind; images have none."""
    failed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=failed.append):
        parent = Path(place)
        for name in list(folders):
            if name.startswith("."):
                folders.remove(name)
                yield parent / name, "hidden files and folders"
            elif (parent / name).is_symlink():
                yield parent / name, "links to folders, which are not followed"
        for name in files:
            yield parent / name, _kind_of(parent / name)
    for error in failed:
        yield Path(str(error.filename)), f"folders that cannot be read ({error.strerror})"


def _kind_of(path: Path) -> str:
    ending = path.suffix.lower()
    if path.name.startswith("."):
        return "hidden files and folders"
    if not path.is_file():
        return "broken links and other things that are no files"
    if ending in SUFFIXES:
        return ""
    if ending in VIDEOS:
        return "videos, which are not read yet"
    return f"{ending} files" if ending else "files without an ending"


def _without_images(folder: Path, others: Mapping[str, Sequence[str]]) -> InputError:
    for kind, names in others.items():
        if kind.startswith("videos"):
            error = str(video_error(folder / sorted(names)[0]))
            return InputError(folder, f"holds no image, and {len(names)} videos", error)
    held = "; ".join(f"{len(names)} {kind}: {some_of(sorted(names))}" for kind, names in sorted(others.items()))
    problem = f"holds no image ({', '.join(SUFFIXES)})" + (f", only {held}" if held else "")
    return InputError(folder, problem, _REMEDY)
