"""Which keyframe an answer belongs to, which text of a line is the answer, and which values are none."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.batch import Sample
from kfzoo.data.image_paths import ImageMatch
from kfzoo.data.script import Keyframe, Script
from kfzoo.errors import InputError
from tests.data.predictions.expected import (
    FACES,
    answers,
    assert_all,
    faults,
    named,
    read,
    request,
    rows,
    samples,
)


def of_images(*paths: str) -> list[Sample]:
    """One keyframe of each image."""
    scripts = [
        Script(f"s{number}", "someone", "", "calm", (Keyframe(0, 0.0, image_path=path),))
        for number, path in enumerate(paths)
    ]
    return [Sample(script, 0, "arkit") for script in scripts]


def about(path: str, face: int) -> dict[str, Any]:
    """A line as ms-swift writes it: the answer, and the request with its image."""
    ask = {"messages": [{"role": "user", "content": "<image>Analyse."}], "images": [{"bytes": None, "path": path}]}
    return ask | {"response": json.dumps(named(FACES[face]))}


def test_images_are_matched_by_their_path_before_their_order(tmp_path: Path) -> None:
    expected = of_images("/data/s1/001.jpg", "/data/s2/001.jpg", "/data/s2/002.jpg", "/other/s2/001.jpg")
    names = ("/mnt/other/s2/001.jpg", "/copy/s2/002.jpg", "x/data/s2/001.jpg", "s1/001.jpg")
    lines = [about(name, face) for name, face in zip(names, (3, 2, 1, 0), strict=True)]
    found = read(tmp_path / "p.jsonl", *lines, expected=expected)
    assert_all(found)
    assert found.matched == {"request": 4}
    # The same paths without the request, and as coefficients with an image.
    shorter = [{key: line[key] for key in ("images", "response")} for line in lines[:2]]
    written = [{"image": name, "coefficients": named(FACES[1 - at])} for at, name in enumerate(names[2:])]
    assert_all(read(tmp_path / "p.jsonl", *shorter, *written, expected=expected))


def test_an_image_that_fits_several_is_a_fault(tmp_path: Path) -> None:
    expected = of_images("s1/1.jpg", "s2/1.jpg", "2.jpg", "3.jpg")
    lines = [about("1.jpg", 0), about("x/1.jpg", 1), about("a/2.jpg", 2), about("b/2.jpg", 2), about("c/3.jpg", 3)]
    found = read(tmp_path / "p.jsonl", *lines, expected=expected)
    assert found.valid.tolist() == [False, False, False, True]
    path = tmp_path / "p.jsonl"
    first, second, third, fourth, _ = faults(found, path)
    assert first.startswith("p.jsonl:1: image '1.jpg' fits 2 images equally well: 's1/1.jpg' and 's2/1.jpg'")
    assert second.startswith("p.jsonl:2: image 'x/1.jpg' fits 2")
    assert all("image '2.jpg' fits 2 images equally well" in each for each in (third, fourth))


def test_an_image_of_the_same_name_in_another_folder_is_another(tmp_path: Path) -> None:
    expected = of_images("s2/001.jpg", "s2/002.jpg")
    lines = [about("s1/001.jpg", 3), about("s2/001.jpg", 0), about("s2/002.jpg", 1)]
    found = read(tmp_path / "p.jsonl", *lines, expected=expected)
    np.testing.assert_allclose(found.coefficients, FACES[:2], atol=1e-7)
    assert faults(found, tmp_path / "p.jsonl") == ["p.jsonl:1: answers a request that the data does not hold"]


def test_keyframes_of_one_image_are_answered_in_their_order(tmp_path: Path) -> None:
    expected = of_images("a/1.jpg", "a/1.jpg", "2.jpg", "3.jpg")
    lines = [about("z/3.jpg", 3), about("a/1.jpg", 0), about("a/1.jpg", 1), about("z/2.jpg", 2)]
    assert_all(read(tmp_path / "p.jsonl", *lines, expected=expected))
    found = read(tmp_path / "p.jsonl", *lines, lines[0], expected=expected)
    message = "p.jsonl:5: answers 's3#0', as p.jsonl:1 does already; the first counts"
    assert faults(found, tmp_path / "p.jsonl") == [message]


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map("/".join)


@given(asked=st.lists(NAMES, min_size=1, max_size=6, unique=True), given=st.lists(NAMES, max_size=6, unique=True))
@settings(max_examples=200, deadline=None)
def test_no_image_is_found_by_two_paths(asked: list[str], given: list[str]) -> None:
    """Whatever the paths: a path finds itself where it is known, and no image is found twice."""
    match, found = ImageMatch(asked, given), {}
    for path in given:
        try:
            found[path] = match.find("here", path)
        except InputError:
            found[path] = None
        assert path not in asked or found[path] == path
    images = [image for image in found.values() if image is not None]
    assert len(images) == len(set(images))


def test_the_response_is_the_answer_and_the_message_the_label(tmp_path: Path) -> None:
    lines = []
    for at, sample in enumerate(samples()):
        line = request(sample)
        label = {"role": "assistant", "content": json.dumps(named(FACES[at if at else 3]))}
        lines.append(line | {"messages": [*line["messages"], label], "response": json.dumps(named(FACES[at]))})
    found = read(tmp_path / "p.jsonl", *lines)
    assert_all(found)
    assert found.remarks == ("responses that differ from the assistant's message, and are the answers: 1",)


def test_scripts_and_arrays_are_predictions(tmp_path: Path) -> None:
    scripts = [
        {"id": name, "keyframes": [{"index": at, "coefficients": named(FACES[2 * number + at])} for at in (0, 1)]}
        for number, name in enumerate(("a/000", "b/000"))
    ]
    assert_all(read(tmp_path / "p.jsonl", *scripts))
    assert_all(read(tmp_path / "p.jsonl", json.dumps(rows(), indent=1)))
    assert_all(read(tmp_path / "p.jsonl", json.dumps([{"response": json.dumps(each)} for each in answers("vector")])))


def on_another_scale(count: int) -> list[dict[str, Any]]:
    """The first faces as percentages; the others are in range in any unit."""
    small = {"coefficients": dict.fromkeys(CHANNELS, 0.5)}
    percent = [{"coefficients": dict.fromkeys(CHANNELS[:52], 50) | dict.fromkeys(CHANNELS[52:], 0)}] * count
    return [row | values for row, values in zip(rows(), percent + [small] * (4 - count), strict=True)]


def test_values_on_another_scale_are_no_answer(tmp_path: Path) -> None:
    found = read(tmp_path / "p.jsonl", *on_another_scale(1))
    assert found.valid.tolist() == [False, True, True, True]
    assert faults(found, tmp_path / "p.jsonl") == [
        "p.jsonl:1: the answer to 'a/000#0' is not valid: channel 'EyeBlinkLeft' is 50, expected a value in [0, 1]; "
        "it looks like a weight from 0 to 100: divide the blendshapes by 100"
    ]
    found = read(tmp_path / "p.jsonl", *on_another_scale(3))
    assert not found.valid.any()
    assert np.isnan(found.coefficients).all()
    assert faults(found, tmp_path / "p.jsonl")[-1] == (
        "p.jsonl: 3 of 4 faces are on another scale: the other 1, which could be right, are not used either"
    )


def test_small_overshoots_are_counted(tmp_path: Path) -> None:
    line = rows()[0] | {"coefficients": named(FACES[0]) | {"JawOpen": 1.053, "HeadYaw": -1.1}}
    found = read(tmp_path / "p.jsonl", line, *rows()[1:])
    assert found.valid.all()
    assert found.coefficients[0][[INDEX["JawOpen"], INDEX["HeadYaw"]]].tolist() == [1, -1]
    assert found.remarks == ("values a little outside their channel's range, which are clamped: 2 in 1 answers",)


def test_a_line_with_many_names_is_refused_in_time(tmp_path: Path) -> None:
    names = ",".join(f'"k{number}":1' for number in range(50_000))
    started = time.process_time()
    found = read(tmp_path / "p.jsonl", rows()[0], '{"a":1,' + names + ',"k49999":2}')
    assert time.process_time() - started < 5
    assert faults(found, tmp_path / "p.jsonl")[0] == "p.jsonl:2: key 'k49999' occurs twice"
