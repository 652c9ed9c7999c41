"""`leaderboard`: the tables of all results files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.evaluation.results import Run

NAMED = 20
"""Results files that are left out and named; the others are counted."""


def leaderboard(
    results: str = "runs", out: str = "", html: str = "", check: bool = False, papers: bool = False
) -> None:
    """Prints the leaderboard and writes it as Markdown and as one HTML page.

    A results file that is broken, of another version, or cannot be compared is left out and named at the end; the exit
    code is then 2, though the tables of all others are written.

    Args:
        results: Folder that is searched for results files.
        out: Path of the Markdown; by default `leaderboard.md` in that folder.
        html: Path of the page; by default next to the Markdown.
        check: Write nothing; fail when the files differ from what the results give.
        papers: Print the published numbers, too.

    Raises:
        InputError: For a missing folder, stale files with `check`, and results files that are left out.
    """
    from kfzoo.evaluation.leaderboard import comparable
    from kfzoo.evaluation.results import search_runs

    read, unreadable = search_runs(results)
    found, others = comparable(read)
    markdown = Path(out or Path(results) / "leaderboard.md")
    page = Path(html or markdown.with_suffix(".html"))
    if found:
        _check(found, results, markdown, page) if check else _write(found, markdown, page, papers)
    if faults := [*unreadable, *others]:
        named = " | ".join(map(str, faults[:NAMED])) + (f" | and {len(faults) - NAMED} more" * (len(faults) > NAMED))
        count = f"{len(faults)} of {len(faults) + len(found)} results files cannot be used and are left out"
        raise InputError(results, f"{count}: {named}")


def _check(found: Sequence[Run], results: str, markdown: Path, page: Path) -> None:
    """Compares the files with what the results give."""
    import shlex

    from kfzoo.evaluation.leaderboard import check_leaderboard

    paths = ("--results", results, "--out", str(markdown), "--html", str(page))
    command = shlex.join(("python", "-m", "kfzoo", "leaderboard", *paths))
    for path in (markdown, page):
        check_leaderboard(path, found, command)
    print(f"{markdown} and {page} are up to date")


def _write(found: Sequence[Run], markdown: Path, page: Path, papers: bool) -> None:
    """Prints the tables and writes the files."""
    from kfzoo.evaluation.leaderboard import print_leaderboard, write_leaderboard

    print_leaderboard(found, papers=papers)
    for path in (markdown, page):
        write_leaderboard(path, found)
        print(path)


COMMAND = leaderboard
