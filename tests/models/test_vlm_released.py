"""SemanticFace's released requests, answered by small models in the released shape, and scored by the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.answer_text import parse_answer
from kfzoo.data.sources.chat import ChatJsonl
from kfzoo.evaluation.results import read_results
from kfzoo.models.vlm_estimator import VLMEstimator
from kfzoo.models.vlm_estimator.answer import SEMANTICS, Semantics, request_line
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from tests.commandline import run
from tests.language_models.helpers import read_lines, write_lines
from tests.real_data import SEMANTICFACE, needs_real_data

pytestmark = needs_real_data


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The released requests with their images; a drawn face replaces an image that was not released."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("released")
    shutil.copyfile(SEMANTICFACE / "example.jsonl", folder / "example.jsonl")
    for number, request in enumerate(read_lines(folder / "example.jsonl")):
        (name,) = request["images"]
        (folder / name).parent.mkdir(exist_ok=True)
        if (SEMANTICFACE / name).is_file():
            shutil.copyfile(SEMANTICFACE / name, folder / name)
        else:
            Image.fromarray(DrawnFaces(64).render(np.zeros(len(CHANNELS)), number, "-")).save(folder / name)
    return folder / "example.jsonl"


def answered(requests: Path, semantics: Semantics) -> tuple[list[Sample], list[str], NDArray[np.float32]]:
    """Returns requests, texts and values (N, 61) of the answers of a model with random weights."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {"size": 64, "width": 32, "layers": 1, "max_analysis_tokens": 24}
    model = VLMEstimator(semantics=semantics, prompt="semanticface", **settings).eval()
    samples = [Sample(script, 0, "arkit") for script in ChatJsonl(requests)]
    found = model.generate(model.collate(samples))
    assert found.valid.all()
    assert found.texts is not None
    return samples, list(found.texts), found.coefficients.numpy()


def test_answers_have_the_released_shape(requests: Path) -> None:
    samples, texts, values = answered(requests, "A2")
    asked, released = read_lines(requests), read_lines(SEMANTICFACE / "example_result.jsonl")
    assert len(samples) == len(asked) == 8
    written = [request_line(sample, "A2", text) for sample, text in zip(samples, texts, strict=True)]
    for request, line, text, face in zip(asked, written, texts, values, strict=True):
        assert list(line) == list(request) == ["messages", "images"]
        assert line["messages"][:2] == request["messages"]  # exactly
        assert line["messages"][2:] == [{"role": "assistant", "content": text}]
        assert line["images"] == [str(requests.parent / request["images"][0])]
        np.testing.assert_allclose(np.asarray(parse_answer(text).coefficients), face, atol=1e-6)
    for line, answer in zip(written, released, strict=False):
        ours, theirs = (each["messages"] for each in (line, answer))
        assert [message["role"] for message in ours] == [message["role"] for message in theirs]
        (own, own_values), (_, their_values) = (each[2]["content"].rsplit("\n\n", 1) for each in (ours, theirs))
        assert own  # The analysis comes first.
        assert list(json.loads(own_values)) == list(json.loads(their_values)) == list(CHANNELS)
    read = list(ChatJsonl(write_lines(requests.with_name("ours.jsonl"), *written)))
    faces = [script.keyframes[0].coefficients for script in read]
    np.testing.assert_allclose(np.stack([each for each in faces if each is not None]), values, atol=1e-6)
    assert all(script.keyframes[0].analysis for script in read)


@pytest.mark.parametrize("semantics", SEMANTICS)
@pytest.mark.parametrize("shape", ["messages", "response"])
def test_answers_are_scored(semantics: Semantics, shape: str, requests: Path, tmp_path: Path) -> None:
    samples, texts, values = answered(requests, semantics)
    if shape == "messages":
        given = [request_line(sample, semantics, text) for sample, text in zip(samples, texts, strict=True)]
    else:
        given = [{"response": text} for text in texts]
    arguments = ["score", write_lines(tmp_path / "ours.jsonl", *given), "--data", requests, "--strict", "true"]
    assert run(*arguments) == 0
    results = read_results(tmp_path / "ours.results.json")
    assert (results.count, results.invalid, results.status) == (8, 0, "no ground truth")
    # SemanticFace's own model answered four of the eight: their answers are the ground truth here.
    assert run(*arguments, "--target", SEMANTICFACE / "example_result.jsonl") == 0
    results = read_results(tmp_path / "ours.results.json")
    assert (results.count, results.invalid, results.status) == (4, 0, "partial")
    target = np.array(
        [list(read_values(each["response"])) for each in read_lines(SEMANTICFACE / "example_result.jsonl")]
    )
    assert results.scores["mse"].value == pytest.approx(np.square(values[:4] - target).mean(), rel=1e-4)
    assert results.scores["mse"].value > 0


def read_values(response: str) -> list[float]:
    """Reads a released answer's values without the project's reader."""
    return list(json.loads(response[response.index("{") :]).values())


def test_released_answers_without_an_error_against_themselves(requests: Path, tmp_path: Path) -> None:
    answers = write_lines(tmp_path / "answers.jsonl", *read_lines(SEMANTICFACE / "example_result.jsonl"))
    assert run("score", answers, "--data", requests, "--target", SEMANTICFACE / "example_result.jsonl") == 0
    results = read_results(tmp_path / "answers.results.json")
    assert (results.count, results.invalid) == (4, 0)
    assert results.scores["mse"].value == 0
