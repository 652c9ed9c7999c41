"""How a command ends: its exit code, and one line on standard error where it failed."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from kfzoo.errors import InputError
from kfzoo.terminal import printable, safe_output

_REMEDIES = {
    errno.ENOSPC: "make room, or choose another folder",
    errno.EDQUOT: "make room, or choose another folder",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "choose a path that you may read and write",
    errno.EPERM: "choose a path that you may read and write",
    errno.EROFS: "choose a folder that can be written",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


_MAX_NAME = 300  # Characters of a path that a message repeats.

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def exit_code(command: Callable[[], int]) -> int:
    """Runs a command; bad input, and what the system refuses, is one line on standard error.

    Args:
        command: Returns its exit code.

    Returns:
        That code; 2 for `InputError` and what the system refuses, such as a full disk; 130 when interrupted; 0 when
        the reader of its output, such as `head`, has seen enough.

    Raises:
        InputError: With the environment variable KFZOO_DEBUG, in place of the line; other errors likewise.
    """
    with safe_output():
        try:
            code = command()
            sys.stdout.flush()
        except KeyboardInterrupt:
            _complain("interrupted")
            return INTERRUPTED
        except (InputError, OSError, UnicodeEncodeError, MemoryError) as error:
            _drop_lost_output()
            if isinstance(error, BrokenPipeError):
                return 0
            if os.environ.get("KFZOO_DEBUG"):
                raise
            if os.environ.get("LOCAL_RANK", "0") == "0":
                _complain(_line(error))
            return 2
        return code


def end(code: int) -> NoReturn:
    """Ends the process; after an interrupt at once, as Python takes seconds to take down torch's modules."""
    if code == INTERRUPTED:
        if "multiprocessing" in sys.modules:  # late: it costs a tenth of a second
            for child in importlib.import_module("multiprocessing").active_children():
                child.terminate()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _line(error: InputError | OSError | UnicodeEncodeError | MemoryError) -> str:
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return str(InputError("memory", f"does not suffice ({error})", "ask for less, or use a larger machine"))
    if isinstance(error, UnicodeEncodeError):
        part = error.object[max(error.start - 20, 0) : error.end]
        return str(InputError(f"…{part}", f"cannot be written as {error.encoding}", "use names and texts of UTF-8"))
    where = error.filename if error.filename is not None else "the system"
    name = str(os.fsdecode(where) if isinstance(where, bytes) else where)
    name = name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME // 2]}…{name[-_MAX_NAME // 2 :]}"
    return str(InputError(name, f"refused ({error.strerror or error})", _REMEDIES.get(error.errno or 0, "")))


def _drop_lost_output() -> None:
    """Replaces standard output where it cannot be written: Python would try again, and complain, at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):  # no file of the system, in a test
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(line: str) -> None:
    with suppress(OSError):
        print(f"kfzoo: {printable(line)}", file=sys.stderr, flush=True)
