"""Predictions as JSON Lines: what `predict` writes, and what KeyframeFace and SemanticFace released.

Every line is read by its own shape, and what it lacks is never filled in:

- `{"id": …, "coefficients": …}` answers the keyframe of that id (or of `script` and `index`); the coefficients are
  named, or 61 in a list, or are in a text under "response". `"valid": false` is an answer that the model itself
  marked as none.
- `{"messages": […], "response": …}` repeats the request that it answers, and is matched by it.
- `{"response": …}`, or a line that is itself an object or list of coefficients, answers the request at its
  place.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from kfzoo.data.batch import Sample
from kfzoo.data.chat_requests import Request, names_other_keyframe, number_word, read_prompt, read_request
from kfzoo.data.json_lines import Fields, raw_lines, read_lines, shown
from kfzoo.data.predictions.answer_text import Answer, parse_answer
from kfzoo.data.predictions.collector import PredictionCollector
from kfzoo.data.vector import listed_vector, named_vector
from kfzoo.errors import InputError


def read_predicted_lines(collector: PredictionCollector) -> None:
    """Reads a JSON Lines file into a collector.

    Args:
        collector: Gets the answers and the faults; its samples are in the order of the requests.

    Raises:
        InputError: When the file cannot be read, or is empty.
    """
    requests = RequestedSamples(collector.samples)
    position = -1
    for position, (where, raw) in enumerate(raw_lines(collector.path)):
        try:
            text, values = _decoded(raw)
            _read_line(collector, requests, where, text, values, position)
        except InputError as error:
            collector.refused(where, error)
        except ValueError as error:
            collector.fault(where, str(error))
    if position < 0:
        raise InputError(collector.path, "is empty, expected one prediction a line", "write the file again")


class RequestedSamples:
    """Finds the keyframe that a request asks for.

    A KeyframeFace request is known by all that it says: background, emotion, descriptions, and the keyframe asked for.
    A request with an image is known by the image's name; where several keyframes share one, they are taken in their
    order.

    Args:
        samples: The keyframes.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._waiting: dict[object, deque[int]] = defaultdict(deque)
        for position, sample in enumerate(samples):
            self._waiting[_key(sample)].append(position)

    def find(self, request: Request) -> int | None:
        """Returns the position of the next keyframe that a request asks for, or None when there is none.

        Raises:
            InputError: For a request without an image that is not KeyframeFace's.
        """
        if request.image is not None:
            key: object = PurePath(request.image).name
        else:
            prompt = read_prompt(request.where, request.text)
            key = (prompt.background, prompt.emotion, prompt.descriptions, prompt.target)
        waiting = self._waiting.get(key)
        if not waiting:
            return None
        # The last one stays: a second answer to it is a repetition.
        return waiting.popleft() if len(waiting) > 1 else waiting[0]


def in_order_of_requests(path: Path, samples: Sequence[Sample]) -> list[Sample]:
    """Returns those samples that a chat file asks for, in its order.

    Args:
        path: The requests that the samples come from (`kfzoo.data.sources.chat`).
        samples: In any order; a script of several keyframes holds some that no line asks for.

    Raises:
        InputError: As `ChatJsonl`, for a file that it would refuse.
    """
    requested = RequestedSamples(samples)
    found = (requested.find(read_request(where, values, path.parent)) for where, values in read_lines(path))
    return [samples[position] for position in dict.fromkeys(found) if position is not None]


def _key(sample: Sample) -> object:
    if sample.keyframe.image_path is not None:
        return PurePath(sample.keyframe.image_path).name
    script = sample.script
    descriptions = tuple(keyframe.description(sample.annotation) for keyframe in script.keyframes)
    return (script.background, script.emotion, descriptions, sample.position)


class _Object(dict[str, Any]):
    """A JSON object that keeps names that occur twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _decoded(raw: bytes) -> tuple[str, Any]:
    """Returns a line as text and as JSON.

    Raises:
        ValueError: With what is wrong with it.
    """
    try:
        text = raw.decode("utf-8")
        values = json.loads(text, object_pairs_hook=_Object)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        if not raw.endswith(b"\n"):
            raise ValueError(f"is cut off or no JSON ({error})") from None
        raise ValueError(f"is no JSON ({error})") from None
    if isinstance(values, _Object) and len(values) != len(values.pairs):
        names = [name for name, _ in values.pairs]
        raise ValueError(f"key '{next(name for name in names if names.count(name) > 1)}' occurs twice")
    return text, values


def _read_line(
    collector: PredictionCollector, requests: RequestedSamples, where: str, text: str, values: Any, position: int
) -> None:
    if not isinstance(values, _Object):
        answer = parse_answer(values if isinstance(values, str) else text)
        _answer_in_order(collector, where, position, answer, unsure=True)
    elif "id" in values or {"script", "index"} <= set(values):
        _answer_by_id(collector, where, values)
    elif "messages" in values:
        _answer_by_request(collector, requests, where, values)
    elif "response" in values:
        answer = parse_answer(Fields(where, values).text("response"))
        _answer_in_order(collector, where, position, answer, unsure=False)
    else:
        _answer_in_order(collector, where, position, parse_answer(text), unsure=True)


def _answer_by_id(collector: PredictionCollector, where: str, values: _Object) -> None:
    fields = Fields(where, values)
    name = fields.text("id") if "id" in values else f"{fields.text('script')}#{values['index']}"
    position = collector.find(where, name)
    if position is None or not collector.claim(position, where, "id"):
        return
    valid = values.get("valid", True)
    if not isinstance(valid, bool):
        raise fields.fault("valid", f"is {shown(valid)}, expected true or false")
    if not valid:
        return
    if "coefficients" not in values and "response" in values:
        _take(collector, position, where, parse_answer(fields.text("response")))
        return
    found = fields.get("coefficients")
    if not isinstance(found, _Object | list):
        raise fields.fault("coefficients", f"is {shown(found)}, expected 61 values by name or in a list")
    vector, problems = named_vector(found.pairs) if isinstance(found, _Object) else listed_vector(found)
    collector.fill(position, where, vector, problems)


def _answer_by_request(collector: PredictionCollector, requests: RequestedSamples, where: str, values: _Object) -> None:
    request = read_request(where, values, collector.path.parent)
    position = requests.find(request)
    if position is None:
        collector.fault(where, "answers a request that the data does not hold")
    elif collector.claim(position, where, "request"):
        if request.answer is None:
            raise InputError(where, "holds no answer", "expected the key 'response' or an assistant message")
        _take(collector, position, where, parse_answer(request.answer))


def _answer_in_order(
    collector: PredictionCollector, where: str, position: int, answer: Answer, *, unsure: bool
) -> None:
    """Takes an answer that nothing names; an `unsure` one counts only when it can be read."""
    if position >= len(collector):
        collector.surplus(where)
        return
    number = collector.samples[position].keyframe.index + 1
    fits = not names_other_keyframe(answer, number) and (answer.valid or not unsure)
    if collector.claim(position, where, "order" if fits else None):
        _take(collector, position, where, answer)


def _take(collector: PredictionCollector, position: int, where: str, answer: Answer) -> None:
    sample = collector.samples[position]
    number = sample.keyframe.index + 1
    if names_other_keyframe(answer, number):
        asked = f"Keyframe {number_word(number)} of '{sample.script.id}'"
        collector.fault(where, f"answers '{answer.label}', but {asked} was asked for here; is a line missing?")
    else:
        collector.fill(position, where, answer.coefficients, answer.problems)
