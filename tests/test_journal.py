from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.errors import InputError
from kfzoo.journal import Journal

NAMES = [f"ü {number}#{number % 2}" for number in range(6)]
ENTRIES = {name: {"text": f"„{name}“\n", "values": [0.1 * number, None]} for number, name in enumerate(NAMES)}


def journal(folder: Path, process: int = 0, **origin: object) -> Journal:
    return Journal(folder / "final[1].jsonl", origin or {"voice": "calm"}, process)


def written(folder: Path, process: int = 0, count: int = len(NAMES), **origin: object) -> Path:
    """Adds entries and returns the file."""
    made = journal(folder, process, **origin)
    made.add({name: ENTRIES[name] for name in NAMES[:count]})
    made.close()
    return next(path for path in folder.glob(f"*-{process}.jsonl") if made.pattern.stem[:-1] in path.stem)


@given(cut=st.integers(0, 3_000))
@settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_holds_what_was_complete(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        part = written(folder, count=4)
        content = part.read_bytes()
        left = content[: cut % (len(content) + 1)]
        part.write_bytes(left)
        complete = max(0, left.count(b"\n") - 1)
        again = journal(folder)
        assert complete <= again.found <= complete + 1  # a line that lacks only its end is complete, too
        assert list(again) == [name for name in NAMES if name in again] == NAMES[: again.found]
        again.add({name: ENTRIES[name] for name in NAMES if name not in again})
        again.close()
        last = journal(folder, process=1)
        assert {name: last[name] for name in last} == ENTRIES
        lines = [line for line in part.read_bytes().splitlines() if is_entry(line)]
        assert len(lines) == len({json.loads(line)["id"] for line in lines}) == len(NAMES)
        last.remove()
        assert not list(folder.iterdir())


def is_entry(line: bytes) -> bool:
    try:
        return "id" in json.loads(line)
    except ValueError:
        return False


def test_entries_of_all_processes_are_read_and_those_read_are_counted(tmp_path: Path) -> None:
    for process in (0, 3):
        made = journal(tmp_path, process)
        made.add({f"{process}": {}, "both": {"by": process}})
        made.close()
    found = journal(tmp_path)
    assert (found.found, found.used) == (3, 0)
    assert found["both"] == {"by": 3}
    found.add({"new": {}})
    assert found["new"] == {}
    assert (found.found, found.used) == (3, 1)


def test_seconds_add_up(tmp_path: Path) -> None:
    part = written(tmp_path, count=2)
    part.write_text(part.read_text().replace('"seconds": ', '"seconds": 10'))
    found = journal(tmp_path)
    assert 10 <= found.earlier < 110
    found.add({"late": {}})
    assert journal(tmp_path).earlier >= found.earlier


def test_entries_of_another_origin_are_reported_and_kept(tmp_path: Path) -> None:
    parts = [written(tmp_path, voice="calm", speed=1), written(tmp_path, 1, 2, voice="x" * 30, speed=1)]
    loud = journal(tmp_path, voice="loud", speed=1)
    assert loud.found == 0
    reasons = {(other.entries, other.why) for other in loud.others()}
    assert reasons == {(6, "voice: calm there, loud now"), (2, f"voice: {'x' * 12}… there, loud now")}
    line = next(other.line for other in loud.others() if other.entries == 6)
    assert line.endswith("-*.jsonl: 6 entries are not used (voice: calm there, loud now); remove what you do not need")
    loud.add({"a": {}})
    loud.remove()
    assert sorted(tmp_path.iterdir()) == sorted(parts)
    parts[0].write_bytes(b"{")
    assert (0, "their origin cannot be read") in {(other.entries, other.why) for other in loud.others()}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"final\[1\]\.part-[0-9a-f]{8}-0\.jsonl: cannot be written .*; make room"):
        journal(tmp_path / "file").add({"a": {}})
