"""Reads a recording from a file of any known kind."""

from __future__ import annotations

import os

from kfzoo.recordings.live_link import read_live_link
from kfzoo.recordings.options import DEFAULT_OPTIONS, ReadingOptions
from kfzoo.recordings.take import Take


def read_take(path: str | os.PathLike[str], options: ReadingOptions = DEFAULT_OPTIONS) -> Take:
    """Reads a recording.

    Args:
        path: The file.
        options: What the file leaves open.

    Returns:
        The take, at least two frames long.

    Raises:
        InputError: For a file of no known kind, and for everything wrong in it; names the line and column.
    """
    return read_live_link(path, options)
