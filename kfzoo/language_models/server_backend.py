"""A language model on a server with OpenAI's interface, such as vLLM, Ollama or llama.cpp."""

from __future__ import annotations

import os
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from kfzoo.errors import InputError
from kfzoo.language_models.chat_format import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI

T = TypeVar("T")

KEYS = ("KFZOO_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the server's key; the first that is set counts."""

RETRIES = 2
"""How often a request is repeated after a time-out, a lost connection or a status 408, 409, 429 or 5xx."""

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
        timeout: Seconds that the server may be silent.

    Raises:
        InputError: When the package openai is missing, the address or the key is malformed, or no model is given and
            the server cannot be reached or does not have exactly one.
    """

    def __init__(self, url: str, model: str = "", timeout: float = 120.0) -> None:
        host = _host(url)
        if not timeout > 0:
            raise InputError("--timeout", f"expected more than 0, found {timeout:g}")
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._key = _key()
        self.name = f"server {self._url}"
        client = self._new_client(trust_env=host not in _LOOPBACK)  # A proxy cannot reach this machine's own servers.

        from anyio.from_thread import start_blocking_portal

        stack = ExitStack()
        self._portal = stack.enter_context(start_blocking_portal())
        self._client = stack.enter_context(self._portal.wrap_async_context_manager(client))
        # The exception cancels the requests that an interrupt has left open.
        weakref.finalize(self, stack.__exit__, KeyboardInterrupt, KeyboardInterrupt(), None)
        self._model = model or self._only_model()
        self.name = f"'{self._model}' at {self._url}"

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns the model's answer; whether it fits the schema depends on the server.

        Raises:
            InputError: When the server cannot be reached, refuses, or does not answer as a chat model.
        """
        chat: Any = list(messages)
        answer: Any = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}

        async def complete(headers: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
            completion = await self._client.chat.completions.create(
                model=self._model, messages=chat, response_format=answer, extra_headers=headers
            )
            choice = completion.choices[0]
            return choice.finish_reason, choice.message.content, choice.message.refusal

        finish_reason, content, refusal = self._call(complete)
        if finish_reason == "length":
            raise InputError(self.name, "cut its answer off", "let the server write longer answers")
        if not isinstance(content, str) or not content.strip():
            reason = f" ({self._one_line(refusal)})" if isinstance(refusal, str) else ""
            raise InputError(self.name, f"gave no answer{reason}", "say it in other words, or choose another model")
        return content

    def _new_client(self, trust_env: bool) -> AsyncOpenAI:
        try:
            import aiohttp  # noqa: F401  # Without it, the client of openai fails only at the first request.
            from openai import AsyncOpenAI, DefaultAioHttpClient
        except ImportError as error:
            remedy = "pip install 'kfzoo[server]'"
            raise InputError("--url", f"the package {error.name} is missing", remedy) from None
        # A redirect would carry the key to another server.
        http = DefaultAioHttpClient(timeout=self._timeout, follow_redirects=False, trust_env=trust_env)
        key = self._key or "none"
        return AsyncOpenAI(
            base_url=self._url, api_key=key, timeout=self._timeout, max_retries=RETRIES, http_client=http
        )

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
        """Runs a request, which gets its additional headers, in the event loop."""
        from aiohttp import ClientError
        from openai import APIConnectionError, APIStatusError, Omit, OpenAIError

        try:
            return self._portal.call(request, {} if self._key else {"Authorization": Omit()})
        except (APIConnectionError, ClientError) as error:  # openai lets through what is no HTTP.
            raise self._unreachable(error) from None
        except APIStatusError as error:
            raise self._refused(error) from None
        except (OpenAIError, ValueError, TypeError, AttributeError, IndexError, RecursionError):
            remedy = "is it OpenAI-compatible, and does --url end in /v1?"
            raise InputError(self.name, "answered with something unexpected", remedy) from None

    def _unreachable(self, error: BaseException) -> InputError:
        # Only the first cause is reliable: openai reports a refused connection as a time-out.
        while error.__cause__:
            error = error.__cause__
        if isinstance(error, TimeoutError):
            problem = f"was silent for {self._timeout:g} s, {RETRIES + 1} times"
            return InputError(self.name, problem, "raise --timeout, or choose a faster model")
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return InputError(self.name, f"cannot be reached ({self._one_line(reason)})", "start it, or correct --url")

    def _refused(self, error: Any) -> InputError:
        code, body, response = error.status_code, error.body, error.response
        message = body.get("message") if isinstance(body, dict) else body
        text = message if isinstance(message, str) else response.text
        remedy = ""
        if code in (401, 403):
            remedy = f"put the key into the environment variable {KEYS[0]}"
        elif code < 400 or code in (404, 405):
            remedy = "correct --url, which usually ends in /v1, or --model"
        return InputError(self.name, f"answered {code} ({self._one_line(text) or response.reason_phrase})", remedy)

    def _one_line(self, text: str) -> str:
        """Returns a server's message on one short line, without the key, which some servers repeat."""
        line = " ".join((text.replace(self._key, "…") if self._key else text).split())
        return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


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
