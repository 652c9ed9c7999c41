from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER, clamp
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, AnswerLayout
from tests.language_models.helpers import read_lines
from tests.real_data import KEYFRAMEFACE, needs_real_data

layouts = st.builds(AnswerLayout.of, st.sampled_from(REPRESENTATIONS), st.integers(1, 3), st.integers(0, 120))
faces = arrays(np.float32, len(CHANNELS), elements=st.floats(-1.5, 1.5, width=32))


@given(layouts, faces)
def test_a_written_face_is_read_back_to_half_a_step(layout: AnswerLayout, face: np.ndarray) -> None:
    answer = parse_answer(layout.text(face))
    assert answer.problems == ()
    assert answer.coefficients is not None
    options = layout.nearest(face)
    values = np.array([float(texts[option]) for texts, option in zip(layout.options, options, strict=True)])
    np.testing.assert_array_equal(answer.coefficients, values.astype(np.float32))
    assert np.abs(values - clamp(face)).max() <= 0.5 * 10**-layout.decimals + 1e-12
    assert layout.nearest(answer.coefficients) == options


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_options_are_all_values_of_a_channel_in_order(decimals: int) -> None:
    layout = AnswerLayout.of("semantic", decimals, 0)
    assert (len(layout.options), len(layout.literals)) == (61, 62)
    for slot, texts in enumerate(layout.options):
        values = list(map(float, texts))
        assert (values[0], values[-1]) == (LOWER[slot], UPPER[slot])
        np.testing.assert_allclose(np.diff(values), 10**-decimals, atol=1e-12)
        assert all(re.fullmatch(rf"-?[01]\.\d{{{decimals}}}", text) for text in texts)
        assert f"-{0:.{decimals}f}" not in texts


def test_a_semantic_answer_is_compact_json_with_all_names_in_order() -> None:
    face = np.zeros(61)
    face[INDEX["HeadYaw"]] = -0.44
    text = AnswerLayout.of("semantic", 1, 20).text(face)
    assert " " not in text
    assert text.startswith('{"Keyframe_twenty-one":{"EyeBlinkLeft":0.0,"EyeLookDownLeft":0.0,')
    assert text.endswith('"TongueOut":0.0,"HeadYaw":-0.4,' + ",".join(f'"{name}":0.0' for name in CHANNELS[53:]) + "}}")
    assert list(json.loads(text)["Keyframe_twenty-one"]) == list(CHANNELS)


def test_a_vector_has_no_names() -> None:
    assert AnswerLayout.of("non_semantic", 3, 4).text(np.full(61, 0.25)) == f"[{','.join(['0.250'] * 61)}]"


def test_values_are_rounded_to_the_nearest_option_and_halves_to_the_even_one() -> None:
    face = np.zeros(61)
    weights = {0.25: "0.2", 0.75: "0.8", 0.349: "0.3", 0.351: "0.4", 1.053: "1.0", -0.2: "0.0"}
    angles = {-0.25: "-0.2", -0.75: "-0.8", -0.04: "0.0", -7.0: "-1.0", 0.06: "0.1"}
    face[: len(weights)], face[52 : 52 + len(angles)] = list(weights), list(angles)
    found = AnswerLayout.of("non_semantic", 1, 0).text(face).strip("[]").split(",")
    assert found[: len(weights)] == list(weights.values())
    assert found[52 : 52 + len(angles)] == list(angles.values())


@needs_real_data
def test_released_answers_are_written_exactly() -> None:
    responses = [line["response"] for line in read_lines(KEYFRAMEFACE / "example_result.jsonl")]
    assert len(responses) == 2
    for index, response in enumerate(responses):
        coefficients = parse_answer(response).coefficients
        assert coefficients is not None
        assert AnswerLayout.of("semantic", 1, index).text(coefficients) == response


def test_bad_arguments_are_refused() -> None:
    layout, face = AnswerLayout.of("semantic", 1, 0), np.zeros(61)
    face[INDEX["JawOpen"]] = np.nan
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: AnswerLayout.of("named", 1, 0), "representation: is 'named', expected one of semantic, non_semantic"),  # type: ignore[arg-type]
        (lambda: AnswerLayout.of("semantic", 4, 0), "decimals: is 4, expected 1 to 3"),
        (lambda: layout.text(np.zeros(60)), r"answer: expected \(61,\) coefficients, found shape \(60,\)"),
        (lambda: layout.text(face), "answer: JawOpen is not a finite number; leave such keyframes out"),
    ]
    for use, message in cases:
        with pytest.raises(InputError, match=f"^{message}$"):
            use()


def test_a_fence_between_digits_does_not_join_two_numbers() -> None:
    text = AnswerLayout.of("non_semantic", 1, 0).text(np.zeros(61))
    assert parse_answer(text.replace("0.0", "09```09", 1)).problems == ("62 values, expected 61",)
