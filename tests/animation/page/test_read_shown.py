"""Files of every kind as takes of a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.page.read_shown import read_shown, with_different_titles
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.script import Keyframe, Script
from kfzoo.data.sources.jsonl import write_scripts
from kfzoo.errors import InputError

FACES = np.random.default_rng(0).random((3, 61)).round(3).astype(np.float32)


def script(name: str, faces: np.ndarray | None = FACES) -> Script:
    keyframes = [
        Keyframe(at, 1.0 + at, original=f"words {at}", coefficients=None if faces is None else faces[at])
        for at in range(3)
    ]
    return Script(name, "anna", "", "", tuple(keyframes))


def test_keyframes_with_words_move_as_when_they_were_written(tmp_path: Path) -> None:
    animation = FaceAnimation.of_keyframes([0, 1, 2.5], FACES, texts=["a", "b", ""], fps=30)
    record, table = export(animation, tmp_path / "clip", "json,csv")
    (shown,) = read_shown(record)
    assert (shown.title, shown.fps, [mark.words for mark in shown.marks]) == ("clip", 30, ["a", "b", ""])
    np.testing.assert_allclose(shown.coefficients, animation.curves, atol=1e-4)
    (recorded,) = read_shown(table)
    assert recorded.fps == pytest.approx(30, rel=1e-3)
    np.testing.assert_allclose(recorded.coefficients, animation.curves, atol=1e-6)
    (eager,) = read_shown(record, hold=0, ease=0)
    assert eager.seconds[-1] == 2.5


def test_the_frames_of_a_clip_are_taken_as_they_are(tmp_path: Path) -> None:
    motion = np.random.default_rng(1).random((30, 61)).astype(np.float32)
    (record,) = export(FaceAnimation.of_motion(motion, 20, text="The jaw opens."), tmp_path / "clip", "json")
    (shown,) = read_shown(record)
    assert (round(shown.fps, 6), shown.text, list(shown.marks)) == (20, "The jaw opens.", [])
    np.testing.assert_allclose(shown.coefficients, motion, atol=5.1e-5)


def test_each_script_of_a_file_is_a_take(tmp_path: Path) -> None:
    write_scripts(tmp_path / "one.jsonl", [script("x")])
    write_scripts(tmp_path / "two.jsonl", [script("x"), script("y")])
    (one,), two = read_shown(tmp_path / "one.jsonl"), read_shown(tmp_path / "two.jsonl")
    assert (one.title, [each.title for each in two]) == ("one", ["x", "y"])
    assert [mark.words for mark in one.marks] == ["words 0", "words 1", "words 2"]
    for mark, target in zip(one.marks, FACES, strict=True):
        np.testing.assert_allclose(one.coefficients[round(mark.seconds * one.fps)], target, atol=1e-4)


def test_titles_tell_takes_apart(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "face.csv" for folder in ("a", "b", "b")] + [tmp_path / "other.csv"]
    for path in set(paths):
        export(FaceAnimation.of_keyframes([1], FACES[:1]), path.with_suffix(""), "csv")
    shown = with_different_titles([(path, read_shown(path)[0]) for path in paths])
    assert [each.title for each in shown] == ["a/face", "b/face (1)", "b/face (2)", "other"]


def changed(change: Callable[[dict[str, object]], object]) -> str:
    keyframe = {"time": 1, "text": "a", "coefficients": dict.fromkeys(CHANNELS, 0)}
    document: dict[str, object] = {
        "format": "kfzoo-keyframes-1",
        "fps": 60,
        "keyframes": [keyframe, {**keyframe, "time": 2}],
    }
    change(document)
    return json.dumps(document)


def keyframes(document: dict[str, object]) -> list[dict[str, object]]:
    found = document["keyframes"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(lambda it: it.update(keyframes=[])), "key 'keyframes' is a list of 0, expected a list with at least"),
        (changed(lambda it: it.pop("fps")), "the line lacks the key 'fps'"),
        (changed(lambda it: it.update(fps=0)), "fps: expected above 0, got 0"),
        (changed(lambda it: keyframes(it)[1].pop("coefficients")), "key 'keyframes[1]' lacks the key 'coefficients'"),
        (
            changed(lambda it: keyframes(it)[1].update(coefficients={"JawOpen": 1})),
            "'keyframes[1].coefficients' is wrong",
        ),
        (changed(lambda it: keyframes(it)[0].update(coefficients=[1])), "is no object; expected 61 values by name"),
        (changed(lambda it: keyframes(it)[1].update(time=1)), "must rise, but 1 s follows 1 s"),
        (changed(lambda it: keyframes(it)[1].update(text=5)), "'keyframes[1].text' is 5, expected a text"),
        (changed(lambda it: None)[:-9], "is not JSON"),
        ("no numbers here", "column 'Timecode' and 61 more is missing"),
    ],
)
def test_wrong_keyframes_are_refused_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_shown(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scripts_without_coefficients_are_refused(tmp_path: Path) -> None:
    write_scripts(tmp_path / "a.jsonl", [script("x", None)])
    with pytest.raises(InputError, match="script 'x' has 3 keyframes without coefficients; generate them first"):
        read_shown(tmp_path / "a.jsonl")
