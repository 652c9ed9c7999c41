"""The chat requests that KeyframeFace and SemanticFace released, as scripts.

One request a line, or an array of them: `{"messages": [{"role": …, "content": …}, …], "images": […]}`, or another
spelling of `kfzoo.data.chat_messages`. An answer is in the line, under "response" or as an assistant message (where the
two differ, the response is what the model answered, and is taken), or in a second file, one `{"response": …}` a line in
the order of the requests.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kfzoo.data.chat_messages import is_request, read_conversation
from kfzoo.data.chat_requests import Prompt, Request, names_other_keyframe, number_word, read_prompt, read_request
from kfzoo.data.image_paths import ImageMatch
from kfzoo.data.json_lines import existing_file, read_lines
from kfzoo.data.predictions.answer_text import Answer
from kfzoo.data.script import ANNOTATIONS, UNSPECIFIED, Annotation, Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)


class ChatJsonl(Source):
    """Scripts from chat requests.

    Requests of KeyframeFace that share background, emotion and descriptions are one script; a keyframe that no line
    asks for is still in it, without coefficients. A request of SemanticFace is a script with one keyframe: its
    image, and the words of its answer as *arkit* description and as analysis. Scripts are named after the file and
    numbered in the order in which they first appear, and each is a clip of its own. The requests name no subject, which
    becomes "unspecified", and no times: keyframes are one second apart, as in KeyframeFace's own CSV. Coefficients
    are clamped to their channel's range.

    Args:
        path: The requests.
        answers: The answers, one a request and in the same order. A file whose lines repeat their requests is checked
            against them, and may stop early.
        annotation: Which of the three descriptions the requests of KeyframeFace hold; the format does not say.
        images: Folder in which the images of the requests are looked for, by the ends of their paths; by default
            relative paths start from the folder of the requests.

    Raises:
        InputError: When a file or the folder of images is missing; on reading, for every fault in it: a line of another
            shape, an answer that is not valid or belongs to another keyframe, a keyframe asked for twice, an image that
            is not in the folder.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        answers: str | os.PathLike[str] | None = None,
        annotation: Annotation = "original",
        images: str | os.PathLike[str] | None = None,
    ) -> None:
        if annotation not in ANNOTATIONS:
            raise InputError("annotation", f"is '{annotation}', expected one of {', '.join(ANNOTATIONS)}")
        self.path = existing_file(path)
        self.answers = None if answers is None else existing_file(answers)
        self.annotation: Annotation = annotation
        self._told = False
        self.images = None if images is None else Path(images)
        if self.images is not None and not self.images.is_dir():
            raise InputError(images, "is no folder", "give the folder that holds the images of the requests")

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts in the order in which they first appear."""
        # All lines are read first: the requests for one script need not be together.
        plans: dict[object, _Plan] = {}
        differing = 0
        for request in self._answered():
            differing += request.label is not None
            if request.image is not None:
                plans[request.where] = _Plan(Prompt("", UNSPECIFIED, ("",), 0), request.image, {0: request.where})
                plans[request.where].answers[0] = request.parsed()
            else:
                prompt = read_prompt(request.where, request.text)
                key = (prompt.background, prompt.emotion, prompt.descriptions)
                plans.setdefault(key, _Plan(prompt)).take(request, prompt.target)
        if differing and not self._told:
            self._told = True
            what = "responses that differ from the assistant's message, and are taken"
            _log.warning("%s: %s: %d", self.path, what, differing)
        for number, plan in enumerate(plans.values(), start=1):
            yield plan.script(f"{self.path.stem}-{number:04d}", self.annotation)

    def _requests(self) -> Iterator[Request]:
        """Yields the requests in the order of their lines, with the answers of their own file alone.

        Raises:
            InputError: For a line of another shape, and an image that is not in the folder of the images, or stands
                for two requests' images.
        """
        written: dict[str, str] = {}
        for where, values in read_lines(self.path):
            request = read_request(where, values, self.path.parent, self.images)
            if request.image is not None and self.images is not None:
                named = str(read_conversation(where, values).image)
                if written.setdefault(request.image, named) != named:
                    problem = f"'{named}' and '{written[request.image]}' are both found as {request.image}"
                    raise InputError(where, problem, "keep the folders of the images apart")
            yield request

    def _answered(self) -> Iterator[Request]:
        """Yields the requests with their answers."""
        if self.answers is None:
            yield from self._requests()
            return
        requests, answers = list(self._requests()), list(read_lines(self.answers))
        images = _match(requests, answers)
        by_order_alone = False
        for request, (where, values) in zip(requests, answers, strict=False):
            by_order_alone = by_order_alone or not is_request(values)
            yield request.answered_by(where, values, images)
        if len(answers) > len(requests):
            where = answers[len(requests)][0]
            raise InputError(where, f"there is no request for it in {self.path}", "give one answer for each request")
        rest = requests[len(answers) :]
        if rest and by_order_alone:
            problem = f"holds {len(answers)} answers, and {rest[0].where} is one request more"
            raise InputError(self.answers, problem, "give one answer for each request")
        yield from rest


def _match(requests: Sequence[Request], answers: Sequence[tuple[str, dict[str, Any]]]) -> ImageMatch:
    """Matches the images of requests with those of answers that repeat them."""
    conversations = (read_conversation(where, values) for where, values in answers if is_request(values))
    given = [each.image for each in conversations if each.image is not None]
    return ImageMatch([each.image for each in requests if each.image is not None], given)


@dataclass(frozen=True)
class _Plan:
    """A script in the making: what its requests share, where each keyframe is asked for, and the answers."""

    prompt: Prompt
    image: str | None = None
    asked: dict[int, str] = field(default_factory=dict)
    answers: dict[int, Answer | None] = field(default_factory=dict)

    def take(self, request: Request, target: int) -> None:
        """Adds a request for one keyframe."""
        name = f"Keyframe {number_word(target + 1)}"
        if target in self.asked:
            problem = f"asks for {name} of the same script as {self.asked[target]}"
            raise InputError(request.where, problem, "keep one of the two lines")
        self.asked[target] = request.where
        self.answers[target] = answer = request.parsed()
        if answer and names_other_keyframe(answer, target + 1):
            problem = f"answers '{answer.label}', but {request.where} asks for {name}"
            raise InputError(request.answer_where, problem, "put answers and requests into one order")

    def script(self, name: str, annotation: Annotation) -> Script:
        """Returns the script with all its keyframes."""
        keyframes = []
        for index, description in enumerate(self.prompt.descriptions):
            answer = self.answers.get(index)
            words: dict[str, Any] = {annotation: description}
            if self.image is not None:
                analysis = answer.analysis if answer else ""
                words = {"arkit": analysis, "analysis": analysis, "image_path": self.image}
            coefficients = answer.coefficients if answer else None
            keyframes.append(Keyframe(index=index, time=float(index), coefficients=coefficients, **words))
        return Script(name, UNSPECIFIED, self.prompt.background, self.prompt.emotion, tuple(keyframes))
