"""A language model behind a server that speaks OpenAI's interface, such as vLLM, Ollama or llama.cpp."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from kfzoo.errors import InputError
from kfzoo.language_models.backend import Message

KEYS = ("KFZOO_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the server's key; the first that is set counts."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHOWN = 200  # Characters of a server's message that are repeated.
_LISTED = 8  # Models of a server that are named.


class ServerModel:
    """A model of an OpenAI-compatible server.

    Args:
        url: Where the interface begins, such as http://localhost:8000/v1.
        model: Its name there; by default the server's only one.
        timeout: Seconds that the server may be silent.

    Raises:
        InputError: For an address that is none; without a model, when the server cannot be asked, or has not just one.
    """

    def __init__(self, url: str, model: str = "", timeout: float = 120.0) -> None:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https") or parts.username or parts.query or parts.fragment:
            raise InputError("--url", "is no address of a server", "expected one such as http://localhost:8000/v1")
        if not timeout > 0:
            raise InputError("--timeout", f"expected more than 0, found {timeout:g}")
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._key = _key()
        self._opener = _opener(host)
        self.name = f"server {self._url}"
        self._model = model or self._only_model()
        self.name = f"'{self._model}' at {self._url}"

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns the model's answer; whether it fits the schema is up to the server.

        Raises:
            InputError: When the server cannot be reached, refuses, or answers with something else than a chat's answer.
        """
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        told = self._get("chat/completions", {"model": self._model, "messages": messages, "response_format": form})
        try:
            choice = told["choices"][0]
            content, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        except (TypeError, KeyError, IndexError, AttributeError):
            raise self._stranger("no chat's answer") from None
        if choice.get("finish_reason") == "length":
            raise InputError(self.name, "cut its answer off", "let the server write longer answers")
        if not isinstance(content, str) or not content.strip():
            said = f" ({self._cut(refusal)})" if isinstance(refusal, str) else ""
            raise InputError(self.name, f"gave no answer{said}", "say it in other words, or choose another model")
        return content

    def _only_model(self) -> str:
        told = self._get("models")
        try:
            names = [str(entry["id"]) for entry in told["data"]]
        except (TypeError, KeyError):
            raise self._stranger("no list of models") from None
        if len(names) == 1:
            return names[0]
        if not names:
            raise InputError(self.name, "has no model", "load one there")
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        raise InputError("--model", "is missing", f"the server has {', '.join(sorted(names)[:_LISTED])}{more}")

    def _get(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Returns what the server answers; with a body, it is sent there."""
        headers = {"Accept": "application/json", "User-Agent": "kfzoo"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            with self._opener.open(Request(f"{self._url}/{path}", data, headers), timeout=self._timeout) as answer:
                raw = answer.read()
        except HTTPError as error:
            raise self._refused(error) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, TimeoutError):
                problem = f"was silent for {self._timeout:g} s"
                raise InputError(self.name, problem, "raise --timeout, or choose a faster model") from None
            said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise InputError(
                self.name, f"cannot be reached ({self._cut(said)})", "start it, or correct --url"
            ) from None
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise self._stranger("something that is not JSON") from None

    def _refused(self, error: HTTPError) -> InputError:
        try:
            raw = error.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            raw = ""
        try:
            told = json.loads(raw)
            told = told.get("error", told.get("message", raw))
            said = told.get("message", raw) if isinstance(told, dict) else told
        except (ValueError, AttributeError, RecursionError):
            said = raw
        remedy = ""
        if error.code in (401, 403):
            remedy = f"put the key into the environment variable {KEYS[0]}"
        elif error.code < 400 or error.code in (404, 405):
            remedy = "correct --url, which usually ends in /v1, or --model"
        return InputError(self.name, f"answered {error.code} ({self._cut(str(said)) or error.reason})", remedy)

    def _stranger(self, what: str) -> InputError:
        return InputError(self.name, f"answered with {what}", "is it OpenAI-compatible, and does --url end in /v1?")

    def _cut(self, text: str) -> str:
        """Returns a server's words on one short line, without the key, which some of them repeat."""
        line = " ".join((text.replace(self._key, "…") if self._key else text).split())
        return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


class _Stay(HTTPRedirectHandler):
    """Follows the server nowhere else: the key was meant for this one."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return None


def _key() -> str:
    for name in KEYS:
        key = os.environ.get(name, "").strip()
        if key and not (key.isascii() and key.isprintable()):  # http.client would repeat it in its complaint
            raise InputError(f"environment variable {name}", "holds a key with line breaks or letters beyond ASCII")
        if key:
            return key
    return ""


def _opener(host: str) -> OpenerDirector:
    # A proxy cannot know this machine's own servers.
    return build_opener(_Stay(), *([ProxyHandler({})] if host in _LOOPBACK else []))
