"""The leaderboard: tables made from results files, and the errors of each sample next to them, alone.

Rows share a table only when they were scored on the same data, split, part and number of samples, with the same learned
evaluator. `boards` groups, ranks and tests them; `terminal`, `markdown` and `html` print what it found.
"""

from __future__ import annotations

from kfzoo.evaluation.leaderboard.boards import boards, comparable
from kfzoo.evaluation.leaderboard.html import render_html
from kfzoo.evaluation.leaderboard.markdown import render_markdown
from kfzoo.evaluation.leaderboard.terminal import print_leaderboard
from kfzoo.evaluation.leaderboard.write import check_leaderboard, write_leaderboard

__all__ = [
    "boards",
    "check_leaderboard",
    "comparable",
    "print_leaderboard",
    "render_html",
    "render_markdown",
    "write_leaderboard",
]
