"""The leaderboard as one HTML page that needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template

from kfzoo.evaluation.leaderboard import wording
from kfzoo.evaluation.leaderboard.boards import RANKED_BY, Board, Entry, boards, not_listed, short
from kfzoo.evaluation.leaderboard.details import details
from kfzoo.evaluation.leaderboard.drawing import drawn
from kfzoo.evaluation.leaderboard.elements import Element, element, joined
from kfzoo.evaluation.leaderboard.significance import Comparison
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Results, Run
from kfzoo.evaluation.scores import METRICS, REFERENCES, Score

TESTS = {
    "p, vs best": "clustered t-test of its MSE against the best model's",
    "p, vs mean face": "clustered t-test of its MSE against the mean face's",
}
DIRECTIONS = {"low": "lower is better", "high": "higher is better", "target": "nearer to the ground truth is better"}
MARKERS = {"†": "not told from the best model", "‡": "not shown to be better than the mean face"}


def render_html(results: Sequence[Run | Results]) -> str:
    """Returns the page; the same files give the same text, whatever their order.

    Raises:
        InputError: As `boards`.
    """
    shown = boards(results)
    folder = files(__package__)
    style, script, page = (folder.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js", "html"))
    legend = (
        element("div", element("dt", term), element("dd", meaning[:1].upper() + meaning[1:]))
        for term, meaning in wording.legend(shown)
    )
    return Template(page).substitute(
        style=style,
        script=script,
        controls=_controls(shown),
        boards=joined(*(_board(board, f"table-{number}") for number, board in enumerate(shown, start=1))),
        notes=joined(*(element("p", sentence, class_="note") for sentence in not_listed(results))),
        legend=element("dl", joined(*legend)),
    )


def _controls(shown: Sequence[Board]) -> Element:
    data = {_data(board): f"{board.shared.data.source} · {short(board.shared.data.fingerprint)}" for board in shown}
    evaluators = {_evaluator(board): short(board.shared.evaluator) for board in shown}
    evaluators |= {"none": "without one"} if "none" in evaluators else {}
    search = element("input", id="search", type="search", placeholder="model, run, annotation")
    return joined(
        _field("data", "Data", _select("data", "all data", data)),
        _field("evaluator", "Evaluator", _select("evaluator", "all evaluators", evaluators)),
        _field("search", "Find", search),
        _tick("intervals", "Intervals"),
        _tick("papers", "Published numbers"),
        element("output", id="count", aria_live="polite", class_="scripted"),
    )


def _select(name: str, everything: str, options: Mapping[str, str]) -> Element:
    chosen = [element("option", label, value=value) for value, label in options.items()]
    return element("select", element("option", everything, value=""), *chosen, id=name)


def _field(name: str, label: str, control: Element) -> Element:
    return element("div", element("label", label, for_=name), control, class_="field scripted")


def _tick(name: str, label: str) -> Element:
    return element("label", element("input", id=name, type="checkbox", checked=True), label, class_="tick")


def _data(board: Board) -> str:
    return f"{board.shared.data.source} {board.shared.data.fingerprint}"


def _evaluator(board: Board) -> str:
    return board.shared.evaluator or "none"


def _board(board: Board, name: str) -> Element:
    shared = board.shared
    facts = [f"{shared.count:,} keyframes", *([f"{board.recordings:,} recordings"] if board.recordings else [])]
    hashes = {"data": shared.data.fingerprint, "split": shared.data.split, "evaluator": shared.evaluator}
    table = element(
        "table",
        element("caption", board.heading, class_="unseen"),
        _head(board),
        *(_model(board, entry, f"{name}-model-{number}") for number, entry in enumerate(board.entries, start=1)),
        _references(board),
        _papers(board),
    )
    return element(
        "section",
        element("h2", f"{shared.data.source}, {shared.data.part}", id=name),
        element(
            "p",
            " · ".join(facts),
            *(part for label, digest in hashes.items() for part in (f" · {label} ", element("code", short(digest)))),
            class_="facts",
        ),
        element("div", table, class_="scroll", role="region", aria_labelledby=name, tabindex="0"),
        element("p", wording.clustering(board), class_="note"),
        class_="board",
        data_data=_data(board),
        data_evaluator=_evaluator(board),
    )


def _head(board: Board) -> Element:
    cells = [_title("name", "Model")]
    for name in board.metrics:
        info = METRICS[name]
        arrow = element("span", f" {info.arrow}", class_="arrow", title=DIRECTIONS[info.better])
        cells.append(_title("number", info.label, arrow, ranked=name == RANKED_BY, high=info.better == "high"))
        if name == RANKED_BY:
            cells.append(element("th", element("span", "MSE, drawn", class_="unseen"), scope="col", class_="drawn"))
            cells += [_title("number", label, told=told) for label, told in TESTS.items()]
    return element("thead", element("tr", *cells))


def _title(
    kind: str, label: str, arrow: Element | None = None, *, ranked: bool = False, high: bool = False, told: str = ""
) -> Element:
    return element(
        "th",
        element("button", label, arrow, type="button", title=told or None),
        scope="col",
        class_=kind,
        aria_sort="ascending" if ranked else "none",
        data_first="descending" if high else "ascending",
    )


def _model(board: Board, entry: Entry, name: str) -> Element:
    results = entry.results
    more = element("button", results.model, type="button", class_="more", aria_expanded="false", aria_controls=name)
    under = element("span", f"{results.run} · {results.data.annotation}", class_="under")
    cells = [element("th", more, under, scope="row", class_="name", data_value=results.model)]
    against_best = _test(entry.against_best, "best" if entry is board.entries[0] else wording.NONE)
    beside = [_drawing(board, results.scores), against_best, _test(entry.against_mean_face)]
    for metric in board.metrics:
        ranked = metric == RANKED_BY
        cells.append(_number(results.scores, metric, metric in entry.best, entry.marker if ranked else ""))
        cells += beside if ranked else []
    panel = element("div", details(entry), class_="panel")
    return element(
        "tbody",
        element("tr", *cells),
        element("tr", element("td", panel, colspan=str(len(cells))), class_="details", id=name, hidden=True),
        class_="model",
        data_text=f"{results.model} {results.run} {results.data.annotation}",
    )


def _references(board: Board) -> Element:
    rows = []
    for name, label in REFERENCES.items():
        if name not in board.references:
            continue
        scores = board.references[name]
        cells = [element("th", element("span", label, class_="label"), scope="row", class_="name")]
        for metric in board.metrics:
            cells.append(_number(scores, metric))
            cells += [_drawing(board, scores), *[element("td")] * len(TESTS)] if metric == RANKED_BY else []
        rows.append(element("tr", *cells))
    return element("tbody", *rows, class_="references")


def _papers(board: Board) -> Element:
    """Published rows: below all others, never ranked, never best."""
    width = str(len(board.metrics) + 2 + len(TESTS))
    told = element("span", f"As published; {wording.NOT_COMPARABLE}.")
    heading = element("th", told, scope="rowgroup", class_="heading", colspan=width)
    rows = []
    for label, source, scores in reference_rows():
        if not any(name in scores for name in board.metrics):
            continue
        under = element("span", source, class_="under")
        cells = [element("th", element("span", label, under, class_="label"), scope="row", class_="name")]
        for metric in board.metrics:
            cells.append(element("td", wording.published(scores, metric), class_="number"))
            cells += [element("td", class_="drawn"), *[element("td")] * len(TESTS)] if metric == RANKED_BY else []
        rows.append(element("tr", *cells))
    return element("tbody", element("tr", heading), *rows, class_="papers")


def _number(scores: Mapping[str, Score], name: str, best: bool = False, markers: str = "") -> Element:
    ends = wording.interval(scores, name)
    marked = (element("abbr", each, class_="marker", title=MARKERS[each]) for each in markers)
    return element(
        "td",
        wording.number(scores, name),
        element("span", *marked, class_="markers") if markers else None,
        element("span", ends, class_="aside") if ends else None,
        class_="number best" if best else "number",
        data_value=f"{scores[name].value:.9g}" if name in scores else "",
    )


def _test(comparison: Comparison | None, otherwise: str = wording.NONE) -> Element:
    if comparison is None:
        return element("td", otherwise, class_="number", data_value="")
    p_value, effect_size, _ = wording.test_of(comparison)
    aside = element("span", "d", element("sub", "z"), f" {effect_size}", class_="aside")
    return element("td", p_value, aside, class_="number", data_value=f"{comparison.p_value:.6f}")


def _drawing(board: Board, scores: Mapping[str, Score]) -> Element:
    return element("td", drawn(board, scores), class_="drawn")
