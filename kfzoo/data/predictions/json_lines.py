"""Predictions as JSON Lines: what `predict` writes, and what KeyframeFace and SemanticFace released.

Every line, or entry of one JSON array, is read by its own shape, and what it lacks is never filled in:

- `{"id": …, "coefficients": …}` answers the keyframe of that id (or of `script` and `index`); the coefficients are
  named, or 61 in a list, or are in a text under "response". `"valid": false` is an answer that the model itself
  marked as none.
- `{"id": …, "keyframes": [{"index": …, "coefficients": …}, …]}`, a script, answers each of its keyframes.
- `{"messages": […], "response": …}`, in any spelling of `kfzoo.data.chat_messages`, repeats the request that it
  answers, and is matched by it; `{"images": […], …}` is matched by the image.
- `{"response": …}`, or a line that is itself an object or list of coefficients, answers the request at its
  place.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kfzoo.data.batch import Sample
from kfzoo.data.chat_messages import is_request, read_images
from kfzoo.data.chat_requests import Request, names_other_keyframe, number_word, read_prompt, read_request
from kfzoo.data.image_paths import ImageMatch
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
    requests = RequestedSamples(collector.samples, _images(collector))
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


def _images(collector: PredictionCollector) -> list[str]:
    """Returns the images that the lines name, where keyframes have images: all are needed to match each of them."""
    found = []
    if any(sample.keyframe.image_path is not None for sample in collector.samples):
        for where, raw in raw_lines(collector.path):
            with contextlib.suppress(InputError, ValueError):
                _, values = _decoded(raw)
                image = _image(where, values, collector.path.parent) if isinstance(values, _Object) else None
                found += [image] if image else []
    return found


def _image(where: str, values: _Object, folder: Path) -> str | None:
    """Returns the image that a line is about, None without one."""
    if is_request(values):
        return read_request(where, values, folder).image
    images = list(dict.fromkeys(read_images(Fields(where, values))))
    if len(images) > 1:
        raise InputError(where, f"names {len(images)} images, expected one")
    return str(folder / images[0]) if images else None


class RequestedSamples:
    """Finds the keyframe that a request asks for.

    A KeyframeFace request is known by all that it says: background, emotion, descriptions, and the keyframe asked for.
    A request with an image is known by the image's path (`ImageMatch`); where several keyframes share one image, they
    are taken in their order.

    Args:
        samples: The keyframes.
        images: Paths of all images that will be looked for.
    """

    def __init__(self, samples: Sequence[Sample], images: Iterable[str] = ()) -> None:
        self._waiting: dict[object, deque[int]] = defaultdict(deque)
        for position, sample in enumerate(samples):
            self._waiting[_key(sample)].append(position)
        known = [sample.keyframe.image_path for sample in samples if sample.keyframe.image_path is not None]
        self.of_images = bool(known)
        self._images = ImageMatch(known, images)

    def find(self, request: Request) -> int | None:
        """Returns the position of the next keyframe that a request asks for, or None when there is none.

        Raises:
            InputError: For a request without an image that is not KeyframeFace's, and one whose image cannot be told
                from others.
        """
        if request.image is not None:
            return self.find_image(request.where, request.image)
        prompt = read_prompt(request.where, request.text)
        return self._next((prompt.background, prompt.emotion, prompt.descriptions, prompt.target))

    def find_image(self, where: str, image: str) -> int | None:
        """Returns the position of the next keyframe of an image, or None when there is none.

        Raises:
            InputError: When the image cannot be told from others.
        """
        return self._next(self._images.find(where, image))

    def _next(self, key: object) -> int | None:
        waiting = self._waiting.get(key)
        if not waiting:
            return None
        # The last one stays: a second answer to it is a repetition.
        return waiting.popleft() if len(waiting) > 1 else waiting[0]


def in_order_of_requests(path: Path, samples: Sequence[Sample], images: Path | None = None) -> list[Sample]:
    """Returns those samples that a chat file asks for, in its order.

    Args:
        path: The requests that the samples come from (`kfzoo.data.sources.chat`).
        samples: In any order; a script of several keyframes holds some that no line asks for.
        images: The source's folder of images.

    Raises:
        InputError: As `ChatJsonl`, for a file that it would refuse.
    """
    requests = [read_request(where, values, path.parent, images) for where, values in read_lines(path)]
    requested = RequestedSamples(samples, [request.image for request in requests if request.image is not None])
    found = (requested.find(request) for request in requests)
    return [samples[position] for position in dict.fromkeys(found) if position is not None]


def _key(sample: Sample) -> object:
    if sample.keyframe.image_path is not None:
        return sample.keyframe.image_path
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
        counts = Counter(name for name, _ in values.pairs)
        raise ValueError(f"key '{next(name for name, count in counts.items() if count > 1)}' occurs twice")
    return text, values


def _read_line(
    collector: PredictionCollector, requests: RequestedSamples, where: str, text: str, values: Any, position: int
) -> None:
    if not isinstance(values, _Object):
        answer = parse_answer(values if isinstance(values, str) else text)
        _answer_in_order(collector, where, position, answer, unsure=True)
    elif "keyframes" in values and "id" in values:
        _answer_by_script(collector, where, values)
    elif is_request(values) and not collector.knows(values.get("id")):
        _answer_by_request(collector, requests, where, values)
    elif "id" in values or {"script", "index"} <= set(values):
        fields = Fields(where, values)
        name = fields.text("id") if "id" in values else f"{fields.text('script')}#{values['index']}"
        _answer_by_id(collector, name, fields)
    elif requests.of_images and (image := _image(where, values, collector.path.parent)):
        _answer_by_image(collector, requests.find_image(where, image), where, text, values)
    elif "response" in values:
        answer = parse_answer(Fields(where, values).text("response"))
        _answer_in_order(collector, where, position, answer, unsure=False)
    else:
        _answer_in_order(collector, where, position, parse_answer(text), unsure=True)


def _answer_by_script(collector: PredictionCollector, where: str, values: _Object) -> None:
    """Takes a script's keyframes; those without coefficients answer nothing."""
    fields = Fields(where, values)
    for number, keyframe in enumerate(fields.items("keyframes")):
        inner = Fields(where, keyframe, f"keyframes[{number}]")
        if inner.values.get("coefficients") is not None:
            index = inner.number("index") if "index" in inner else number
            _answer_by_id(collector, f"{fields.text('id')}#{index:g}", inner)


def _answer_by_id(collector: PredictionCollector, name: str, fields: Fields) -> None:
    where, values = fields.where, fields.values
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
    _take_written(collector, position, fields)


def _take_written(collector: PredictionCollector, position: int, fields: Fields) -> None:
    """Takes the coefficients that a program wrote."""
    found = fields.get("coefficients")
    if not isinstance(found, _Object | list):
        raise fields.fault("coefficients", f"is {shown(found)}, expected 61 values by name or in a list")
    vector, problems = named_vector(found.pairs) if isinstance(found, _Object) else listed_vector(found)
    collector.fill_written(position, fields.where, vector, problems)


def _answer_by_image(
    collector: PredictionCollector, position: int | None, where: str, text: str, values: _Object
) -> None:
    if position is None:
        collector.fault(where, "answers an image that the data does not hold")
    elif collector.claim(position, where, "request"):
        if "coefficients" in values:
            _take_written(collector, position, Fields(where, values))
        else:
            given = Fields(where, values).text("response") if "response" in values else text
            _take(collector, position, where, parse_answer(given))


def _answer_by_request(collector: PredictionCollector, requests: RequestedSamples, where: str, values: _Object) -> None:
    request = read_request(where, values, collector.path.parent)
    position = requests.find(request)
    if position is None:
        collector.fault(where, "answers a request that the data does not hold")
    elif collector.claim(position, where, "request"):
        if request.answer is None:
            raise InputError(where, "holds no answer", "expected the key 'response' or an assistant message")
        if request.label is not None:
            collector.prefer_response()
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
        collector.fill(position, where, answer.coefficients, answer.problems, answer.clamped)
