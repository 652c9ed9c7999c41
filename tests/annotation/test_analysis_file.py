from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from kfzoo.annotation.analysis import Analysis, analysis_schema
from kfzoo.annotation.analysis_file import read_analyses, write_analyses
from kfzoo.annotation.annotators import ModelAnnotator, RuleAnnotator, analysis_prompt
from kfzoo.annotation.described import Described
from kfzoo.annotation.rule import analyse
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.errors import InputError
from kfzoo.language_models.chat_format import Message
from tests.commandline import run

GOOD = {
    "expression_category": "smile.",
    "muscle_movements": {"mouth": "corners\n pulled up"},
    "emotional_implication": "happiness",
    "symmetry": "mostly symmetric",
}


def faces(count: int) -> list[tuple[str, ArrayLike]]:
    return [(f"script#{number}", np.full(len(CHANNELS), number / 100)) for number in range(count)]


class Counting(RuleAnnotator):
    """The rule, which counts and may be interrupted."""

    def __init__(self, stop: int = 1000) -> None:
        self.asked = 0
        self._stop = stop

    def analyse(self, coefficients: ArrayLike) -> Analysis:
        if self.asked == self._stop:
            raise KeyboardInterrupt
        self.asked += 1
        return super().analyse(coefficients)


class Canned:
    """A backend that gives prepared answers."""

    name = "canned"

    def __init__(self, *answers: str) -> None:
        self.heard: list[Sequence[Message]] = []
        self._answers = iter(answers)

    def close(self) -> None:
        pass

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        self.heard.append(messages)
        return next(self._answers)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "analyses.jsonl"
    with pytest.raises(KeyboardInterrupt):
        write_analyses(path, faces(10), Counting(4))
    assert not path.exists()
    (part,) = tmp_path.iterdir()
    assert part.name.startswith("analyses.part-")
    with part.open("a") as file:
        file.write('{"id": "script#4", "fa')  # killed while it wrote
    annotator = Counting()
    seen: list[int] = []
    assert write_analyses(path, faces(10), annotator, progress=seen.append) == (6, 4, {})
    assert annotator.asked == 6
    assert seen == [4, 5, 6, 7, 8, 9, 10]
    assert not part.exists()
    whole = tmp_path / "whole.jsonl"
    write_analyses(whole, faces(10), RuleAnnotator())
    assert path.read_bytes() == whole.read_bytes()


def test_only_what_is_new_or_changed_is_analysed(tmp_path: Path) -> None:
    path = tmp_path / "analyses.jsonl"
    write_analyses(path, faces(5), RuleAnnotator())
    again = Counting()
    assert write_analyses(path, faces(5), again) == (0, 5, {})
    assert again.asked == 0
    changed = faces(7)
    changed[2] = ("script#2", np.full(len(CHANNELS), 0.9))
    assert write_analyses(path, changed, again) == (3, 4, {})
    assert [entry.id for entry in read_analyses(path).values()] == [name for name, _ in changed]
    assert read_analyses(path)["script#2"].analysis == analyse(changed[2][1])
    assert write_analyses(path, changed, ModelAnnotator(Canned(*[json.dumps(GOOD)] * 7))) == (
        7,
        0,
        {},
    )  # another's words


def test_a_server_is_asked_for_several_at_a_time(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    class Waiting(RuleAnnotator):
        def analyse(self, coefficients: ArrayLike) -> Analysis:
            together.wait()  # passes when three ask at once
            return super().analyse(coefficients)

    write_analyses(tmp_path / "parallel.jsonl", faces(9), Waiting(), parallel=3)
    write_analyses(tmp_path / "single.jsonl", faces(9), RuleAnnotator())
    assert (tmp_path / "parallel.jsonl").read_bytes() == (tmp_path / "single.jsonl").read_bytes()


def test_a_model_is_asked_in_the_papers_words_and_once_more() -> None:
    face = np.linspace(-1, 1, len(CHANNELS))
    backend = Canned("no JSON", f"```json\n{json.dumps(GOOD)}\n```")
    found = ModelAnnotator(backend).analyse(face)
    assert found == Analysis("smile", {"mouth": "corners pulled up"}, "happiness", "mostly symmetric")
    system, user = backend.heard[0]
    assert system["content"] == "You are an expert in facial action coding (FACS)."
    assert "Base your reasoning only on facial muscle movement intensity." in user["content"]
    assert json.loads(user["content"].rpartition("\n\n")[2])["EyeBlinkLeft"] == -1.0
    assert "answer: is not JSON" in backend.heard[1][-1]["content"]
    assert [message["role"] for message in backend.heard[1]] == ["system", "user", "assistant", "user"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"symmetry": " "}, "key 'analysis.symmetry' is blank"),
        ({"symmetry": "{}"}, "key 'analysis.symmetry' contains '{'"),
        ({"muscle_movements": "all"}, "key 'analysis.muscle_movements' is \"all\", expected a JSON object"),
        ({"muscle_movements": {"mouth": 1}}, "key 'analysis.muscle_movements.mouth' is 1, expected a text"),
        ({"mood": "good"}, "key 'analysis.mood' is unknown"),
    ],
)
def test_answers_that_do_not_fit(change: dict[str, Any], problem: str) -> None:
    odd = json.dumps(GOOD | change)
    with pytest.raises(InputError) as caught:
        ModelAnnotator(Canned(odd, odd)).analyse(np.zeros(len(CHANNELS)))
    assert str(caught.value).startswith(f"canned: gave no analysis that fits, asked twice (answer: {problem}")


def test_a_local_model_keeps_to_the_schema(tiny_qwen3: str) -> None:
    from kfzoo.language_models.local_backend import LocalBackend

    found = ModelAnnotator(LocalBackend(tiny_qwen3)).analyse(np.zeros(len(CHANNELS)))
    assert list(found.muscle_movements) == ["eyebrows", "eyes", "cheeks", "mouth", "jaw", "head"]
    assert analysis_schema()["required"] == list(found.values())
    assert analysis_prompt(np.zeros(len(CHANNELS)))[1]["content"].endswith('"RightEyeRoll": 0.0}')


def test_described_data(tmp_path: Path) -> None:
    source = ["--source", "kfzoo.data.sources.builtin.BuiltinScripts", "--source.n", "6"]
    path = tmp_path / "analyses.jsonl"
    assert run("data", "describe", *source, "--out", path) == 0
    scripts = list(Described(BuiltinScripts(6), path))
    for script in scripts:
        for keyframe in script.keyframes:
            assert keyframe.coefficients is not None
            assert keyframe.analysis == analyse(keyframe.coefficients).text()
    write_scripts(tmp_path / "scripts.jsonl", scripts)
    read = [keyframe.analysis for script in ScriptsJsonl(tmp_path / "scripts.jsonl") for keyframe in script.keyframes]
    assert read == [keyframe.analysis for script in scripts for keyframe in script.keyframes]
    message = "contains no analysis of keyframe 'builtin-0-000006#0'; run python -m kfzoo data"
    with pytest.raises(InputError, match=message):
        list(Described(BuiltinScripts(7), path))


def test_bad_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = ["--source", "kfzoo.data.sources.builtin.BuiltinScripts", "--source.n", "3"]
    assert run("data", "describe", *source, "--out", tmp_path / "a.jsonl", "--parallel", 4) == 2
    assert "--parallel: is 4, expected 1; only a server answers several at a time" in capsys.readouterr().err
    scripts = [
        replace(script, keyframes=tuple(replace(keyframe, coefficients=None) for keyframe in script.keyframes))
        for script in BuiltinScripts(3)
    ]
    write_scripts(tmp_path / "unlabelled.jsonl", scripts)
    source = ["--source", "kfzoo.data.sources.jsonl.ScriptsJsonl", "--source.path", str(tmp_path / "unlabelled.jsonl")]
    assert run("data", "describe", *source, "--out", tmp_path / "a.jsonl") == 2
    assert "--source: holds no keyframe with coefficients" in capsys.readouterr().err
