"""`data describe` against a server that fails: nothing finished is lost or asked for again, and the end is the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kfzoo.__main__ import main
from kfzoo.annotation.analysis import Analysis
from kfzoo.annotation.analysis_file import MOST_FAULTS, read_analyses
from kfzoo.reporting import end
from tests.annotation.failing_server import FAILURES, FailingServer, failing_server
from tests.commandline import Capture, refusal, run
from tests.language_models.openai_server import completion
from tests.processes import started

FIRST_WAIT = "kfzoo.language_models.server_client.FIRST_WAIT"


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FIRST_WAIT, 0.001)


def command(url: str, out: Path, n: int, **options: object) -> list[str]:
    """Returns the arguments that describe `n` built-in scripts, some three faces each."""
    given: dict[str, object] = {"parallel": 8, "timeout": 0.4} | options
    more = [str(each) for name, value in given.items() for each in (f"--{name}", value)]
    source = ["--source", "BuiltinScripts", "--source.n", str(n)]
    return ["data", "describe", *source, "--out", str(out), "--url", url, *more]


def until_whole(arguments: list[str]) -> None:
    """Runs a command until it has no face left to ask for again."""
    while main(arguments):
        pass


Analyses = list[tuple[str, str, Analysis]]


def analyses(path: Path) -> Analyses:
    """Reads ids, faces and analyses in the order of the file; the annotator's name holds the server's port."""
    return [(entry.id, entry.face, entry.analysis) for entry in read_analyses(path).values()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Analyses:
    """What describes 20 scripts on a server that never fails."""
    out = tmp_path_factory.mktemp("whole") / "a.jsonl"
    with failing_server(0, 0.0) as (server, _):
        assert main(command(server.url, out, 20)) == 0
    return analyses(out)


def test_a_server_that_fails_at_random(tmp_path: Path, whole: Analyses) -> None:
    out = tmp_path / "a.jsonl"
    with failing_server(1, 0.5) as (server, answers):
        until_whole(command(server.url, out, 20, parallel=16))
    assert analyses(out) == whole
    assert set(answers.good.values()) == {1}
    assert set(answers.seen) == {"", *FAILURES}
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_face_without_an_answer_is_passed_over_and_named(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "a.jsonl"
    with failing_server(0, 0.0) as (server, answers):
        good = answers.__call__
        bad: set[str] = set()

        def stubborn(handler: Any, body: Any) -> None:
            face = next(message["content"] for message in body["messages"] if message["role"] == "user")
            if not bad or face in bad:
                bad.add(face)
                handler.send(200, json.dumps(completion("\x1b[2J no")).encode(), {})
            else:
                good(handler, body)

        server.answers = [stubborn]
        said = refusal(capsys, *command(server.url, out, 4, parallel=1))
        assert "a.jsonl: lacks the analyses of 1 face ('builtin-" in said
        found = read_analyses(out)
        server.answers = [answers]
        assert run(*command(server.url, out, 4)) == 0
        assert len(read_analyses(out)) == len(found) + 1
        assert set(answers.good.values()) == {1}


def test_a_server_that_answers_nothing_useful_is_given_up(tmp_path: Path, capsys: Capture) -> None:
    with failing_server(0, 0.0) as (server, _):
        server.answers = [completion("no")]
        assert f"{MOST_FAULTS} faces in a row got no analysis (the last, 'builtin-" in refusal(
            capsys, *command(server.url, tmp_path / "a.jsonl", 20, parallel=1)
        )
        assert len(server.requests) == 2 * MOST_FAULTS
        server.answers = [(401, b"who?")]
        assert "answered 401 (who?)" in refusal(capsys, *command(server.url, tmp_path / "a.jsonl", 20))
    assert not list(tmp_path.iterdir())


def test_a_server_that_dies_leaves_what_is_finished(tmp_path: Path, whole: Analyses, capsys: Capture) -> None:
    out = tmp_path / "a.jsonl"
    with failing_server(0, 0.0) as (server, answers):
        calls = iter(range(10**6))

        def mortal(handler: Any, body: Any) -> None:
            if next(calls) < 10:
                answers(handler, body)
            else:
                handler.close_connection = True

        server.answers = [mortal]
        assert "cannot be reached (Server disconnected); start it" in refusal(capsys, *command(server.url, out, 20))
        (journal,) = tmp_path.iterdir()
        assert len(journal.read_text().splitlines()) == 1 + 10
        server.answers = [answers]
        assert run(*command(server.url, out, 20)) == 0
    assert analyses(out) == whole
    assert set(answers.good.values()) == {1}


def _describe(arguments: list[str]) -> None:
    """Runs in a process of its own."""
    # Where the tests themselves were started in the background, the shell has interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FIRST_WAIT, 0.001)
        end(main(arguments))


@pytest.mark.parametrize("parallel", [1, 8])
def test_an_interrupt_ends_within_two_seconds_and_keeps_what_is_finished(tmp_path: Path, parallel: int) -> None:
    out = tmp_path / "a.jsonl"
    with failing_server(0, 0.0) as (server, answers):
        calls = iter(range(10**6))
        silent = threading.Event()
        ended = threading.Event()

        def stuck(handler: Any, body: Any) -> None:
            if next(calls) < 10:
                answers(handler, body)
            else:
                silent.set()
                ended.wait(30)

        server.answers = [stuck]
        arguments = command(server.url, out, 20, parallel=parallel, timeout=600)
        process = started(_describe, arguments)
        assert silent.wait(60)
        time.sleep(0.2)  # until all that were answered are in the journal
        assert process.pid
        os.kill(process.pid, signal.SIGINT)
        process.join(2)
        ended.set()
    assert process.exitcode == 130
    (journal,) = tmp_path.iterdir()
    assert len(journal.read_text().splitlines()) == 1 + 10


def _entries(folder: Path) -> set[str]:
    lines = (line for path in folder.glob("*.part-*") for line in path.read_bytes().split(b"\n")[1:])
    return {str(json.loads(line)["id"]) for line in lines if line.endswith(b"}")}


def describe_with_kills(folder: Path, kills: int, seed: int) -> tuple[Analyses, FailingServer]:
    """Describes 20 scripts, killed at random moments; starts again from nothing when it ends before the last kill."""
    moments = random.Random(seed)
    out = folder / "a.jsonl"
    done = 0
    with failing_server(seed, 0.4) as (server, answers):
        arguments = command(server.url, out, 20)
        before: set[str] = set()
        while done < kills:
            process = started(_describe, arguments)
            process.join(moments.uniform(0.05, 1.5))
            if process.exitcode is None:
                process.kill()
                process.join()
                done += 1
            now = _entries(folder)
            if out.exists():  # it ended before it could be killed
                out.unlink()
                before = set()
                answers.good.clear()
            else:
                assert before <= now
                before = now
        until_whole(arguments)
        return analyses(out), answers


@pytest.fixture
def _no_leftovers() -> Iterator[None]:
    yield
    assert not multiprocessing.active_children()


@pytest.mark.usefixtures("_no_leftovers")
@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_kills_lose_nothing_that_is_finished(kills: int, tmp_path: Path, whole: Analyses) -> None:
    found, answers = describe_with_kills(tmp_path, kills, seed=kills)
    assert found == whole
    # An answer that was on its way at a kill is asked for again: at most one a thread and kill.
    assert sum(answers.good.values()) - len(answers.good) <= 8 * kills
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
