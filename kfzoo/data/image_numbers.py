"""The number in an image's name that counts the images of a recording."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from kfzoo.data.image_listing import some_of
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

_NUMBER = re.compile(r"\d+")
SPARSEST = 10
"""Numbers that are missing for each that is there, above which numbers do not count the frames of a recording."""


def image_numbers(folder: Path, paths: Sequence[Path]) -> dict[Path, int]:
    """Finds the number that counts images: the one by which all their names differ.

    In `frame_000030_0.jpg`, `frame_000060_0.jpg`, … it is the first, as all faces have the number 0. Where several
    numbers differ from image to image, the one that rises in equal steps counts.

    Args:
        folder: Where they are, for messages.
        paths: The images of one recording.

    Returns:
        The number of each; images without a number in their names are missing.

    Raises:
        InputError: When no number is different in all names, or several are and it is not known which counts.
    """
    spelled = {path: _NUMBER.findall(path.stem) for path in paths}
    numbered = {path: numbers for path, numbers in spelled.items() if numbers}
    width = min(map(len, numbered.values()), default=0)
    if len(numbered) < 2:
        return {path: int(numbers[-1]) for path, numbers in numbered.items()}
    columns = [[int(numbers[place - width]) for numbers in numbered.values()] for place in range(width)]
    distinct = [column for column in columns if len(set(column)) == len(column)]
    if not distinct:
        raise _equal(folder, dict(zip(numbered, columns[-1], strict=True)))
    found = distinct if len(distinct) == 1 else [column for column in distinct if _is_even(column)] or distinct
    if any(column != found[0] for column in found):
        first = next(iter(numbered)).name
        problem = f"several numbers differ from name to name, as in {first}"
        raise InputError(folder, problem, "rename the images, so that only the number that counts them differs")
    return dict(zip(numbered, found[0], strict=True))


def places_in_time(folder: Path, paths: Sequence[Path]) -> list[int]:
    """Places the images of a folder as the frames of a recording, in the order given.

    A number that is missing keeps its place. Where no number counts the images, they follow one another; that is
    logged.

    Args:
        folder: The folder.
        paths: Its images, in natural order.

    Returns:
        Places, which rise from 0.

    Raises:
        InputError: For two images of the same name and number, such as `frame1.png` and `frame01.jpg`.
    """
    in_order = list(range(len(paths)))
    if len(paths) < 2:
        return in_order
    folders = {path.parent for path in paths}
    if len(folders) > 1:
        return _told(folder, f"the images of {len(folders)} folders follow one another as one recording", in_order)
    _check_different(folder, paths)
    try:
        found = image_numbers(folder, paths)
    except InputError:
        found = {}
    if len(found) < len(paths):
        return _told(folder, "no number in the names counts the images: they are taken in the order of names", in_order)
    numbers = np.array([found[path] for path in paths], dtype=object)
    steps = np.diff(numbers)
    if (steps < 0).any():
        return _told(folder, "names and numbers differ in order: the images are taken in the order of names", in_order)
    step = math.gcd(*steps.tolist())
    places = [int(number - numbers[0]) // step for number in numbers]
    missing = places[-1] + 1 - len(places)
    if missing > SPARSEST * len(places):
        return _told(folder, "the numbers in the names leave wide gaps: the images follow one another", in_order)
    if missing:
        words = f"{missing} of {places[-1] + 1} images are missing between {paths[0].name} and {paths[-1].name}"
        return _told(folder, f"{words}: time goes on without them", places)
    return places


def _is_even(numbers: Sequence[int]) -> bool:
    ordered = sorted(numbers)
    return len({after - before for before, after in pairwise(ordered)}) == 1


def _equal(folder: Path, numbers: dict[Path, int]) -> InputError:
    by_number: dict[int, list[str]] = {}
    for path, number in numbers.items():
        by_number.setdefault(number, []).append(path.name)
    number, names = max(by_number.items(), key=lambda item: len(item[1]))
    problem = f"no number differs in all names: {some_of(names)} have the number {number}"
    return InputError(folder, problem, "number the images from name to name, or join by name")


def _check_different(folder: Path, paths: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for path in paths:
        name = _NUMBER.sub(lambda found: str(int(found[0])), path.stem)
        if name in seen and _NUMBER.search(name):
            problem = f"{seen[name].name} and {path.name} have the same number"
            raise InputError(folder, problem, "remove one of them")
        seen[name] = path


def _told(folder: Path, words: str, places: list[int]) -> list[int]:
    _log.warning("%s: %s", folder, words)
    return places
