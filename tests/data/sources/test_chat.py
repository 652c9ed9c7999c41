from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.chat_requests import number_word, read_number
from kfzoo.data.script import fingerprint
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.errors import InputError
from tests.real_data import KEYFRAMEFACE, SEMANTICFACE, needs_real_data

TEXT = """Keyframe Description Sequence:
- Keyframe One: The lips press together.
- Keyframe Two: A small smile.
  It stays: for a while.
- Keyframe 3: Nothing.

Background: A corridor.
Emotion: Relief.

Task Instruction: Generate the facial expression parameters for Keyframe One."""


def request(text: str = TEXT, target: str = "One", answer: str | None = None, **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "You animate."}]
    messages.append({"role": "user", "content": text.replace("for Keyframe One.", f"for Keyframe {target}.")})
    if answer is not None:
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages, **more}


def face(jaw: float, key: str = "Keyframe_one") -> str:
    return json.dumps({key: dict.fromkeys(CHANNELS, 0.0) | {"JawOpen": jaw}})


def write(path: Path, *lines: object, gap: str = "\n") -> Path:
    path.write_text(gap.join(json.dumps(line) for line in lines) + "\n")
    return path


def jaws(source: ChatJsonl) -> list[list[float | None]]:
    def jaw(face: Any) -> float | None:
        return None if face is None else round(float(face[INDEX["JawOpen"]]), 4)

    return [[jaw(keyframe.coefficients) for keyframe in script.keyframes] for script in source]


def test_requests_of_one_script_are_joined(tmp_path: Path) -> None:
    other = TEXT.replace("corridor", "garden")
    lines = [
        request(target="Two", answer=face(0.2, "Keyframe_two")),
        request(other, answer=face(0.5)),
        request(target="One", answer=face(0.1)),
    ]
    source = ChatJsonl(write(tmp_path / "kf.jsonl", *lines, gap="\n\n"))
    assert jaws(source) == [[0.1, 0.2, None], [0.5, None, None]]
    first, second = source
    assert [first.id, second.id] == ["kf-0001", "kf-0002"]
    assert first.recording != second.recording
    assert (first.background, first.emotion, first.subject) == ("A corridor.", "Relief.", "unspecified")
    words = ["The lips press together.", "A small smile.\n  It stays: for a while.", "Nothing."]
    assert [keyframe.original for keyframe in first.keyframes] == words
    assert [(keyframe.index, keyframe.time) for keyframe in first.keyframes] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert second.background == "A garden."


def test_the_kind_of_description_is_an_argument(tmp_path: Path) -> None:
    [script] = ChatJsonl(write(tmp_path / "kf.jsonl", request()), annotation="image")
    assert [script.keyframes[0].original, script.keyframes[0].image] == ["", "The lips press together."]
    with pytest.raises(InputError, match="annotation: is 'muscles', expected one of original, arkit, image"):
        ChatJsonl(tmp_path / "kf.jsonl", annotation="muscles")  # type: ignore[arg-type]


def test_answers_in_a_second_file_or_under_response(tmp_path: Path) -> None:
    requests = write(tmp_path / "kf.jsonl", request(), request(target="3"))
    lines = ({"response": face(0.3)}, {"response": face(0.4, "keyframe_three")})
    answers = write(tmp_path / "a.jsonl", *lines, gap="\n\n")
    assert jaws(ChatJsonl(requests, answers)) == [[0.3, None, 0.4]]
    write(tmp_path / "kf.jsonl", request(response=face(0.6)))
    assert jaws(ChatJsonl(requests)) == [[0.6, None, None]]


def test_an_image_is_a_script(tmp_path: Path) -> None:
    values = dict.fromkeys(CHANNELS, 0.0) | {"HeadYaw": -0.1, "JawOpen": 1.2}
    answer = f"1. **Category**: a smile.\n\n{json.dumps(values)}"
    lines = [
        request("<image>Analyse.", images=["img/35.jpg"], answer=answer),
        request("<image>Analyse.", images=[{"bytes": None, "path": "/abs/36.jpg"}]),
    ]
    first, second = ChatJsonl(write(tmp_path / "sf.jsonl", *lines))
    [keyframe] = first.keyframes
    assert keyframe.image_path == str(tmp_path / "img" / "35.jpg")
    assert keyframe.arkit == "1. **Category**: a smile."
    assert keyframe.coefficients is not None
    assert keyframe.coefficients[INDEX["HeadYaw"]] == np.float32(-0.1)
    assert keyframe.coefficients[INDEX["JawOpen"]] == 1
    assert (first.emotion, first.background) == ("unspecified", "")
    assert second.keyframes[0].image_path == "/abs/36.jpg"
    assert second.keyframes[0].coefficients is None


LINES = [
    ({"response": face(0)}, "holds an answer without its request; give this file as `answers`"),
    ({"text": "hi"}, "the line lacks the key 'messages'; add it"),
    ({"messages": []}, "key 'messages' is a list of 0, expected a list with at least one entry"),
    ({"messages": ["hi"]}, "key 'messages[0]' is \"hi\", expected a JSON object"),
    ({"messages": [{"role": "tool", "content": ""}]}, "key 'messages[0].role' is \"tool\", "
     "expected system, user or assistant"),
    ({"messages": [{"role": "user", "content": [1]}]}, "key 'messages[0].content' is a list of 1, expected a text"),
    ({"messages": [{"role": "system", "content": ""}]}, "key 'messages' holds 0 user and 0 assistant messages, "
     "expected one question and at most one answer"),
    (request(images=["a", "b"]), "key 'images' holds 2 images, expected one"),
    (request(images=[7]), "key 'images[0]' is 7, expected a text"),
    (request(images=[{"bytes": "AA=="}]), "key 'images[0]' lacks the key 'path'; add it"),
    (request(images="a.png"), "key 'images' is \"a.png\", expected a list with at least one entry"),
    (request("Hello."), "the request lacks 'Keyframe Description Sequence: …'; "
     "expected a request of KeyframeFace, or one with an image under 'images'"),
    (request(TEXT.replace("Emotion: Relief.", "")), "the request lacks 'Emotion: …'; "
     "expected a request of KeyframeFace, or one with an image under 'images'"),
    (request(TEXT + "\nEmotion: Joy."), "the request holds 'Emotion:' twice; start one line with it"),
    (request(TEXT.replace("Keyframe 3", "Keyframe Four")), "found 'Keyframe Four', expected 'Keyframe Three'; "
     "number them in order"),
    (request(target="Four"), "asks for Keyframe Four, but describes 3; expected lines such as '- Keyframe One: …'"),
    (request(target="Zero"), "the task instruction names no keyframe; expected '… for Keyframe One.' at its end"),
    (request(answer="{}"), "the answer is not valid: holds no coefficients, "
     "expected a JSON object with the 61 channels; correct the answer or take it out"),
    (request(answer=face(0).replace('"JawOpen": 0, ', "")), "the answer is not valid: channel 'JawOpen' missing; "
     "correct the answer or take it out"),
    (request(answer=face(0, "Keyframe_two")), "answers 'Keyframe_two', but {}:2 asks for Keyframe One; "
     "put answers and requests into one order"),
    (request(TEXT.replace("corridor", "park")), "asks for Keyframe One of the same script as {}:1; "
     "keep one of the two lines"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), LINES)
def test_faults_name_the_line(tmp_path: Path, line: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "kf.jsonl", request(TEXT.replace("corridor", "park")), line)
    with pytest.raises(InputError) as error:
        list(ChatJsonl(path))
    assert str(error.value) == f"{path}:2: {message.replace('{}', str(path))}"


def faults_of_answers(tmp_path: Path, *answers: object) -> str:
    requests = write(tmp_path / "kf.jsonl", request(), request(target="Two"))
    with pytest.raises(InputError) as error:
        list(ChatJsonl(requests, write(tmp_path / "a.jsonl", *answers)))
    return str(error.value).replace(str(tmp_path) + "/", "")


def test_answers_must_belong_to_the_requests(tmp_path: Path) -> None:
    one, two = face(0), face(0, "Keyframe_two")
    assert faults_of_answers(tmp_path, {"response": one}) == (
        "a.jsonl: holds 1 answers, and kf.jsonl:2 is one request more; give one answer for each request"
    )
    assert faults_of_answers(tmp_path, {"response": one}, {"response": two}, {"response": one}) == (
        "a.jsonl:3: there is no request for it in kf.jsonl; give one answer for each request"
    )
    assert faults_of_answers(tmp_path, {"response": two}, {"response": one}) == (
        "a.jsonl:1: answers 'Keyframe_two', but kf.jsonl:1 asks for Keyframe One; "
        "put answers and requests into one order"
    )
    assert faults_of_answers(tmp_path, {"answer": one}) == "a.jsonl:1: the line lacks the key 'response'; add it"
    assert faults_of_answers(tmp_path, request(target="Two", answer=two)) == (
        "a.jsonl:1: answers another request than kf.jsonl:1; put both files into one order"
    )
    assert faults_of_answers(tmp_path, request()) == (
        "a.jsonl:1: holds no answer; expected the key 'response' or an assistant message"
    )


def test_an_answer_given_twice(tmp_path: Path) -> None:
    requests = write(tmp_path / "kf.jsonl", request(answer=face(0)))
    with pytest.raises(InputError, match=r"a\.jsonl:1: .*kf\.jsonl:1 holds an answer already"):
        list(ChatJsonl(requests, write(tmp_path / "a.jsonl", {"response": face(0)})))


def test_missing_files_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ChatJsonl(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="does not exist"):
        ChatJsonl(write(tmp_path / "kf.jsonl", request()), tmp_path / "none.jsonl")


@given(st.integers(1, 9999))
def test_number_words_are_read_back(number: int) -> None:
    assert read_number(number_word(number)) == read_number(str(number)) == number
    assert read_number(number_word(number).upper().replace("-", " ")) == number


def test_number_words() -> None:
    words = [number_word(number) for number in (1, 12, 20, 21, 99, 100)]
    assert words == ["One", "Twelve", "Twenty", "Twenty-One", "Ninety-Nine", "100"]
    assert [read_number(word) for word in ("x", "", "0", "minus one", "one one", "²")] == [None] * 6


@needs_real_data
class TestReleased:
    def test_keyframeface(self) -> None:
        folder = KEYFRAMEFACE
        [bare] = ChatJsonl(folder / "example.jsonl")
        assert [keyframe.coefficients for keyframe in bare.keyframes] == [None, None]
        [script] = ChatJsonl(folder / "example.jsonl", folder / "example_result.jsonl")
        assert script.emotion == "Anxiety concealed by a restrained smile."
        # The release holds the same faces as CSV: an independent reading of them.
        path = folder / "example_result.csv"
        table = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(2, 63), dtype=np.float32)
        np.testing.assert_array_equal([keyframe.coefficients for keyframe in script.keyframes], table)
        assert script.keyframes[1].original.startswith("The gaze rises")

    def test_semanticface(self) -> None:
        folder = SEMANTICFACE
        scripts = list(ChatJsonl(folder / "example.jsonl", folder / "example_result.jsonl"))
        assert [script.keyframes[0].coefficients is not None for script in scripts] == [True] * 4 + [False] * 4
        assert [Path(script.keyframes[0].image_path or "").name for script in scripts[::7]] == ["35.jpg", "491.jpg"]
        analysis = scripts[0].keyframes[0].arkit
        assert analysis.startswith("1. **Facial Expression Category**: A combination of a genuine smile")
        assert analysis.endswith("more pronounced on the right side).")
        # The answers' file holds its requests: read alone it gives the same faces.
        alone = list(ChatJsonl(folder / "example_result.jsonl"))
        faces = [[script.keyframes[0].coefficients for script in some] for some in (scripts[:4], alone)]
        np.testing.assert_array_equal(faces[0], faces[1])
        assert fingerprint(scripts) == fingerprint(ChatJsonl(folder / "example.jsonl", folder / "example_result.jsonl"))


def test_images_are_looked_for_in_a_folder(tmp_path: Path) -> None:
    for name in ("s1/001.jpg", "s2/001.jpg", "flat.jpg"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).touch()
    names = ("/far/s2/001.jpg", "../s1/001.jpg", "x/y/flat.jpg")
    path = write(tmp_path / "sf.jsonl", *[request("<image>Analyse.", images=[name]) for name in names])
    found = [script.keyframes[0].image_path for script in ChatJsonl(path, images=tmp_path / "mine")]
    assert found == [str(tmp_path / "mine" / name) for name in ("s2/001.jpg", "s1/001.jpg", "flat.jpg")]
    write(path, *[request("<image>Analyse.", images=[f"{folder}/flat.jpg"]) for folder in "ab"])
    with pytest.raises(InputError, match=rf"{path}:2: 'b/flat.jpg' and 'a/flat.jpg' are both found as .*mine/flat.jpg"):
        list(ChatJsonl(path, images=tmp_path / "mine"))
    write(path, request("<image>Analyse.", images=["none.jpg"]))
    with pytest.raises(InputError, match=rf"{path}:1: there is no 'none.jpg', nor an end of it, in .*mine"):
        list(ChatJsonl(path, images=tmp_path / "mine"))
    with pytest.raises(InputError, match="is no folder"):
        ChatJsonl(path, images=tmp_path / "none")


def test_answers_to_images_of_other_folders_are_refused(tmp_path: Path) -> None:
    asked = write(tmp_path / "q.jsonl", *[request("<image>A.", images=[f"{name}/1.jpg"]) for name in ("s1", "s2")])
    answers = [request("<image>A.", images=[f"/far/{name}/1.jpg"]) | {"response": face(0)} for name in ("s1", "s2")]
    assert len(list(ChatJsonl(asked, write(tmp_path / "a.jsonl", *answers)))) == 2
    with pytest.raises(InputError, match=r"a\.jsonl:1: answers another request than .*q\.jsonl:1"):
        list(ChatJsonl(asked, write(tmp_path / "a.jsonl", *reversed(answers))))


def test_a_response_that_differs_from_the_label_is_taken_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = request(answer=face(0))
    path = write(tmp_path / "kf.jsonl", line | {"response": face(0).replace('"JawOpen": 0', '"JawOpen": 0.5')})
    source = ChatJsonl(path)
    for _ in range(2):
        [script] = source
        coefficients = script.keyframes[0].coefficients
        assert coefficients is not None
        assert coefficients[INDEX["JawOpen"]] == 0.5
    assert [each.message for each in caplog.records] == [
        f"{path}: responses that differ from the assistant's message, and are taken: 1"
    ]
