"""A row's MSE, drawn: whoever looks down the column sees who is apart from whom."""

from __future__ import annotations

from collections.abc import Mapping

from kfzoo.evaluation.leaderboard.boards import RANKED_BY, Board
from kfzoo.evaluation.leaderboard.elements import Element, element
from kfzoo.evaluation.scores import Score

WIDTH, HEIGHT, DOT = 100, 12, 2.5


def drawn(board: Board, scores: Mapping[str, Score]) -> Element | None:
    """Draws a dot on its interval, on one scale for all rows of a board; a dashed line stands at the mean face.

    Args:
        board: Gives the scale: from 0 to the farthest end of its rows' intervals.
        scores: The row's.

    Returns:
        An SVG, or None for a row without an MSE.
    """
    if RANKED_BY not in scores:
        return None
    rows = [*(entry.results.scores for entry in board.entries), *board.references.values()]
    farthest = max(_ends(row[RANKED_BY])[1] for row in rows if RANKED_BY in row) or 1.0
    middle = str(HEIGHT / 2)

    def at(value: float) -> str:
        return f"{value / farthest * WIDTH:.1f}"

    def level(kind: str, first: str, last: str) -> Element:
        return element("line", class_=kind, x1=first, x2=last, y1=middle, y2=middle)

    parts = [level("axis", "0", str(WIDTH))]
    mean_face = board.references.get("mean_face", {}).get(RANKED_BY)
    if mean_face:
        place = at(mean_face.value)
        parts.append(element("line", class_="mean-face", x1=place, x2=place, y1="0", y2=str(HEIGHT)))
    parts.append(level("range", *map(at, _ends(scores[RANKED_BY]))))
    parts.append(element("circle", cx=at(scores[RANKED_BY].value), cy=middle, r=str(DOT)))
    return element("svg", *parts, class_="mark", viewBox=f"0 0 {WIDTH} {HEIGHT}", aria_hidden="true")


def _ends(score: Score) -> tuple[float, float]:
    return score.interval or (score.value, score.value)
