"""The pages in `benchmarks/results`: tables, paragraphs, and a head that says where the numbers were measured."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from textwrap import fill

PACKAGES = ("kfzoo", "numpy", "pandas", "torch", "lightning", "transformers", "peft")
"""Packages whose versions a page names, where they are installed."""

NONE = "–"
"""Cell of a value that does not exist."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table; the first column is aligned left, all others right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def prose(text: str) -> str:
    """Returns a paragraph in lines of at most 120 characters."""
    return fill(" ".join(text.split()), width=120, break_long_words=False, break_on_hyphens=False)


def page(command: str, title: str, body: str) -> str:
    """Puts a title and the head of this machine above a benchmark's text."""
    return "\n".join([f"# {title}", "", *head(command), "", body]) + "\n"


def head(command: str) -> list[str]:
    """Returns the lines that say on which machine, with which versions and by which command a page is made."""
    # Imports torch, which the list of benchmarks does not need.
    from kfzoo.evaluation.provenance import commit, hardware

    return [
        f"- hardware: {hardware()}",
        f"- versions: {', '.join(_versions())}",
        f"- commit: {commit() or 'not known'} (`+`: with changes)",
        f"- command: `{command}`",
    ]


def _versions() -> list[str]:
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
