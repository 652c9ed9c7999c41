from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib.resources import files
from itertools import permutations

import pytest

from kfzoo.evaluation import leaderboard
from kfzoo.evaluation.leaderboard import render_html
from kfzoo.evaluation.papers import reference_rows
from kfzoo.evaluation.results import Run
from kfzoo.evaluation.scores import REFERENCES, Score, Table
from tests.evaluation.leaderboard_runs import DATA, changed, clip_run, run

NASTY = """<script>alert(1)</script>"'&amp;</table>$style"""
GOOD = run("good", 0.01, model="aligned_autoencoder", r_precision_1=0.5, mmd=1.1, sf13_pearson=0.4, detection_f1=0.3)
BAD = run("bad", 0.02, r_precision_1=0.1, mmd=1.3, detection_f1=0.1)
CLIP = clip_run("clip", 0.3, speed_ratio=0.9, jerk_ratio=2.0, static_share=0.0)
TEMPLATES = files(leaderboard) / "templates"
SCRIPT = TEMPLATES.joinpath("page.js").read_text("utf-8")
VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Node:
    """An element of a parsed page."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag: str, **attributes: str) -> list[Node]:
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        found = []
        for each in self.children:
            if isinstance(each, Node):
                fits = each.tag == tag and all(each.attributes.get(name) == value for name, value in wanted.items())
                found += [each] * fits + each.all(tag, **attributes)
        return found


class Tree(HTMLParser):
    """Builds the tree and fails at a tag that is not closed, or closed twice."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open = [Node("page", {})]
        self.feed(page)
        self.close()
        assert len(self.open) == 1, f"not closed: {self.open[-1].tag}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag} repeats an attribute"
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parsed(*runs: Run) -> Node:
    return Tree(render_html(runs)).open[0]


def rows(body: Node) -> list[Node]:
    return [row for row in body.children if isinstance(row, Node) and row.attributes.get("class") != "details"]


def cells(row: Node) -> list[Node]:
    return [each for each in row.children if isinstance(each, Node)]


def test_page_is_well_formed_and_every_row_has_every_cell() -> None:
    untested = replace(changed(BAD, run="elsewhere", data=replace(DATA, fingerprint="9")), samples=None)
    page = parsed(GOOD, BAD, untested, CLIP)
    boards = page.all("section", class_="board")
    assert [len(board.all("tbody", class_="model")) for board in boards] == [2, 1, 1]
    for board in boards:
        table = board.all("table")[0]
        width = len(cells(table.all("thead")[0].all("tr")[0]))
        for kind in ("model", "references", "papers"):
            for body in table.all("tbody", class_=kind):
                for row in rows(body):
                    spans = sum(int(each.attributes.get("colspan") or 1) for each in cells(row))
                    assert spans == width, kind
    ids = re.findall(r' id="([^"]*)"', render_html([GOOD, BAD]))
    assert len(set(ids)) == len(ids)


def test_page_needs_no_other_file() -> None:
    text = render_html([GOOD, BAD])
    assert not re.search(r"https?:|url\(|@import|srcset|\bfetch\b|XMLHttp|import\(", text)
    page = Tree(text).open[0]
    outside = [each for tag in ("link", "img", "script", "iframe", "a", "object") for each in page.all(tag)]
    links = {value for each in outside for name, value in each.attributes.items() if name in ("src", "href")}
    assert links == {"data:,"}  # no icon is asked for
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    assert str(policy.attributes["content"]).startswith("default-src 'none';")


def test_names_are_escaped_everywhere() -> None:
    nasty = changed(
        GOOD,
        **dict.fromkeys(("run", "model", "class_path", "hardware", "commit", "evaluator"), NASTY),
        data=replace(DATA, source=NASTY, annotation=NASTY, fingerprint=NASTY),
        tables={NASTY: Table((NASTY,), {NASTY: (1.0,)})},
    )
    page = parsed(nasty, changed(BAD, run=NASTY, status="partial"))
    assert [each.text for each in page.all("script")] == ["\n" + SCRIPT]
    (board,) = page.all("section", class_="board")
    assert board.attributes["data-data"] == f"{NASTY} {NASTY}"
    assert board.all("button", class_="more")[0].text == NASTY
    assert board.all("tbody", class_="model")[0].attributes["data-text"] == f"{NASTY} {NASTY} {NASTY}"
    assert NASTY in [each.text for each in board.all("summary")]
    assert f"Not listed, because only a part of the split was scored: {NASTY}." in page.text


def test_titles_sort_by_keyboard_and_start_with_the_best() -> None:
    titles = [each for each in parsed(GOOD, BAD).all("th") if "aria-sort" in each.attributes]
    assert all(each.all("button", type="button") for each in titles)
    assert [each.text for each in titles if each.attributes["aria-sort"] == "ascending"] == ["MSE ↓"]
    first = {each.text: each.attributes["data-first"] for each in titles}
    assert (first["MSE ↓"], first["R@1 ↑"], first["MMD ↓"]) == ("ascending", "descending", "ascending")
    for row in (rows(body)[0] for body in parsed(GOOD, BAD).all("tbody", class_="model")):
        values = [each.attributes.get("data-value") for each in cells(row)]
        assert all(value is not None for value in values[:2] + values[3:])  # the third is the drawing
        assert all(value == "" or float(str(value)) >= 0 for value in values[3:])


def test_best_is_marked_among_models_alone() -> None:
    page = parsed(GOOD, BAD)
    marked = page.all("td", class_="number best")
    assert marked[0].text == "0.01000[0.00500, 0.02000]"
    inside = [each for body in page.all("tbody", class_="model") for each in body.all("td", class_="number best")]
    assert len(marked) == len(inside)


def test_all_intervals_are_there_and_can_be_hidden() -> None:
    page = parsed(GOOD)
    (row,) = (rows(body)[0] for body in page.all("tbody", class_="model"))
    asides = [each.text for each in row.all("span", class_="aside")]
    expected = "[0.00500, 0.02000] [0.2500, 0.5000] [0.550, 1.100] [0.2000, 0.4000] [0.1500, 0.3000]"
    assert " ".join(each for each in asides if each.startswith("[")) == expected
    references = page.all("tbody", class_="references")[0]
    assert len(references.all("tr")) == len(REFERENCES)
    assert "[0.05000, 0.20000]" in references.text
    style = TEMPLATES.joinpath("page.css").read_text("utf-8")
    assert "body:has(#intervals:not(:checked)) .aside" in style
    assert all(page.all("input", id=name, type="checkbox") for name in ("intervals", "papers"))


def test_published_rows_are_below_and_never_sorted() -> None:
    page = parsed(BAD, changed(BAD, run="elsewhere", data=replace(DATA, fingerprint="9")))
    for board in page.all("section", class_="board"):
        bodies = [each.attributes["class"] for each in cells(board.all("table")[0]) if each.tag == "tbody"]
        assert bodies == ["model", "references", "papers"]
        (papers,) = board.all("tbody", class_="papers")
        assert "other data and evaluator: not comparable" in rows(papers)[0].text
        shown = [label for label, _, scores in reference_rows() if {"mse", "fid", "r_precision_1"} & set(scores)]
        assert [row.all("span", class_="label")[0].text for row in rows(papers)[1:]] == [
            label + source for label, source, _ in reference_rows() if label in shown
        ]
        assert not re.search(r"best|data-value", str(papers))


def test_details_hold_origin_tests_and_tables() -> None:
    tables = {"head_pose": Table(("mse",), {"HeadYaw": (0.25,)}), **GOOD.results.tables}
    page = parsed(changed(GOOD, evaluator="e" * 64, tables=tables), changed(BAD, evaluator="e" * 64))
    second = page.all("tbody", class_="model")[1]
    button, details = second.all("button", class_="more")[0], second.all("tr", class_="details")[0]
    assert button.attributes["aria-controls"] == details.attributes["id"]
    assert (button.attributes["aria-expanded"], "hidden" in details.attributes) == ("false", True)
    first = page.all("tbody", class_="model")[0]
    assert [each.text for each in first.all("summary")] == ["All scores", "Head pose", "Per channel"]
    facts = {each.all("dt")[0].text: each.all("dd")[0].text for each in first.all("dl")[0].all("div")}
    assert (facts["Checkpoint"], facts["Seed"], facts["Commit"]) == ("deadbeefcafe", "7", "c0ffee")
    assert facts["Class"] == "kfzoo.models.x.X"
    assert (facts["Evaluator"], facts["Hardware"], facts["Invalid"]) == ("e" * 64, "a CPU", "0 of 40")
    assert re.fullmatch(r"[0-9a-f]{64}", facts["Config"])
    assert "MSE against the best model" not in facts
    sentence = r"difference −0\.0\d+, d_z −\d\.\d\d; clustered p <0\.001, Wilcoxon p <0\.001"
    assert re.fullmatch(sentence, facts["MSE against the mean face"])
    channel = first.all("table")[-1]
    lines = [["", "pearson", "n"], ["JawOpen", "0.5000", "3"], ["TongueOut", "–", "4"]]
    assert [[cell.text for cell in cells(row)] for row in channel.all("tr")] == lines


def test_filters_offer_each_data_set_and_evaluator() -> None:
    other = changed(BAD, evaluator="e" * 64, data=replace(DATA, source="LiveLinkTakes"))
    page = parsed(GOOD, BAD, other)
    options = {
        each.attributes["id"]: [(one.attributes["value"], one.text) for one in each.all("option")]
        for each in page.all("select")
    }
    assert options["data"] == [
        ("", "all data"),
        ("BuiltinScripts 0123456789", "BuiltinScripts · 01234567"),
        ("LiveLinkTakes 0123456789", "LiveLinkTakes · 01234567"),
    ]
    assert options["evaluator"] == [("", "all evaluators"), ("none", "without one"), ("e" * 64, "eeeeeeee")]
    for name in ("data", "evaluator", "search"):
        assert page.all("label", for_=name)


def test_drawings_of_a_board_share_one_scale() -> None:
    page = parsed(GOOD, BAD)
    drawn = {row.all("button")[0].text: row for row in page.all("tr") if row.all("svg") and row.all("button")}
    circle = drawn["aligned_autoencoder"].all("circle")[0]
    # The widest interval ends at 0.6, the zero face's.
    assert circle.attributes["cx"] == f"{0.01 / 0.6 * 100:.1f}"
    assert drawn["mean_face"].all("line", class_="mean-face")[0].attributes["x1"] == f"{0.2 / 0.6 * 100:.1f}"


def test_unknown_values_are_left_out() -> None:
    bare = changed(GOOD, references={}, scores={"mse": Score(0.01)}, seed=None, commit=None, tables={})
    page = parsed(replace(bare, samples=None))
    assert not rows(page.all("tbody", class_="references")[0])
    assert len(page.all("svg")) == 1
    assert not page.all("line", class_="mean-face")
    facts = {each.all("dt")[0].text: each.all("dd")[0].text for each in page.all("dl")[0].all("div")}
    assert (facts["Seed"], facts["Commit"]) == ("–", "–")
    assert "No test of significance: the errors of each sample were not read." in page.text
    half = changed(GOOD, references={"mean_face": {"fid": Score(1.0)}})
    (row,) = parsed(half).all("tbody", class_="references")[0].all("tr")
    assert not row.all("svg")


def test_clips_have_motion_metrics_and_no_published_rows() -> None:
    (board,) = parsed(CLIP).all("section", class_="board")
    titles = [each.text for each in board.all("thead")[0].all("button")]
    assert titles == ["Model", "Frame FID ↓", "Speed ratio →", "Jerk ratio →", "Static →"]
    assert "40 clips" in board.all("p", class_="facts")[0].text
    assert [each.text for each in board.all("td", class_="number best")] == ["0.3000", "0.900", "2.000", "0.000"]
    assert len(board.all("tbody", class_="references")[0].all("tr")) == 2
    assert not board.all("tbody", class_="papers")


def test_the_order_of_the_files_changes_nothing() -> None:
    runs = [GOOD, BAD, changed(BAD, run="other data", data=replace(DATA, fingerprint="9"))]
    assert len({render_html(order) for order in permutations(runs)}) == 1


def test_no_results_give_an_empty_page() -> None:
    page = parsed()
    assert page.all("h1")[0].text == "kfzoo leaderboard"
    assert not page.all("section", class_="board")


def test_script_is_small_and_orders_as_it_should() -> None:
    assert len(SCRIPT.splitlines()) < 80
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here to run the page's script with")
    stub = """
        const still = { value: "", addEventListener() {} };
        globalThis.document = { querySelectorAll: () => [], getElementById: () => still, querySelector: () => still };
    """
    values, names = ["0.5", "", "0.10", "9e-05", "1.2"], ["Zero", "aligned", "Mean"]
    ask = f"""
        const sorted = (values, sign) => [...values].sort((a, b) => order(a, b, sign));
        const values = {json.dumps(values)}, names = {json.dumps(names)};
        console.log(JSON.stringify([sorted(values, 1), sorted(values, -1), sorted(names, 1), still.textContent]));
    """
    done = subprocess.run([node, "-"], input=stub + SCRIPT + ask, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        ["9e-05", "0.10", "0.5", "1.2", ""],
        ["1.2", "0.5", "0.10", "9e-05", ""],
        ["aligned", "Mean", "Zero"],
        "0 models",
    ]
