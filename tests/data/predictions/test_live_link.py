from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.predictions.read import read_predictions
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take
from tests.data.predictions.expected import faults, samples


def moving(frames: int = 121, seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(0, 1, (frames, len(CHANNELS))).astype(np.float32)


def test_each_keyframe_takes_the_frame_at_its_time(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write_take(tmp_path / "takes" / f"{name}.csv", moving(seed=seed), start="23:59:59:30.000")
    times = (0.0, 0.508, 2.0)  # 0.508 s is nearest to frame 30
    found = read_predictions(tmp_path / "takes", samples(times=times))
    assert found.faults == ()
    expected = [moving(seed=seed)[[0, 30, 120]] for seed in (1, 2)]
    np.testing.assert_allclose(found.coefficients, np.concatenate(expected), atol=1e-6)
    assert found.matched == {"time": 6}


def test_a_single_take_answers_its_own_recording_or_the_only_one(tmp_path: Path) -> None:
    write_take(tmp_path / "b.csv", moving())
    write_take(tmp_path / "other.csv", moving())
    found = read_predictions(tmp_path / "b.csv", samples())
    assert found.valid.tolist() == [False, False, True, True]
    assert faults(found, tmp_path / "b.csv") == ["b.csv: has no answer to 2 of the 4 keyframes: 'a/000#0', 'a/000#1'"]
    assert read_predictions(tmp_path / "other.csv", samples("a/000")).valid.all()
    with pytest.raises(InputError, match=r"other\.csv: is named after none of the 2 recordings .* such as 'a'"):
        read_predictions(tmp_path / "other.csv", samples())


def test_faults_of_takes(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    write_take(folder / "a.csv", moving(61))
    write_take(folder / "angry.csv", moving())
    write_take(folder / "left.csv", moving())
    (folder / "b.csv").write_text("Timecode,JawOpen\n")
    found = read_predictions(folder, samples("a/000", "angr/000", "b/000", times=(0.0, 1.012)), {"left/000#0"})
    assert faults(found, folder) == [
        "takes/a.csv: has no frame for 'a/000#1' at 1.012 s; the take lasts from 0 to 1.000 s",
        "takes/angry.csv: is named after no recording of the data; did you mean 'angr'?",
        "takes/b.csv:1: column 'EyeBlinkLeft' and 59 more is missing; export the take as Live Link Face CSV again",
        "takes: has no answer to 4 of the 6 keyframes: 'angr/000#0', 'angr/000#1', 'b/000#0', …",
    ]
    assert found.valid.tolist() == [True] + [False] * 5
    assert found.left_out == 1


@pytest.mark.parametrize("header", ["as it is", "columns turned round"])
def test_rows_of_a_take_that_cannot_be_read(header: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, moving())
    lines = path.read_text().splitlines()
    if header != "as it is":
        lines = [",".join(reversed(line.split(","))) for line in lines]
    channel = lines[0].split(",").index("JawOpen")
    cells = lines[1 + 60].split(",")
    cells[channel] = "nan"
    lines[1 + 60] = ",".join(cells)
    timecode = lines[0].split(",").index("Timecode")
    cells = lines[1 + 70].split(",")
    cells[timecode] = lines[1 + 69].split(",")[timecode]
    lines[1 + 70] = ",".join(cells)
    path.write_text("\n".join(lines)[:-300])
    found = read_predictions(path, samples("a/000", times=(0.5, 1.0)))
    repeated = "00:00:01:09.000"
    columns = 62 - lines[-1][-300:].count(",") + 1
    assert faults(found, path) == [
        "a.csv:62: column 'JawOpen' holds 'nan', expected a finite number; correct the value or remove the line",
        f"a.csv:122: {columns} columns instead of 63; the file seems to be cut off here; "
        "remove the line or export again",
        f"a.csv:72: timecode {repeated} is in line 71 already; the first counts",
        "a.csv: has no frame for 'a/000#1' at 1.000 s; the take lasts from 0 to 1.983 s",
    ]
    assert found.valid.tolist() == [True, False]
    np.testing.assert_allclose(found.coefficients[0], moving()[30], atol=1e-6)


def test_a_take_whose_start_or_most_of_which_is_lost_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_take(path, moving())
    text = path.read_text()
    lines = text.splitlines()
    path.write_text("\n".join([lines[0], lines[1].replace("61,", "61,x", 1), *lines[2:]]))
    with pytest.raises(InputError, match=r"a\.csv:2: column 'EyeBlinkLeft' holds 'x"):
        read_predictions(path, samples("a/000"))
    path.write_text("\n".join([*lines[:10], *(line.replace("61,", "61,x", 1) for line in lines[10:])]))
    with pytest.raises(InputError, match=r"a\.csv: more than 100 rows cannot be read, such as .*a\.csv:11: column"):
        read_predictions(path, samples("a/000"))
    path.write_bytes(b"Timecode\n\xff")
    with pytest.raises(InputError, match=r"a\.csv:2: holds bytes that are not text"):
        read_predictions(path, samples("a/000"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: holds no CSV file"):
        read_predictions(tmp_path / "empty", samples("a/000"))


def test_a_csv_with_a_row_for_each_keyframe_is_taken_in_order(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    faces = moving(4)
    write_take(path, faces)  # 1/60 s apart, the keyframes are a second apart
    found = read_predictions(path, samples())
    assert found.faults == ()
    assert found.matched == {"order": 4}
    np.testing.assert_allclose(found.coefficients, faces, atol=1e-6)
    lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    cells[2][2 + CHANNELS.index("JawOpen")] = "37"
    cells[3][2:] = [""] * 61
    path.write_text("\n".join(",".join(line[1:]) for line in cells))  # no time at all
    found = read_predictions(path, samples())
    assert found.valid.tolist() == [True, False, False, True]
    np.testing.assert_allclose(found.coefficients[[0, 3]], faces[[0, 3]], atol=1e-6)
    assert faults(found, path) == [
        "answers.csv:3: the answer to 'a/000#1' is not valid: column 'JawOpen' is 37, expected a value in [0, 1]",
        "answers.csv:4: the answer to 'b/000#0' is not valid: the row shows no face",
    ]


def test_rows_in_the_order_of_one_recordings_keyframes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write_take(tmp_path / "takes" / f"{name}.csv", moving(2, seed))
    found = read_predictions(tmp_path / "takes", samples())
    assert found.faults == ()
    np.testing.assert_allclose(found.coefficients, np.concatenate([moving(2, 1), moving(2, 2)]), atol=1e-6)


def test_a_take_at_30_frames_a_second_answers_by_its_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.csv"
    write_take(path, moving(61))
    lines = path.read_text().splitlines()
    for row in range(61):
        lines[1 + row] = f"00:00:{row // 30:02d}:{row % 30:02d}," + lines[1 + row].partition(",")[2]
    path.write_text("\n".join(lines))
    found = read_predictions(path, samples("a/000", times=(0.5, 2.0)))
    assert found.faults == ()
    np.testing.assert_allclose(found.coefficients, moving(61)[[15, 60]], atol=1e-6)
    assert caplog.messages == [f"{path}: the timecodes count 30 frames a second."]
