"""Answers damaged in many ways: none crashes the parser, and it returns no value that the text does not hold."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.predictions.answer_text import Answer, parse_answer
from kfzoo.language_models.answer_layout import AnswerLayout

ANGLES = 9
LOW = np.array([0.0] * (len(CHANNELS) - ANGLES) + [-1.0] * ANGLES)
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
NAMED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])')
DRAWS = 4


@cache
def text_of(form: int, seed: int) -> str:
    """One answer: as KeyframeFace, as SemanticFace, a bare vector, and numbers alone."""
    generator = np.random.default_rng(seed)
    face = np.round(generator.uniform(LOW, 1.0) * (generator.random(len(CHANNELS)) < 0.4), 3)
    layout = AnswerLayout.of("non_semantic" if form >= 3 else "semantic", 1 + seed % 3, seed % 7)
    text = layout.text(face)
    if form == 1:
        return f"1. **Category**: calm, weights in [0, 1].\n\n{text}"
    if form == 2:
        named = dict(zip(CHANNELS, face.tolist(), strict=True))
        return json.dumps({"analysis": {"brows": "JawOpen stays 0.1"}, "arkit": named}, indent=seed % 3)
    return text.strip("[]").replace(",", ", ") if form == 4 else text


def at(text: str, draw: int) -> int:
    return draw % (len(text) + 1)


def cut(text: str, draws: list[int]) -> str:
    return text[: at(text, draws[0])] if draws[1] % 2 else text[at(text, draws[0]) :]


def spliced(text: str, draws: list[int]) -> str:
    """Puts a piece of the text, or nothing, in the place of another: repeats, moves or deletes."""
    start, source = at(text, draws[0]), at(text, draws[1])
    return text[:start] + text[source : source + draws[2] % 60] + text[start + draws[3] % 60 :]


def inserted(text: str, draws: list[int]) -> str:
    pieces = (*'{}[]",:-.09e\\ \n\ud800\u2028', "null", "//")
    for draw in draws[: 1 + draws[0] % DRAWS]:
        start = at(text, draw)
        text = text[:start] + pieces[draw % len(pieces)] + text[start:]
    return text


def one_value(text: str, draws: list[int]) -> str:
    """Puts something else in the place of one number."""
    values = (
        "NaN", "Infinity", "-Infinity", "1e999", "-5", "7.25", '"0.5"', "null", "true", "[0.1]", "{}", "", "0.5.5", "-",
        "1e-3", "00.1", "+0.2", "0,3", "٠.٥", "０.１", "½", "0x1", "1_0", "9" * 400, '{"value": 0.5}',
    )  # fmt: skip
    found = [*NUMBER.finditer(text)]
    if not found:
        return text
    spot = found[draws[0] % len(found)]
    return text[: spot.start()] + values[draws[1] % len(values)] + text[spot.end() :]


def one_name(text: str, draws: list[int]) -> str:
    """Renames, repeats or takes out one channel."""
    name = CHANNELS[draws[0] % len(CHANNELS)]
    other = CHANNELS[draws[1] % len(CHANNELS)]
    spellings = (other, name.lower(), f"{name}X", "", f"_{name}", name[:-1], name.replace("Left", "_L"), "ＪawOpen")
    new = spellings[draws[2] % len(spellings)]
    if draws[3] % 3 == 0:
        return re.sub(rf'"{name}":\s*[-\d.]+,?', "", text)
    if draws[3] % 3 == 1:
        return text.replace(f'"{name}":', f'"{new}":')
    return text.replace(f'"{name}":', f'"{name}": 0.25, "{new}":')


def wrapped(text: str, draws: list[int]) -> str:
    forms = (
        "```json\n{}\n```", "<think>\nJawOpen 0.9?\n</think>\n\n{}", "<think>{}", "{}</think>", "Sure: {} Bye.", '"{}"',
        '{{"answer": {}}}', '{{"Keyframe_two": {}}}', "[{}]", "[{}, {}]", "{}\n{}", '{{"arkit": {}, "x": [1,2,3]}}',
        "{} {{}}", "[0, 1] {}", '{{"JawOpen": 0.4}} {}', "{},", "({})", '{{"arkit": {}}} {{"arkit": {{}}}}',
    )  # fmt: skip
    form = forms[draws[0] % len(forms)]
    return form.replace("{}", text).replace("{{", "{").replace("}}", "}") if "{{" in form else form.replace("{}", text)


MUTATIONS: tuple[Callable[[str, list[int]], str], ...] = (cut, spliced, inserted, one_value, one_name, wrapped)


def plain(name: str) -> str:
    """A name without what spelling may change."""
    sided = re.sub(r"_l(?:eft)?$", "left", re.sub(r"_r(?:ight)?$", "right", name.lower()))
    return sided.replace("_", "").replace("-", "")


def holds(text: str, face: NDArray[np.float32]) -> bool:
    """Whether each of a face's values is, limited to its range, a number that the text has for that channel.

    Looked for without the parser: a number after the channel's name, or 61 numbers one after the other.
    """
    named = defaultdict(set)
    for name, number in NAMED.findall(text):
        named[plain(json.loads(f'"{name}"', strict=False)).replace(" ", "")].add(number)
    limited = [{limit(index, number) for number in named[name.lower()]} for index, name in enumerate(CHANNELS)]
    if all(value in numbers for value, numbers in zip(face.tolist(), limited, strict=True)):
        return True
    numbers = NUMBER.findall(text)
    return any(
        all(limit(index, number) == face[index] for index, number in enumerate(numbers[start : start + len(CHANNELS)]))
        for start in range(len(numbers) - len(CHANNELS) + 1)
    )


def limit(index: int, number: str) -> float:
    return float(np.float32(min(1.0, max(LOW[index], float(number)))))


def checked(text: str) -> Answer:
    answer = parse_answer(text)
    assert answer.valid == (not answer.problems)
    if answer.coefficients is not None:
        face = answer.coefficients
        assert face.shape == (len(CHANNELS),)
        assert face.dtype == np.float32
        assert np.isfinite(face).all()
        assert ((face >= LOW) & (face <= 1.0)).all()
        assert holds(text, face), text
    return answer


edits = st.lists(st.binary(min_size=2 * DRAWS + 1, max_size=2 * DRAWS + 1), min_size=1, max_size=3)
"""Each the number of a mutation, and what it draws in two bytes each: a list of integers takes ten times as long."""


@settings(
    max_examples=2_000,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
@given(st.integers(0, 4), st.integers(0, 200), edits)
def test_damaged_answers_crash_nothing_and_fill_nothing_in(form: int, seed: int, edits: list[bytes]) -> None:
    text = text_of(form, seed)
    for kind, *drawn in edits:
        draws = [high << 8 | low for high, low in zip(drawn[::2], drawn[1::2], strict=True)]
        text = MUTATIONS[kind % len(MUTATIONS)](text, draws)
    checked(text)
