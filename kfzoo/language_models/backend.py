"""What every language model that answers under a JSON Schema is asked, and how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from kfzoo.errors import InputError

Message = dict[str, str]
"""A message of a chat: its "role" and its "content"."""


class Backend(Protocol):
    """A language model that answers under a JSON Schema.

    Attributes:
        name: What to call it in a message.
    """

    name: str

    def ask(self, messages: Sequence[Message], schema: dict[str, Any]) -> str:
        """Returns the answer to a chat: JSON that fits the schema, as far as the model keeps to it."""


def said(role: str, content: str) -> Message:
    """Returns one message."""
    return {"role": role, "content": content}


def strict_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the JSON Schema of an object that has all of these keys and no other."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_json(where: str, text: str) -> object:
    """Reads an answer that should be JSON, with or without a Markdown fence around it.

    Args:
        where: Whose answer it is, for messages.
        text: The answer.

    Raises:
        InputError: For a text that is not JSON.
    """
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner.removeprefix("```").removeprefix("json").removesuffix("```")
    try:
        found: object = json.loads(inner)
    except (ValueError, RecursionError) as error:
        raise InputError(where, f"is not JSON ({error})", "expected one JSON object") from None
    return found


def open_backend(model: str = "", url: str = "", timeout: float = 120.0) -> Backend:
    """Returns the language model that two options name.

    Args:
        model: Specification (`kfzoo.language_models.loading`), by default `smollm2`; with a URL a name that the server
            knows, which is needed only where it has several.
        url: An OpenAI-compatible server, such as http://localhost:8000/v1; empty for a model on this machine.
        timeout: Seconds that the server may be silent.

    Raises:
        InputError: As `ServerModel` and `LocalModel`.
    """
    if url:
        from kfzoo.language_models.server_backend import ServerModel

        return ServerModel(url, model, timeout)

    # The import costs seconds.
    from kfzoo.language_models.local_backend import LocalModel

    return LocalModel(model or "smollm2")
