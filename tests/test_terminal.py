"""Strings of data, files and servers are printed without what steers a terminal, and read no markup."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import write_scripts
from kfzoo.errors import InputError
from kfzoo.reporting import exit_code
from kfzoo.terminal import printable, say, terminal
from tests.commandline import Capture, run

HOSTILE = "\x1b[31m[bold]red[/bold] \u202eevil\u2066 :smile: \x9b2J"
SHOWN = r"\x1b[31m[bold]red[/bold] \u202eevil\u2066 :smile: \x9b2J"


@given(st.text())
def test_a_printable_text_is_one_line_that_any_encoding_takes(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert not any(character in shown for character in "\x1b\x9b\r\b\u202e\u2066")
    assert printable(shown) == shown


def test_letters_of_all_scripts_stay() -> None:
    for text in ("Er hofft, naïve 他希望 😊", "نمی‌خواهم", "क्‍ष", "👩‍👩‍👧"):
        assert printable(text) == text
    assert printable("a\nb\udcff") == r"a\nb\udcff"
    assert printable("a\nb", lines=True) == "a\nb"


def test_a_console_prints_texts_as_they_are(capsys: Capture) -> None:
    table = Table("", HOSTILE)
    table.add_row(HOSTILE, "1")
    console = terminal()
    console.width = 200
    console.print(HOSTILE)
    console.print(table)
    printed = capsys.readouterr().out
    assert printed.count(SHOWN) == 3
    assert "\x1b" not in printed


def test_descriptions_of_data_do_not_steer_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    (script,) = BuiltinScripts(1)
    write_scripts(tmp_path / "a.jsonl", [replace(script, id="a[red]b", background=HOSTILE, emotion=HOSTILE)])
    assert run("data", "inspect", "--source", "ScriptsJsonl", "--source.path", tmp_path / "a.jsonl") == 0
    printed = "".join(capsys.readouterr().out.split())
    assert printed.count("".join(SHOWN.split())) == 2
    assert "a[red]b" in printed


def raised(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


def test_errors_and_logs_are_one_line(capsys: Capture) -> None:
    assert exit_code(raised(InputError(f"file\n{HOSTILE}", "is\u2028wrong"))) == 2
    assert capsys.readouterr().err == rf"kfzoo: file {SHOWN}: is\u2028wrong" + "\n"
    say(HOSTILE)
    assert capsys.readouterr().out == SHOWN + "\n"
    stream = io.StringIO()
    last = logging.lastResort
    assert last
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(last), "stream", property(lambda _: stream))

        def command() -> int:
            last.handle(logging.makeLogRecord({"msg": f"a\n{HOSTILE}", "levelno": 40}))
            return 0

        assert exit_code(command) == 0
    assert stream.getvalue() == rf"a\n{SHOWN}" + "\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "x/y"), "x/y: refused (No space left on device); make room, or"),
        (OSError(36, "File name too long", b"x\xff"), r"x\udcff: refused (File name too long); give a shorter name"),
        (PermissionError(13, "Permission denied"), "the system: refused (Permission denied); choose a path that"),
        (MemoryError("17 TiB"), "memory: does not suffice (17 TiB); ask for less"),
        (OSError("odd"), "the system: refused (odd)"),
        (
            UnicodeEncodeError("utf-8", "run \udcff", 4, 5, "surrogates"),
            r"…run \udcff: cannot be written as utf-8; use",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line(error: Exception, line: str, capsys: Capture) -> None:
    assert exit_code(raised(error)) == 2
    assert capsys.readouterr().err.startswith(f"kfzoo: {line}")
    assert exit_code(raised(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "kfzoo: interrupted\n"
