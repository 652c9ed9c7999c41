"""Locks on files and folders that are being written, with the process and host that hold them.

They are the operating system's own (`flock`, by the package filelock): the lock of a killed process vanishes with it,
whatever file it leaves behind.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kfzoo.errors import InputError

LONGEST = 200
"""Bytes of a name that is left as it is; file systems allow 255, and temporary files and locks have longer names."""

NOTICE = 2.0
"""Seconds of waiting after which it is said what is waited for."""

_log = logging.getLogger(__name__)
_held: set[tuple[int, Path]] = set()


def lock_path(path: Path) -> Path:
    """Where the lock of a file or folder lies: `name` → `.name.lock` next to it."""
    return path.with_name(f".{shortened(path.name)}.lock")


def shortened(name: str) -> str:
    """A file's name, or one of at most `LONGEST` bytes that stands for it; the ending stays."""
    if len(os.fsencode(name)) <= LONGEST:
        return name
    suffix = Path(name).suffix if len(Path(name).suffix) < 20 else ""
    return f"{name[:40]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}{suffix}"


@contextmanager
def locked(path: Path, lock: Path | None = None, *, wait: bool = False) -> Iterator[None]:
    """Holds the lock of what is being written at `path`; within it, the same thread may take it again.

    A file system without locks, and a folder that cannot be written, give none: whoever writes there finds out.

    Args:
        path: A file or folder.
        lock: The lock's file, removed at the end; by default `lock_path(path)`. Its folder must exist.
        wait: Wait until another process is done; else it is an error that one is there.

    Raises:
        InputError: When another process holds the lock: its number and host.
    """
    from filelock import FileLock, Timeout

    place = lock or lock_path(path)
    key = (threading.get_ident(), place.absolute())
    if key in _held:
        yield
        return
    held = FileLock(place, fallback_to_soft=False, thread_local=False)
    given = True
    try:
        held.acquire(timeout=NOTICE if wait else 0)
    except Timeout:
        if not wait:
            raise _refusal(path, place) from None
        _log.warning("%s: is being written by %s; waiting for it", path, holder(place))
        held.acquire()
    except (OSError, NotImplementedError):
        given = False
    if not given:
        yield
        return
    _held.add(key)
    try:
        _sign(place)
        yield
    finally:
        _held.discard(key)
        # Removed while it is held: whoever waits for this file sees that it is gone, and takes a new one.
        place.unlink(missing_ok=True)
        held.release()


def check_free(path: Path, lock: Path) -> None:
    """Checks that no other process holds a lock, and leaves nothing.

    Raises:
        InputError: As `locked`.
    """
    if lock.is_file():
        with locked(path, lock):
            pass


def holder(lock: Path) -> str:
    """Who holds a lock, as its file says: `process 1234 on host-a`."""
    for _ in range(6):
        try:
            text = lock.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            break
        if text.startswith("process ") and len(text) < LONGEST and text.isprintable():
            return text
        time.sleep(0.05)  # it was taken this moment
    return "another process"


def _refusal(path: Path, lock: Path) -> InputError:
    return InputError(path, f"is being written by {holder(lock)}", "wait until it is done, or choose another path")


def _sign(lock: Path) -> None:
    """Writes into a lock that is held who holds it."""
    lock.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
