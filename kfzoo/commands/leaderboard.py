"""`leaderboard`: the tables of all results files."""

from __future__ import annotations


def leaderboard(
    results: str = "runs", out: str = "", html: str = "", check: bool = False, papers: bool = False
) -> None:
    """Prints the leaderboard and writes it as Markdown and as one HTML page.

    Args:
        results: Folder that is searched for results files.
        out: Path of the Markdown; by default `leaderboard.md` in that folder.
        html: Path of the page; by default next to the Markdown.
        check: Write nothing; fail when the files differ from what the results give.
        papers: Print the published numbers, too.
    """
    import shlex
    from pathlib import Path

    from kfzoo.evaluation.leaderboard import check_leaderboard, print_leaderboard, write_leaderboard
    from kfzoo.evaluation.results import find_runs

    found = find_runs(results)
    markdown = Path(out or Path(results) / "leaderboard.md")
    page = Path(html or markdown.with_suffix(".html"))
    if check:
        paths = ("--results", results, "--out", str(markdown), "--html", str(page))
        command = shlex.join(("python", "-m", "kfzoo", "leaderboard", *paths))
        for path in (markdown, page):
            check_leaderboard(path, found, command)
        print(f"{markdown} and {page} are up to date")
        return
    print_leaderboard(found, papers=papers)
    for path in (markdown, page):
        write_leaderboard(path, found)
        print(path)


COMMAND = leaderboard
