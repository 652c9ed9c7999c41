"""`leaderboard`: the table of all results files."""

from __future__ import annotations


def leaderboard(results: str = "runs", out: str = "") -> None:
    """Prints the leaderboard and writes it as Markdown.

    Args:
        results: Folder that is searched for results files.
        out: Path of the Markdown; by default `leaderboard.md` in that folder.
    """
    from pathlib import Path

    from kfzoo.evaluation.leaderboard import print_leaderboard, write_leaderboard
    from kfzoo.evaluation.results import find_results

    found = find_results(results)
    print_leaderboard(found)
    path = Path(out or Path(results) / "leaderboard.md")
    write_leaderboard(path, found)
    print(path)


COMMAND = leaderboard
