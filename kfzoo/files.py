"""Writing files so that the final name never holds a half-written file, and where the cache is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfzoo.errors import InputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path next to `path` and moves it into place when the block ends well.

    The folder is made when it is missing. When the block raises, the temporary file is removed and the file that was
    under `path` before stays untouched.

    Args:
        path: Final path of the file.

    Raises:
        InputError: When the folder cannot be written.
    """
    final = Path(path)
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
