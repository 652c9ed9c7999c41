from __future__ import annotations

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER, clamp
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.errors import InputError
from kfzoo.language_models.answer_layout import REPRESENTATIONS, Layout, Representation
from tests.real_data import KEYFRAMEFACE, needs_real_data

layouts = st.builds(Layout.of, st.sampled_from(REPRESENTATIONS), st.integers(1, 3), st.integers(0, 120))
faces = arrays(np.float32, len(CHANNELS), elements=st.floats(-1.5, 1.5, width=32))


@given(layouts, faces)
def test_a_written_face_is_read_back_to_half_a_step(layout: Layout, face: np.ndarray) -> None:
    answer = parse_answer(layout.text(face))
    assert answer.problems == ()
    assert answer.coefficients is not None
    options = layout.nearest(face)
    values = np.array([layout.value(slot, option) for slot, option in enumerate(options)])
    np.testing.assert_array_equal(answer.coefficients, values.astype(np.float32))
    assert np.abs(values - clamp(face)).max() <= 0.5 * 10**-layout.decimals + 1e-12
    assert layout.nearest(answer.coefficients) == options


@pytest.mark.parametrize("decimals", [1, 2, 3])
def test_options_are_all_values_of_a_channel_in_order(decimals: int) -> None:
    layout = Layout.of("semantic", decimals, 0)
    assert len(layout.options) == 61
    assert len(layout.literals) == 62
    for slot, texts in enumerate(layout.options):
        values = [layout.value(slot, option) for option in range(len(texts))]
        assert values[0] == LOWER[slot]
        assert values[-1] == UPPER[slot]
        np.testing.assert_allclose(np.diff(values), 10**-decimals, atol=1e-12)
        assert all(re.fullmatch(rf"-?[01]\.\d{{{decimals}}}", text) for text in texts)
        assert f"-{0:.{decimals}f}" not in texts


def test_a_semantic_answer_is_compact_json_with_all_names_in_order() -> None:
    face = np.zeros(61)
    face[INDEX["HeadYaw"]] = -0.44
    text = Layout.of("semantic", 1, 20).text(face)
    assert " " not in text
    assert text.startswith('{"Keyframe_twenty-one":{"EyeBlinkLeft":0.0,"EyeLookDownLeft":0.0,')
    assert text.endswith('"TongueOut":0.0,"HeadYaw":-0.4,' + ",".join(f'"{name}":0.0' for name in CHANNELS[53:]) + "}}")
    assert list(json.loads(text)["Keyframe_twenty-one"]) == list(CHANNELS)


def test_a_bare_vector_has_no_names() -> None:
    assert Layout.of("non_semantic", 3, 4).text(np.full(61, 0.25)) == f"[{','.join(['0.250'] * 61)}]"


def test_rounding_goes_to_the_nearest_option_and_halves_to_the_even_one() -> None:
    face = np.zeros(61)
    wanted = {0.25: "0.2", 0.75: "0.8", 0.349: "0.3", 0.351: "0.4", 1.053: "1.0", -0.2: "0.0"}
    face[: len(wanted)] = list(wanted)
    angles = {-0.25: "-0.2", -0.75: "-0.8", -0.04: "0.0", -7.0: "-1.0", 0.06: "0.1"}
    face[52 : 52 + len(angles)] = list(angles)
    found = json.loads(
        Layout.of("non_semantic", 1, 0).text(face).replace(",", '","').replace("[", '["').replace("]", '"]')
    )
    assert found[: len(wanted)] == list(wanted.values())
    assert found[52 : 52 + len(angles)] == list(angles.values())


@needs_real_data
def test_released_answers_are_written_to_the_letter() -> None:
    released = KEYFRAMEFACE / "example_result.jsonl"
    responses = [json.loads(line)["response"] for line in released.read_text().splitlines() if line.strip()]
    assert len(responses) == 2
    for index, response in enumerate(responses):
        coefficients = parse_answer(response).coefficients
        assert coefficients is not None
        assert Layout.of("semantic", 1, index).text(coefficients) == response


def test_bad_arguments_are_told() -> None:
    with pytest.raises(InputError, match=r"^representation: is 'named', expected one of semantic, non_semantic$"):
        Layout.of("named", 1, 0)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^decimals: is 4, expected 1 to 3$"):
        Layout.of("semantic", 4, 0)
    layout = Layout.of("semantic", 1, 0)
    with pytest.raises(InputError, match=r"^answer: expected \(61,\) coefficients, found shape \(60,\)$"):
        layout.text(np.zeros(60))
    face = np.zeros(61)
    face[INDEX["JawOpen"]] = np.nan
    with pytest.raises(InputError, match=r"^answer: JawOpen is not a finite number; leave such keyframes out$"):
        layout.text(face)


PIECES = (
    '"', ":", ",", "{", "}", "[", "]", "-", "+", ".", "e", "E9", "0", "7", " ", "\n", "\\", "\u2028", "NaN", "Infinity",
    "-Infinity", "1e999", "-1e999", "1e300", "9" * 400, "null", "true", "```", "<think>", "</think>", "0.5,", "[0,1]",
    '"JawOpen":0.5,', '"jawopen":0.5,', '"Keyframe_two":', '"arkit":{', "0.1,0.2,0.3",
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start, length = rng.randrange(len(text) + 1), rng.choice((1, 1, 2, 5, 20, 200))
        end = start + length
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:start] + rng.choice(PIECES) + text[start:]
        elif kind == 2:
            text = text[:start] + rng.choice(PIECES) + text[end:]
        elif kind == 3:  # something occurs twice
            text = text[:end] + text[start:]
        elif kind == 4:  # breaks off
            text = text[:start]
        else:  # one value becomes another thing
            found = list(re.finditer(r"-?\d\.\d+", text))
            if found:
                value = rng.choice(found)
                text = text[: value.start()] + rng.choice(PIECES) + text[value.end() :]
    return text


def stands_in(text: str, coefficients: np.ndarray) -> bool:
    """Whether each of the values stands in the text: under its channel's name, or 61 of them in a row."""
    pairs: dict[str, set[float]] = {}
    for name, number in re.findall(r'"([^"]*)"\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)', text):
        pairs.setdefault(re.sub(r"[^a-z0-9]", "", name.lower()), set()).add(float(number))
    if all(
        any(np.float32(np.clip(each, LOWER[slot], UPPER[slot])) == coefficients[slot] for each in pairs[name.lower()])
        for slot, name in enumerate(CHANNELS)
        if name.lower() in pairs
    ) and set(map(str.lower, CHANNELS)) <= set(pairs):
        return True
    numbers = []
    for word in re.split(r"[\s,;\[\](){}:`]+", text):
        try:
            numbers.append(float(word))
        except ValueError:
            numbers.append(np.nan)
    rows = np.array(numbers)
    return any(
        np.array_equal(np.clip(rows[start : start + 61], LOWER, UPPER).astype(np.float32), coefficients)
        for start in range(len(rows) - 60)
    )


def test_a_fence_between_digits_does_not_make_one_number_of_two() -> None:
    text = Layout.of("non_semantic", 1, 0).text(np.zeros(61))
    assert parse_answer(text.replace("0.0", "09```09", 1)).problems == ("62 values, expected 61",)


@pytest.mark.parametrize("representation", REPRESENTATIONS)
@pytest.mark.parametrize("decimals", [1, 3])
def test_2500_mutated_answers_never_crash_and_never_yield_a_value_that_is_not_theirs(
    representation: Representation, decimals: int
) -> None:
    """Ten thousand in all, over the four forms of an answer."""
    rng = random.Random(f"{representation}{decimals}")
    generator = np.random.default_rng(decimals)
    valid = 0
    for number in range(2500):
        face = generator.uniform(LOWER, UPPER) * (generator.random(61) < 0.4)
        text = mutated(Layout.of(representation, decimals, number % 30).text(face), rng)
        answer = parse_answer(text)
        assert (answer.coefficients is None) == bool(answer.problems), text
        if answer.coefficients is not None:
            valid += 1
            assert answer.coefficients.shape == (61,), text
            assert np.all((answer.coefficients >= LOWER) & (answer.coefficients <= UPPER)), text
            assert stands_in(text, answer.coefficients), text
    assert 100 < valid < 2000  # both kinds are really met
