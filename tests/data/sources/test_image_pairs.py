from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kfzoo.arkit.channels import CHANNELS, INDEX
from kfzoo.data.calibration import calibrate
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.script import Script
from kfzoo.data.sources.image_folder import ImageFolder
from kfzoo.data.sources.image_pairs import ImageArkitPairs
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take


def coefficients_of(script: Script) -> NDArray[np.float32]:
    found = script.keyframes[0].coefficients
    assert found is not None
    return found


def save(path: Path, grey: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (grey, 80, 60)).save(path)
    return path


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of one image of every kind."""
    folder = tmp_path / "odd"
    save(folder / "a-good.png")
    Image.new("L", (8, 8), 90).save(folder / "b-grey.png")
    Image.fromarray(np.full((8, 8), 40000, dtype=np.uint16)).save(folder / "c-deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 12)).save(folder / "d-turned.jpg", exif=exif)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for name in ("e-cut.jpg", "f-cut.png"):
        Image.fromarray(noise).save(folder / name)
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    (folder / "g-empty.png").touch()
    (folder / "h-text.png").write_text("no image")
    (folder / "notes.txt").write_text("not even called one")
    save(folder / "sub" / "i-good.PNG")
    return folder


def test_every_odd_image_is_logged_and_the_rest_is_used(odd: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scripts = list(ImageFolder(odd))
    assert [script.id for script in scripts] == [
        "a-good.png", "b-grey.png", "c-deep.png", "d-turned.jpg", "sub/i-good.PNG"
    ]  # fmt: skip
    lines = [message.removeprefix(f"{odd}/").removeprefix(f"{odd}: ") for message in caplog.messages]
    assert lines[:4] == [
        "passed over 1 .txt files: notes.txt",
        "2 of them (b-grey.png, c-deep.png): is greyscale: its three colours are made equal",
        "c-deep.png: has 16 bits a colour, of which 8 are read",
        "d-turned.jpg: is turned upright, as the camera noted",
    ]
    for line, start in zip(
        lines[4:8],
        ("e-cut.jpg: cannot be read as an image", "f-cut.png: cannot be read as an image",
         "g-empty.png: is empty (0 bytes)", "h-text.png: cannot be read as an image"),
        strict=True,
    ):  # fmt: skip
        assert line.startswith(start)
        assert line.endswith("replace the file; it is left out")
    assert lines[8:] == ["5 images are used, 3 of them changed; 4 left out"]
    assert all("\n" not in line for line in lines)
    assert scripts[-1].recording == "sub"


def test_strict_ends_at_the_first(odd: Path) -> None:
    with pytest.raises(InputError, match=r"e-cut\.jpg: cannot be read as an image"):
        list(ImageFolder(odd, strict=True))


def test_images_without_truth_are_predicted_on(odd: Path) -> None:
    data = KeyframeDataModule(ImageFolder(odd), predict="all", batch_size=2)
    batches = list(data.predict_dataloader())
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert all(batch.coefficients is None for batch in batches)


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no image \(\.png, "):
        ImageFolder(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match=r"a\.png: no image can be used: is empty \(0 bytes\); replace the file"):
        list(ImageFolder(tmp_path))
    (tmp_path / "b.png").write_text("no image")
    with pytest.raises(InputError, match="holds no image that can be used; see the lines above"):
        list(ImageFolder(tmp_path))


def ramp(rows: int, start: float = 0.0) -> NDArray[np.float32]:
    """Takes whose `JawOpen` counts the rows in hundredths."""
    faces = np.zeros((rows, len(CHANNELS)), dtype=np.float32)
    faces[:, INDEX["JawOpen"]] = start + np.arange(rows) / 200
    return faces


def jaw(script: Script) -> int:
    return round(float(coefficients_of(script)[INDEX["JawOpen"]]) * 200)


def test_joined_by_time_at_two_a_second(tmp_path: Path) -> None:
    write_take(tmp_path / "take.csv", ramp(121))
    for number in range(61):  # 30 images a second, counted from 7
        save(tmp_path / "images" / f"frame_{number + 7:04d}.png")
    pairs = list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv", image_fps=30))
    assert [jaw(script) for script in pairs] == [0, 30, 60, 90, 120]
    assert [script.id for script in pairs] == [f"take/frame_{n:04d}.png" for n in (7, 22, 37, 52, 67)]
    assert {script.recording for script in pairs} == {"take"}
    assert pairs[1].keyframes[0].time == pytest.approx(0.5)
    assert pairs[4].keyframes[0].arkit
    every = list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv", image_fps=30, fps=None))
    assert [jaw(script) for script in every] == list(range(0, 121, 2))


def test_sessions_have_their_own_take_subject_and_rest(tmp_path: Path) -> None:
    for session, start in (("S1_a", 0.1), ("S2_b", 0.3)):
        write_take(tmp_path / "takes" / f"{session}.csv", ramp(61, start))
        write_take(tmp_path / "rest" / f"{session}.csv", ramp(2, start)[[0, 0]])
        for number in (0, 60):
            save(tmp_path / "images" / session / f"{number}.png")
    source = ImageArkitPairs(
        tmp_path / "images", tmp_path / "takes", subject_pattern=r"(?P<subject>S\d)", neutral="first"
    )
    pairs = list(source)
    assert [script.subject for script in pairs] == ["S1", "S1", "S2", "S2"]
    assert [script.recording for script in pairs] == ["S1_a", "S1_a", "S2_b", "S2_b"]
    for first, script, start in ((pairs[0], pairs[1], 0.1), (pairs[2], pairs[3], 0.3)):
        assert jaw(first) == 0
        expected = calibrate(ramp(61, start), ramp(61, start)[0])[60]
        np.testing.assert_allclose(coefficients_of(script), expected, atol=1e-6)
    by_folder = list(ImageArkitPairs(tmp_path / "images", tmp_path / "takes", neutral=str(tmp_path / "rest")))
    np.testing.assert_allclose(coefficients_of(by_folder[3]), coefficients_of(pairs[3]), atol=1e-6)
    with pytest.raises(InputError, match=r"is one take, and the images are of 2 sessions"):
        list(ImageArkitPairs(tmp_path / "images", tmp_path / "takes" / "S1_a.csv"))


def test_joined_by_name_with_json_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(tmp_path / "images" / name)
    lines = [
        {"image": "b.png", "coefficients": dict(zip(CHANNELS, [0.25] * 61, strict=True))},
        {"image": "a", "coefficients": [0.5] * 61},
        {"image": "gone.png", "coefficients": [0.0] * 61},
    ]
    path = tmp_path / "truth.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with caplog.at_level(logging.WARNING):
        pairs = list(ImageArkitPairs(tmp_path / "images", path, join="name", fps=None))
    assert {script.id: float(coefficients_of(script)[0]) for script in pairs} == {
        "truth/a.png": 0.5,
        "truth/b.png": 0.25,
    }
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "1 of 3 rows of '' have no image",
        "truth.jsonl names it in no row, or in several; rename it; it is left out",
        "2 images are used, 0 of them changed; 1 left out",
    ]
    with pytest.raises(InputError, match=r"c\.png: truth\.jsonl names it in no row"):
        list(ImageArkitPairs(tmp_path / "images", path, join="name", fps=None, strict=True))
    with pytest.raises(InputError, match=r"fps: is 2\.0, but truth\.jsonl has no time"):
        list(ImageArkitPairs(tmp_path / "images", path, join="name"))
    with pytest.raises(InputError, match=r"truth\.jsonl: has no time for some rows"):
        list(ImageArkitPairs(tmp_path / "images", path))


def test_joined_by_timecode(tmp_path: Path) -> None:
    write_take(tmp_path / "take.csv", ramp(5), start="10:49:40:22.123")
    save(tmp_path / "images" / "10_49_40_24.123.png")
    save(tmp_path / "images" / "iphone 10-49-40-25.png")
    pairs = list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv", join="name", fps=None))
    assert [jaw(script) for script in pairs] == [2, 3]


def test_images_and_rows_that_do_not_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_take(tmp_path / "takes" / "s.csv", ramp(60))
    save(tmp_path / "images" / "s" / "0.png")
    save(tmp_path / "images" / "s" / "30.png")
    (tmp_path / "images" / "s" / "45.png").touch()
    save(tmp_path / "images" / "s" / "100.png")
    save(tmp_path / "images" / "s" / "cover.png")
    save(tmp_path / "images" / "t" / "0.png")
    with caplog.at_level(logging.WARNING):
        pairs = list(ImageArkitPairs(tmp_path / "images", tmp_path / "takes", fps=None, partial=True))
    assert [jaw(script) for script in pairs] == [0, 30]
    messages = "\n".join(caplog.messages)
    assert "cover.png: has no number in its name" in messages
    assert "100.png: no row of s.csv is at its time, 1.667 s" in messages
    assert "45.png: is empty (0 bytes)" in messages
    assert "t: has no ground truth in" in messages
    assert messages.endswith("2 images are used, 0 of them changed; 4 left out")


def test_arguments(tmp_path: Path) -> None:
    save(tmp_path / "p" / "0.png")
    with pytest.raises(InputError, match=r"image_fps: is 0, expected a positive number"):
        ImageArkitPairs(tmp_path / "p", tmp_path, image_fps=0)
    with pytest.raises(InputError, match=r"neutral: there is no 'x'"):
        ImageArkitPairs(tmp_path / "p", tmp_path, neutral="x")
    with pytest.raises(InputError, match=r"gone\.csv: does not exist"):
        list(ImageArkitPairs(tmp_path / "p", tmp_path / "gone.csv"))


def test_labels_on_another_scale_are_refused_and_overshoot_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        save(tmp_path / "images" / f"{number}.png")
    faces = np.zeros((3, len(CHANNELS)))
    faces[1, INDEX["JawOpen"]] = 1.05
    take, lines = tmp_path / "take.csv", tmp_path / "labels.jsonl"
    write_take(take, faces)
    lines.write_text(
        "".join(
            json.dumps({"image": f"{row}.png", "coefficients": face.tolist()}) + "\n" for row, face in enumerate(faces)
        )
    )
    for path, join, first in ((take, "time", f"{take}"), (lines, "name", f"{lines}:2")):
        caplog.clear()
        pairs = list(ImageArkitPairs(tmp_path / "images", path, join=join, fps=None))  # type: ignore[arg-type]
        assert max(coefficients_of(script)[INDEX["JawOpen"]] for script in pairs) == 1
        report = f"1 values of 1 faces are clamped to their channel's range (first: 'JawOpen' is 1.05 in {first})."
        assert f"{path}: {report}" in caplog.messages
    write_take(take, 100 * faces)
    with pytest.raises(InputError, match=r"'?JawOpen'?.* is 105, expected a value in \[0, 1\]; it looks like a weight"):
        list(ImageArkitPairs(tmp_path / "images", take, fps=None))
    lines.write_text(json.dumps({"image": "0.png", "coefficients": (100 * faces[1]).tolist()}) + "\n")
    with pytest.raises(InputError, match=r"labels\.jsonl:1: key 'coefficients\.JawOpen' is 105, expected a value in"):
        list(ImageArkitPairs(tmp_path / "images", lines, join="name", fps=None))


def test_labels_of_other_programs(tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / "images" / "a" / f"{number}.png")
    faces = np.linspace(0, 1, 3)[:, None] * np.linspace(0.5, 1, 68)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.json").write_text(json.dumps({"blendshapes": faces.tolist()}))
    pairs = list(ImageArkitPairs(tmp_path / "images", tmp_path / "labels", fps=None))
    np.testing.assert_allclose([coefficients_of(script) for script in pairs], faces[:, :61], atol=1e-6)


def test_crops_with_the_number_of_the_face_are_joined_by_the_frame(tmp_path: Path) -> None:
    write_take(tmp_path / "take.csv", ramp(121))
    for number in range(0, 120, 30):
        save(tmp_path / "images" / f"frame_{number:06d}_0.jpg")
    pairs = list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv"))
    assert [jaw(script) for script in pairs] == [0, 30, 60, 90]
    save(tmp_path / "images" / "frame_000030_1.jpg")
    with pytest.raises(InputError, match=r"no number differs in all names: .* have the number 0"):
        list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv"))


@pytest.mark.parametrize(("image_fps", "fits"), [(30.0, "60"), (120.0, "60"), (57.0, "60"), (60.0, "")])
def test_images_of_another_length_than_the_take_are_refused(image_fps: float, fits: str, tmp_path: Path) -> None:
    write_take(tmp_path / "take.csv", ramp(181))
    for number in range(0, 181, 4):
        save(tmp_path / "images" / f"{number}.png")
    arguments = (tmp_path / "images", tmp_path / "take.csv")
    if not fits:
        assert len(list(ImageArkitPairs(*arguments, image_fps=image_fps, fps=None))) == 46
        return
    message = (
        rf"46 images last .* s at image_fps {image_fps:g}, and take\.csv lasts 3\.00 s.*image_fps {fits} would fit"
    )
    with pytest.raises(InputError, match=message):
        list(ImageArkitPairs(*arguments, image_fps=image_fps))
    assert list(ImageArkitPairs(*arguments, image_fps=image_fps, partial=True))


def test_a_hundred_reasons_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_take(tmp_path / "take.csv", ramp(2))
    for number in range(40):
        save(tmp_path / "images" / f"{number}.png")
    with caplog.at_level(logging.WARNING):
        assert len(list(ImageArkitPairs(tmp_path / "images", tmp_path / "take.csv", fps=None, partial=True))) == 2
    said = caplog.messages[1:]  # the first is on the timecodes
    assert len(said) == 22
    assert "18 more are left out, for similar reasons: 22.png, 23.png" in said[20]
