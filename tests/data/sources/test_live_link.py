from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from kfzoo.arkit.channels import BLENDSHAPES, INDEX, LOWER, UPPER
from kfzoo.arkit.describe import describe
from kfzoo.data.calibration import calibrate
from kfzoo.data.keyframe_selection import at_peaks, at_rate, expression_strength
from kfzoo.data.script import Script, fingerprint
from kfzoo.data.sources.live_link import LiveLinkTakes
from kfzoo.errors import InputError
from kfzoo.recordings.read import read_take
from tests.data.sources.written_takes import SMILE, take, write
from tests.real_data import LIVELINK, needs_real_data


def times(source: LiveLinkTakes) -> dict[str, list[float]]:
    return {script.id: [round(keyframe.time, 2) for keyframe in script.keyframes] for script in source}


def test_a_take_becomes_scripts_of_one_clip(tmp_path: Path) -> None:
    write(tmp_path / "Angry_1.csv", take({1.0: 0.8}))
    write(tmp_path / "session" / "rom_2.csv", take({}, seconds=1))
    (tmp_path / "._Angry_1.csv").write_bytes(b"\x00")
    source = LiveLinkTakes(tmp_path, background="A booth.")
    assert times(source) == {
        "Angry_1/000": [0, 0.5, 1],
        "Angry_1/001": [1.5, 2, 2.5],
        "Angry_1/002": [3, 3.5],
        "session/rom_2/000": [0, 0.5],
    }
    scripts = list(source)
    assert {script.recording for script in scripts} == {"Angry_1", "session/rom_2"}
    assert [script.emotion for script in scripts] == ["angry"] * 3 + ["unspecified"]
    assert {script.background for script in scripts} == {"A booth."}
    assert {script.subject for script in scripts} == {"unspecified"}
    assert [keyframe.index for keyframe in scripts[1].keyframes] == [0, 1, 2]
    assert fingerprint(source) == fingerprint(scripts)


def test_descriptions_follow_the_face(tmp_path: Path) -> None:
    write(tmp_path / "Happy_1.csv", take({0.0: 0.8}))
    write(tmp_path / "other.csv", take({0.0: 0.8}))
    happy, other = LiveLinkTakes(tmp_path, keyframes_per_script=100)
    keyframe = happy.keyframes[0]
    assert keyframe.coefficients is not None
    assert keyframe.arkit == describe(keyframe.coefficients, detail="full")
    assert keyframe.image == describe(keyframe.coefficients, detail="coarse")
    assert keyframe.original == f"Happy. {keyframe.image}"
    assert other.keyframes[0].original == keyframe.image


@pytest.mark.parametrize("every", [1, 2])
def test_rate_counts_time_not_rows(tmp_path: Path, every: int) -> None:
    write(tmp_path / "a.csv", take({}, seconds=3, rate=60 / every), every)
    assert times(LiveLinkTakes(tmp_path, keyframes_per_script=9)) == {"a/000": [0, 0.5, 1, 1.5, 2, 2.5]}
    assert len(times(LiveLinkTakes(tmp_path, keyframes_per_script=9, fps=4))["a/001"]) == 3


@given(st.lists(st.floats(0.005, 2), min_size=1, max_size=60), st.floats(0.1, 200))
def test_rate_picks_the_nearest_frame(steps: list[float], fps: float) -> None:
    seconds = np.cumsum([0.0, *steps])
    picked = at_rate(seconds, fps)
    wanted = np.arange(0, seconds[-1] + 1e-9, 1 / fps)
    brute = {int(np.abs(seconds - time).argmin()) for time in wanted}
    assert picked == sorted(set(picked))
    assert picked[0] == 0
    # Two frames may be equally near, and the last step may be lost to rounding.
    assert len(set(picked) ^ brute) <= 4
    for frame in picked:
        assert np.abs(wanted - seconds[frame]).min() <= np.abs(wanted[:, None] - seconds).min(axis=1).max() + 1e-6


@pytest.mark.parametrize("every", [1, 2])
def test_peaks_are_found_where_the_smiles_are(tmp_path: Path, every: int) -> None:
    face = take({0.8: 0.5, 2.0: 0.9, 3.0: 0.4}, rate=60 / every)
    face[5:7, INDEX["EyeBlinkLeft"]] = 1  # A blink is no expression,
    face[:, INDEX["HeadYaw"]] = np.linspace(-0.5, 0.5, len(face))  # and turning the head is none.
    write(tmp_path / "a.csv", face, every)
    [script] = LiveLinkTakes(tmp_path, pick="peaks")
    np.testing.assert_allclose([keyframe.time for keyframe in script.keyframes], [0.8, 2.0, 3.0], atol=0.04)


def test_peaks_are_apart_and_prominent() -> None:
    seconds = np.arange(240) / 60
    assert len(at_peaks(seconds, take({1.0: 0.5, 1.3: 0.9, 2.5: 0.04}), calibrated=True)) == 1
    still = take({})
    assert at_peaks(seconds, still, calibrated=True) == [0]
    rising = still.copy()
    rising[:, SMILE[0]] = seconds / 8
    assert at_peaks(seconds, rising, calibrated=True) == [239]


def test_activity_is_the_distance_from_rest() -> None:
    face = take({}, seconds=0.1)
    face[:, SMILE] = 0.3
    face[2, SMILE] = 0.6, 0.7
    np.testing.assert_allclose(expression_strength(face, calibrated=False), [0, 0, 0.5, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(expression_strength(face, calibrated=True)[[0, 2]], [0.18**0.5, 0.85**0.5], atol=1e-6)


def test_a_table_says_which_frames(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", take({}))
    write(tmp_path / "b.csv", take({}))
    write(tmp_path / "c" / "d.csv", take({}))
    (tmp_path / "table.csv").write_text("take,frame\nc/d.csv,60\na,120\n\na, 30\n")
    assert times(LiveLinkTakes(tmp_path, pick=str(tmp_path / "table.csv"))) == {"a/000": [0.5, 2], "c/d/000": [1]}


TABLES = [
    ("take;frame\na;1\n", ":1: has the columns 'take;frame', expected 'take,frame'; correct the header"),
    ("", ":1: has the columns '', expected 'take,frame'; correct the header"),
    ("take,frame\n", ": names no frame; expected lines such as 'Angry_1,120'"),
    ("take,frame\na,1\nx,1\n", ":3: there is no take 'x'; known: a"),
    ("take,frame\na,240\n", ":2: frame 240 is not in a.csv, which has 240; expected 0 to 239"),
    ("take,frame\na,-1\n", ":2: frame is '-1', expected a whole number from 0; count the rows below the header"),
    ("take,frame\na,1.5\n", ":2: frame is '1.5', expected a whole number from 0; count the rows below the header"),
    ("take,frame\na\n", ":2: frame is '', expected a whole number from 0; count the rows below the header"),
    ("take,frame\na,1,2\n", ":2: frame is '1', expected a whole number from 0; count the rows below the header"),
    ("take,frame\na,1\na,01\n", ":3: frame 1 of 'a' occurs twice; keep one of the lines"),
]


@pytest.mark.parametrize(("text", "message"), TABLES)
def test_faults_of_the_table(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path / "takes" / "a.csv", take({}))
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(InputError) as error:
        list(LiveLinkTakes(tmp_path / "takes", pick=str(table)))
    assert str(error.value) == f"{table}{message}"


def test_frames_without_a_face_make_a_table_ambiguous(tmp_path: Path) -> None:
    path = write(tmp_path / "takes" / "a.csv", take({}))
    lines = path.read_text().splitlines()
    lines[10] = lines[10].split(",")[0] + ",0" + "," * 61
    path.write_text("\n".join(lines) + "\n")
    table = tmp_path / "table.csv"
    table.write_text("take,frame\na,60\n")
    with pytest.raises(InputError) as error:
        list(LiveLinkTakes(tmp_path / "takes", pick=str(table)))
    assert str(error.value) == (
        f"{table}:2: frame numbers of a.csv do not count: its camera lost the face in 1 frames; "
        "pick by 'fps' or 'peaks', or take the rows without a face out"
    )
    assert times(LiveLinkTakes(tmp_path / "takes", fps=1)) == {"a/000": [0, 1, 2], "a/001": [3]}


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", take({}))
    table = tmp_path / "table.csv"
    table.write_bytes(b"take,frame\n\xff,1\n")
    with pytest.raises(InputError, match=r"table\.csv: cannot be read \(.*\); expected a UTF-8 CSV table take,frame"):
        list(LiveLinkTakes(tmp_path, pick=str(table)))


faces = arrays(np.float32, (3, 61), elements=st.floats(-0.125, 1.125, width=32))


@given(faces, arrays(np.float32, 61, elements=st.floats(0, 0.75, width=32)))
def test_calibration_keeps_ranges_and_order(face: NDArray[np.float32], rest: NDArray[np.float32]) -> None:
    moved = calibrate(face, rest)
    assert np.all((moved >= LOWER) & (moved <= UPPER))
    assert np.all(calibrate(rest[None], rest) == 0)
    assert np.all(np.diff(calibrate(np.sort(face, axis=0), rest), axis=0) >= 0)
    strongest = calibrate(np.ones((1, 61), np.float32), rest)[0]
    np.testing.assert_allclose(strongest[: len(BLENDSHAPES)], 1, atol=1e-6)
    np.testing.assert_allclose(calibrate(face, np.zeros(61, np.float32)), np.clip(face, LOWER, UPPER))


def test_calibration_by_the_first_frame_or_a_take(tmp_path: Path) -> None:
    face = take({2.0: 0.4}) + np.float32(0.2)
    write(tmp_path / "a.csv", face)
    rest = np.full((9, 61), 0.2, np.float32)
    rest[4, INDEX["EyeBlinkLeft"]] = 1  # The median does not see a blink.
    neutral = write(tmp_path / "rest.csv", rest)
    results = []
    for value in ("first", str(neutral)):
        source = LiveLinkTakes(tmp_path, neutral=value, keyframes_per_script=9, fps=0.5)
        scripts = {script.id: script for script in source}
        still, smiling = (keyframe.coefficients for keyframe in scripts["a/000"].keyframes)
        assert still is not None
        assert smiling is not None
        np.testing.assert_allclose(still, 0, atol=1e-6)
        np.testing.assert_allclose(smiling[SMILE], 0.5, atol=1e-6)
        results.append(sorted(scripts))
        moved = smiling
    # The phone keeps the face at rest in a file of one row.
    write(tmp_path / "elsewhere" / "a_neutral.csv", rest[:1])
    source = LiveLinkTakes(
        tmp_path, neutral=str(tmp_path / "elsewhere" / "a_neutral.csv"), keyframes_per_script=9, fps=0.5
    )
    np.testing.assert_array_equal(next(iter(source)).keyframes[1].coefficients, moved)
    # The neutral take is no performance; without it, rest.csv is a take like any other.
    assert results == [["a/000", "rest/000"], ["a/000"]]


def test_a_neutral_face_that_is_not_neutral(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", take({0.0: 0.9}))
    with pytest.raises(InputError) as error:
        list(LiveLinkTakes(tmp_path, neutral="first"))
    assert str(error.value) == (
        f"{path}: the neutral face has MouthSmileLeft at 0.90, expected at most 0.75; "
        "record a face at rest, or calibrate by another take"
    )


def test_subject_and_emotion_from_the_name(tmp_path: Path) -> None:
    write(tmp_path / "A01" / "mixed_joy-and-fear_3.csv", take({}, seconds=0.4))
    write(tmp_path / "A02" / "noted_3.csv", take({}, seconds=0.4))
    source = LiveLinkTakes(
        tmp_path, subject_pattern=r"^(?P<subject>A\d+)/", emotion_pattern=r"^mixed_(?P<emotion>.+)_\d+$"
    )
    found = [(script.id, script.subject, script.emotion) for script in source]
    assert found == [("A01/mixed_joy-and-fear_3/000", "A01", "joy and fear"), ("A02/noted_3/000", "A02", "unspecified")]
    with pytest.raises(InputError, match=r"A02/noted_3' does not match subject_pattern"):
        list(LiveLinkTakes(tmp_path, subject_pattern="(?P<subject>A01)"))


def test_the_word_for_an_emotion(tmp_path: Path) -> None:
    named = {"Angry_1": "angry", "SAD-2": "sad", "Sadly": "unspecified", "alex_rom_3": "unspecified", "joy": "joy"}
    for name in named:
        write(tmp_path / f"{name}.csv", take({}, seconds=0.4))
    assert {script.recording: script.emotion for script in LiveLinkTakes(tmp_path)} == named


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"fps": 0}, "fps: is 0, expected a positive number of keyframes a second"),
    ({"fps": float("nan")}, "fps: is nan, expected a positive number of keyframes a second"),
    ({"stream": "both"}, "stream: is 'both', expected 'calibrated' or 'raw'"),
    ({"row_fps": -1.0}, "row_fps: is -1.0, expected 1 to 1000 frames a second; leave it out, or correct it"),
    ({"keyframes_per_script": 0}, "keyframes_per_script: is 0, expected at least 1"),
    ({"pick": "peak"}, "pick: is 'peak'; expected 'fps', 'peaks' or the path of a table take,frame"),
    ({"neutral": "none.csv"}, "neutral: there is no take 'none.csv'; expected null, 'first' or the path of a take"),
    ({"subject_pattern": "("},
     "subject_pattern: '(' is no regular expression (missing ), unterminated subpattern at position 0)"),
    ({"emotion_pattern": "(.*)_"},
     "emotion_pattern: '(.*)_' has no group 'emotion'; write (?P<emotion>…) around the emotion"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_faults_of_the_arguments(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    write(tmp_path / "a.csv", take({}, seconds=0.4))
    with pytest.raises(InputError, match="^" + re.escape(message) + "$"):
        LiveLinkTakes(tmp_path, **arguments)


def test_faults_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: is not a folder; give the folder of the Live Link Face CSV files"):
        LiveLinkTakes(tmp_path / "none")
    with pytest.raises(InputError, match=r": holds no recording; give the folder of the Live Link Face CSV files"):
        LiveLinkTakes(tmp_path)


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return list(LiveLinkTakes(LIVELINK))


@needs_real_data
class TestReal:
    def test_two_keyframes_a_second_of_every_take(self, scripts: list[Script]) -> None:
        counts: dict[str, int] = {}
        for script in scripts:
            assert 1 <= len(script.keyframes) <= 3
            counts[script.recording] = counts.get(script.recording, 0) + len(script.keyframes)
        assert sorted(counts) == sorted(path.stem for path in LIVELINK.glob("*.csv"))
        for name, count in counts.items():
            seconds = read_take(LIVELINK / f"{name}.csv").seconds
            assert count == int((seconds[-1] - seconds[0]) * 2) + 1
        assert {script.emotion for script in scripts} == {"angry", "fearful", "sad", "neutral", "unspecified"}

    def test_keyframes_are_frames_of_the_take(self, scripts: list[Script]) -> None:
        recorded = read_take(LIVELINK / "Sad_MySlate_167.csv")
        rows = np.clip(recorded.coefficients, LOWER, UPPER)
        for script in scripts:
            if script.recording == "Sad_MySlate_167":
                for keyframe in script.keyframes:
                    row = int(np.abs(recorded.seconds - recorded.seconds[0] - keyframe.time).argmin())
                    np.testing.assert_array_equal(keyframe.coefficients, rows[row])
                    assert keyframe.arkit

    def test_peaks_are_more_expressive_and_no_blinks(self) -> None:
        blinks = 0.0
        for path in LIVELINK.glob("[AFS]*.csv"):
            recorded = read_take(path)
            picked = at_peaks(recorded.seconds, recorded.coefficients, calibrated=False)
            moves = expression_strength(recorded.coefficients, calibrated=False)
            assert len(picked) >= 3
            assert moves[picked].mean() > 1.2 * moves.mean()
            blinks = max(blinks, float(np.mean(recorded.coefficients[picked][:, INDEX["EyeBlinkLeft"]] > 0.5)))
        assert blinks <= 0.25

    def test_calibration_by_the_first_frame(self) -> None:
        source = LiveLinkTakes(LIVELINK, fps=0.2, neutral="first")
        first = [script.keyframes[0].coefficients for script in source if script.id.endswith("/000")]
        assert len(first) == 8
        np.testing.assert_array_equal(first, np.zeros((8, 61)))
