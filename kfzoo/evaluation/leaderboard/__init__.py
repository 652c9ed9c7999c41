"""The leaderboard: tables made from results files, and the samples beside them, alone.

Rows stand in one table only when they were scored on the same data, split, part and number of samples, with the same
learned evaluator. `boards` says who is compared with whom and what is told from chance; the renderings only print it.
"""

from __future__ import annotations

from kfzoo.evaluation.leaderboard.boards import boards
from kfzoo.evaluation.leaderboard.html import render_html
from kfzoo.evaluation.leaderboard.markdown import render_markdown
from kfzoo.evaluation.leaderboard.terminal import print_leaderboard
from kfzoo.evaluation.leaderboard.write import check_leaderboard, write_leaderboard

__all__ = [
    "boards",
    "check_leaderboard",
    "print_leaderboard",
    "render_html",
    "render_markdown",
    "write_leaderboard",
]
