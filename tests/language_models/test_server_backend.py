"""A model on an OpenAI-compatible server: what is sent, and every way in which the server may fail."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

import pytest

from kfzoo.annotation.script_draft import check_draft, draft_schema
from kfzoo.annotation.script_prompt import draft_prompt, draft_script
from kfzoo.errors import InputError
from kfzoo.language_models.server_backend import ServerBackend
from kfzoo.language_models.server_client import FEW_TRIES, TRIES
from tests.language_models.openai_server import GOOD, Server, completion, serving


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfzoo.language_models.server_client.FIRST_WAIT", 0.001)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("KFZOO_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # must not be used for this machine's own servers
    with serving() as found:
        yield found


def failure(server: Server, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        draft_script("joy", ServerBackend(server.url, **options), 5)
    return str(caught.value).replace(server.url, "URL")


def test_a_good_answer_is_taken(server: Server) -> None:
    draft = draft_script("Er hofft. 他希望。", ServerBackend(server.url + "/"), 3)
    assert draft == check_draft("x", GOOD)
    (request,) = server.requests
    assert request["model"] == "tiny"
    assert request["messages"] == draft_prompt("Er hofft. 他希望。", 3)
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": draft_schema(3)}
    assert all("authorization" not in map(str.lower, headers) for headers in server.headers)


def test_an_answer_that_does_not_fit_is_asked_for_again(server: Server) -> None:
    bad = {"background": "x", "keyframes": []}
    server.answers = [completion(bad), completion(GOOD)]
    assert draft_script("joy", ServerBackend(server.url, "mine"), 5) == check_draft("x", GOOD)
    first, second = server.requests
    assert second["model"] == "mine"
    assert second["messages"][: len(first["messages"])] == first["messages"]
    answer, complaint = second["messages"][len(first["messages"]) :]
    assert answer == {"role": "assistant", "content": json.dumps(bad)}
    assert "key 'script' lacks the key 'emotion'" in complaint["content"]


def test_two_answers_that_do_not_fit_are_an_error(server: Server) -> None:
    server.answers = [completion("Certainly! A smile.")]
    assert failure(server) == (
        "'tiny' at URL: gave no script that fits, asked twice (answer: is not JSON (Expecting value: line 1 column 1 "
        "(char 0)); expected one JSON object); choose a stronger model, or say it in other words"
    )
    assert len(server.requests) == 2


TOO_LARGE = "gave an answer of more than 4 MB, or a compressed one; choose another model or server"
INCOMPATIBLE = "answered with something unexpected; is it OpenAI-compatible, and does --url end in /v1?"


@pytest.mark.parametrize(
    ("answer", "requests", "message"),
    [
        ((500, b'{"error": {"message": "CUDA out of\\n memory"}}'), TRIES, "answered 500 (CUDA out of memory)"),
        ((429, b'{"error": {"message": "slow down"}}'), TRIES, "answered 429 (slow down)"),
        ((503, b""), TRIES, "answered 503 (Service Unavailable)"),
        ((500, 500 * b"x"), TRIES, f"answered 500 ({199 * 'x'}…)"),
        ((500, b"short", {"Content-Length": "90"}), TRIES, "cannot be reached (400, message: Not enough data to "
         "satisfy content length header (received 5 of 90 bytes).); start it, or correct --url"),
        ((429, b"", {"Retry-After": "3600"}), 1,
         "answered 429 (Too Many Requests); it asks to wait 3,600 s: run the command again then"),
        ((503, b"", {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), TRIES, "answered 503 (Service Unavailable)"),
        ((503, b"", {"Retry-After": "soon"}), TRIES, "answered 503 (Service Unavailable)"),
        ((200, 5_000_000 * b" "), FEW_TRIES, TOO_LARGE),
        ((500, 5_000_000 * b" "), FEW_TRIES, TOO_LARGE),
        ((200, b"", {"Content-Encoding": "gzip"}), FEW_TRIES, TOO_LARGE),
        ((400, b'{"error": "no such option"}'), 1, "answered 400 (no such option)"),
        ((400, b"[" * 100_000), 1, f"answered 400 ({199 * '['}…)"),
        ((422, b'{"detail": "x"}'), 1, 'answered 422 ({"detail": "x"})'),
        ((401, b'{"message": "who?"}'), 1,
         "answered 401 (who?); put the key into the environment variable KFZOO_API_KEY"),
        ((404, b"Not here"), 1, "answered 404 (Not here); correct --url, which usually ends in /v1, or --model"),
        ((307, b"", {"Location": "/elsewhere"}), 1,
         "answered 307 (Temporary Redirect); correct --url, which usually ends in /v1, or --model"),
        ((200, b"<html>"), FEW_TRIES, INCOMPATIBLE),
        ((200, b"<html>", {"Content-Type": "text/html"}), FEW_TRIES, INCOMPATIBLE),
        ((200, b'{"choices": []}'), FEW_TRIES, INCOMPATIBLE),
        (completion(None, refusal="I cannot"), 1,
         "gave no answer (I cannot); say it in other words, or choose another model"),
        ({"choices": [{"message": {"content": '{"back'}, "finish_reason": "length"}]}, 1,
         "cut its answer off; let the server write longer answers"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line(server: Server, answer: Any, requests: int, message: str) -> None:
    server.answers = [answer]
    assert failure(server) == f"'tiny' at URL: {message}"
    assert len(server.requests) == requests


@pytest.mark.parametrize(
    "thought", ["<think>First {this}.</think>\n\n", "No tag {}</think>", "<thinking>\n</thinking>"]
)
def test_a_chain_of_thought_is_removed(server: Server, thought: str) -> None:
    server.answers = [completion(thought + json.dumps(GOOD))]
    assert draft_script("joy", ServerBackend(server.url), 5) == check_draft("x", GOOD)
    assert len(server.requests) == 1


def test_a_long_wait_is_said_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kfzoo.language_models.server_client.NOTABLE_WAIT", 0.0)
    server.answers = [(429, b""), (502, b""), completion(GOOD)]
    backend = ServerBackend(server.url)
    draft_script("joy", backend, 5)
    assert [record.getMessage() for record in caplog.records] == [
        f"'tiny' at {server.url}: answered 429; asking again in 0 s, and later without a word"
    ]
    backend.close()
    backend.close()


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.answers = [(429, b""), (502, b""), completion(GOOD)]
    assert draft_script("joy", ServerBackend(server.url), 5) == check_draft("x", GOOD)
    assert len(server.requests) == 3


def test_several_threads_ask_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    together = Barrier(4, timeout=20)  # passes when four requests have arrived
    answer = Server.next

    def wait(self: Server) -> Any:
        together.wait()
        return answer(self)

    monkeypatch.setattr(Server, "next", wait)
    backend = ServerBackend(server.url)
    with ThreadPoolExecutor(4) as pool:
        drafts = list(pool.map(lambda text: draft_script(text, backend, 5), ["joy"] * 8))
    assert drafts == [check_draft("x", GOOD)] * 8


@pytest.mark.parametrize("package", ["openai", "aiohttp"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"--url: the package {package} is missing; pip install 'kfzoo\[server\]'"):
        ServerBackend("http://localhost/v1")


def test_a_server_that_is_absent_or_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(InputError) as caught:
            ServerBackend(url, timeout=0.1)
    assert (
        str(caught.value)
        == f"server {url}: gave no whole answer in 0.1 s, 3 times; raise --timeout, or choose a faster model"
    )
    with pytest.raises(InputError, match=r"cannot be reached \(Connect call failed .*; start it, or correct --url"):
        ServerBackend(url)


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (b"SSH-2.0-x\r\n", "cannot be reached (400, message: Bad status line:"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", "(received 1 of 90 bytes).); start it, or correct --url"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", INCOMPATIBLE),
    ],
)
def test_a_server_of_another_kind(greeting: bytes, message: str) -> None:
    def greet(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                connection.recv(1000)
                connection.sendall(greeting)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=greet, args=[listener], daemon=True).start()
        with pytest.raises(InputError, match=re.escape(message)):
            ServerBackend(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", "http://", "ftp://x/v1", "http://x:port/v1"])
def test_a_malformed_address(url: str) -> None:
    with pytest.raises(InputError, match=r"--url: is no address of a server; expected one such as http://localhost"):
        ServerBackend(url, "x")


def test_without_a_model_the_server_must_have_one(server: Server) -> None:
    server.models = [f"m{number}" for number in range(10)]
    assert failure(server) == "--model: is missing; the server has m0, m1, m2, m3, m4, m5, m6, m7 and 2 more"
    server.models = []
    assert failure(server) == "server URL: has no model; load one there"
    with pytest.raises(InputError, match=r"answered 404 \(Not Found\); correct --url, which usually ends in /v1"):
        ServerBackend(server.url.removesuffix("/v1"))


def test_the_key_is_sent_to_this_server_only_and_never_shown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in (("OPENAI_API_KEY", "other"), ("KFZOO_API_KEY", "s3cret\n")):
        monkeypatch.setenv(name, key)
        ServerBackend(server.url).ask(draft_prompt("x", 1), draft_schema(1))
    assert [headers["authorization"] for headers in server.headers] == 2 * ["Bearer other"] + 2 * ["Bearer s3cret"]
    server.answers = [(401, b'{"error": {"message": "Incorrect key s3cret"}}')]
    assert failure(server).startswith("'tiny' at URL: answered 401 (Incorrect key …)")
    with serving() as other:
        server.answers = [(302, b"", {"Location": f"{other.url}/models"})]
        assert "answered 302" in failure(server, model="x")
        assert other.headers == []
    monkeypatch.setenv("KFZOO_API_KEY", "two\nlines")
    expected = "environment variable KFZOO_API_KEY: holds a key with line breaks or letters beyond ASCII"
    assert failure(server) == expected
