"""A language model on a server with OpenAI's interface, such as vLLM, Ollama or llama.cpp."""

from __future__ import annotations

import logging
import math
import os
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kfzoo.errors import InputError
from kfzoo.language_models.backend import AnswerError
from kfzoo.language_models.chat_format import Message

T = TypeVar("T")

KEYS = ("KFZOO_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the server's key; the first that is set counts."""

_log = logging.getLogger(__name__)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_MESSAGE = 200  # Characters of a server's message that are repeated.
_MAX_MODELS = 8  # Models of a server that are listed.


class ServerBackend:
    """A model of an OpenAI-compatible server; several threads may ask at once.

    The requests of all threads run in one event loop on aiohttp: 5 ms of CPU time a request with 16 and with 128
    threads, where the client's default transport, httpx, needs up to 17.

    Args:
        url: Base address of the interface, such as http://localhost:8000/v1.
        model: Its name on the server; by default the server's only one.
        timeout: Seconds that one answer may take.

    Raises:
        InputError: When the package openai is missing, the address or the key is malformed, or no model is given and
            the server cannot be reached or does not have exactly one.
    """

    def __init__(self, url: str, model: str = "", timeout: float = 120.0) -> None:
        host = _host(url)
        if not 0 < timeout < math.inf:
            raise InputError("--timeout", f"expected more than 0, found {timeout:g}")
        _check_packages()
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._key = _key()
        self._reached = self._waited = False
        self.name = f"server {self._url}"

        from anyio.from_thread import start_blocking_portal

        from kfzoo.language_models.server_client import new_client

        # A proxy cannot reach this machine's own servers.
        client = new_client(self._url, self._key, timeout, trust_env=host not in _LOOPBACK)
        stack = ExitStack()
        self._portal = stack.enter_context(start_blocking_portal())
        self._client = stack.enter_context(self._portal.wrap_async_context_manager(client))
        # The exception cancels the requests that an interrupt has left open.
        self._close = weakref.finalize(self, stack.__exit__, KeyboardInterrupt, KeyboardInterrupt(), None)
        try:
            self._model = model or self._only_model()
        except BaseException:
            self.close()
            raise
        self.name = f"'{self._model}' at {self._url}"

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns the model's answer; whether it fits the schema depends on the server.

        Raises:
            AnswerError: When the server refuses the chat, or does not answer it as a chat model.
            InputError: When the server cannot be reached, or refuses every chat.
        """
        chat: Any = list(messages)
        answer: Any = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}

        async def complete(headers: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
            completion = await self._client.chat.completions.create(
                model=self._model, messages=chat, response_format=answer, extra_headers=headers
            )
            choice = completion.choices[0]
            return choice.finish_reason, choice.message.content, choice.message.refusal  # of a malformed one: no field

        finish_reason, content, refusal = self._call(complete)
        if finish_reason == "length":
            raise AnswerError(self.name, "cut its answer off", "let the server write longer answers")
        if not isinstance(content, str) or not content.strip():
            reason = f" ({self._one_line(refusal)})" if isinstance(refusal, str) else ""
            raise AnswerError(self.name, f"gave no answer{reason}", "say it in other words, or choose another model")
        return content

    def close(self) -> None:
        """Ends all requests that are open; the calls that wait for them fail."""
        self._close()

    def _only_model(self) -> str:
        async def names_of_models(headers: Mapping[str, Any]) -> list[str]:
            return sorted([model.id async for model in self._client.models.list(extra_headers=headers)])

        names = self._call(names_of_models)
        if len(names) == 1:
            return names[0]
        if not names:
            raise InputError(self.name, "has no model", "load one there")
        more = f" and {len(names) - _MAX_MODELS} more" if len(names) > _MAX_MODELS else ""
        raise InputError("--model", "is missing", f"the server has {', '.join(names[:_MAX_MODELS])}{more}")

    def _call(self, request: Callable[[Mapping[str, Any]], Awaitable[T]]) -> T:
        """Runs a request, which gets its additional headers, in the event loop, as often as it may help."""
        from aiohttp import ClientError
        from openai import APIConnectionError, APIStatusError, Omit, OpenAIError

        from kfzoo.language_models.server_client import TooLargeError, retried

        headers = {} if self._key else {"Authorization": Omit()}

        async def one() -> T:
            found = await request(headers)
            self._reached = True
            return found

        try:
            return self._portal.call(retried, one, self._timeout, lambda: self._reached, self._say_once)
        except (APIConnectionError, ClientError, TimeoutError, TooLargeError) as error:
            raise self._unanswered(error) from None
        except APIStatusError as error:
            raise self._refused(error) from None
        except (OpenAIError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
            remedy = "is it OpenAI-compatible, and does --url end in /v1?"
            raise AnswerError(self.name, "answered with something unexpected", remedy) from None

    def _say_once(self, problem: str, wait: float) -> None:
        if not self._waited:
            _log.warning("%s: %s; asking again in %.0f s, and later without a word", self.name, problem, wait)
        self._waited = True

    def _unanswered(self, error: BaseException) -> InputError:
        from kfzoo.language_models.server_client import FEW_TRIES, MOST_BYTES, TooLargeError, root

        first = root(error)
        if isinstance(first, TooLargeError):
            problem = f"gave an answer of more than {MOST_BYTES / 1e6:g} MB, or a compressed one"
            return AnswerError(self.name, problem, "choose another model or server")
        if isinstance(first, TimeoutError):
            problem = f"gave no whole answer in {self._timeout:g} s, {FEW_TRIES} times"
            kind: type[InputError] = AnswerError if self._reached else InputError
            return kind(self.name, problem, "raise --timeout, or choose a faster model")
        reason = getattr(first, "strerror", None) or str(first) or type(first).__name__
        return InputError(self.name, f"cannot be reached ({self._one_line(reason)})", "start it, or correct --url")

    def _refused(self, error: Any) -> InputError:
        from kfzoo.language_models.server_client import LONGEST_RETRY_AFTER, retry_after

        self._reached = True
        code, body, response = error.status_code, error.body, error.response
        message = body.get("message") if isinstance(body, dict) else body
        text = message if isinstance(message, str) else response.text
        kind: type[InputError] = AnswerError
        remedy = ""
        if code in (401, 403):
            kind, remedy = InputError, f"put the key into the environment variable {KEYS[0]}"
        elif code < 400 or code in (404, 405):
            kind, remedy = InputError, "correct --url, which usually ends in /v1, or --model"
        elif (wait := retry_after(error) or 0.0) > LONGEST_RETRY_AFTER:
            kind, remedy = InputError, f"it asks to wait {wait:,.0f} s: run the command again then"
        return kind(self.name, f"answered {code} ({self._one_line(text) or response.reason_phrase})", remedy)

    def _one_line(self, text: str) -> str:
        """Returns a server's message on one short line, without the key, which some servers repeat."""
        line = " ".join((text.replace(self._key, "…") if self._key else text).split())
        return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def _check_packages() -> None:
    try:
        import aiohttp  # noqa: F401  # Without it, the client of openai fails only at the first request.
        import openai  # noqa: F401
    except ImportError as error:
        remedy = "pip install 'kfzoo[server]'"
        raise InputError("--url", f"the package {error.name} is missing", remedy) from None


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
        raise InputError("--url", "is no address of a server", "expected one such as http://localhost:8000/v1")
    return host


def _key() -> str:
    for name in KEYS:
        key = os.environ.get(name, "").strip()
        if key and not (key.isascii() and key.isprintable()):  # The HTTP client would repeat it in its message.
            raise InputError(f"environment variable {name}", "holds a key with line breaks or letters beyond ASCII")
        if key:
            return key
    return ""
