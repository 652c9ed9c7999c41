"""A server that answers each face in one way, and fails at random in every way in which servers fail."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from tests.language_models.openai_server import Server, completion, serving

FAILURES = ("429", "500", "lost", "cut", "slow", "malformed", "huge", "endless", "chatter")


def analysis_of(face: str) -> dict[str, Any]:
    """Returns the analysis that the server gives for a face, the last message of the first question."""
    digest = hashlib.sha256(face.encode()).hexdigest()[:6]
    texts = dict.fromkeys(("eyebrows", "eyes", "cheeks", "mouth", "jaw", "head"), f"moves as {digest}")
    return {
        "expression_category": f"face {digest}",
        "muscle_movements": texts,
        "emotional_implication": "not clearly observable",
        "symmetry": "mostly symmetric",
    }


class FailingServer:
    """Writes the answers of a `Server`.

    Args:
        seed: Of the failures.
        failing: Share of the requests that fail.

    Attributes:
        good: How often each face got a good answer, by the face's message.
        seen: How often each failure occurred.
    """

    def __init__(self, seed: int, failing: float) -> None:
        self.good: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._failing = failing
        self._lock = Lock()

    def __call__(self, handler: Any, body: dict[str, Any]) -> None:
        face = next(message["content"] for message in body["messages"] if message["role"] == "user")
        with self._lock:
            failure = self._random.choice(FAILURES) if self._random.random() < self._failing else ""
            self.seen[failure] += 1
        with suppress(ConnectionError):
            if failure:
                self._fail(handler, failure)
                return
            thought = "Which muscles? {brows}</think>\n" if len(face) % 2 else ""
            handler.send(200, json.dumps(completion(thought + json.dumps(analysis_of(face)))).encode(), {})
            with self._lock:
                self.good[face] += 1

    def _fail(self, handler: Any, failure: str) -> None:
        if failure == "429":
            handler.send(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "0.01"})
        elif failure == "500":
            handler.send(500, b"\x1b[31mout of memory", {})
        elif failure == "lost":
            handler.close_connection = True
        elif failure == "cut":
            handler.send(200, b'{"choices": [', {"Content-Length": "4000"})
            handler.close_connection = True
        elif failure == "slow":
            time.sleep(0.6)
            handler.send(200, b"{}", {})
        elif failure == "malformed":
            handler.send(200, b'{"choices": [{"message": {"content": ', {})
        elif failure == "huge":
            handler.send(200, b"{", {"Content-Length": "1000000000"})
            for _ in range(1000):
                handler.wfile.write(bytes(1_000_000))
        elif failure == "endless":
            handler.send(200, b"{", {"Content-Length": "1000"})
            for _ in range(40):
                time.sleep(0.05)
                handler.wfile.write(b" ")
            handler.close_connection = True
        else:
            handler.send(200, json.dumps(completion("I would rather not.")).encode(), {})


@contextmanager
def failing_server(seed: int, failing: float) -> Iterator[tuple[Server, FailingServer]]:
    """Runs such a server until the block ends."""
    with serving() as server:
        answers = FailingServer(seed, failing)
        server.answers = [answers]
        yield server, answers
