from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfzoo.data.chat_messages import read_conversation
from kfzoo.data.json_array import is_array
from kfzoo.data.json_lines import read_lines
from kfzoo.errors import InputError

SYSTEM = {"role": "system", "content": "You animate."}
ASK, ANSWER = {"role": "user", "content": "Ask."}, {"role": "assistant", "content": "Answer."}
PARTS = {
    "role": "user",
    "content": [
        {"type": "image_url", "image_url": {"url": "file:///a/my%20face.png"}},
        {"type": "text", "text": "Ask."},
    ],
}

SPELLINGS: dict[str, tuple[dict[str, Any], str | None]] = {
    "messages": ({"messages": [SYSTEM, ASK, ANSWER]}, None),
    "parts": ({"messages": [PARTS, {"role": "assistant", "content": [{"type": "text", "text": "Answer."}]}]},
              "/a/my face.png"),
    "part with a path": ({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Ask."}, {"type": "image", "image": "a.png"}]}, ANSWER]}, "a.png"),
    "an image twice": ({"messages": [PARTS, ANSWER], "images": ["/a/my face.png"]}, "/a/my face.png"),
    "ShareGPT": ({"conversations": [{"from": "human", "value": "Ask."}, {"from": "gpt", "value": "Answer."}],
                  "image": "a.png"}, "a.png"),
    "query": ({"system": "You animate.", "query": "Ask.", "response": "Answer.", "history": []}, None),
    "Alpaca": ({"instruction": "Ask.", "input": "", "output": "Answer."}, None),
    "loss": ({"messages": [ASK, ANSWER | {"loss": True, "loss_scale": 0.5}], "rejected_response": "x"}, None),
    "response": ({"messages": [ASK], "response": "Answer.", "labels": "x"}, None),
    "response repeated": ({"messages": [ASK, ANSWER], "response": "Answer.\n"}, None),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_read(spelling: str) -> None:
    line, image = SPELLINGS[spelling]
    found = read_conversation("f:1", line)
    assert found.question == "Ask."
    assert found.answer is not None
    assert found.answer.strip() == "Answer."
    assert found.label is None
    assert found.image == image


def test_a_response_goes_before_the_label() -> None:
    found = read_conversation("f:1", {"messages": [ASK, ANSWER], "response": "Another."})
    assert (found.answer, found.label) == ("Another.", "Answer.")


FAULTS = [
    ({"messages": [ASK, ANSWER, ASK, ANSWER]}, "key 'messages' holds 2 user and 2 assistant messages in several turns, "
     "expected one question and at most one answer"),
    ({"conversations": [{"from": "human", "value": "A"}] * 2}, "key 'conversations' holds 2 user"),
    ({"query": "Ask.", "history": [["a", "b"]]}, "key 'history' is a list of 1, expected no earlier turns"),
    ({"messages": [{"role": "user", "content": [{"type": "audio", "audio": "a.wav"}]}]},
     "key 'messages[0].content[0].type' is \"audio\", expected text or image_url"),
    ({"query": "Ask.", "images": ["https://example.org/a.png"]}, "expected the path of a file; save the "
     "image as a file"),
    ({"query": "Ask.", "images": ["data:image/png;base64,AAAA"]}, "expected the path of a file; save the "
     "image as a file"),
    ({"query": "Ask.", "images": [" "]}, "expected the path of an image"),
    ({"query": "Ask.", "images": ["a.png", "b.png"]}, "key 'images' holds 2 images, expected one"),
    ({"query": 1}, "key 'query' is 1, expected a text"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_faults_name_the_key(line: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read_conversation("f:1", line)
    assert str(error.value).startswith("f:1: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


LINES: list[dict[str, Any]] = [{"query": "a"}, {"query": "b", "n": [1, {"c": "]"}]}]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (json.dumps(LINES, indent=1), [2, 5]),
        (json.dumps(LINES), [1, 1]),
        ("\ufeff" + json.dumps(LINES, indent=2), [2, 5]),
        ("\n".join(map(json.dumps, LINES)), [1, 2]),
    ],
)
def test_an_array_is_read_as_lines(text: str, numbers: list[int], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    found = list(read_lines(path))
    assert [values for _, values in found] == LINES
    assert [where for where, _ in found] == [f"{path}:{number}" for number in numbers]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(LINES, indent=1)[:-9], ":5: the array's entry is cut off or no JSON"),
        (json.dumps(LINES, indent=1)[:-2], ":5: the array breaks off after this entry; the file's end is lost"),
        (json.dumps(LINES, indent=1) + "\n{}", "there is more after the array's end"),
        ('[\n{"query": ' + "[" * 100_000, ":2: the array's entry is cut off or no JSON (nested too deeply)"),
        ('[\n{"query": "a", "query": "b"}\n]', ":2: is not JSON (key 'query' occurs twice)"),
    ],
)
def test_a_broken_array_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        list(read_lines(path))
    assert message in str(error.value)


def test_lines_that_are_lists_are_no_array(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for lines in (['[{"name": "JawOpen", "value": 1}]'], ['[{"id": 1}]', '[{"id": 2}]'], ["[0.1, 0.2]"] * 2):
        path.write_text("\n".join(lines))
        assert not is_array(path)
