"""Writing files so that the final name never holds a half-written file, and where the cache is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfzoo.errors import InputError

_LONGEST_PATH = 4000  # Linux: 4,096 bytes; the temporary file's name is longer.


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path next to `path` and moves it into place when the block ends well.

    The folder is made when it is missing. When the block raises, the temporary file is removed and the file that was
    under `path` before stays untouched.

    Args:
        path: Final path of the file.

    Raises:
        InputError: When the folder cannot be written, or the path is that of a folder or a device.
    """
    final = Path(path)
    check_target(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{final.stem}.", suffix=final.suffix, dir=final.parent)
    except OSError as error:
        raise InputError(
            final, f"cannot be written ({error.strerror})", "choose a folder that can be written"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
