"""Writing files so that the final name never holds a half-written file, and where the cache is."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kfzoo.errors import InputError
from kfzoo.locks import locked, shortened

_PART = re.compile(r"\.(?P<stem>.+)\.part-[a-z0-9_]{8}(?P<suffix>(\.[^.]*)?)")
"""Names of temporary files; what they become is `stem` + `suffix`."""

_searched: set[Path] = set()
"""Folders in which this process has looked for leftovers."""

_LONGEST_PATH = 4000  # Linux: 4,096 bytes; the temporary file's name is longer.


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path next to `path`, then flushes it to the disk and moves it into place.

    The folder is made when it is missing. When the block raises, the temporary file is removed and the file that was
    under `path` before stays untouched. While the block runs, `path` is locked: another process that wants to write it
    is refused, or waits where `path` is in the cache. What killed writers left in the folder is removed.

    Args:
        path: Final path of the file.

    Raises:
        InputError: When the folder cannot be written, another process is writing the file, or the path is that of a
            folder or a device.
    """
    final = Path(path)
    check_target(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(final, error) from error
    cached = final.is_relative_to(cache_folder())
    with locked(final, wait=cached):
        _search_once(final.parent)
        name = Path(shortened(final.name))
        try:
            handle, temporary_name = tempfile.mkstemp(
                prefix=f".{name.stem}.part-", suffix=name.suffix, dir=final.parent
            )
        except OSError as error:
            raise _unwritable(final, error) from error
        os.close(handle)
        temporary = Path(temporary_name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            if not cached:  # what is lost there is computed again
                _flush(temporary)
            try:
                temporary.replace(final)
            except OSError as error:
                raise _unwritable(final, error) from error
            if not cached:
                _flush(final.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def computing(path: Path) -> Iterator[None]:
    """Holds the lock of an entry of the cache that is computed, and then written by `replacing`.

    A process that comes later waits, and should look once more whether the entry is there.
    """
    with suppress(OSError):  # `replacing` will say it
        path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path, wait=True):
        yield


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files of `replacing` in a folder, of writers that are gone."""
    _searched.add(folder.absolute())
    try:
        found = [(path, match) for path in folder.iterdir() if (match := _PART.fullmatch(path.name))]
    except OSError:
        return
    for path, match in found:
        # A writer that is still there holds the lock of the file that it writes.
        with suppress(InputError, OSError), locked(folder / (match["stem"] + match["suffix"])):
            path.unlink(missing_ok=True)


def check_target(final: Path) -> None:
    """Refuses a path that no file can be moved to; in place of a device, it would be lost to the whole system.

    Raises:
        InputError: For a folder, a device, a pipe, and a path that is too long.
    """
    if len(os.fsencode(final)) > _LONGEST_PATH:
        raise InputError(f"{str(final)[:40]}…", f"is a path of more than {_LONGEST_PATH} bytes", "shorten it")
    try:
        other = final.exists() and not final.is_file()
    except OSError as error:
        raise InputError(final, f"cannot be written ({error.strerror})", "choose another path") from error
    if other or not final.name:
        kind = "a folder" if final.is_dir() else "a device or a pipe"
        raise InputError(final, f"is {kind}, expected the path of a file", "name a file")


def cache_folder() -> Path:
    """Where computed things are kept: `KFZOO_CACHE`, or `kfzoo` in the user's cache folder.

    Raises:
        InputError: When neither is known.
    """
    chosen = os.environ.get("KFZOO_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(chosen) if chosen else (Path(base) if base else Path.home() / ".cache") / "kfzoo"
    except RuntimeError:  # neither HOME nor an entry of the user's
        remedy = "set it, or KFZOO_CACHE, to a folder that can be written"
        raise InputError("environment variable HOME", "is not set", remedy) from None


def _search_once(folder: Path) -> None:
    if folder.absolute() not in _searched:
        remove_leftovers(folder)


def _flush(path: Path) -> None:
    """Makes a file's content, or a folder's names, survive a loss of power; not every system can open folders."""
    with suppress(PermissionError, IsADirectoryError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(path, f"cannot be written ({error.strerror})", "choose a folder that can be written")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
