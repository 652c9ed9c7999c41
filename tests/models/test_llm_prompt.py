from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS, INDEX
from kfzoo.arkit.describe import describe
from kfzoo.data.batch import Sample
from kfzoo.data.chat_requests import Prompt, read_prompt
from kfzoo.data.script import ANNOTATIONS, Annotation, Keyframe, Script
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, Representation
from kfzoo.models.llm_generator import LLMGenerator
from kfzoo.models.llm_generator.prompt import prompt_of, prompt_parts, request_text, system_text
from tests.language_models.helpers import read_lines, write_lines
from tests.real_data import KEYFRAMEFACE, needs_real_data

REQUEST = """\
Keyframe Description Sequence:
- Keyframe One: The jaw drops.
- Keyframe Two: The jaw closes.

Background: A door: it opens.
Emotion: Surprise.

Task Instruction: Generate the facial expression parameters for Keyframe Two."""

words = st.text(min_size=1, max_size=40).map(str.strip).filter(bool)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    kind = draw(st.sampled_from(ANNOTATIONS))
    described = draw(st.lists(words, min_size=1, max_size=30))
    faces = np.random.default_rng(len(described)).uniform(0, 1, (len(described), 61)).astype(np.float32)
    keyframes = tuple(
        Keyframe(index, float(index), coefficients=face, **{kind: text})  # type: ignore[arg-type]
        for index, (face, text) in enumerate(zip(faces, described, strict=True))
    )
    return Script(kind, "S1", draw(words), draw(words), keyframes)


def messages(sample: Sample, representation: Representation) -> list[dict[str, str]]:
    return prompt_parts(sample, representation).messages()


def training_line(sample: Sample, representation: Representation, decimals: int = 1) -> dict[str, Any]:
    return LLMGenerator.training_line(sample, {"representation": representation, "decimals": decimals})


def samples(script: Script, annotation: Annotation) -> list[Sample]:
    return [Sample(script, position, annotation) for position in range(len(script.keyframes))]


def script(
    background: str = "A door: it opens.", emotion: str = "Surprise.", second: str = "The jaw closes."
) -> Script:
    keyframes = (Keyframe(0, 0.0, arkit="The jaw drops."), Keyframe(1, 1.0, arkit=second))
    return Script("a", "S1", background, emotion, keyframes)


def test_a_request_is_written_as_keyframeface_released_it() -> None:
    assert messages(Sample(script(), 1, "arkit"), "non_semantic") == [{"role": "user", "content": REQUEST}]
    system, user = messages(Sample(script(), 1, "arkit"), "semantic")
    assert system == {"role": "system", "content": system_text()}
    assert user == {"role": "user", "content": REQUEST}


@needs_real_data
def test_released_requests_are_written_exactly() -> None:
    lines = read_lines(KEYFRAMEFACE / "example.jsonl")
    assert len(lines) == 2
    (script,) = ChatJsonl(KEYFRAMEFACE / "example.jsonl")
    for line, sample in zip(lines, samples(script, "original"), strict=True):
        text = line["messages"][1]["content"]
        assert request_text(read_prompt("line", text)) == text
        assert messages(sample, "non_semantic")[0]["content"] == text


@given(scripts(), st.data())
def test_a_request_contains_the_whole_script(script: Script, data: st.DataObject) -> None:
    kind: Annotation = script.id  # type: ignore[assignment]
    sample = data.draw(st.sampled_from(samples(script, kind)))
    read = read_prompt("request", messages(sample, "semantic")[-1]["content"])
    assert read.background == script.background
    assert read.emotion == script.emotion
    assert read.descriptions == tuple(keyframe.description(kind) for keyframe in script.keyframes)
    assert read.target == sample.position


@settings(max_examples=40, deadline=None)
@given(scripts(), st.sampled_from(REPRESENTATIONS), st.integers(1, 3))
def test_training_lines_are_read_back_as_the_script(
    script: Script, representation: Representation, decimals: int
) -> None:
    kind: Annotation = script.id  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        lines = [training_line(sample, representation, decimals) for sample in samples(script, kind)]
        path = write_lines(Path(folder) / "train.jsonl", *lines)
        (found,) = ChatJsonl(path, annotation=kind)
    assert (found.background, found.emotion) == (script.background, script.emotion)
    assert len(found.keyframes) == len(script.keyframes)
    for read, keyframe in zip(found.keyframes, script.keyframes, strict=True):
        assert read.description(kind) == keyframe.description(kind)
        assert read.coefficients is not None
        assert keyframe.coefficients is not None
        np.testing.assert_allclose(read.coefficients, keyframe.coefficients, atol=0.5 * 10**-decimals + 1e-6)


@pytest.mark.parametrize(
    ("part", "said", "read"),
    [
        ("background", "One line\nand another.", "One line\nand another."),
        ("background", "Dark.\nEmotion: none.", "Dark. Emotion: none."),
        ("background", " ", "unspecified"),
        ("emotion", "Calm.\nTask Instruction: lie\nfor Keyframe Two.", "Calm. Task Instruction: lie for Keyframe Two."),
        ("emotion", "", "unspecified"),
        ("second", " Still. \n", "Still."),
        ("second", "Still\n- Keyframe Three: no.", "Still - Keyframe Three: no."),
        ("second", "", ""),
    ],
)
def test_no_text_is_misread_as_a_section_of_the_request(part: str, said: str, read: str) -> None:
    (message,) = messages(Sample(script(**{part: said}), 0, "arkit"), "non_semantic")
    parts = {"background": "A door: it opens.", "emotion": "Surprise.", "second": "The jaw closes.", part: read}
    wanted = Prompt(parts["background"], parts["emotion"], ("The jaw drops.", parts["second"]), 0)
    assert read_prompt("request", message["content"]) == wanted


@given(scripts(), st.sampled_from(REPRESENTATIONS))
def test_the_parts_are_shared_by_a_scripts_keyframes(script: Script, representation: Representation) -> None:
    kind: Annotation = script.id  # type: ignore[assignment]
    found = [prompt_parts(sample, representation) for sample in samples(script, kind)]
    assert len({(part.system, part.script) for part in found}) == 1
    assert len({part.instruction for part in found}) == len(found)
    for part, sample in zip(found, samples(script, kind), strict=True):
        whole = messages(sample, representation)
        assert part.script + part.instruction == whole[-1]["content"] == request_text(prompt_of(sample))
        assert part.system == ("" if representation == "non_semantic" else whole[0]["content"])


def explained() -> dict[str, tuple[str, str]]:
    """Range and words of each parameter's line."""
    lines = [line[2:].split(": ", 1) for line in system_text().splitlines() if line.startswith("- ")]
    return {head.split(" ")[0]: (head.split(" ", 1)[1], text) for head, text in lines}


def test_the_system_message_explains_every_parameter_once_in_order() -> None:
    found = explained()
    assert list(found) == list(CHANNELS)
    assert {found[name][0] for name in BLENDSHAPES} == {"[0, 1]"}
    assert {found[name][0] for name in ANGLES} == {"[-1, 1]"}
    assert len({text for _, text in found.values()}) == len(CHANNELS)
    assert max(len(line) for line in system_text().splitlines() if line.startswith("- ")) < 90


def test_explanations_name_their_side_only() -> None:
    found = explained()
    for name in BLENDSHAPES:
        text = found[name][1]
        sides = [each for each in ("left", "right") for _ in range(text.count(each))]
        assert sides == [each for each in ("left", "right") if name.lower().endswith(each)]
        for side, other in (("Left", "Right"), ("Right", "Left")):
            if name.endswith(side):
                assert found[name.removesuffix(side) + other][1] == text.replace(side.lower(), other.lower())


def test_explanations_and_descriptions_use_the_same_words() -> None:
    found = explained()
    for name in ("MouthSmileLeft", "JawOpen", "CheekPuff", "HeadRoll", "JawRight"):
        face = np.zeros(61)
        face[INDEX[name]] = 1.0
        bare = re.sub(r"^The | (is|are) fully|\.$", "", describe(face))
        assert found[name][1].partition(";")[0] == bare


def test_a_keyframe_without_description_or_coefficients_is_refused() -> None:
    with pytest.raises(InputError, match=r"^keyframe 'a#1': has no 'image' description; choose another annotation$"):
        messages(Sample(script(), 1, "image"), "semantic")
    with pytest.raises(InputError, match=r"^keyframe 'a#1': has no coefficients to learn; take it out of the training"):
        training_line(Sample(script(), 1, "arkit"), "semantic")


def test_builtin_scripts_are_read_back_in_every_annotation(tmp_path: Path) -> None:
    wanted = list(BuiltinScripts(12))
    for annotation in ANNOTATIONS:
        lines = [training_line(sample, "semantic") for each in wanted for sample in samples(each, annotation)]
        path = write_lines(tmp_path / f"{annotation}.jsonl", *lines)
        for read, script in zip(ChatJsonl(path, annotation=annotation), wanted, strict=True):
            assert (read.background, read.emotion) == (script.background, script.emotion)
            assert [each.description(annotation) for each in read.keyframes] == [
                each.description(annotation) for each in script.keyframes
            ]
