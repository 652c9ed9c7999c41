"""The interface of language models that answer under a JSON Schema, and what all of their callers need."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from kfzoo.errors import InputError
from kfzoo.language_models.chat_format import Message

T = TypeVar("T")

_ENDS_OF_THOUGHT = ("</think>", "</thinking>")


class AnswerError(InputError):
    """A language model gave no usable answer to one question; it may well answer others."""


class Backend(Protocol):
    """A language model that answers under a JSON Schema.

    Attributes:
        name: What messages call it.
    """

    name: str

    def close(self) -> None:
        """Ends what is being asked, from another thread too; the calls of `ask` that wait for it fail."""

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns the answer to a chat: JSON that should fit the schema."""


def ask_twice(
    backend: Backend,
    messages: Sequence[Message],
    schema: Mapping[str, Any],
    check: Callable[[str, object], T],
    what: str,
    remedy: str = "choose a stronger model",
) -> T:
    """Asks a language model; when the answer does not fit, asks again with the reason.

    Args:
        backend: The language model.
        messages: The chat.
        schema: JSON Schema of the answer.
        check: Checks and converts an answer; gets "answer", for its messages, and the parsed JSON.
        what: What is asked for, for the message.
        remedy: What the user can do when the second answer does not fit.

    Raises:
        AnswerError: When the second answer does not fit either.
        InputError: As `Backend.ask`.
    """
    answer = without_thoughts(backend.ask(messages, schema))
    try:
        return check("answer", read_json("answer", answer))
    except InputError as error:
        complaint = f"That does not fit: {error}. Answer again, with one JSON object as described."
    again = [{"role": "assistant", "content": answer}, {"role": "user", "content": complaint}]
    answer = without_thoughts(backend.ask([*messages, *again], schema))
    try:
        return check("answer", read_json("answer", answer))
    except InputError as error:
        raise AnswerError(backend.name, f"gave no {what} that fits, asked twice ({error})", remedy) from error


def strict_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the JSON Schema of an object that has all of these keys and no other."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def without_thoughts(answer: str) -> str:
    """Returns an answer without the chain of thought before it, whose opening tag some servers leave out."""
    if answer.lstrip().startswith("{"):
        return answer
    ends = [answer.rfind(tag) + len(tag) for tag in _ENDS_OF_THOUGHT if tag in answer]
    return answer[max(ends) :].lstrip() if ends else answer


def read_json(where: str, text: str) -> object:
    """Parses an answer that should be JSON, with or without a Markdown fence around it.

    Args:
        where: Source of the answer, for messages.
        text: The answer.

    Raises:
        InputError: For a text that is not JSON.
    """
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner.removeprefix("```").removeprefix("json").removesuffix("```")
    try:
        values: object = json.loads(inner)
    except (ValueError, RecursionError) as error:
        raise InputError(where, f"is not JSON ({error})", "expected one JSON object") from None
    return values


def open_backend(model: str = "", url: str = "", timeout: float = 120.0) -> Backend:
    """Returns the language model that two command-line options name.

    Args:
        model: Specification (`kfzoo.language_models.loading`), by default `smollm2`; with a URL a name that the server
            knows, which is needed only where it has several.
        url: An OpenAI-compatible server, such as http://localhost:8000/v1; empty for a model on this machine.
        timeout: Seconds that one answer of the server may take.

    Raises:
        InputError: As `ServerBackend` and `LocalBackend`.
    """
    if url:
        from kfzoo.language_models.server_backend import ServerBackend

        return ServerBackend(url, model, timeout)

    # The import costs seconds.
    from kfzoo.language_models.local_backend import LocalBackend

    return LocalBackend(model or "smollm2")
