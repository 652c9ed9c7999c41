from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfzoo.errors import InputError
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.timecode import Timecodes, find_rate, parse_timecodes, rate_of
from tests.recordings.takes import assert_opens_steadily, codes, opening_jaw, table, write_cells


def parsed(texts: list[str]) -> Timecodes:
    found = parse_timecodes(texts)
    assert not isinstance(found, int)
    return found


@pytest.mark.parametrize("end", ["", ".000"])
@pytest.mark.parametrize("start", [0, 17])
@pytest.mark.parametrize("count", [24, 25, 30, 50, 60])
def test_the_rate_is_found_from_the_file(tmp_path: Path, count: int, start: int, end: str) -> None:
    rows = count + count // 2  # one second ends in it
    path = write_cells(tmp_path / "a.csv", table(codes(rows, count, start, end), opening_jaw(rows, count)))
    take = read_take(path)
    assert_opens_steadily(take, rows, count)
    assert take.remarks == (f"the timecodes count {count} frames a second",)
    assert take.unusual == (() if count == 60 else take.remarks)


@given(
    count=st.sampled_from([24, 25, 30, 50, 60]),
    start=st.integers(0, 59),
    rows=st.integers(61, 300),
    step=st.sampled_from([1, 2, 3]),
    missing=st.lists(st.integers(0, 300), max_size=3),
)
def test_rows_that_are_left_out_do_not_change_the_rate(
    count: int, start: int, rows: int, step: int, missing: list[int]
) -> None:
    kept = [code for row, code in enumerate(codes(rows, count, start)[::step]) if row not in missing]
    found = find_rate(parsed(kept), as_the_phone=False)
    assert found is None or found.count == count
    if not missing and count % step == 0 and rows > 2 * count:
        assert found is not None


def test_the_phone_counts_sixtieths_at_thirty_rows_a_second() -> None:
    times = np.arange(90) * 2.0 + 31.652
    texts = [f"13:13:{int(time // 60):02d}:{time % 60:06.3f}" for time in times]
    for rows in (90, 10, 2):
        assert str(find_rate(parsed(texts[:rows]), as_the_phone=False)) == "60 frames a second"


def test_a_writer_that_rounds_uneven_times() -> None:
    generator = np.random.default_rng(0)
    times = np.cumsum(generator.uniform(0.025, 0.055, 300))
    texts = [f"10:00:{int(time):02d}:{int(time % 1 * 30):02d}" for time in times]
    assert str(find_rate(parsed(texts), as_the_phone=False)) == "30 frames a second"


def test_a_short_take_of_an_unknown_rate_is_refused_but_may_be_stated(tmp_path: Path) -> None:
    path = write_cells(tmp_path / "a.csv", table(codes(20, 30), opening_jaw(20, 30)))
    with pytest.raises(InputError) as error:
        read_take(path)
    assert str(error.value) == (
        f"{path}:21: frame numbers up to 19 do not tell how many frames a second the timecodes count; set timecode_fps "
        "(--source.timecode_fps) to 24, 25, 29.97, 30, 50, 59.94 or 60"
    )
    assert_opens_steadily(read_take(path, ReadingOptions(timecode_fps=30)), 20, 30)
    with pytest.raises(InputError, match=r"a\.csv:21: timecode 10:00:00:19\.000 is not of timecode_fps 15; set"):
        read_take(path, ReadingOptions(timecode_fps=15))


def test_frames_up_to_the_fifties_are_sixtieths() -> None:
    found = find_rate(parsed(codes(55)), as_the_phone=False)
    assert found is not None
    assert found.count == 60


def drop_frame_codes(count: int, dropped: int, minutes: int) -> list[str]:
    """Counts as SMPTE 12M does, label by label."""
    return [
        f"10:{minute:02d}:{second:02d};{frame:02d}"
        for minute in range(minutes)
        for second in range(60)
        for frame in range(count)
        if not (second == 0 and frame < dropped and minute % 10)
    ]


@pytest.mark.parametrize(("count", "dropped"), [(30, 2), (60, 4)])
def test_drop_frame_timecodes_keep_up_with_time(count: int, dropped: int) -> None:
    texts = drop_frame_codes(count, dropped, 12)
    timecodes = parsed(texts)
    rate = find_rate(timecodes, as_the_phone=False)
    assert rate is not None
    assert str(rate) == f"{count * 1000 / 1001:.5g} frames a second (drop-frame)"
    seconds = rate.time(timecodes)
    np.testing.assert_allclose(seconds - seconds[0], np.arange(len(texts)) * 1001 / (count * 1000), atol=1e-6)
    assert rate.day == pytest.approx(86400, abs=0.1)
    assert rate_of(29.97, parsed(codes(2, 30))).time(parsed(["00:00:01:00"]))[0] == pytest.approx(1.001)


def test_a_semicolon_without_dropped_numbers() -> None:
    texts = [code[:8] + ";" + code[9:] for code in codes(70 * 60, end="")]
    timecodes = parsed(texts)
    rate = find_rate(timecodes, as_the_phone=False)
    assert rate is not None
    assert not rate.drop
    steps = np.diff(rate.time(timecodes))
    np.testing.assert_allclose(steps, 1001 / 60000, atol=1e-9)


def test_whole_seconds_apart_need_no_rate() -> None:
    texts = [f"10:00:{second:02d}:00.000" for second in range(5)]
    rate = find_rate(parsed(texts), as_the_phone=False)
    assert rate is not None
    np.testing.assert_allclose(np.diff(rate.time(parsed(texts))), 1)


@pytest.mark.parametrize("arguments", [{"timecode_fps": 0}, {"row_fps": float("nan")}, {"head": "none"}])
def test_options_are_checked(arguments: dict[str, Any]) -> None:
    [name] = arguments
    with pytest.raises(InputError, match=f"^{name}: is "):
        ReadingOptions(**arguments)
