"""A server with the part of OpenAI's interface that the tests need, in a thread of this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

GOOD: dict[str, Any] = {
    "background": "Ein Flur vor dem Prüfungsraum.",
    "emotion": "Hope behind calm",
    "keyframes": [
        {"time": None, "description": "The gaze is lowered."},
        {"time": 4, "description": "A [bold]small[/bold] smile 😊."},
    ],
}


def completion(content: Any, **more: Any) -> dict[str, Any]:
    """Returns a chat completion with this content."""
    text = content if isinstance(content, str) or content is None else json.dumps(content)
    return {"choices": [{"message": {"role": "assistant", "content": text} | more, "finish_reason": "stop"}]}


class Server:
    """Answers and requests of the server.

    Attributes:
        answers: The next answers: JSON values, a status with bytes and headers, or a function of the request's handler
            and body that writes the answer; the last one is repeated.
        models: Names of its models.
        requests: Bodies of the requests for a completion.
        headers: Headers of all requests.
        url: Its address.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = [completion(GOOD)]
        self.models = ["tiny"]
        self.requests: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def next(self) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            return answer
        if not isinstance(answer, tuple):
            return 200, json.dumps(answer).encode(), {}
        status, body, *more = answer
        return status, body, more[0] if more else {}


@contextmanager
def serving() -> Iterator[Server]:
    """Runs a server until the block ends."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            server.headers.append(dict(self.headers))
            found = {"object": "list", "data": [{"id": name} for name in server.models]}
            self.send(200, json.dumps(found).encode(), {}) if self.path == "/v1/models" else self.send(404, b"", {})

        def do_POST(self) -> None:
            server.headers.append(dict(self.headers))
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                self.send(404, b"<html>no such page</html>", {})
                return
            server.requests.append(body)
            answer = server.next()
            if callable(answer):
                answer(self, body)
            else:
                self.send(*answer)

        def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            given = {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Says nothing of clients that have gone."""

    http = Quiet(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
