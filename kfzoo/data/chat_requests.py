"""One line of a chat file: who is asked what, and the parts of a KeyframeFace request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kfzoo.data.chat_messages import is_request, read_conversation
from kfzoo.data.image_paths import ImageMatch, image_in
from kfzoo.data.json_lines import Fields
from kfzoo.data.predictions.answer_text import Answer, parse_answer
from kfzoo.errors import InputError

SECTIONS = ("Keyframe Description Sequence", "Background", "Emotion", "Task Instruction")
"""The parts of a KeyframeFace request, in their order."""

_ONES = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SECTION = re.compile(rf"^[ \t]*({'|'.join(SECTIONS)})[ \t]*:", re.MULTILINE)
_KEYFRAME = re.compile(r"^[ \t]*[-–*•]?[ \t]*Keyframe[ _]([^:\n]+?)[ \t]*:", re.MULTILINE | re.IGNORECASE)
_LABEL = re.compile(r"keyframe[ _-]?(.+)", re.IGNORECASE)
_TARGET = re.compile(r"\bKeyframe[ _]([\w -]+?)[ \t]*[.!]?\s*$", re.IGNORECASE)


def number_word(number: int) -> str:
    """Returns how requests write a keyframe's number: 1 is "One", 21 is "Twenty-One", from 100 on digits."""
    if not 0 < number < 100:
        return str(number)
    if number <= len(_ONES):
        return _ONES[number - 1].title()
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2].title() + (f"-{_ONES[ones - 1].title()}" if ones else "")


_NUMBERS: Mapping[str, int] = {number_word(number).lower(): number for number in range(1, 100)}


def read_number(word: str) -> int | None:
    """Returns the number, from 1, that a word or digits mean; None for anything else."""
    words = re.split(r"[\s_-]+", word.strip().lower())
    if len(words) == 1 and re.fullmatch(r"[0-9]{1,4}", words[0]):
        return int(words[0]) or None
    return _NUMBERS.get("-".join(words))


def names_other_keyframe(answer: Answer, number: int) -> bool:
    """Returns whether an answer's label (KeyframeFace's `Keyframe_one`) names another keyframe than that number."""
    label = _LABEL.fullmatch(answer.label)
    return label is not None and read_number(label[1]) not in (None, number)


@dataclass(frozen=True)
class Request:
    """One line of a chat file.

    Attributes:
        where: `file:line`.
        text: The user's message.
        image: Path of the image that it asks about, or None.
        answer: The answer's text, or None.
        answer_where: `file:line` of the answer.
        label: The assistant's message where it is another text than the model's response, which is the answer.
    """

    where: str
    text: str
    image: str | None
    answer: str | None
    answer_where: str
    label: str | None = None

    def parsed(self) -> Answer | None:
        """Returns the answer, or None without one.

        Raises:
            InputError: For an answer that is not valid; it names the answer's line.
        """
        if self.answer is None:
            return None
        answer = parse_answer(self.answer)
        if not answer.valid:
            problem = f"the answer is not valid: {answer.problems[0]}"
            raise InputError(self.answer_where, problem, "correct the answer or take it out")
        return answer

    def answered_by(self, where: str, values: dict[str, Any], images: ImageMatch | None = None) -> Request:
        """Returns the request with the answer of another file's line.

        Args:
            where: `file:line` of the answer.
            values: The line: `{"response": …}`; when it repeats the request ("messages"), the two must be the same.
            images: Finds the images of the requests by those of the answers; None where there are none.

        Raises:
            InputError: When the line holds no answer, or one to another request, or the request has one already.
        """
        if self.answer is not None:
            raise InputError(where, f"{self.where} holds an answer already", "give the answers once")
        label = None
        if is_request(values):
            other = read_conversation(where, values)
            image = images.find(where, other.image) if images and other.image is not None else None
            if other.question != self.text or image != self.image:
                raise InputError(where, f"answers another request than {self.where}", "put both files into one order")
            answer, label = other.answer, other.label
        else:
            answer = Fields(where, values).text("response")
        if answer is None:
            raise InputError(where, "holds no answer", "expected the key 'response' or an assistant message")
        return replace(self, answer=answer, answer_where=where, label=label)


@dataclass(frozen=True)
class Prompt:
    """A KeyframeFace request, taken apart.

    Attributes:
        background: The situation.
        emotion: The emotion in words.
        descriptions: One a keyframe, in order.
        target: Which keyframe is asked for, from 0.
    """

    background: str
    emotion: str
    descriptions: tuple[str, ...]
    target: int


def read_request(where: str, values: dict[str, Any], folder: Path, images: Path | None = None) -> Request:
    """Reads a line of a chat file, in any of the spellings of `kfzoo.data.chat_messages`.

    Args:
        where: `file:line`.
        values: The line.
        folder: What a relative path of an image starts from.
        images: A folder in which images are looked for instead, by the ends of their paths.

    Raises:
        InputError: When it is no request with one user message, at most one answer and at most one image, and for an
            image that is not in the folder of the images.
    """
    if not is_request(values) and "response" in values:
        raise InputError(where, "holds an answer without its request", "give this file as `answers`")
    found = read_conversation(where, values)
    image = None
    if found.image is not None:
        image = str(folder / found.image if images is None else image_in(images, found.image, where))
    return Request(where, found.question, image, found.answer, where, found.label)


def read_prompt(where: str, text: str) -> Prompt:
    """Takes the user's message of a KeyframeFace request apart.

    Args:
        where: `file:line`, for messages.
        text: The message.

    Raises:
        InputError: When a part is missing or repeated, keyframes are not numbered from One on, or the one that is asked
            for does not exist.
    """
    _, *pieces = _SECTION.split(text)
    sections: dict[str, str] = {}
    for name, words in zip(pieces[::2], pieces[1::2], strict=True):
        if name in sections:
            raise InputError(where, f"the request holds '{name}:' twice", "start one line with it")
        sections[name] = words.strip()
    for name in SECTIONS:
        if not sections.get(name):
            remedy = "expected a request of KeyframeFace, or one with an image under 'images'"
            raise InputError(where, f"the request lacks '{name}: …'", remedy)
    _, *pieces = _KEYFRAME.split(sections["Keyframe Description Sequence"])
    descriptions: list[str] = []
    for word, words in zip(pieces[::2], pieces[1::2], strict=True):
        expected = number_word(len(descriptions) + 1)
        if read_number(word) != len(descriptions) + 1:
            raise InputError(where, f"found 'Keyframe {word}', expected 'Keyframe {expected}'", "number them in order")
        descriptions.append(words.strip())
    target = _TARGET.search(sections["Task Instruction"])
    number = read_number(target[1]) if target else None
    if number is None:
        raise InputError(where, "the task instruction names no keyframe", "expected '… for Keyframe One.' at its end")
    if number > len(descriptions):
        problem = f"asks for Keyframe {number_word(number)}, but describes {len(descriptions)}"
        raise InputError(where, problem, "expected lines such as '- Keyframe One: …'")
    return Prompt(sections["Background"], sections["Emotion"], tuple(descriptions), number - 1)
