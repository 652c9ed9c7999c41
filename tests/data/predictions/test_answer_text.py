from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.predictions.answer_text import parse_answer

FACE = {name: round(0.01 * index, 2) for index, name in enumerate(CHANNELS)}
VECTOR = np.array(list(FACE.values()), dtype=np.float32)
ANALYSIS = {"expression_category": "a smile", "muscle_movements": {"jaw": "open", "brows": ["up", "tense"]}}
PROSE = "1. **Category**: a smile, weights in [0, 1].\n\n2. **Symmetry**: mostly."

SHAPES = {
    "keyframe": (json.dumps({"Keyframe_one": FACE}), "", "Keyframe_one"),
    "arkit": (
        json.dumps({"analysis": ANALYSIS, "arkit": FACE}),
        "Expression category: a smile\nMuscle movements: jaw: open; brows: a list of 2",
        "arkit",
    ),
    "analysis in words": (json.dumps({"analysis": " smiling ", "arkit": FACE}), "smiling", "arkit"),
    "prose and object": (f"{PROSE}\n\n{json.dumps(FACE)}", PROSE, ""),
    "bare object": (json.dumps(FACE), "", ""),
    "fence": (f"Here:\n```json\n{json.dumps({'Keyframe 2': FACE}, indent=2)}\n```", "Here:", "Keyframe 2"),
    "list": (json.dumps(list(FACE.values())), "", ""),
    "list under a key": (json.dumps({"keyframe_three": list(FACE.values())}), "", "keyframe_three"),
    "numbers alone": (", ".join(map(str, FACE.values())), "", ""),
    "numbers in lines": ("[" + "\n".join(map(str, FACE.values())) + "]", "", ""),
    "thought": (
        f'<think>\nmaybe {{"JawOpen": 1}}\n</think>\n\n{json.dumps({"Keyframe_one": FACE})}',
        "",
        "Keyframe_one",
    ),
    "other spellings": (json.dumps({name[0].lower() + name[1:]: value for name, value in FACE.items()}), "", ""),
    "other order": (json.dumps(dict(reversed(FACE.items()))), "", ""),
    "outer brace lost": (json.dumps({"Keyframe_one": FACE})[:-1], "", ""),
    "announced twice over": (json.dumps({"Keyframe_one": {"arkit": FACE}}), "", "arkit"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read(shape: str) -> None:
    text, analysis, label = SHAPES[shape]
    answer = parse_answer(text)
    assert answer.problems == ()
    assert answer.coefficients is not None
    assert answer.coefficients.dtype == np.float32
    np.testing.assert_array_equal(answer.coefficients, VECTOR)
    assert answer.analysis == analysis
    assert answer.label == label


def without(*names: str) -> dict[str, float]:
    return {name: value for name, value in FACE.items() if name not in names}


FAULTS = {
    "": "holds no coefficients, expected a JSON object with the 61 channels",
    "I cannot do that.": "holds no coefficients, expected a JSON object with the 61 channels",
    json.dumps(without("JawOpen")): "channel 'JawOpen' missing",
    json.dumps(without("JawOpen", "HeadYaw")): "channels 'JawOpen', 'HeadYaw' missing",
    '{"arkit": {}}': "channels 'EyeBlinkLeft', 'EyeLookDownLeft', 'EyeLookInLeft', 'EyeLookOutLeft', "
    "'EyeLookUpLeft' and 56 more missing",
    json.dumps({**FACE, "MouthSmileLeftt": 0}): "channel 'MouthSmileLeftt': is none of the 61 ARKit channels; "
    "did you mean 'MouthSmileLeft'?",
    json.dumps({**FACE, "jawOpen": 0}): "channel 'JawOpen' occurs twice",
    json.dumps(FACE)[:-1] + ', "JawOpen": 0.17}': "channel 'JawOpen' occurs twice",
    json.dumps({**FACE, "JawOpen": "0.2"}): "channel 'JawOpen' is \"0.2\", expected a finite number",
    json.dumps({**FACE, "JawOpen": True}): "channel 'JawOpen' is true, expected a finite number",
    json.dumps({**FACE, "JawOpen": None}): "channel 'JawOpen' is null, expected a finite number",
    json.dumps({**FACE, "JawOpen": {"a": 1}}): "channel 'JawOpen' is an object, expected a finite number",
    json.dumps({**FACE, "JawOpen": [1]}): "channel 'JawOpen' is a list of 1, expected a finite number",
    json.dumps({**FACE, "JawOpen": math.nan}): "channel 'JawOpen' is NaN, expected a finite number",
    json.dumps(FACE).replace("0.17", "1e999"): "channel 'JawOpen' is Infinity, expected a finite number",
    json.dumps(FACE).replace("0.17", "1" * 5000): "channel 'JawOpen' is Infinity, expected a finite number",
    json.dumps({name: 100 * value for name, value in FACE.items()}): "channel 'RightEyeRoll' is 60, expected a value "
    "in [-1, 1]; it looks like degrees: multiply angles by pi / 180, or blendshapes and angles are hundredfold",
    json.dumps({**FACE, "JawOpen": 20}): "channel 'JawOpen' is 20, expected a value in [0, 1]: "
    "correct the value or take it out",
    json.dumps(list(FACE.values())[:-1]): "60 values, expected 61",
    "0.1 0.2 0.3 nan": "4 values, expected 61",
    json.dumps(dict.fromkeys(["JawOpen", *map(str, range(200))])): "201 names, expected the 61 channels",
    json.dumps({"Keyframe_one": FACE})[:400]: "the JSON breaks off",
    json.dumps({"analysis": ANALYSIS, "arkit": FACE})[:-9]: "the JSON breaks off",
    '{"arkit": {EyeBlinkLeft: 0}}': "the JSON cannot be read (Expecting property name enclosed in double quotes at 11)",
    json.dumps({"Keyframe_one": FACE, "Keyframe_two": FACE}): "holds 2 faces, expected one",
    f"{json.dumps(FACE)} or {json.dumps(FACE)}": "holds 2 faces, expected one",
    "<think> I start with " + json.dumps(FACE): "the answer breaks off before its thinking ends",
    "{" + '"a":{' * 100_000: "the JSON is nested too deeply",
    "{" * 100_000: "more than 1000 brackets open no JSON",
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_are_named(text: str) -> None:
    answer = parse_answer(text)
    assert answer.coefficients is None
    assert not answer.valid
    assert answer.problems[0] == FAULTS[text]


def test_small_overshoots_are_clamped_and_counted() -> None:
    answer = parse_answer(json.dumps({**FACE, "JawOpen": 1.1, "MouthClose": -0.2, "HeadYaw": -0.5, "HeadRoll": -1.2}))
    assert answer.clamped == 3
    assert answer.coefficients is not None
    found = answer.coefficients[[INDEX[name] for name in ("JawOpen", "MouthClose", "HeadYaw", "HeadRoll")]]
    assert found.tolist() == [1, 0, -0.5, -1]


def test_words_are_kept_of_an_answer_that_is_not_valid() -> None:
    answer = parse_answer(f"{PROSE}\n{json.dumps({'arkit': FACE})[:300]}")
    assert answer.problems == ("the JSON breaks off",)
    assert answer.analysis == PROSE


def test_channels_quoted_in_the_analysis_are_no_face() -> None:
    answer = parse_answer(json.dumps({"analysis": {"movements": {"JawOpen": "wide"}}, "arkit": FACE}))
    assert answer.valid


@given(st.text())
def test_any_text_is_accepted(text: str) -> None:
    assert not parse_answer(text).valid


@given(st.sampled_from(CHANNELS))
def test_each_missing_channel_is_named(channel: str) -> None:
    answer = parse_answer(json.dumps({"Keyframe_one": without(channel)}))
    assert answer.problems == (f"channel '{channel}' missing",)


def test_a_fence_between_digits_does_not_join_them() -> None:
    values = ["0.1"] * 60 + ["0.0```0.9"]
    answer = parse_answer(" ".join(values))
    assert answer.coefficients is None
    assert "62 values, expected 61" in answer.problems[0]


LONG = 200_000
ATTACKS = {
    "open lists": "[" * LONG,
    "open objects": "{" * LONG,
    "both in turn": "[{" * (LONG // 2),
    "names without values": '{"a"' * (LONG // 4),
    "thoughts": "<think>" * (LONG // 7),
    "deep lists that break": ("[" * 900 + "x") * (LONG // 901),
    "a deep list that is cut": '{"a":[' * 80 + "1," * (LONG // 2),
    "escaped quotes": '{"a": "' + '\\"' * (LONG // 2) + "\n",
    "unknown names": '{"a":1} ' * (LONG // 8),
    "many faces": '{"JawOpen":1}' * (LONG // 13),
    "many digits": "1" * LONG + "x",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_time_grows_with_the_length_of_the_text(attack: str) -> None:
    """200,000 characters cost a second at most; a quadratic reader needs minutes for some of these."""
    started = time.process_time()
    assert not parse_answer(ATTACKS[attack]).valid
    assert time.process_time() - started < 10


def test_a_face_inside_a_broken_object_is_found() -> None:
    text = '{"words": {"a": 1}, "arkit": ' + json.dumps(FACE) + ', "end": oh}'
    answer = parse_answer(text)
    assert answer.coefficients is not None
    np.testing.assert_array_equal(answer.coefficients, VECTOR)
    assert not parse_answer('{"words": "' + json.dumps(FACE).replace('"', '\\"') + '", "end": oh}').valid
