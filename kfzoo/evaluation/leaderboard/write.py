"""The files of the leaderboard: writes them, and checks whether they are stale."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kfzoo.errors import InputError
from kfzoo.evaluation.leaderboard.html import render_html
from kfzoo.evaluation.leaderboard.markdown import render_markdown
from kfzoo.evaluation.results import Results, Run
from kfzoo.files import replacing


def write_leaderboard(path: str | os.PathLike[str], results: Sequence[Run | Results]) -> None:
    """Writes the HTML page to a path that ends in `.html`, and Markdown to all others.

    Raises:
        InputError: When the folder cannot be written, and as `boards`.
    """
    text = _rendered(path, results)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def check_leaderboard(path: str | os.PathLike[str], results: Sequence[Run | Results], command: str) -> None:
    """Compares a file with what the results give.

    Args:
        path: As of `write_leaderboard`.
        results: In any order.
        command: What writes the file again; for the message.

    Raises:
        InputError: When the file is missing or differs, and as `boards`.
    """
    if not Path(path).is_file():
        raise InputError(path, "is missing", f"run `{command}` to write it")
    try:
        content = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", f"run `{command}` to write it again") from error
    if content != _rendered(path, results):
        raise InputError(path, "is stale: the results files give another text", f"run `{command}` to write it again")


def _rendered(path: str | os.PathLike[str], results: Sequence[Run | Results]) -> str:
    return render_html(results) if Path(path).suffix.lower() in (".html", ".htm") else render_markdown(results)
