"""The keyframes that the tests of predictions expect, and files with answers to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from kfzoo.arkit.channels import CHANNELS, LOWER, UPPER
from kfzoo.data.batch import Sample
from kfzoo.data.predictions.read import Predictions, read_predictions
from kfzoo.data.script import Keyframe, Script

RANDOM = np.random.default_rng(0)
FACES = np.round(RANDOM.uniform(LOWER, UPPER, (4, len(CHANNELS))), 4).astype(np.float32)


def samples(*ids: str, times: tuple[float, ...] = (0.0, 1.0)) -> list[Sample]:
    """Two keyframes of each script, of which nothing is known but their words."""
    found = []
    for name in ids or ("a/000", "b/000"):
        keyframes = tuple(Keyframe(index, time, original=f"{name} {index}") for index, time in enumerate(times))
        script = Script(name, "someone", f"In {name}.", "calm", keyframes)
        found += [Sample(script, position, "original") for position in range(len(times))]
    return found


def named(face: np.ndarray[Any, Any]) -> dict[str, float]:
    return dict(zip(CHANNELS, face.astype(np.float64).round(4).tolist(), strict=True))


def rows() -> list[dict[str, Any]]:
    """What `predict` writes for `samples()`."""
    expected = zip(samples(), FACES, strict=True)
    return [{"id": each.id, "valid": True, "coefficients": named(face)} for each, face in expected]


def write(path: Path, *lines: object, end: str = "\n") -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end)
    return path


def read(path: Path, *lines: object, end: str = "\n", expected: list[Sample] | None = None) -> Predictions:
    return read_predictions(write(path, *lines, end=end), expected or samples())


def faults(predictions: Predictions, path: Path) -> list[str]:
    """The faults, without the file's folder."""
    return [str(fault).replace(f"{path.parent}/", "") for fault in predictions.faults]


def assert_all(predictions: Predictions) -> None:
    assert predictions.faults == ()
    assert predictions.valid.all()
    assert predictions.coefficients.dtype == np.float32
    np.testing.assert_allclose(predictions.coefficients, FACES, atol=1e-7)


def answers(shape: str) -> list[str]:
    def answer(face: dict[str, float], label: str) -> str:
        return {
            "labelled": json.dumps({label: face}),
            "prose and object": f"1. **Category**: a smile.\n\n{json.dumps(face)}",
            "analysis and arkit": json.dumps({"analysis": {"symmetry": "none"}, "arkit": face}),
            "vector": json.dumps(list(face.values())),
            "numbers": ", ".join(map(str, face.values())),
        }[shape]

    labels = ("Keyframe_one", "Keyframe_two") * 2
    return [answer(named(face), label) for face, label in zip(FACES, labels, strict=True)]


def request(sample: Sample) -> dict[str, Any]:
    """The request for a keyframe as KeyframeFace writes it."""
    words = ("One", "Two")
    lines = [f"- Keyframe {word}: {each.original}" for word, each in zip(words, sample.script.keyframes, strict=True)]
    text = "\n".join(["Keyframe Description Sequence:", *lines, "", f"Background: {sample.script.background}"])
    text += f"\nEmotion: {sample.script.emotion}\n\nTask Instruction: Do it for Keyframe {words[sample.position]}."
    return {"messages": [{"role": "user", "content": text}]}
