from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from kfzoo.arkit.channels import INDEX
from kfzoo.data.clip import clips_fingerprint
from kfzoo.data.sources.express4d import Express4DFolder
from kfzoo.data.split import Split
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take


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
            text = f"A person smiles, take {number}#A/DET person/NOUN smile/VERB\nThe left brow rises#the/DET brow/NOUN"
            (tmp_path / "texts" / f"{name}.txt").write_text(text)
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

    def test_short_recordings_are_refused_or_logged(self, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
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

    @pytest.mark.parametrize("fps", [60, 30])
    def test_takes_in_place_of_arrays(self, folder: Path, fps: int) -> None:
        values = np.linspace(0, 1, 61)[None] * np.linspace(0, 1, 5 * fps)[:, None]
        for number in range(1, 11):
            (folder / "data" / f"MySlate_{number}_iPhone_cal.npy").unlink()
            write_take(folder / "data" / f"MySlate_{number}_iPhone_cal.csv", values, fps=fps)
        first = next(iter(Express4DFolder(folder)))
        assert first.id == "MySlate_1_iPhone_cal"
        expected = [np.interp(np.arange(len(first.motion)) / 20, np.arange(5 * fps) / fps, row) for row in values.T]
        np.testing.assert_allclose(first.motion, np.stack(expected, axis=1), atol=1e-6)
        lines = (folder / "data" / "MySlate_1_iPhone_cal.csv").read_text().splitlines()
        (folder / "data" / "MySlate_1_iPhone_cal.csv").write_text("\n".join([*lines[:20], *lines[40:]]))
        with pytest.raises(InputError, match=r"MySlate_1_iPhone_cal\.csv: has a gap of more than 0\.1 s at 0\.\d+ s"):
            list(Express4DFolder(folder))

    def test_endings_in_the_lists_windows_lines_and_texts_without_tokens(self, folder: Path) -> None:
        clips = list(Express4DFolder(folder))
        for part in ("train", "test"):
            path = folder / f"{part}.txt"
            path.write_bytes("".join(f"{name}.npy\r\n" for name in path.read_text().split()).encode())
        for path in (folder / "texts").iterdir():
            lines = [line.partition("#")[0] for line in path.read_text().splitlines()]
            path.write_bytes("\r\n".join(lines).encode())
        assert clips_fingerprint(Express4DFolder(folder)) == clips_fingerprint(clips)

    @pytest.mark.parametrize("ending", ["npy", "csv"])
    def test_percentages_are_refused(self, folder: Path, ending: str) -> None:
        values = np.zeros((90, 61))
        values[:, INDEX["BrowInnerUp"]] = 55
        path = folder / "data" / f"MySlate_3_iPhone_cal.{ending}"
        path.with_suffix(".npy").unlink()
        if ending == "npy":
            np.save(path, values)
        else:
            write_take(path, values)
        with pytest.raises(InputError) as caught:
            list(Express4DFolder(folder))
        assert "BrowInnerUp" in str(caught.value)
        assert "is 55, expected a value in [0, 1]; it looks like a weight from 0 to 100" in str(caught.value)

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
