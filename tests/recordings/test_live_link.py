from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take
from kfzoo.recordings.read import read_take
from tests.real_data import LIVELINK, TAKE_NAMES, needs_real_data

HEADER = "Timecode,BlendshapeCount," + ",".join(CHANNELS)


def row(timecode: str = "10:00:00:00.000", count: str = "61", **values: str) -> str:
    return ",".join([timecode, count, *(values.get(name, "0.0000000000") for name in CHANNELS)])


def take(tmp_path: Path, *lines: str, end: str = "\n") -> Path:
    path = tmp_path / "take.csv"
    path.write_bytes((end.join(lines) + end).encode())
    return path


GOOD = (HEADER, row(JawOpen="0.1234567891"), row("10:00:00:01.000", JawOpen="0.5000000000"))


@needs_real_data
@pytest.mark.parametrize("name", TAKE_NAMES)
def test_real_takes_agree_with_numpys_reader(name: str) -> None:
    path = LIVELINK / f"{name}.csv"
    read = read_take(path)
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(2, 63), dtype=np.float32)
    np.testing.assert_array_equal(read.coefficients, expected)
    assert read.lost == 0
    steps = np.diff(read.seconds)
    assert read.seconds[0] == 0
    assert steps.min() > 0.0166
    assert steps.max() < 0.07
    assert len(read.timecodes) == len(expected)


def test_one_header_spelling_is_as_good_as_the_other(tmp_path: Path) -> None:
    other = HEADER.replace("BlendshapeCount", "BlendShapeCount").replace("EyeBlinkLeft", "eyeBlink_L")
    read = read_take(take(tmp_path, other, *GOOD[1:], end="\r\n"))
    assert read.name == "take"
    np.testing.assert_allclose(read.coefficients[:, INDEX["JawOpen"]], [0.1234567891, 0.5])
    np.testing.assert_allclose(read.seconds, [0, 1 / 60])


@given(st.permutations(range(63)))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_are_found_in_any_order(tmp_path: Path, order: list[int]) -> None:
    faces = np.linspace(0, 1, 122).reshape(2, 61)
    path = tmp_path / "a.csv"
    write_take(path, faces)
    for keep_front in (True, False):
        columns = [0, 1, *(i for i in order if i > 1)] if keep_front else order
        lines = [line.split(",") for line in path.read_text().splitlines()]
        moved = take(tmp_path, *(",".join(line[column] for column in columns) for line in lines))
        np.testing.assert_allclose(read_take(moved).coefficients, faces, atol=1e-7)


@given(
    faces=hnp.arrays(np.float64, st.tuples(st.integers(2, 5), st.just(61)), elements=st.floats(-0.2, 1.2)),
    fps=st.sampled_from([24.0, 30.0, 60.0, 59.94, 1.0]),
)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path: Path, faces: np.ndarray, fps: float) -> None:
    path = tmp_path / "out.csv"
    write_take(path, faces, fps=fps, start="23:59:59:58.000")
    read = read_take(path)
    text = path.read_text().splitlines()
    values = np.array([[float(cell) for cell in line.split(",")[2:]] for line in text[1:]])
    np.testing.assert_allclose(values, faces, atol=1e-10)
    np.testing.assert_array_equal(read.coefficients, values.astype(np.float32))
    np.testing.assert_allclose(read.seconds, np.arange(len(faces)) / fps, atol=2e-5)


def test_written_files_look_like_the_phones(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.csv"
    write_take(path, np.full((3, 61), 0.25), start="23:59:59:59.000")
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER
    assert [line.split(",")[0] for line in lines[1:]] == ["23:59:59:59.000", "00:00:00:00.000", "00:00:00:01.000"]
    assert lines[1].startswith("23:59:59:59.000,61,0.2500000000,0.2500000000")
    np.testing.assert_allclose(read_take(path).seconds, [0, 1 / 60, 2 / 60])


def test_frames_without_a_face_are_left_out_and_counted(tmp_path: Path) -> None:
    lost = "10:00:00:01.000,0" + "," * 61
    read = read_take(take(tmp_path, HEADER, row(), lost, "10:00:00:01.500,0", row("10:00:00:02.000")))
    assert read.lost == 2
    assert read.timecodes == ["10:00:00:00.000", "10:00:00:02.000"]
    np.testing.assert_allclose(read.seconds, [0, 2 / 60])


def test_numbers_may_be_written_otherwise(tmp_path: Path) -> None:
    codes = ("9:00:00:00.000", "9:00:00:01.000")
    read = read_take(take(tmp_path, HEADER, row(codes[0], JawOpen="1e-2"), row(codes[1], JawOpen=" .5")))
    np.testing.assert_allclose(read.coefficients[:, INDEX["JawOpen"]], [0.01, 0.5])
    np.testing.assert_allclose(read.seconds, [0, 1 / 60])


Edit = Callable[[list[str]], list[str]]
FAULTS: list[tuple[Edit, str]] = [
    (lambda _: [], ": is empty, expected a Live Link Face CSV file; export the take again"),
    (lambda lines: lines[:2], ": holds 1 frame(s), at least 2 are needed; record a longer take"),
    (lambda lines: [*lines[:2], "10:00:00:01.000,0"],
     ": holds 1 frame(s) (1 more without a face), at least 2 are needed; record a longer take"),
    (lambda lines: [*lines[:2], lines[2][:60]],
     ":3: 6 columns instead of 63; the file seems to be cut off here; remove the line or export again"),
    (lambda lines: [lines[0], lines[1] + ",0", lines[2]],
     ":2: 64 columns instead of 63; remove the line or export again"),
    (lambda lines: [lines[0].replace(",JawOpen", ""), *lines[1:]],
     ":1: column 'JawOpen' is missing; export the take as Live Link Face CSV again"),
    (lambda lines: [lines[0].replace("Timecode,", "").replace(",JawOpen", ""), *lines[1:]],
     ":1: column 'Timecode' and 1 more is missing; export the take as Live Link Face CSV again"),
    (lambda lines: [lines[0].replace("JawOpen", "jawForward"), *lines[1:]],
     ":1: column 'JawForward' occurs twice, in columns 17 and 20"),
    (lambda lines: [lines[0].replace("JawOpen", "JawOpne"), *lines[1:]],
     ":1: column 'JawOpen' is missing (is it 'JawOpne'?); export the take as Live Link Face CSV again"),
    (lambda lines: [*lines[:2], row("10:00:00:01.000", JawOpen="wide")],
     ":3: column 'JawOpen' holds 'wide', expected a finite number; correct the value or remove the line"),
    (lambda lines: [*lines[:2], row("10:00:00:01.000", HeadRoll="")],
     ":3: column 'HeadRoll' holds an empty cell, expected a finite number; correct the value or remove the line"),
    (lambda lines: [lines[0], row(EyeBlinkLeft="nan"), lines[2]],
     ":2: column 'EyeBlinkLeft' holds 'nan', expected a finite number; correct the value or remove the line"),
    (lambda lines: [lines[0], row(CheekPuff="-inf"), lines[2]],
     ":2: column 'CheekPuff' holds '-inf', expected a finite number; correct the value or remove the line"),
    (lambda lines: [*lines[:2], row("10:00:00:01.000", EyeWideLeft="37.5")],
     ":3: column 'EyeWideLeft' is 37.5, expected a value in [0, 1]; it looks like a weight from 0 to 100; divide the "
     "blendshapes by 100"),
    (lambda lines: [*lines[:2], row("10:00:00:01.000", HeadYaw="-45.9")],
     ":3: column 'HeadYaw' is -45.9, expected a value in [-1, 1]; it looks like degrees; multiply angles by pi / 180"),
    (lambda lines: [lines[0].replace("Timecode", "Time"), *lines[1:]],
     ":1: column 'Timecode' is missing (is it 'Time'?); add it, or set row_fps (--source.row_fps) to the "
     "rows a second"),
    (lambda lines: [",".join(line.split(",")[:54]) for line in lines],
     ":1: the nine head and eye angles are missing; record with the head and eye angles on, or set head: zero "
     "(--source.head zero) to take them as 0"),
    (lambda lines: [*lines[:2], lines[2] + "," + ",".join(["0"] * 61)],
     ":3: 124 columns instead of 63; decimal commas need semicolons between the columns, or quotes; remove the line or "
     "export again"),
    (lambda lines: [lines[0], '"' + lines[1], lines[2]],
     ":2: is not CSV (unexpected end of data); close the quotes, or export the take again"),
    (lambda _: [",,,", ",,"], ": holds only empty cells, expected a Live Link Face CSV file; export the take again"),
    (lambda lines: [*lines[:2], row("10:00:61:01.000")],
     ":3: column 'Timecode' holds '10:00:61:01.000', expected HH:MM:SS:FF.mmm or HH:MM:SS:FF; correct the "
     "timecode or remove the line"),
    (lambda lines: [*lines[:2], row("10:00:00")],
     ":3: column 'Timecode' holds '10:00:00', expected HH:MM:SS:FF.mmm or HH:MM:SS:FF; correct the "
     "timecode or remove the line"),
    (lambda lines: [lines[0], lines[2], lines[1]],
     ":3: time runs backwards, from 10:00:00:01.000 to 10:00:00:00.000; sort the lines by timecode, split the take "
     "here, or set row_fps (--source.row_fps) to count rows instead"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_faults_are_named(tmp_path: Path, edit: Edit, message: str) -> None:
    path = take(tmp_path, *edit(list(GOOD)))
    with pytest.raises(InputError) as error:
        read_take(path)
    assert str(error.value) == f"{path}{message}"


def test_line_numbers_count_frames_without_a_face(tmp_path: Path) -> None:
    path = take(tmp_path, HEADER, row(), "10:00:00:01.000,0", row("10:00:00:02.000", JawOpen="x"))
    with pytest.raises(InputError, match=r"take\.csv:4: column 'JawOpen' holds 'x'"):
        read_take(path)


def test_missing_files_folders_and_binary_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: there is no such file; check the path$"):
        read_take(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match=r": is a folder, expected a Live Link Face CSV file; name a file in it$"):
        read_take(tmp_path)
    path = tmp_path / "take.csv"
    path.write_bytes(HEADER.encode() + b"\n\xff\xfe\n")
    with pytest.raises(InputError, match=r"take\.csv:2: holds bytes that are not text; export the take as CSV again$"):
        read_take(path)


@pytest.mark.parametrize(
    ("faces", "fps", "start", "message"),
    [
        (np.zeros((2, 52)), 60.0, "00:00:00:00", "expected (T, 61) coefficients with T of 2 or more, found (2, 52)"),
        (np.zeros((1, 61)), 60.0, "00:00:00:00", "expected (T, 61) coefficients with T of 2 or more, found (1, 61)"),
        (np.zeros((2, 61)), 0.0, "00:00:00:00", "0.0 frames a second is no rate; use a positive number"),
        (np.zeros((2, 61)), 60.0, "noon", "'noon' is no timecode; write HH:MM:SS:FF.mmm"),
        (np.where(np.arange(122).reshape(2, 61) == 61, np.nan, 0.0), 60.0, "00:00:00:00",
         "EyeBlinkLeft of frame 1 is not a finite number; leave such frames out"),
    ],
)  # fmt: skip
def test_nothing_is_written_from_bad_input(
    tmp_path: Path, faces: np.ndarray, fps: float, start: str, message: str
) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(InputError) as error:
        write_take(path, faces, fps=fps, start=start)
    assert str(error.value) == f"{path}: {message}"
    assert not list(tmp_path.iterdir())
