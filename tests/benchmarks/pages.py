"""Reading the tables of a page."""

from __future__ import annotations

import re


def cells(text: str, table: int = 0) -> dict[str, list[str]]:
    """Returns the lines of one of the tables by their first cell, the head's first cell included; bold is left out."""
    found = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)[table]
    lines = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in found.splitlines()]
    assert len({len(line) for line in lines}) == 1
    return {line[0]: line[1:] for line in (lines[0], *lines[2:])}


def number(cell: str) -> float:
    """Returns the first number of a cell."""
    return float(re.sub(r"[^0-9.e-]", "", cell.replace("−", "-").split("(")[0]))
