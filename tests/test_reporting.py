"""The process as the shell sees it: pipes that close, full disks, encodings, names and environments of every kind."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from kfzoo.errors import InputError
from kfzoo.files import cache_folder
from tests.commandline import ROOT, Capture, refusal, run


def shell(command: str, **environment: str) -> tuple[int, str, str]:
    """Runs a line of bash; returns the exit code of its first command, its output and its errors."""
    script = f"{command}; exit ${{PIPESTATUS[0]}}"
    kept = {name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "PYTHONIOENCODING")}
    environment = kept | {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable} | environment
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=ROOT, env=environment, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@pytest.mark.parametrize("module", ["kfzoo", "benchmarks"])
def test_a_reader_that_has_seen_enough(module: str) -> None:
    assert shell(f"$PYTHON -m {module} --help | true") == (0, "", "")
    code, printed, said = shell(f"$PYTHON -m {module} --help | head -n 1")
    assert (code, len(printed.splitlines()), said) == (0, 1, "")


def test_output_that_cannot_be_written() -> None:
    code, _, said = shell("$PYTHON -m kfzoo --help > /dev/full")
    assert (code, said) == (
        2,
        "kfzoo: the system: refused (No space left on device); make room, or choose another folder\n",
    )
    assert shell("$PYTHON -m kfzoo fti 2> /dev/full") == (2, "", "")
    assert shell("$PYTHON -m kfzoo --help >&-") == (0, "", "")
    assert shell("$PYTHON -m kfzoo fti 2>&-") == (2, "", "")


def test_output_in_ascii() -> None:
    code, printed, said = shell("$PYTHON -m kfzoo --help", PYTHONIOENCODING="ascii", LANG="C")
    assert (code, said) == (0, "")
    assert r"COMMAND \u2026" in printed
    code, _, said = shell("$PYTHON -m kfzoo $'f\\xfft\\x1b[2J'", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (code, said) == (2, "kfzoo: command 'f\\udcfft\\x1b[2J': is not known; see python -m kfzoo --help\n")


def test_an_environment_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    for name in ("HOME", "KFZOO_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(InputError, match="environment variable HOME: is not set; set it, or KFZOO_CACHE, to a folder"):
        cache_folder()
    monkeypatch.setenv("KFZOO_CACHE", "here")
    assert cache_folder() == Path("here")


LONG = "x" * 260
NOT_UTF8 = os.fsdecode(b"a\xff")


@pytest.mark.parametrize("name", [LONG, f"{LONG}.jsonl", f"{LONG}/a.jsonl", ".", "", 2500 * "a/", "fifo"])
@pytest.mark.parametrize("command", ["build", "describe"])
def test_files_that_cannot_be_written(
    command: str, name: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = ["--source", "BuiltinScripts", "--source.n", 1]
    os.mkfifo("fifo")
    refusal(capsys, "data", command, *source, "--out", name)
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


def test_names_that_are_not_utf_8(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / NOT_UTF8
    source = ["--source", "BuiltinScripts", "--source.n", 1]
    assert run("data", "build", *source, "--out", folder / "a.jsonl") == 0
    assert r"a\udcff" in capsys.readouterr().out
    arguments = ["--source", "ScriptsJsonl", "--source.path", folder / "a.jsonl"]
    assert "source: holds bytes that are not UTF-8; rename it" in refusal(capsys, "data", "inspect", *arguments)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """A limit on the size of files stands for it: the system refuses to write more."""
    line = f"ulimit -f 1; $PYTHON -m kfzoo data describe --source BuiltinScripts --source.n 20 --out {tmp_path}/a.jsonl"
    code, _, said = shell(line)
    assert (code, len(said.splitlines())) == (2, 1)
    assert "cannot be written (File too large); make room" in said or "refused (File too large)" in said
    assert not (tmp_path / "a.jsonl").exists()
