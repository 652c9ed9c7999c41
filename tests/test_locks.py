"""Two processes and one file: the second is refused or waits; a killed one leaves nothing behind for long."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kfzoo import files
from kfzoo.errors import InputError
from kfzoo.files import cache_folder, computing, remove_leftovers, replacing
from kfzoo.locks import LONGEST, check_free, holder, lock_path, locked, shortened
from tests.commandline import ROOT, Capture, refusal

Start = Callable[[str, Path], subprocess.Popen[str]]

WRITING = """
import sys, time
from pathlib import Path
from kfzoo.files import computing, replacing
from kfzoo.runs import RunFolder
def running(path): return RunFolder(path).locked()
with {how}(Path(sys.argv[1])) as draft:
    if draft: draft.write_text("half")
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that writes a path until it is told to end, or killed."""
    started = []

    def begin(how: str, path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITING.format(how=how), str(path)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_that_is_being_written_is_refused_with_process_and_host(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "a.json"
    first = start("replacing", path)
    began = time.perf_counter()
    said = rf"a\.json: is being written by process {first.pid} on \S+; wait"
    with pytest.raises(InputError, match=said), replacing(path):
        pass
    assert time.perf_counter() - began < 1
    first.communicate("\n")
    assert path.read_text() == "half"
    assert names(tmp_path) == ["a.json"]


def test_what_a_killed_writer_left_is_removed_and_its_lock_is_gone(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "a.json"
    alive = start("replacing", tmp_path / "alive.json")
    killed = start("replacing", path)
    killed.kill()
    killed.wait()
    (tmp_path / ".a.settings.json").write_text("the user's own")
    assert len(names(tmp_path)) == 5
    files._searched.discard(tmp_path)
    with replacing(tmp_path / "other.json") as draft:
        draft.write_text("whole")
    left = names(tmp_path)
    assert left[0] == ".a.settings.json"
    assert [name[:12] for name in left[1:]] == [".alive.json.", ".alive.part-", "other.json"]
    alive.communicate("\n")
    assert names(tmp_path) == [".a.settings.json", "alive.json", "other.json"]


def test_an_entry_of_the_cache_is_waited_for(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    path = cache_folder() / "of_locks" / "entry.txt"
    first = start("computing", path)
    assert first.stdin is not None
    subprocess.Popen(["sh", "-c", f"sleep 2.5; kill {first.pid}"])
    began = time.perf_counter()
    with computing(path), replacing(path) as draft:
        draft.write_text("second")
    assert time.perf_counter() - began > 1
    assert f"is being written by process {first.pid} on " in caplog.text
    assert names(path.parent) == ["entry.txt"]


def test_the_second_process_in_a_run_folder_is_refused_within_a_second(
    tmp_path: Path, start: Start, capsys: Capture
) -> None:
    folder = tmp_path / "run"
    first = start("running", folder)
    config = tmp_path / "run.yaml"
    config.write_text(f"run_dir: {folder}\n")
    for arguments in (["fit", "--config", config], ["test", "--run_dir", folder], ["predict", f"--run_dir={folder}"]):
        began = time.perf_counter()
        assert f"{folder}: is being written by process {first.pid} on " in refusal(capsys, *arguments)
        assert time.perf_counter() - began < 1
    first.kill()
    first.wait()
    check_free(folder, folder / ".lock")
    assert names(folder) == []


def test_the_other_processes_of_one_run_are_not_locked_out(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfzoo.runs import RunFolder, refuse_in_use

    folder = tmp_path / "run"
    start("running", folder)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with RunFolder(folder).locked():
        refuse_in_use(["--run_dir", str(folder)])
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(InputError, match="is being written by process"), RunFolder(folder).locked():
        pass


def test_one_thread_takes_a_lock_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with locked(path), locked(path):
        assert lock_path(path).is_file()
    assert names(tmp_path) == []


def test_a_lock_that_says_nothing(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") == "another process"
    (tmp_path / "odd").write_text("process \x1b[2J")
    assert holder(tmp_path / "odd") == "another process"


def test_a_folder_that_gives_no_lock_is_written_without(tmp_path: Path) -> None:
    with locked(tmp_path / "none" / "a"):
        pass
    remove_leftovers(tmp_path / "none")


def test_the_longest_names_are_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".json")
    with replacing(path) as draft:
        draft.write_text("x")
    assert names(tmp_path) == [path.name]
    assert len(shortened(path.name)) < LONGEST
    assert shortened("a.json") == "a.json"
