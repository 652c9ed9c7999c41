"""Drafts: their schema, their faults, their times, and the file that a script becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.annotation.script_draft import Draft, Moment, check_draft, read_draft, schema
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.errors import InputError


def values(**changes: Any) -> dict[str, Any]:
    keyframes = [{"time": None, "description": "A smile."}, {"time": 2, "description": "A frown."}]
    return {"background": "A hall.", "emotion": "Joy", "keyframes": keyframes} | changes


def test_the_schema_is_strict_as_servers_want_it() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node] if isinstance(node, dict) and node.get("type") == "object" else []
        return own + [found for each in inner for found in objects(each)]

    found = objects(schema(4))
    assert len(found) == 2
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
    assert schema(4)["properties"]["keyframes"]["maxItems"] == 4
    json.dumps(schema(4))


def test_a_draft_keeps_its_values() -> None:
    draft = check_draft("answer", values())
    assert draft == Draft("A hall.", "Joy", (Moment(None, "A smile."), Moment(2.0, "A frown.")))
    assert draft.values() == values()
    assert read_draft("answer", f"```json\n{json.dumps(values())}\n```", 2) == draft
    assert check_draft("answer", values(background=" A\n  hall. ")).background == "A hall."


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], "answer: key 'script' is a list of 0, expected a JSON object"),
        ({"background": "x"}, "answer: key 'script' lacks the key 'emotion'; add it"),
        (values(emotions="x"), "answer: key 'script.emotions' is unknown; did you mean 'emotion'?"),
        (values(background=3), "answer: key 'script.background' is 3, expected a text"),
        (values(emotion=" \n"), "answer: key 'script.emotion' is blank; write 'unspecified'"),
        (
            values(keyframes=[]),
            "answer: key 'script.keyframes' is a list of 0, expected a list with at least one entry",
        ),
        (values(keyframes=["x"]), "answer: key 'script.keyframes[0]' is \"x\", expected a JSON object"),
        (
            values(keyframes=[{"description": "x"}]),
            "answer: key 'script.keyframes[0]' lacks the key 'time'; add it",
        ),
        (
            values(keyframes=[{"time": "2 s", "description": "x"}]),
            "answer: key 'script.keyframes[0].time' is \"2 s\", expected a finite number",
        ),
        (
            values(keyframes=[{"time": -1, "description": "x"}]),
            "answer: key 'script.keyframes[0].time' is -1, expected 0 or more; "
            "times are seconds from the start, and rise",
        ),
        (
            values(keyframes=[{"time": time, "description": "x"} for time in (1, 1.00001)]),
            "answer: key 'script.keyframes[1].time' is 1, expected more than 1; "
            "times are seconds from the start, and rise",
        ),
        (
            values(keyframes=3 * [{"time": None, "description": "x"}]),
            "answer: key 'script.keyframes' is a list of 3, expected at most 2; keep the strongest",
        ),
    ],
)
def test_faults_are_told_with_their_key(found: Any, message: str) -> None:
    with pytest.raises(InputError) as told:
        check_draft("answer", found, 2)
    assert str(told.value) == message


@pytest.mark.parametrize("text", ["", "Sure! Here it is", '{"background": "x"', "[" * 100_000])
def test_what_is_no_json_is_told(text: str) -> None:
    with pytest.raises(InputError, match="answer: is not JSON"):
        read_draft("answer", text, 5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([None, None], [1.5, 3.0]),
        ([0, None], [0.0, 1.5]),
        ([None, None, 6], [2.0, 4.0, 6.0]),
        ([1, None, None, 4, None], [1.0, 2.0, 3.0, 4.0, 5.5]),
    ],
)
def test_open_times_are_worked_out(given: list[float | None], expected: list[float]) -> None:
    assert Draft("", "", tuple(Moment(time, "x") for time in given)).times(1.5) == pytest.approx(expected)


words = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    background=words,
    emotion=words,
    keyframes=st.lists(st.tuples(st.none() | st.floats(0, 100), words), min_size=1, max_size=5),
    seconds=st.floats(0.01, 10),
)
def test_whatever_passes_the_check_is_read_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory,
    background: str,
    emotion: str,
    keyframes: list[tuple[float | None, str]],
    seconds: float,
) -> None:
    found = [{"time": time, "description": text} for time, text in keyframes]
    try:
        draft = check_draft("x", values(background=background, emotion=emotion, keyframes=found))
    except InputError:
        return
    path: Path = tmp_path_factory.mktemp("draft") / "mine.jsonl"
    write_scripts(path, [draft.script("mine", seconds)])
    (script,) = ScriptsJsonl(path)
    assert (script.id, script.background, script.emotion) == ("mine", draft.background, draft.emotion)
    assert [keyframe.original for keyframe in script.keyframes] == [moment.description for moment in draft.moments]
    times = [keyframe.time for keyframe in script.keyframes]
    assert times == sorted(times)
    for keyframe, moment in zip(script.keyframes, draft.moments, strict=True):
        assert moment.time is None or keyframe.time == moment.time
