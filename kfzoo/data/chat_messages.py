"""The spellings of one chat line: who said what, and which image it is about.

| written by | keys |
|---|---|
| OpenAI, ms-swift, TRL | `messages`: `role` and `content`, a text or parts (`text`, `image_url`, `image`) |
| ShareGPT, LLaVA | `conversations`: `from` and `value`; `image` |
| ms-swift, before version 3 | `query`, `response`, `system`, `history` |
| Alpaca | `instruction`, `input`, `output` |

What else a line holds (`loss`, `loss_scale`, `rejected_response`, `channel`, `logprobs`) changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kfzoo.data.json_lines import Fields, shown

_LISTS = ("messages", "conversations")
_QUESTIONS = ("query", "instruction")
_ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
}
_TEXTS = ("text", "input_text", "output_text")
_IMAGES = ("image_url", "image", "input_image")


@dataclass(frozen=True)
class Conversation:
    """What one chat line says.

    Attributes:
        question: The user's message.
        answer: The answer: what a model responded, where the line holds that, else the assistant's message, or None.
        label: The assistant's message where it is another text than the response, else None.
        image: Path of the image as it is written, or None.
    """

    question: str
    answer: str | None
    label: str | None
    image: str | None


def is_request(values: Mapping[str, Any]) -> bool:
    """Returns whether a line repeats a request, in any of the spellings."""
    return any(key in values for key in (*_LISTS, *_QUESTIONS))


def read_conversation(where: str, values: dict[str, Any]) -> Conversation:
    """Reads a chat line.

    Args:
        where: `file:line`.
        values: The line.

    Raises:
        InputError: When it holds other than one question, more than one answer, or more than one image.
    """
    fields = Fields(where, values)
    said: dict[str, list[str]] = {"system": [], "user": [], "assistant": []}
    images = read_images(fields)
    key = next((key for key in _LISTS if key in values), "")
    if key:
        for number, message in enumerate(fields.items(key)):
            inner = Fields(where, message, f"{key}[{number}]")
            role, text = _message(inner, images)
            said[role].append(text)
    else:
        key = next((key for key in _QUESTIONS if key in values), "messages")
        said["user"].append(_question(fields, key))
        if earlier := values.get("history"):
            raise fields.fault("history", f"is {shown(earlier)}, expected no earlier turns")
    if len(said["user"]) != 1 or len(said["assistant"]) > 1:
        turns = " in several turns" if len(said["user"]) > 1 else ""
        found = f"{len(said['user'])} user and {len(said['assistant'])} assistant messages"
        raise fields.fault(key, f"holds {found}{turns}, expected one question and at most one answer")
    different = list(dict.fromkeys(images))
    if len(different) > 1:
        raise fields.fault("images", f"holds {len(different)} images, expected one")
    label = said["assistant"][0] if said["assistant"] else None
    response = _response(fields)
    image = different[0] if different else None
    if response is None:
        return Conversation(said["user"][0], label, None, image)
    differs = label is not None and label.strip() != response.strip()
    return Conversation(said["user"][0], response, label if differs else None, image)


def read_images(fields: Fields) -> list[str]:
    """Returns the images that a line names outside its messages."""
    if fields.values.get("image") is not None:
        return [_path(fields, fields.values["image"], "image")]
    if fields.values.get("images") in (None, []):
        return []
    # The tool that wrote the answers turned each path into {"bytes": null, "path": …}.
    return [_path(fields, each, f"images[{number}]") for number, each in enumerate(fields.items("images"))]


def _message(fields: Fields, images: list[str]) -> tuple[str, str]:
    """Returns role and text of a message; the images in it are added to the list."""
    role_key = "from" if "from" in fields and "role" not in fields else "role"
    key = "value" if "value" in fields and "content" not in fields else "content"
    role = fields.text(role_key)
    if role not in _ROLES:
        raise fields.fault(role_key, f"is {shown(role)}, expected system, user or assistant")
    content = fields.get(key)
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return _ROLES[role], fields.text(key)
    texts = []
    for number, part in enumerate(content):
        name = f"{fields.path(key)}[{number}]"
        inner = Fields(fields.where, part, name)
        kind = inner.text("type")
        if kind in _TEXTS:
            texts.append(inner.text("text"))
        elif kind in _IMAGES:
            source = next((each for each in ("image_url", "image", "path") if each in inner), kind)
            images.append(_path(inner, inner.get(source), source))
        else:
            raise inner.fault("type", f"is {shown(kind)}, expected text or image_url")
    return _ROLES[role], "\n".join(texts)


def _question(fields: Fields, key: str) -> str:
    question = fields.text(key)
    more = fields.text("input", "") if key == "instruction" else ""
    return f"{question}\n{more}" if more else question


def _response(fields: Fields) -> str | None:
    for key in ("response", "output"):
        if fields.values.get(key) is not None and (key == "response" or "instruction" in fields):
            return fields.text(key)
    return None


def _path(fields: Fields, value: object, key: str) -> str:
    """Returns the path of an image, written as a text, as `{"path": …}`, as `{"url": …}`, or as a file's address."""
    if isinstance(value, dict):
        inner = Fields(fields.where, value, fields.path(key))
        return _path(inner, inner.get("url" if "url" in inner else "path"), "url" if "url" in inner else "path")
    text = Fields(fields.where, {fields.path(key): value}).text(fields.path(key))
    scheme = urlsplit(text).scheme.lower() if ":" in text[:8] else ""
    if scheme == "file":
        return unquote(urlsplit(text).path)
    if scheme in ("data", "http", "https"):
        raise fields.fault(key, f"is {shown(text)}, expected the path of a file", "save the image as a file")
    if not text.strip() or not Path(text).name:
        raise fields.fault(key, f"is {shown(text)}, expected the path of an image")
    return text
