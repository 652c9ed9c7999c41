"""The client of a server with OpenAI's interface: how often a request is repeated, and what one answer may cost."""

from __future__ import annotations

import email.utils
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import anyio
import httpx2
from aiohttp import ClientConnectorError, ClientError
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient

T = TypeVar("T")

TRIES = 9
"""Tries of a request after a lost connection or a status of `BUSY` or 5xx: 90 s of waiting, at the least."""

FEW_TRIES = 3
"""Tries after a time-out or an answer that is too large or malformed, and of a server that never answered yet."""

BUSY = (408, 409, 425, 429)
"""Statuses below 500 that say that the same request may succeed later."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the second try, doubled before each further one, and their limit."""

NOTABLE_WAIT = 3.0
"""Seconds of waiting that the user is told of."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds that a server may ask to wait (Retry-After); a longer wait is left to the user."""

MOST_BYTES = 4_000_000
"""Size of one answer: a thousand times that of the longest one that fits."""

_CONNECTIONS = 4096  # More than threads that ask: none waits for another's connection.


class TooLargeError(Exception):
    """The answer is longer than `MOST_BYTES`, or compressed, so that its length is unknown."""


class _Bounded(httpx2.AsyncByteStream):
    """A response's body, which ends with an error after `MOST_BYTES`."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self._body:
            read += len(piece)
            if read > MOST_BYTES:
                raise TooLargeError
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


def new_client(url: str, key: str, timeout: float, *, trust_env: bool) -> AsyncOpenAI:
    """Returns a client that makes one try, follows no redirect and reads no more than `MOST_BYTES` of an answer.

    Args:
        url: Base address of the interface.
        key: The server's key; empty for none.
        timeout: Seconds that the server may be silent.
        trust_env: Whether a proxy that the environment names is used.
    """

    async def bound(response: httpx2.Response) -> None:
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise TooLargeError
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)

    # A redirect would carry the key to another server.
    http = DefaultAioHttpClient(
        timeout=timeout,
        follow_redirects=False,
        trust_env=trust_env,
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [bound]},
        limits=httpx2.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
    )
    return AsyncOpenAI(base_url=url, api_key=key or "none", timeout=timeout, max_retries=0, http_client=http)


async def retried(
    request: Callable[[], Awaitable[T]],
    timeout: float,
    reached: Callable[[], bool],
    say: Callable[[str, float], None],
) -> T:
    """Makes a request until it succeeds, or another try does not help.

    Args:
        request: Makes one try.
        timeout: Seconds that a try may take from its start to the answer's last byte.
        reached: Whether the server has answered anything yet.
        say: Gets the problem and the seconds of each wait of `NOTABLE_WAIT` or more.

    Raises:
        Exception: That of the last try; `TimeoutError` when it took too long.
    """
    number = 1
    while True:
        try:
            with anyio.fail_after(timeout):
                return await request()
        except Exception as error:
            if number >= _tries(error, reached()):
                raise
            asked = retry_after(error)
            problem = f"answered {error.status_code}" if isinstance(error, APIStatusError) else "lost the connection"
        backoff = min(FIRST_WAIT * 2 ** (number - 1), LONGEST_WAIT) * random.uniform(1, 1.25)
        wait = backoff if asked is None else asked
        if wait >= NOTABLE_WAIT:
            say(problem, wait)
        await anyio.sleep(wait)
        number += 1


def retry_after(error: Exception) -> float | None:
    """Returns the seconds that the server of a refused request asks to wait, or None where it does not say."""
    text = error.response.headers.get("retry-after", "") if isinstance(error, APIStatusError) else ""
    try:
        seconds = float(text)
    except ValueError:
        moment = email.utils.parsedate_tz(text)
        seconds = email.utils.mktime_tz(moment) - time.time() if moment else math.nan
    return None if math.isnan(seconds) else max(seconds, 0.0)


def root(error: BaseException) -> BaseException:
    """Returns the first cause: the only reliable one, as openai reports a refused connection as a time-out."""
    while error.__cause__:
        error = error.__cause__
    return error


def _tries(error: Exception, reached: bool) -> int:
    first = root(error)
    if isinstance(error, APIStatusError):
        again = error.status_code in BUSY or error.status_code >= 500
        return TRIES if again and (retry_after(error) or 0.0) <= LONGEST_RETRY_AFTER else 1
    if isinstance(first, TimeoutError | TooLargeError) or (
        isinstance(first, ClientConnectorError | OSError) and not reached
    ):
        return FEW_TRIES
    # openai lets through what is no HTTP as an error of aiohttp.
    return TRIES if isinstance(error, APIConnectionError | ClientError) else FEW_TRIES
