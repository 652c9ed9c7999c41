"""Drafts: their schema, their faults, their times, and the file that a script becomes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.annotation.script_draft import Draft, DraftKeyframe, check_draft, draft_schema
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.errors import InputError
from kfzoo.language_models.backend import read_json


def values(**changes: Any) -> dict[str, Any]:
    found = [{"time": None, "description": "A smile."}, {"time": 2, "description": "A frown."}]
    return {"background": "A hall.", "emotion": "Joy", "keyframes": found} | changes


def test_the_schema_is_strict_as_servers_want_it() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node] if isinstance(node, dict) and node.get("type") == "object" else []
        return own + [found for each in inner for found in objects(each)]

    found = objects(draft_schema(4))
    assert len(found) == 2
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
    assert draft_schema(4)["properties"]["keyframes"]["maxItems"] == 4
    json.dumps(draft_schema(4))


def test_a_draft_keeps_its_values() -> None:
    draft = check_draft("answer", values())
    assert draft == Draft("A hall.", "Joy", (DraftKeyframe(None, "A smile."), DraftKeyframe(2.0, "A frown.")))
    assert draft.values() == values()
    assert read_json("answer", f"```json\n{json.dumps(values())}\n```") == values()
    assert check_draft("answer", values(background=" A\n  hall. ")).background == "A hall."


KEY = "answer: key 'script"
RISE = "times are seconds from the start, and rise"


def keyframes(*times: object) -> dict[str, Any]:
    return values(keyframes=[{"time": time, "description": "x"} for time in times])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([], f"{KEY}' is a list of 0, expected a JSON object"),
        ({"background": "x"}, f"{KEY}' lacks the key 'emotion'; add it"),
        (values(emotions="x"), f"{KEY}.emotions' is unknown; did you mean 'emotion'?"),
        (values(background=3), f"{KEY}.background' is 3, expected a text"),
        (values(emotion=" \n"), f"{KEY}.emotion' is blank; write 'unspecified'"),
        (keyframes(), f"{KEY}.keyframes' is a list of 0, expected a list with at least one entry"),
        (values(keyframes=["x"]), f'{KEY}.keyframes[0]\' is "x", expected a JSON object'),
        (values(keyframes=[{"description": "x"}]), f"{KEY}.keyframes[0]' lacks the key 'time'; add it"),
        (keyframes("2 s"), f'{KEY}.keyframes[0].time\' is "2 s", expected a finite number'),
        (keyframes(-1), f"{KEY}.keyframes[0].time' is -1, expected 0 or more; {RISE}"),
        (keyframes(1, 1.00001), f"{KEY}.keyframes[1].time' is 1, expected more than 1; {RISE}"),
        (keyframes(None, None, None), f"{KEY}.keyframes' is a list of 3, expected at most 2; keep the strongest"),
    ],
)
def test_a_fault_names_its_key(found: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_draft("answer", found, 2)
    assert str(caught.value) == message


def test_times_of_an_answer_that_do_not_rise_become_open() -> None:
    draft = check_draft("answer", keyframes(-1, 2, 2.0, 1, None, 3), mend_times=True)
    assert [each.time for each in draft.keyframes] == [None, 2, None, None, None, 3]


@pytest.mark.parametrize("text", ["", "Sure! Here it is", '{"background": "x"', "[" * 100_000])
def test_an_answer_that_is_not_json(text: str) -> None:
    with pytest.raises(InputError, match="answer: is not JSON"):
        read_json("answer", text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([None, None], [1.5, 3.0]),
        ([0, None], [0.0, 1.5]),
        ([None, None, 6], [2.0, 4.0, 6.0]),
        ([1, None, None, 4, None], [1.0, 2.0, 3.0, 4.0, 5.5]),
    ],
)
def test_open_times_are_interpolated(given: list[float | None], expected: list[float]) -> None:
    assert Draft("", "", tuple(DraftKeyframe(time, "x") for time in given)).times(1.5) == pytest.approx(expected)


words = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    background=words,
    emotion=words,
    entries=st.lists(st.tuples(st.none() | st.floats(0, 100), words), min_size=1, max_size=5),
    seconds=st.floats(0.01, 10),
)
def test_a_checked_draft_is_read_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory,
    background: str,
    emotion: str,
    entries: list[tuple[float | None, str]],
    seconds: float,
) -> None:
    found = [{"time": time, "description": text} for time, text in entries]
    try:
        draft = check_draft("x", values(background=background, emotion=emotion, keyframes=found))
    except InputError:
        return
    path: Path = tmp_path_factory.mktemp("draft") / "mine.jsonl"
    write_scripts(path, [draft.script("mine", seconds)])
    (script,) = ScriptsJsonl(path)
    assert (script.id, script.background, script.emotion) == ("mine", draft.background, draft.emotion)
    assert [keyframe.original for keyframe in script.keyframes] == [drafted.description for drafted in draft.keyframes]
    times = [keyframe.time for keyframe in script.keyframes]
    assert times == sorted(times)
    for keyframe, drafted in zip(script.keyframes, draft.keyframes, strict=True):
        assert drafted.time is None or keyframe.time == drafted.time
