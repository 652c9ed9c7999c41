"""Which image a path means that was written on another machine or in another folder."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from kfzoo.errors import InputError

_NAMED = 2  # Images that one message names.


class ImageMatch:
    """Finds images by their whole path, else by the longest common end of two paths.

    A path means the image whose last folders and name agree with its own the longest, when no other given path agrees
    longer with that image: `s1/001.jpg` is no answer to `s2/001.jpg` where `s2/001.jpg` is answered, too. The time
    grows with the number of paths.

    Args:
        asked: Paths of the images that are known.
        given: All paths that will be looked for.
    """

    def __init__(self, asked: Iterable[str], given: Iterable[str]) -> None:
        self._asked = _Tails(asked)
        self._given = _Tails(given)

    def find(self, where: str, path: str) -> str | None:
        """Returns the known image that a path means, as it was given to the constructor; None where there is none.

        Raises:
            InputError: When several images fit as well as each other.
        """
        length, known = self._asked.nearest(path)
        if not known:
            return None
        if len(known) > 1:
            raise _undecided(where, path, known)
        longest, given = self._given.nearest(known[0])
        if longest > length:
            return None
        if len(given) > 1:
            raise _undecided(where, known[0], given)
        return known[0]


def image_in(folder: Path, path: str, where: str) -> Path:
    """Returns the file in a folder that a path from elsewhere means: the longest end of it that is there.

    Args:
        folder: Where to look.
        path: As it is written.
        where: `file:line` of it.

    Raises:
        InputError: When there is no such file.
    """
    parts = _parts(path)
    for start in range(len(parts)):
        found = folder.joinpath(*parts[start:])
        if found.is_file():
            return found
    raise InputError(where, f"there is no '{path}', nor an end of it, in {folder}", "check the folder of the images")


class _Tails:
    """The ends of paths: `c`, `b/c` and `a/b/c` of `a/b/c`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._whole: dict[str, str] = {}
        self._paths: dict[str, list[str]] = defaultdict(list)
        for path in dict.fromkeys(paths):
            if self._whole.setdefault(_slashed(path), path) == path:
                for tail in _tails(path):
                    self._paths[tail].append(path)

    def nearest(self, path: str) -> tuple[float, list[str]]:
        """Returns the length of the longest common end in folders, and the paths that have it; 0 and none for none."""
        if (whole := _slashed(path)) in self._whole:
            return math.inf, [self._whole[whole]]
        length, found = 0, ""
        for number, tail in enumerate(_tails(path), start=1):
            if tail not in self._paths:
                break
            length, found = number, tail
        return length, self._paths[found] if found else []


def _tails(path: str) -> Iterator[str]:
    """Yields the ends of a path, from its name on; the last one is the whole path."""
    tail = ""
    for part in reversed(_parts(path)):
        tail = f"{part}/{tail}" if tail else part
        yield tail


def _parts(path: str) -> list[str]:
    parts = PurePosixPath(_slashed(path)).parts
    return [part for part in parts if part not in ("/", "//", "..")]


def _slashed(path: str) -> str:
    return os.path.normpath(path.replace("\\", "/"))


def _undecided(where: str, path: str, found: Collection[str]) -> InputError:
    some = " and ".join(f"'{each}'" for each in list(found)[:_NAMED]) + (", …" if len(found) > _NAMED else "")
    problem = f"image '{path}' fits {len(found)} images equally well: {some}"
    return InputError(where, problem, "write paths whose folders tell them apart")
