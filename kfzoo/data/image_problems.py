"""`ImageProblems`: what is wrong with the images of a folder and their labels, counted and named."""

from __future__ import annotations

import logging
from pathlib import Path

from kfzoo.data.image_listing import ImageListing, some_of
from kfzoo.data.images import image_conversions
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

MOST_KINDS = 20
"""Different reasons that are logged; images with further ones are named together."""


class ImageProblems:
    """Collects what is wrong with images, and logs it in one line each kind.

    Args:
        folder: Where the images are; names are relative to it.
        strict: Whether the first thing that cannot be used ends the work; otherwise it is left out.
    """

    def __init__(self, folder: Path, strict: bool) -> None:
        self.folder = folder
        self.strict = strict
        self._left_out: dict[str, list[str]] = {}
        self._changed: dict[str, list[str]] = {}

    @property
    def left_out(self) -> int:
        """Number of images, or rows, that are left out."""
        return sum(map(len, self._left_out.values()))

    @property
    def changed(self) -> int:
        """Number of images that are converted on reading."""
        return len({name for names in self._changed.values() for name in names})

    def pass_over(self, listing: ImageListing) -> None:
        """Logs what a folder holds besides images, one line each kind."""
        for kind, names in listing.others.items():
            _log.warning("%s: passed over %d %s: %s", self.folder, len(names), kind, some_of(names))

    def leave_out(self, path: Path, error: InputError) -> None:
        """Notes an image, or a session, that cannot be used.

        Raises:
            InputError: The same, when strict.
        """
        if self.strict:
            raise error
        self._left_out.setdefault(str(error).removeprefix(f"{path}: "), []).append(self._name(path))

    def warn(self, where: Path, words: str) -> None:
        """Logs a remark."""
        _log.warning("%s: %s", where, words)

    def usable(self, path: Path) -> bool:
        """Notes the conversions of an image; returns whether it can be read.

        Raises:
            InputError: When it cannot, and strict.
        """
        try:
            found = image_conversions(path)
        except InputError as error:
            self.leave_out(path, error)
            return False
        for words in found:
            self._changed.setdefault(words, []).append(self._name(path))
        return True

    def summarise(self, used: int) -> None:
        """Logs the kinds and the counts.

        Raises:
            InputError: When nothing is left.
        """
        for words, names in self._changed.items():
            self._tell(names, words)
        kinds = list(self._left_out.items())
        if not used and len(kinds) == 1:
            words, names = kinds[0]
            raise InputError(self._where(names), f"no image can be used: {words}")
        for words, names in kinds[:MOST_KINDS]:
            self._tell(names, words + ("; it is left out" if len(names) == 1 else "; they are left out"))
        if kinds[MOST_KINDS:]:
            names = [name for _, names in kinds[MOST_KINDS:] for name in names]
            _log.warning("%s: %d more are left out, for similar reasons: %s", self.folder, len(names), some_of(names))
        if self.left_out or self.changed:
            _log.warning(
                "%s: %d images are used, %d of them changed; %d left out",
                *(self.folder, used, self.changed, self.left_out),
            )
        if not used:
            raise InputError(self.folder, "holds no image that can be used", "see the lines above")

    def _tell(self, names: list[str], words: str) -> None:
        _log.warning("%s: %s", self._where(names), words)

    def _where(self, names: list[str]) -> str:
        if len(names) == 1:
            return str(self.folder / names[0])
        return f"{self.folder}: {len(names)} of them ({some_of(names)})"

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)
