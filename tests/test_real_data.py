"""Real data are found where KFZOO_TEST_DATA says; without it tests are skipped, with a part of it nothing runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commandline import ROOT
from tests.real_data import FILES, VARIABLE, check, data_folder


def complete(folder: Path) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_the_folder_or_its_parent_is_named(tmp_path: Path) -> None:
    folder = complete(tmp_path / "data")
    assert data_folder(str(folder)) == data_folder(str(tmp_path)) == folder
    check(str(folder))
    check("")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    complete(tmp_path)
    (tmp_path / "ict_facekit.tar.xz").unlink()
    with pytest.raises(pytest.UsageError, match=rf"^{VARIABLE}: {tmp_path} lacks ict_facekit\.tar\.xz; complete the "):
        check(str(tmp_path))
    (tmp_path / FILES[0]).unlink()
    with pytest.raises(pytest.UsageError, match=f"lacks {FILES[0]} and 1 more;"):
        check(str(tmp_path))


@pytest.mark.parametrize("value", ["", "nowhere"])
def test_one_line_says_what_to_set(value: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/arkit/test_mirror.py"]
    environment = os.environ | {VARIABLE: value}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if VARIABLE in line]
    assert len(lines) == 1
    if value:
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert "lacks livelink/Angry_MySlate_165.csv" in lines[0]
    else:
        assert done.returncode == 0
        assert lines[0].startswith(f"1 tests skipped without real data: set {VARIABLE} to the folder that holds ")
