from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, UPPER
from kfzoo.arkit.describe import describe
from kfzoo.arkit.livelink import write_take
from kfzoo.data.clip import MAX_FRAMES, MIN_FRAMES, Clip, clips_fingerprint
from kfzoo.data.sources.express4d import Express4DFolder
from kfzoo.data.sources.take_clips import TakeClips, in_order
from kfzoo.data.split import Split
from kfzoo.errors import InputError
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

    def test_captions_tell_the_peaks_in_order(self, tmp_path: Path) -> None:
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

    def test_a_still_face_is_told_as_such(self, tmp_path: Path) -> None:
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


class TestExpress4D:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Ten recordings of 300 frames in the data set's layout, eight of them to train on."""
        (tmp_path / "data").mkdir()
        (tmp_path / "texts").mkdir()
        names = [f"MySlate_{number}_iPhone_cal" for number in range(1, 11)]
        for number, name in enumerate(names):
            values = np.random.default_rng(number).uniform(-0.1, 1.1, (300, 61)).astype(np.float32)
            np.save(tmp_path / "data" / f"{name}.npy", values)
            told = f"A person smiles, take {number}#A/DET person/NOUN smile/VERB\nThe left brow rises#the/DET brow/NOUN"
            (tmp_path / "texts" / f"{name}.txt").write_text(told)
        (tmp_path / "train.txt").write_text("\n".join(names[:8]))
        (tmp_path / "test.txt").write_text("\n".join(names[8:]) + "\n\n")
        return tmp_path

    def test_arrays_texts_and_parts(self, folder: Path) -> None:
        clips = list(Express4DFolder(folder))
        assert [each.id for each in clips] == [f"MySlate_{number}_iPhone_cal" for number in range(1, 11)]
        for number, each in enumerate(clips):
            np.testing.assert_array_equal(each.motion, np.load(folder / "data" / f"{each.id}.npy")[::3])
            assert each.motion.min() < 0
            assert each.captions == (f"A person smiles, take {number}", "The left brow rises")
            assert each.recording == each.recording == each.id
        parts = [each.part for each in clips]
        assert parts[8:] == ["test", "test"]
        assert sorted(filter(None, parts[:8])) == ["train"] * 7 + ["val"]
        assert Split(by="source").assign(clips) == parts
        assert parts == [each.part for each in Express4DFolder(folder)]
        drawn = {tuple(each.part or "" for each in Express4DFolder(folder, seed=seed)) for seed in range(8)}
        assert len(drawn) > 1
        assert [each.part for each in Express4DFolder(folder, validation=0.5)].count("val") == 4

    def test_long_ones_are_cut_at_the_end(self, folder: Path) -> None:
        path = folder / "data" / "MySlate_1_iPhone_cal.npy"
        values = np.random.default_rng(0).uniform(size=(700, 61))
        np.save(path, values)
        first = next(iter(Express4DFolder(folder)))
        np.testing.assert_array_equal(first.motion, values[: 3 * 196 : 3].astype(np.float32))

    def test_short_ones_are_told(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        path = folder / "data" / "MySlate_2_iPhone_cal.npy"
        np.save(path, np.zeros((57, 61), np.float32))  # 19 frames at 20 a second
        with pytest.raises(InputError) as caught:
            list(Express4DFolder(folder))
        assert str(caught.value) == (
            f"{path}: holds 19 frames at 20 a second, expected at least 20; "
            f"take {folder / 'train.txt'}:2 out, or set skip_short to true"
        )
        clips = list(Express4DFolder(folder, skip_short=True))
        assert len(clips) == 9
        assert caplog.messages == [
            f"{folder}: 1 recordings shorter than 20 frames at 20 a second are left out "
            "(the first is 'MySlate_2_iPhone_cal')."
        ]
        np.save(path, np.zeros((58, 61), np.float32))
        assert len(list(Express4DFolder(folder))) == 10

    def test_published_statistics_are_of_every_frame(self, folder: Path) -> None:
        frames = np.concatenate([np.load(path) for path in (folder / "data").iterdir()]).astype(np.float64)
        found = Express4DFolder(folder).published_statistics()
        torch.testing.assert_close(found.mean, torch.from_numpy(frames.mean(0)).float())
        torch.testing.assert_close(found.std, torch.from_numpy(frames.std(0)).float())

    FAULTS: ClassVar[list[tuple[Callable[[Path, Path], Any], str]]] = [
        (lambda array, text: array.unlink(),
         "{array}: there is no such file; take the name out of the lists, or add its array"),
        (lambda array, text: np.save(array, np.zeros((90, 60), np.float32)),
         "{array}: holds an array of shape (90, 60), expected (frames, 61), the channels in Live Link order"),
        (lambda array, text: np.save(array, np.full((90, 61), np.nan, np.float32)),
         "{array}: EyeBlinkLeft of frame 0 is not a finite number; leave the clip out"),
        (lambda array, text: np.save(array, np.full((90, 61), 1e300)),
         "{array}: EyeBlinkLeft of frame 0 is not a finite number; leave the clip out"),
        (lambda array, text: np.save(array, np.zeros((90, 61), np.int64)),
         "{array}: holds values of type int64, expected floating-point numbers; save it again"),
        (lambda array, text: np.save(array, np.array([{}], dtype=object), allow_pickle=True),
         "{array}: cannot be read as an array (Object arrays cannot be loaded when allow_pickle=False); "),
        (lambda array, text: array.write_bytes(array.read_bytes()[:5000]), "{array}: cannot be read as an array ("),
        (lambda array, text: array.write_bytes(array.read_bytes()[:70]), "{array}: cannot be read as an array ("),
        (lambda array, text: array.write_bytes(array.read_bytes().replace(b"}", b"{", 1)),
         "{array}: cannot be read as an array ("),
        (lambda array, text: array.write_bytes(b""), "{array}: cannot be read as an array ("),
        (lambda array, text: text.unlink(),
         "{text}: there is no such file; write the captions of 'MySlate_3_iPhone_cal' there"),
        (lambda array, text: text.write_text(" \n"),
         "{text}: holds no caption; expected one or more lines caption#tokens"),
        (lambda array, text: text.write_text("A smile#a/DET\n #a/DET\n"),
         "{text}:2: has no caption before the '#'; expected caption#tokens"),
        (lambda array, text: text.write_bytes(b"\xff"), "{text}: is not UTF-8; save the file as UTF-8"),
    ]  # fmt: skip

    @pytest.mark.parametrize(("damage", "message"), FAULTS)
    def test_faults_of_a_recording(self, folder: Path, damage: Callable[[Path, Path], Any], message: str) -> None:
        name = "MySlate_3_iPhone_cal"
        array, text = folder / "data" / f"{name}.npy", folder / "texts" / f"{name}.txt"
        damage(array, text)
        with pytest.raises(InputError) as caught:
            list(Express4DFolder(folder))
        assert str(caught.value).startswith(message.format(array=array, text=text))
        assert "\n" not in str(caught.value)

    def test_faults_of_the_folder(self, folder: Path) -> None:
        with pytest.raises(InputError, match=r"^validation: is 1\.0, expected a share between 0 and 1$"):
            Express4DFolder(folder, validation=1.0)
        with pytest.raises(InputError, match=r"nowhere: is not a folder; give the folder of the Express4D data set$"):
            Express4DFolder(folder / "nowhere")
        with (folder / "test.txt").open("a") as file:
            file.write("MySlate_1_iPhone_cal\n")
        with pytest.raises(InputError) as caught:
            Express4DFolder(folder)
        train, test = folder / "train.txt", folder / "test.txt"
        assert str(caught.value) == f"{test}:4: 'MySlate_1_iPhone_cal' is in {train}:1, too; keep one of the lines"
        test.unlink()
        with pytest.raises(InputError, match=r"test\.txt: there is no such file; expected the names of the recordings"):
            Express4DFolder(folder)
