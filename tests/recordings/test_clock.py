from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from tests.recordings.takes import assert_opens_steadily, codes, opening_jaw, table, write_cells

ROWS = 360


def shifted(hour: int, second: int) -> list[str]:
    """Six seconds, after three of which the clock is set anew."""
    found = codes(ROWS, start=60)
    return [
        code if row < 180 else f"{10 + hour:02d}:00:{int(code[6:8]) + second:02d}{code[8:]}"
        for row, code in enumerate(found)
    ]


UNUSABLE = {
    "all zero": (["00:00:00:00.000"] * ROWS, r":2: 360 rows have the timecode 00:00:00:00\.000, so that their time"),
    "whole seconds": ([f"10:00:{row // 60:02d}:00.000" for row in range(ROWS)], r":2: 60 rows have the timecode 10:00"),
    "few rows a second": ([f"10:00:{row // 3:02d}:00" for row in range(100)], r":2: 3 rows have the timecode 10:00"),
    "stops": ([*codes(300), *codes(1, start=299) * 60], r":301: 61 rows have the timecode 10:00:04:59\.000"),
    "an hour forward": (shifted(1, 0), r":182: time jumps by 3600\.0 s, from 10:00:03:59\.000 to 11:00:04:00\.000; "),
    "a second back": (shifted(0, -1), r":182: time runs backwards, from 10:00:03:59\.000 to 10:00:03:00\.000; "),
    "no time": ([], r":1: column 'Timecode' is missing; add it, or set row_fps"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_clock_is_refused_or_rows_are_counted(tmp_path: Path, name: str) -> None:
    timecodes, message = UNUSABLE[name]
    rows = len(timecodes) or ROWS
    cells = table(timecodes or [""] * rows, opening_jaw(rows))
    path = write_cells(tmp_path / "a.csv", cells if timecodes else [row[1:] for row in cells])
    with pytest.raises(InputError, match=r"a\.csv" + message):
        read_take(path)
    take = read_take(path, ReadingOptions(row_fps=60))
    assert_opens_steadily(take, rows)
    assert take.remarks[0].startswith("time is the row's number at 60 rows a second: ")


def test_rows_without_a_face_keep_their_place_where_rows_are_counted(tmp_path: Path) -> None:
    cells = table(["0:00:00:00"] * ROWS, opening_jaw(ROWS))
    for row in (5, 6, 100):
        cells[1 + row] = [cells[1 + row][0], "0", *[""] * 61]
    take = read_take(write_cells(tmp_path / "a.csv", cells), ReadingOptions(row_fps=60))
    assert take.lost == 3
    np.testing.assert_allclose(take.seconds, np.delete(np.arange(ROWS), [5, 6, 100]) / 60)


def test_usable_timecodes_are_used_all_the_same(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "a.csv", table(codes(90, 30), opening_jaw(90, 30)))
    assert_opens_steadily(read_take(path, ReadingOptions(row_fps=60)), 90, 30)


@pytest.mark.parametrize("separator", [":", ";"])
def test_midnight_is_no_jump(tmp_path: Path, separator: str) -> None:
    before = [f"23:59:{second}{separator}{frame:02d}" for second in (58, 59) for frame in range(60)]
    after = [f"00:00:{second:02d}{separator}{frame:02d}" for second in (0, 1) for frame in range(60)]
    fps = 60 if separator == ":" else 60000 / 1001
    path = write_cells(tmp_path / "a.csv", table([*before, *after], opening_jaw(240, fps)))
    assert_opens_steadily(read_take(path), 240, fps)


def test_gaps_and_repeated_timecodes_are_reported(tmp_path: Path) -> None:
    faces, timecodes = opening_jaw(ROWS), codes(ROWS)
    kept = [row for row in range(ROWS) if not 100 <= row < 220]
    path = write_cells(tmp_path / "a.csv", table([timecodes[row] for row in kept], faces[kept]))
    take = read_take(path)
    np.testing.assert_allclose(take.coefficients[:, 17], take.seconds / 10, atol=1e-5)
    assert take.unusual == ("1 gaps without rows, the longest of 2.0 s before line 102",)
    timecodes[50] = timecodes[49]
    take = read_take(write_cells(tmp_path / "a.csv", table(timecodes, faces)))
    assert take.unusual == ("1 rows repeat the timecode of the row before, the first in line 52",)
