from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.describe import describe
from kfzoo.data.clip import MAX_FRAMES, MIN_FRAMES, Clip, clips_fingerprint
from kfzoo.data.sources.take_clips import TakeClips, in_order
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take
from tests.real_data import LIVELINK, needs_real_data

SMILE = [INDEX["MouthSmileLeft"], INDEX["MouthSmileRight"]]


def bumps(seconds: float, rate: float, events: dict[float, tuple[list[int], float]]) -> NDArray[np.float32]:
    """A face at rest with expressions at some times, each of some channels and a height, about a second long."""
    times = np.arange(round(seconds * rate)) / rate
    face = np.zeros((len(times), len(CHANNELS)), np.float32)
    for at, (channels, height) in events.items():
        face[:, channels] += (height * np.exp(-0.5 * ((times - at) / 0.3) ** 2))[:, None].astype(np.float32)
    return face


def raw_rows(path: Path) -> NDArray[np.float64]:
    """The file's values, read by another way than the package's."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in CHANNELS] for row in rows])


def by_recording(clips: list[Clip]) -> dict[str, list[Clip]]:
    found: dict[str, list[Clip]] = {}
    for each in clips:
        found.setdefault(each.recording, []).append(each)
    return found


class TestTakes:
    def test_every_third_frame_of_the_file(self, takes_folder: Path) -> None:
        clips = by_recording(list(TakeClips(takes_folder)))
        assert len(clips) == 5
        for name, its in clips.items():
            rows = raw_rows(takes_folder / f"{name}.csv")[::3].astype(np.float32)
            np.testing.assert_array_equal(np.concatenate([each.motion for each in its]), rows.clip(LOWER, UPPER))
            places = np.cumsum([0, *(len(each) for each in its)])[:-1]
            np.testing.assert_allclose([each.start for each in its], places / 20, atol=1e-3)
            assert [each.id for each in its] == [f"{name}/{number:03d}" for number in range(len(its))]
            assert {each.emotion for each in its} == {name.partition("_")[0].lower()}

    def test_a_second_reading_is_the_same(self, takes_folder: Path) -> None:
        source = TakeClips(takes_folder, longest=4)
        assert clips_fingerprint(source) == clips_fingerprint(source)
        assert clips_fingerprint(source) != clips_fingerprint(TakeClips(takes_folder))

    def test_captions_describe_the_peaks_in_order(self, tmp_path: Path) -> None:
        jaw = [INDEX["JawOpen"]]
        write_take(tmp_path / "a.csv", bumps(6, 60, {1.5: (SMILE, 0.9), 4.5: (jaw, 0.8)}))
        [found] = TakeClips(tmp_path)
        first, second = (describe(found.motion[frame], detail="coarse") for frame in (30, 90))
        assert "smile" in first
        assert "opened" in second
        expected = f"First {first[0].lower()}{first[1:]} Then {second[0].lower()}{second[1:]}"
        assert found.captions == (expected,)
        [full] = TakeClips(tmp_path, detail="full", keyframes=1)
        assert full.captions == (describe(full.motion[30], detail="full"),)

    def test_a_still_face_is_captioned_as_such(self, tmp_path: Path) -> None:
        write_take(tmp_path / "a.csv", np.zeros((120, 61)))
        assert [each.captions for each in TakeClips(tmp_path)] == [("The face is at rest.",)]

    def test_a_gap_is_no_motion(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path = tmp_path / "a.csv"
        write_take(path, bumps(6, 60, {1: (SMILE, 0.9), 4: (SMILE, 0.9)}))
        lines = path.read_text().splitlines()
        for row in (*range(1, 4), *range(150, 170)):  # Lines, the header being the first.
            lines[row] = lines[row].split(",")[0] + ",0" + "," * 61
        lines[330] = lines[330].split(",")[0] + ",0" + "," * 61  # One frame is bridged.
        for row in range(350, 358):
            lines[row] = lines[row].split(",")[0] + ",0" + "," * 61
        path.write_text("\n".join(lines) + "\n")
        first, second = TakeClips(tmp_path)
        rows = bumps(6, 60, {1: (SMILE, 0.9), 4: (SMILE, 0.9)})
        np.testing.assert_allclose(first.motion, rows[3:149:3], atol=1e-9)  # written with ten decimals
        np.testing.assert_allclose(second.motion, rows[169:349:3], atol=1e-6)
        assert first.start == 0
        assert second.start == pytest.approx(166 / 60)
        assert caplog.messages == [f"{path}: 1 of 3 pieces between gaps are shorter than 1.0 s and left out."]

    def test_subjects_and_calibration(self, tmp_path: Path) -> None:
        face = bumps(2, 60, {1: (SMILE, 0.5)})
        face[:, INDEX["BrowInnerUp"]] = 0.5
        (tmp_path / "A01").mkdir()
        write_take(tmp_path / "A01" / "Sad_1.csv", face)
        [found] = TakeClips(tmp_path, neutral="first", subject_pattern="^(?P<subject>A[0-9]+)/")
        assert (found.id, found.subject, found.recording, found.emotion) == ("A01/Sad_1/000", "A01", "A01/Sad_1", "sad")
        assert found.motion[:, INDEX["BrowInnerUp"]].max() == 0
        assert "brow" not in found.captions[0]

    def test_a_take_without_a_whole_second(self, tmp_path: Path) -> None:
        write_take(tmp_path / "a.csv", np.zeros((57, 61)))
        with pytest.raises(InputError) as caught:
            list(TakeClips(tmp_path))
        assert str(caught.value) == (
            f"{tmp_path / 'a.csv'}: holds no 1.0 s of a face without a gap of more than 0.1 s (57 frames in 0.93 s); "
            "record a longer take or leave it out"
        )
        write_take(tmp_path / "a.csv", np.zeros((58, 61)))
        assert [len(each) for each in TakeClips(tmp_path)] == [20]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"shortest": 0.5}, "shortest: is 0.5, expected 1.0 or more seconds"),
            ({"shortest": float("nan")}, "shortest: is nan, expected 1.0 or more seconds"),
            ({"longest": 1.5}, "longest: is 1.5, expected at least twice the shortest (2.0) and at most 9.8 seconds"),
            ({"longest": 10}, "longest: is 10, expected at least twice the shortest (2.0) and at most 9.8 seconds"),
            ({"keyframes": 0}, "keyframes: is 0, expected at least 1"),
            ({"detail": "fine"}, "detail: is 'fine', expected 'coarse' or 'full'"),
            ({"neutral": "none.csv"}, "neutral: there is no take 'none.csv'; expected null, 'first' or the path"),
            ({"folder": "nowhere"}, "nowhere: is not a folder; give the folder of the Live Link Face CSV files"),
        ],
    )
    def test_faults_of_the_arguments(self, takes_folder: Path, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match="^" + re.escape(message)):
            TakeClips(**({"folder": takes_folder} | arguments))


def test_texts_in_order_are_joined_and_repeats_left_out() -> None:
    assert in_order(["The face is at rest."]) == "The face is at rest."
    assert in_order(["The A. The B.", "The A. The B.", "The C.", "The A. The B."]) == (
        "First the A. The B. Then the C. Then the A. The B."
    )
    assert in_order(["The A.", "The A."]) == "The A."


@needs_real_data
def test_real_takes() -> None:
    clips = by_recording(list(TakeClips(LIVELINK)))
    assert sorted(clips) == sorted(path.stem for path in LIVELINK.glob("*.csv"))
    for name, its in clips.items():
        assert all(MIN_FRAMES <= len(each) <= MAX_FRAMES for each in its)
        assert all(each.captions[0].endswith(".") for each in its)
        rows = raw_rows(LIVELINK / f"{name}.csv").clip(LOWER, UPPER)
        motion = np.concatenate([each.motion for each in its])
        if name == "alex_rom_3":  # At 30 a second, one minute and more: nearly every tenth of a second is a frame.
            assert abs(len(motion) - 134.38 * 20) < 20
        else:
            np.testing.assert_array_equal(motion, rows[::3].astype(np.float32))
    captions = {each.captions[0] for its in clips.values() for each in its}
    assert len(captions) > 0.8 * sum(map(len, clips.values()))
