"""A model behind an OpenAI-compatible server: what it is sent, and every way in which it may fail."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from kfzoo.annotation.script_draft import check_draft, schema
from kfzoo.annotation.standardise import question, standardise
from kfzoo.errors import InputError
from kfzoo.language_models.server_backend import ServerModel
from tests.language_models.openai_server import GOOD, Server, said, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("KFZOO_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # A proxy is not asked for this machine's own servers.
    with serving() as found:
        yield found


def refusal(server: Server, **options: Any) -> str:
    with pytest.raises(InputError) as told:
        standardise("joy", ServerModel(server.url, **options), 5)
    return str(told.value).replace(server.url, "URL")


def test_a_good_answer_is_taken(server: Server) -> None:
    draft = standardise("Er hofft. 他希望。", ServerModel(server.url + "/"), 3)
    assert draft == check_draft("x", GOOD)
    (asked,) = server.asked
    assert asked["model"] == "tiny"
    assert asked["messages"] == question("Er hofft. 他希望。", 3)
    assert asked["response_format"]["type"] == "json_schema"
    assert asked["response_format"]["json_schema"] == {"name": "answer", "strict": True, "schema": schema(3)}
    assert all("Authorization" not in headers for headers in server.headers)


def test_an_answer_that_does_not_fit_is_asked_for_again(server: Server) -> None:
    bad = {"background": "x", "keyframes": []}
    server.answers = [said(bad), said(GOOD)]
    assert standardise("joy", ServerModel(server.url, "mine"), 5) == check_draft("x", GOOD)
    first, second = server.asked
    assert second["model"] == "mine"
    assert second["messages"][: len(first["messages"])] == first["messages"]
    answer, complaint = second["messages"][len(first["messages"]) :]
    assert answer == {"role": "assistant", "content": json.dumps(bad)}
    assert "key 'script' lacks the key 'emotion'" in complaint["content"]


def test_two_answers_that_do_not_fit_are_told(server: Server) -> None:
    server.answers = [said("Certainly! A smile.")]
    assert refusal(server) == (
        "'tiny' at URL: gave no script that fits, asked twice (answer: is not JSON (Expecting value: line 1 column 1 "
        "(char 0)); expected one JSON object); choose a stronger model, or say it in other words"
    )
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            (500, b'{"error": {"message": "CUDA out of\\n memory", "type": "x"}}'),
            "'tiny' at URL: answered 500 (CUDA out of memory)",
        ),
        ((400, b'{"error": "no such option"}'), "'tiny' at URL: answered 400 (no such option)"),
        ((422, b'{"detail": "x"}'), '\'tiny\' at URL: answered 422 ({"detail": "x"})'),
        ((503, b""), "'tiny' at URL: answered 503 (Service Unavailable)"),
        ((500, 500 * b"x"), f"'tiny' at URL: answered 500 ({199 * 'x'}…)"),
        (
            (401, b'{"message": "who?"}'),
            "'tiny' at URL: answered 401 (who?); put the key into the environment variable KFZOO_API_KEY",
        ),
        (
            (404, b"Not here"),
            "'tiny' at URL: answered 404 (Not here); correct --url, which usually ends in /v1, or --model",
        ),
        (
            (307, b"", {"Location": "/elsewhere"}),
            "'tiny' at URL: answered 307 (Temporary Redirect); correct --url, which usually ends in /v1, or --model",
        ),
        (
            (200, b"<html>"),
            "'tiny' at URL: answered with something that is not JSON; is it OpenAI-compatible, and does --url end in "
            "/v1?",
        ),
        (
            (200, b'{"choices": []}'),
            "'tiny' at URL: answered with no chat's answer; is it OpenAI-compatible, and does --url end in /v1?",
        ),
        (
            (400, b"[" * 100_000),
            f"'tiny' at URL: answered 400 ({199 * '['}…)",
        ),
        (
            (500, b"short", {"Content-Length": "90"}),
            "'tiny' at URL: answered 500 (Internal Server Error)",
        ),
        (
            said(None, refusal="I cannot"),
            "'tiny' at URL: gave no answer (I cannot); say it in other words, or choose another model",
        ),
        (
            {"choices": [{"message": {"content": '{"back'}, "finish_reason": "length"}]},
            "'tiny' at URL: cut its answer off; let the server write longer answers",
        ),
    ],
)
def test_a_server_that_fails_is_told_in_one_line(server: Server, answer: Any, message: str) -> None:
    server.answers = [answer]
    assert refusal(server) == message
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(InputError) as told:
        ServerModel(url)
    assert str(told.value) == f"server {url}: cannot be reached (Connection refused); start it, or correct --url"


def test_a_server_that_is_silent_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(InputError) as told:
        ServerModel(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout=0.2)
    assert "was silent for 0.2 s; raise --timeout, or choose a faster model" in str(told.value)


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (b"SSH-2.0-x\r\n", "cannot be reached (SSH-2.0-x)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", "cannot be reached (IncompleteRead(1 bytes read, 89 more"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "answered with no list of models; is it OpenAI-compatible"),
    ],
)
def test_something_that_is_no_such_server_is_told(greeting: bytes, message: str) -> None:
    from threading import Thread

    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            link, _ = other.accept()
            with link:
                link.recv(1000)
                link.sendall(greeting)

        thread = Thread(target=greet)
        thread.start()
        with pytest.raises(InputError, match=re.escape(message)):
            ServerModel(f"http://127.0.0.1:{other.getsockname()[1]}/v1")
        thread.join()


@pytest.mark.parametrize("url", ["localhost:8000", "file:///etc/passwd", "http://", "ftp://x/v1", "http://x:port/v1"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(InputError, match=r"--url: is no address of a server; expected one such as http://localhost"):
        ServerModel(url, "x")


def test_which_models_there_are_is_told(server: Server) -> None:
    server.models = [f"m{number}" for number in range(10)]
    assert refusal(server) == "--model: is missing; the server has m0, m1, m2, m3, m4, m5, m6, m7 and 2 more"
    server.models = []
    assert refusal(server) == "server URL: has no model; load one there"
    server.models = ["tiny"]
    with pytest.raises(InputError, match=r"answered 404 \(Not Found\); correct --url, which usually ends in /v1"):
        ServerModel(server.url.removesuffix("/v1"))


def test_the_key_is_sent_and_never_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    ServerModel(server.url).ask(question("x", 1), schema(1))
    monkeypatch.setenv("KFZOO_API_KEY", "s3cret\n")
    ServerModel(server.url).ask(question("x", 1), schema(1))
    assert [headers["Authorization"] for headers in server.headers] == 2 * ["Bearer other"] + 2 * ["Bearer s3cret"]
    server.answers = [(401, b'{"error": {"message": "Incorrect key s3cret"}}')]
    assert refusal(server).startswith("'tiny' at URL: answered 401 (Incorrect key …)")


def test_what_is_no_key_is_told_without_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFZOO_API_KEY", "two\nlines")
    expected = "environment variable KFZOO_API_KEY: holds a key with line breaks or letters beyond ASCII"
    assert refusal(server) == expected


def test_the_key_is_not_taken_elsewhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFZOO_API_KEY", "s3cret")
    with serving() as other:
        server.answers = [(302, b"", {"Location": f"{other.url}/models"})]
        assert "answered 302" in refusal(server, model="x")
        assert other.headers == []
