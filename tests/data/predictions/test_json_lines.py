from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.read import in_order_of_requests, read_predictions
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.errors import InputError
from tests.data.predictions.expected import (
    FACES,
    answers,
    assert_all,
    faults,
    read,
    request,
    rows,
    samples,
    write,
)


def test_our_own_lines_in_any_order(tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", *reversed(rows()))
    assert_all(found)
    assert found.matched == {"id": 4}
    assert found.left_out == 0


@pytest.mark.parametrize("shape", ["list", "script and index", "other spellings", "answer under response"])
def test_lines_with_an_id_in_other_shapes(shape: str, tmp_path: Path) -> None:
    lines = []
    for row, sample in zip(rows(), samples(), strict=True):
        values = row["coefficients"]
        if shape == "list":
            row["coefficients"] = list(values.values())
        elif shape == "script and index":
            row = {"script": sample.script.id, "index": sample.keyframe.index, "coefficients": values}
        elif shape == "other spellings":
            row["coefficients"] = {name[0].lower() + name[1:]: value for name, value in reversed(values.items())}
        else:
            row = {"id": row["id"], "response": json.dumps(values)}
        lines.append(row)
    assert_all(read(tmp_path / "p.jsonl", *lines))


@pytest.mark.parametrize("shape", ["labelled", "prose and object", "analysis and arkit", "vector", "numbers"])
def test_released_answers_in_the_order_of_the_requests(shape: str, tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", *({"response": answer} for answer in answers(shape)))
    assert_all(found)
    assert found.matched == {"order": 4}


@pytest.mark.parametrize("shape", ["labelled", "analysis and arkit", "vector", "text"])
def test_bare_answers_one_a_line(shape: str, tmp_path: Path) -> None:
    """A line may be the answer itself, or its text."""
    lines = [json.dumps(answer) for answer in answers("prose and object")] if shape == "text" else answers(shape)
    assert_all(read(tmp_path / "p.jsonl", *lines))


def test_lines_that_repeat_their_request_are_matched_by_it(tmp_path: Path) -> None:
    pairs = zip(samples(), answers("labelled"), strict=True)
    lines = [request(sample) | {"response": answer} for sample, answer in pairs]
    found = read(tmp_path / "p.jsonl", *reversed(lines))
    assert_all(found)
    assert found.matched == {"request": 4}
    stranger = request(samples("c/000")[0]) | {"response": answers("labelled")[0]}
    found = read(tmp_path / "p.jsonl", *lines, stranger)
    assert faults(found, tmp_path / "p.jsonl") == ["p.jsonl:5: answers a request that the data does not hold"]


def test_requests_give_the_order_that_answers_are_expected_in(tmp_path: Path) -> None:
    first, second, third, _ = samples()
    path = write(tmp_path / "requests.jsonl", request(third), request(second))
    found = [Sample(script, position, "original") for script in ChatJsonl(path) for position in (0, 1)]
    assert [each.description for each in in_order_of_requests(path, found)] == ["b/000 0", "a/000 1"]
    assert [each.id for each in in_order_of_requests(path, [first, second, third])] == ["b/000#0", "a/000#1"]


def damaged(**values: Any) -> dict[str, Any]:
    return rows()[1] | values


def of(**channels: Any) -> dict[str, Any]:
    return damaged(coefficients=rows()[1]["coefficients"] | channels)


LACKING = {name: value for name, value in rows()[1]["coefficients"].items() if name not in ("JawOpen", "TongueOut")}
FAULTS: dict[str, tuple[object, str]] = {
    "no JSON": ("{'id': 1}", "is no JSON (Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1))"),
    "unknown id": (damaged(id="a/000#7"), "id 'a/000#7' is none of the 4 keyframes that were asked for; "
                   "did you mean 'a/000#1'?"),
    "id of another kind": (damaged(id=7), "key 'id' is 7, expected a text"),
    "repeated id": (damaged(id="a/000#0"), "answers 'a/000#0', as p.jsonl:1 does already; the first counts"),
    "NaN": (of(JawOpen=float("nan")), "the answer to 'a/000#1' is not valid: channel 'JawOpen' is NaN, "
            "expected a finite number"),
    "infinity": (of(JawOpen=float("inf")), "the answer to 'a/000#1' is not valid: channel 'JawOpen' is Infinity, "
                 "expected a finite number"),
    "text": (of(JawOpen="much"), "the answer to 'a/000#1' is not valid: channel 'JawOpen' is \"much\", "
             "expected a finite number"),
    "missing": (damaged(coefficients=LACKING), "the answer to 'a/000#1' is not valid: "
                "channels 'JawOpen', 'TongueOut' missing"),
    "unknown channel": (of(JawOpn=0), "the answer to 'a/000#1' is not valid: channel 'JawOpn': is none of the 61 ARKit "
                        "channels; did you mean 'JawOpen'?"),
    "twice": (of(jaw_open=0), "the answer to 'a/000#1' is not valid: channel 'JawOpen' occurs twice"),
    "twice in one spelling": (json.dumps(of(X=0)).replace('"X"', '"JawOpen"'),
                              "the answer to 'a/000#1' is not valid: channel 'JawOpen' occurs twice"),
    "many": (damaged(coefficients=dict.fromkeys(CHANNELS)), "the answer to 'a/000#1' is not valid: "
             + "".join(f"channel '{name}' is null, expected a finite number; " for name in CHANNELS[:3])
             + "and 58 more"),
    "60 values": (damaged(coefficients=[0] * 60), "the answer to 'a/000#1' is not valid: 60 values, expected 61"),
    "no coefficients": (damaged(coefficients=None), "key 'coefficients' is null, expected 61 values by name or in "
                        "a list"),
    "nothing": ({"id": "a/000#1"}, "the line lacks the key 'coefficients'; add it"),
    "valid is no ground truth value": (damaged(valid=1), "key 'valid' is 1, expected true or false"),
    "key twice": ('{"id": "a/000#1", "id": "a/000#0"}', "key 'id' occurs twice"),
    "an answer without a face": ({"id": "a/000#1", "response": "I cannot."}, "the answer to 'a/000#1' is not valid: "
                                 "holds no coefficients, expected a JSON object with the 61 channels"),
    "a request without an answer": (request(samples()[1]), "holds no answer; "
                                    "expected the key 'response' or an assistant message"),
    "something else": ({"text": "hi"}, "the answer to 'a/000#1' is not valid: holds no coefficients, "
                       "expected a JSON object with the 61 channels"),
}  # fmt: skip
UNKNOWN = ("no JSON", "unknown id", "id of another kind", "repeated id", "key twice")
"""Faults after which it is not known which keyframe the line was to answer."""


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_one_line_with_its_number(kind: str, tmp_path: Path) -> None:
    line, problem = FAULTS[kind]
    own = rows()
    found = read(tmp_path / "p.jsonl", own[0], "", line, *own[2:])
    silent = ["p.jsonl: has no answer to 1 of the 4 keyframes: 'a/000#1'"] if kind in UNKNOWN else []
    assert faults(found, tmp_path / "p.jsonl") == [f"p.jsonl:3: {problem}", *silent]
    assert found.valid.tolist() == [True, False, True, True]
    np.testing.assert_allclose(found.coefficients[found.valid], FACES[[0, 2, 3]], atol=1e-7)
    assert np.isnan(found.coefficients[1]).all()


def test_a_truncated_file(tmp_path: Path) -> None:
    lines = "\n".join(map(json.dumps, rows()))
    found = read(tmp_path / "p.jsonl", lines[:-50], end="")
    first, second = faults(found, tmp_path / "p.jsonl")
    assert first.startswith("p.jsonl:4: is cut off or no JSON (")
    assert second == "p.jsonl: has no answer to 1 of the 4 keyframes: 'b/000#1'"
    assert found.answered == 3


def test_an_answer_marked_as_not_valid_is_no_fault(tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", rows()[0] | {"valid": False, "coefficients": None}, *rows()[1:])
    assert found.faults == ()
    assert found.valid.tolist() == [False, True, True, True]


def test_a_lost_line_shows_in_the_labels(tmp_path: Path) -> None:
    lines = [{"response": answer} for answer in answers("labelled")]
    found = read(tmp_path / "p.jsonl", lines[0], *lines[2:])
    assert faults(found, tmp_path / "p.jsonl") == [
        "p.jsonl:2: answers 'Keyframe_one', but Keyframe Two of 'a/000' was asked for here; is a line missing?",
        "p.jsonl:3: answers 'Keyframe_two', but Keyframe One of 'b/000' was asked for here; is a line missing?",
        "p.jsonl: has no answer to 1 of the 4 keyframes: 'b/000#1'",
    ]
    assert found.valid.tolist() == [True, False, False, False]


def test_more_answers_than_requests_and_fewer(tmp_path: Path) -> None:
    lines = [{"response": answer} for answer in answers("vector")]
    found = read(tmp_path / "p.jsonl", *lines, *lines)
    assert faults(found, tmp_path / "p.jsonl") == [
        "p.jsonl:5: is one answer more than the 4 keyframes that were asked for, and 3 more follow"
    ]
    assert found.valid.all()
    found = read(tmp_path / "p.jsonl", lines[0])
    assert faults(found, tmp_path / "p.jsonl") == [
        "p.jsonl: has no answer to 3 of the 4 keyframes: 'a/000#1', 'b/000#0', 'b/000#1'"
    ]


def test_a_broken_line_keeps_its_place(tmp_path: Path) -> None:
    lines = [{"response": answer} for answer in answers("vector")]
    found = read(tmp_path / "p.jsonl", lines[0], "{", *lines[2:])
    assert found.valid.tolist() == [True, False, True, True]
    np.testing.assert_allclose(found.coefficients[2:], FACES[2:], atol=1e-7)


def test_answers_to_other_parts_are_left_out(tmp_path: Path) -> None:
    other = rows()[0] | {"id": "c/000#0"}
    path = write(tmp_path / "p.jsonl", *rows(), other)
    found = read_predictions(path, samples(), {"c/000#0"})
    assert_all(found)
    assert found.left_out == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([rows()[0] | {"id": "x"}], "not one answer fits the 4 keyframes that were asked for (p.jsonl:1: id 'x' is"),
        (["no", "yes"], "not one answer fits the 4 keyframes that were asked for (p.jsonl:1: is no JSON"),
        ([{"a": 1}], "not one answer fits the 4 keyframes that were asked for (p.jsonl:1: the answer to"),
        (
            [rows()[0] | {"id": "c/000#0"}],
            "not one answer fits the 4 keyframes that were asked for, 1 are other parts'",
        ),
        ([], "is empty, expected one prediction a line"),
        ([" ", ""], "is empty, expected one prediction a line"),
    ],
)
def test_a_file_of_which_nothing_fits_is_refused(
    lines: list[object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("p.jsonl"), *lines)
    with pytest.raises(InputError) as error:
        read_predictions("p.jsonl", samples(), {"c/000#0"})
    assert str(error.value).startswith(f"p.jsonl: {message}")


def test_a_system_that_never_answers_in_shape_is_not_refused(tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", *[{"response": "I cannot."}] * 4)
    assert found.answered == 0
    assert len(found.faults) == 4


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", *rows(), damaged(id="\x1b[2Jx\ny"))
    assert "id ' [2Jx y' is none of the 4" in str(found.faults[0])


@given(st.lists(st.floats(-0.25, 1.25), min_size=61, max_size=61))
@settings(max_examples=25)
def test_values_a_little_outside_the_range_are_clamped(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("p") / "p.jsonl"
    found = read(path, rows()[0] | {"coefficients": values})
    expected = np.clip(np.array(values, dtype=np.float32), LOWER, UPPER)
    np.testing.assert_array_equal(found.coefficients[0], expected)
    assert found.valid[0]


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("p") / "p.jsonl"
    path.write_bytes(json.dumps(rows()[0]).encode() + b"\n" + content)
    found = read_predictions(path, samples())
    assert found.valid[0]
    assert all(fault.where.startswith(str(path)) and "\n" not in str(fault) for fault in found.faults)
