from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kfzoo.data.calibration import calibrate
from kfzoo.data.sources.live_link import LiveLinkTakes
from kfzoo.data.sources.take_clips import TakeClips
from kfzoo.errors import InputError
from tests.data.sources.written_takes import random_take, take, write


def test_the_emotion_is_found_in_a_folder(tmp_path: Path) -> None:
    for number, name in enumerate(("Angry/MySlate_1", "day_1/Sad/MySlate_2", "joy/Fear_3", "Sadly/MySlate_4")):
        write(tmp_path / f"{name}.csv", take({0.2: 0.2 * number + 0.1}, seconds=0.4))
    named = {"Angry/MySlate_1": "angry", "day_1/Sad/MySlate_2": "sad", "joy/Fear_3": "fear"}
    found = {script.recording: script.emotion for script in LiveLinkTakes(tmp_path)}
    assert found == named | {"Sadly/MySlate_4": "unspecified"}
    pattern = r"^(?P<emotion>[^/]+)/[^/]+$"
    found = {script.recording: script.emotion for script in LiveLinkTakes(tmp_path, emotion_pattern=pattern)}
    assert found["Sadly/MySlate_4"] == "sadly"


@pytest.mark.parametrize("stream", ["calibrated", "raw"])
def test_the_phones_folders_are_read_as_they_are(tmp_path: Path, stream: Any, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        folder = tmp_path / f"20260311_MySlate_{number}"
        raw = random_take(number)
        write(folder / f"MySlate_{number}_iPhone_raw.csv", raw)
        write(folder / f"MySlate_{number}_iPhone_cal.csv", calibrate(raw, raw[0]))
        write(folder / f"MySlate_{number}_iPhone_neutral.csv", raw[:1])
        (folder / "frame_log.csv").write_text("V,0,0,60000,10:00:00:00.000,true\n" * 9)
        (folder / "take.json").write_text("{}")
    ending = {"calibrated": "cal", "raw": "raw"}[stream]
    other = {"calibrated": "raw", "raw": "cal"}[stream]
    source = LiveLinkTakes(tmp_path, stream=stream)
    scripts = list(source)
    expected = [f"20260311_MySlate_{number}/MySlate_{number}_iPhone_{ending}" for number in range(3)]
    assert sorted({script.recording for script in scripts}) == expected
    assert not any(script.same_as for script in scripts)
    first = expected[0].replace(f"_{ending}", "")
    assert caplog.messages == [
        f"{tmp_path}: 3 files are not read: the other stream, as {stream} is read (--source.stream) "
        f"({first}_{other}.csv and 2 more)."
    ]
    assert [remark.partition(" (")[0] for remark in source.remarks] == [
        "the timecodes count 60 frames a second",
        "3 files are not read: lists of a video's frames",
        "3 files are not read: faces at rest",
        f"3 files are not read: the other stream, as {stream} is read",
    ]
    list(source)
    assert len(caplog.messages) == 1


def test_takes_with_a_streams_name_but_without_the_other_are_takes(tmp_path: Path) -> None:
    for number, name in enumerate(("a_cal", "b_raw", "c", "c_raw", "Sad_neutral", "d-neutral", "d")):
        write(tmp_path / f"{name}.csv", random_take(number))
    found = {script.recording for script in LiveLinkTakes(tmp_path)}
    assert found == {"a_cal", "b_raw", "c", "c_raw", "Sad_neutral", "d"}
    write(tmp_path / "only" / "x_neutral.csv", random_take(1, 1))
    with pytest.raises(InputError, match=r"only: holds no recording but x_neutral\.csv; give the folder"):
        LiveLinkTakes(tmp_path / "only")


def test_takes_of_one_performance_are_told_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    face = random_take(0)
    write(tmp_path / "a.csv", face)
    write(tmp_path / "b.csv", random_take(1))
    copied = write(tmp_path / "copy" / "Happy_a.csv", face)
    copied.write_text(copied.read_text().replace("\n10:00:", "\n17:30:"))
    write(tmp_path / "part.csv", face[60:180])
    write(tmp_path / "rest" / "a.csv", calibrate(face, face.min(axis=0)))  # another folder, the same time
    source = LiveLinkTakes(tmp_path)
    same = {script.recording: script.same_as for script in source}
    assert same == {"a": (), "b": (), "copy/Happy_a": ("a",), "part": ("a", "copy/Happy_a"), "rest/a": ("a",)}
    assert caplog.messages == [
        f"{tmp_path}: 3 takes repeat others, and stay with them in one part of a split: 'copy/Happy_a' = 'a', "
        "'part' = 'a', 'rest/a' = 'a'."
    ]
    assert {clip.recording: clip.same_as for clip in TakeClips(tmp_path)} == same


def test_still_takes_are_the_same_where_they_are_equal(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", take({}))
    write(tmp_path / "b.csv", take({}))
    write(tmp_path / "c.csv", take({}, seconds=3))
    assert {script.recording: script.same_as for script in LiveLinkTakes(tmp_path)} == {"a": (), "b": ("a",), "c": ()}


def test_the_options_of_reading_reach_the_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    face = random_take(0, 20)
    path = write(tmp_path / "a.csv", face)
    lines = [",".join(line.split(",")[:54]).replace(".250,", ",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    arguments: dict[str, Any] = {"head": "zero", "timecode_fps": 10, "fps": 1}
    with pytest.raises(InputError, match="timecode 10:00:00:19 is not of timecode_fps 10"):
        list(LiveLinkTakes(tmp_path, **arguments))
    [script] = LiveLinkTakes(tmp_path, **(arguments | {"timecode_fps": 24, "fps": 4, "keyframes_per_script": 9}))
    assert [keyframe.time for keyframe in script.keyframes] == pytest.approx([0, 0.25, 0.5, 0.75])
    assert script.keyframes[1].coefficients is not None
    np.testing.assert_allclose(script.keyframes[1].coefficients[:52], face[6, :52], atol=1e-6)
    assert not script.keyframes[1].coefficients[52:].any()
    assert [message.partition(": ")[2].partition(" (")[0] for message in caplog.messages] == [
        "set to 0, as head: zero asks: 'HeadYaw', 'HeadPitch', 'HeadRoll' and 6 more",
        "the timecodes count 24 frames a second",
    ]


def test_values_over_their_range_are_clamped_and_counted(tmp_path: Path) -> None:
    face = random_take(0)
    face[3, :2] = 1.05, -0.04
    write(tmp_path / "a.csv", face)
    source = LiveLinkTakes(tmp_path, fps=60)
    first = next(iter(source))
    assert source.remarks == []  # until all is read
    faces = [keyframe.coefficients for script in source for keyframe in script.keyframes]
    assert first.id == "a/000"
    np.testing.assert_array_equal(np.stack([each for each in faces if each is not None])[3, :2], [1, 0])
    assert source.remarks[-1] == "2 values in 1 takes overshoot their range and are clamped"
