from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS, INDEX, MEDIAPIPE
from kfzoo.data.recording_folder import Recordings
from kfzoo.errors import InputError
from kfzoo.recordings.live_link import write_take
from kfzoo.recordings.options import ReadingOptions
from kfzoo.recordings.read import read_take
from kfzoo.recordings.take import Take

ZERO = ReadingOptions(head="zero", tongue="zero")
COUNT, FRAMES = len(BLENDSHAPES), 6
WEIGHTS = np.round(np.random.default_rng(0).uniform(0, 1, (FRAMES, COUNT)), 2)
ANGLES_OF_HEAD = [5.0, 11.0, -4.0]


def camel(name: str) -> str:
    return name[0].lower() + name[1:]


def short(name: str) -> str:
    return re.sub("(Left|Right)$", lambda side: f"_{side[0][0]}", camel(name))


def apple(name: str) -> str:
    """As Apple and Face Cap write it: the sides of the jaw and mouth as a whole are words."""
    return camel(name) if name in ("JawLeft", "JawRight", "MouthLeft", "MouthRight") else short(name)


def scores(frame: int, name_key: str = "name") -> list[dict[str, Any]]:
    by_name = dict(zip(map(camel, BLENDSHAPES), WEIGHTS[frame].tolist(), strict=True)) | {"_neutral": 1e-6}
    return [{name_key: name, "score": by_name[name]} for name in MEDIAPIPE]


def audio2face_csv(index: bool = True, prefix: str = "blendShapes.") -> str:
    lines = [",".join(["", "timeCode", *(prefix + name for name in BLENDSHAPES)])]
    lines += [",".join(map(str, [row, f"{row / 30:.6f}", *WEIGHTS[row]])) for row in range(FRAMES)]
    return "\n".join(line if index else line.partition(",")[2] for line in lines) + "\n"


def audio2face(**change: Any) -> dict[str, Any]:
    names = [camel(name) for name in BLENDSHAPES]
    found = {"exportFps": 30.0, "trackPath": "speech.wav", "numPoses": COUNT, "numFrames": FRAMES}
    return found | {"facsNames": names, "weightMat": WEIGHTS.tolist()} | change


def mediapipe(**keys: Any) -> list[dict[str, Any]]:
    return [{"timestamp": 1_760_000_000_000 + 33 * row, "blendshapes": scores(row), **keys} for row in range(FRAMES)]


def face_cap(step: int = 33, position: str = "0.1,0.2,-30") -> str:
    lines = ["info,2026-03-11", "bs," + ",".join(map(apple, BLENDSHAPES))]
    angles = ",".join(map(str, [*ANGLES_OF_HEAD, 1.5, 0.5, 1.4, 0.6]))
    lines += [f"k,{step * row},{position},{angles}," + ",".join(map(str, WEIGHTS[row])) for row in range(FRAMES)]
    return "\n".join(lines) + "\n"


def ifacialmocap(between: str = "-", head: str = "=head#5.0,11.0,-4.0,0.1,0.2,-0.3|") -> str:
    lines = []
    for row in WEIGHTS:
        weights = "".join(f"{apple(name)}{between}{round(100 * v)}|" for name, v in zip(BLENDSHAPES, row, strict=True))
        lines.append(f"{weights}trackingStatus{between}1|{head}rightEye#1.4,0.6,0|leftEye#1.5,0.5,0|")
    return "\n".join(lines)


NAMED = [dict(zip(map(short, BLENDSHAPES), row, strict=True)) for row in WEIGHTS.tolist()]
PASCAL = [dict(zip(BLENDSHAPES, row, strict=True)) for row in WEIGHTS.tolist()]
SIXTY_ONE = np.hstack([WEIGHTS, np.full((FRAMES, 9), 0.25)])

FILES: dict[str, tuple[str, Any, float]] = {
    "Audio2Face CSV": ("csv", audio2face_csv(), 30),
    "Audio2Face CSV without an index": ("csv", audio2face_csv(index=False), 30),
    "a table with time": ("csv", audio2face_csv(prefix=""), 30),
    "a table with semicolons": ("csv", audio2face_csv(prefix="").replace(",", ";").replace("timeCode", "Time (s)"), 30),
    "Audio2Face JSON": ("json", audio2face(), 30),
    "Audio2Face JSON of another rate": ("json", audio2face(exportFps=60, joints=["jaw"]), 60),
    "MediaPipe": ("json", mediapipe(), 1000 / 33),
    "MediaPipe results": (
        "json",
        [{"time": row / 25, "faceBlendshapes": [{"categories": scores(row, "categoryName")}]} for row in range(FRAMES)],
        25,
    ),
    "ARKit by name": ("json", {"fps": 24, "frames": NAMED}, 24),
    "ARKit by name with time": (
        "json",
        {"recording": [{"timestamp_ms": 2 * row, "weights": face} for row, face in enumerate(PASCAL)]},
        500,
    ),
    "NeuroSync": ("json", {"blendshapes": np.hstack([SIXTY_ONE, np.zeros((FRAMES, 7))]).tolist()}, 60),
    "NeuroSync lines": (
        "json",
        "\n".join(json.dumps([*row, *[0] * 7]) for row in SIXTY_ONE.tolist()),
        60,
    ),
    "Face Cap": ("txt", face_cap(), 1000 / 33),
    "iFacialMocap": ("txt", ifacialmocap(), 60),
    "Facemotion3d": ("txt", ifacialmocap("&"), 60),
}


def saved(folder: Path, ending: str, content: Any, name: str = "take") -> Path:
    path = folder / f"{name}.{ending}"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", FILES)
def test_faces_and_times_are_those_of_the_file(tmp_path: Path, kind: str) -> None:
    ending, content, fps = FILES[kind]
    take = read_take(saved(tmp_path, ending, content), ZERO)
    expected = WEIGHTS.copy()
    if kind.startswith("MediaPipe"):
        expected[:, INDEX["TongueOut"]] = 0
    np.testing.assert_allclose(take.coefficients[:, :COUNT], expected, atol=1e-6)
    np.testing.assert_allclose(take.seconds, np.arange(FRAMES) / fps, atol=1e-6)
    assert take.name == "take"
    assert take.timecodes == []
    assert take.remarks
    assert all("\n" not in remark for remark in take.remarks)
    missing = [remark for remark in take.remarks if "0, as the file has no values for them" in remark]
    recorded = kind.startswith(("NeuroSync", "iFacial", "Facemotion"))
    assert bool(missing) != recorded
    if missing and kind != "Face Cap":
        assert not take.coefficients[:, COUNT:].any()


@pytest.mark.parametrize("kind", ["Face Cap", "iFacialMocap", "Facemotion3d"])
def test_degrees_become_radians(tmp_path: Path, kind: str) -> None:
    take = read_take(saved(tmp_path, "txt", FILES[kind][1]), ZERO)
    found = dict(zip(ANGLES, np.degrees(take.coefficients[2, COUNT:]), strict=True))
    expected = {
        "HeadPitch": -5, "HeadYaw": -11, "HeadRoll": 4, "LeftEyePitch": 1.5, "LeftEyeYaw": 0.5, "LeftEyeRoll": 0,
        "RightEyePitch": 1.4, "RightEyeYaw": 0.6, "RightEyeRoll": 0,
    }  # fmt: skip
    assert found == pytest.approx(expected, abs=1e-5)
    assert any("degrees" in remark for remark in take.remarks)


REFUSED = [
    ("csv", audio2face_csv(), "holds (Audio2Face) 52 of 52 ARKit blendshapes and 0 of 9 angles; missing: the 9 head "
     "and eye angles; set 'head' to 'zero' to read what is missing as 0"),
    ("json", audio2face(), "holds (Audio2Face) 52 of 52 ARKit blendshapes and 0 of 9 angles; missing: the 9 head and "),
    ("json", mediapipe(), "holds (MediaPipe) 51 of 52 ARKit blendshapes and 0 of 9 angles; missing: 'TongueOut' and "
     "the 9 head and eye angles; set 'head' to 'zero' and 'tongue' to 'zero' to read what is missing as 0"),
    ("txt", face_cap(), "holds (Face Cap) 52 of 52 ARKit blendshapes and 7 of 9 angles; missing: 'LeftEyeRoll', "
     "'RightEyeRoll'; set 'head' to 'zero' to read what is missing as 0"),
    ("csv", "timestamp,head_pitch,head_yaw,mouth_open,left_eyelid\n0.05,2.2,-2.9,0,0.2\n0.10,2.3,-45.9,0,0.2\n",
     "holds (a table with time) 0 of 52 ARKit blendshapes and 2 of 9 angles, besides 'mouth_open', 'left_eyelid'; "
     "missing: 'EyeBlinkLeft', 'EyeLookDownLeft', "),
    ("json", audio2face(facsNames=[f"pose{number}" for number in range(COUNT)]), "holds (Audio2Face) 0 of 52 ARKit "
     "blendshapes and 0 of 9 angles, besides 'pose0', 'pose1', 'pose2', 'pose3', 'pose4' and 47 more; missing: "),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "content", "message"), REFUSED)
def test_what_is_missing_is_named_and_not_filled_in(tmp_path: Path, ending: str, content: Any, message: str) -> None:
    path = saved(tmp_path, ending, content)
    with pytest.raises(InputError) as caught:
        read_take(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def scaled(factor: float) -> dict[str, Any]:
    return audio2face(weightMat=(factor * WEIGHTS).tolist())


def changed(frame: int, key: str, value: Any) -> list[dict[str, Any]]:
    frames = mediapipe()
    frames[frame][key] = value
    return frames


FAULTS: list[tuple[str, Any, str]] = [
    ("json", scaled(100), r": frame 0: '\w+' is [\d.]+, expected a value in \[0, 1\]; it looks like a weight from"),
    ("json", audio2face(numFrames=7), ": key 'numFrames' is 7, but there are 6"),
    ("json", audio2face(exportFps=0), ": its rate is 0 frames a second; expected a positive number"),
    ("json", audio2face(facsNames=None), ": key 'facsNames' is no list of names"),
    ("json", audio2face(weightMat={}), ": key 'weightMat' is no list of frames"),
    ("json", audio2face(weightMat=[*WEIGHTS.tolist()[:-1], [0.5]]), ": frame 5: holds 1 numbers in 'weightMat', exp"),
    ("json", audio2face(facsNames=["jawOpen", "JawOpen", *map(camel, BLENDSHAPES[2:])]), ": holds 'JawOpen' twice, as"),
    ("json", audio2face(weightMat=[], numFrames=0), r": holds 0 frame\(s\), at least 2 are needed"),
    ("json", {k: v for k, v in audio2face().items() if k != "exportFps"}, ": holds neither the time of its frames nor "
     "their rate; state the frames a second with 'row_fps'"),
    ("json", changed(2, "blendshapes", [*scores(2)[:-1], {"name": "jawOpen", "score": 0}]), ": frame 2: 'jawOpen' occ"),
    ("json", changed(2, "blendshapes", scores(2)[:-1]), ": frame 2: 'noseSneerRight' is not in every frame; take the"),
    ("json", changed(2, "blendshapes", [5]), ": frame 2: key 'blendshapes' holds no names with scores; expected"),
    ("json", changed(3, "timestamp", 0), ": frame 3: time runs backwards, from 0.066 s to -1760000000.000 s; sort"),
    ("json", changed(3, "timestamp", "now"), ": frame 3: its time is no finite number"),
    ("json", [*mediapipe(), 5], ": frame 6: is no object; expected the time and the values of the frame"),
    ("json", changed(3, "blendshapes", [{**one, "score": "0.1"} for one in scores(3)]), ": frame 3: '.*' is no finite"),
    ("json", [{**frame, "timestamp": 0} for frame in mediapipe()], ": its frames are usually 0 apart, which are"),
    ("json", mediapipe()[:1], r": holds 1 frame\(s\) with a face, at least 2 are needed"),
    ("json", {"frames": NAMED}, ": holds neither the time of its frames nor their rate"),
    ("json", [{"id": "a", "text": "b"}, {"id": "c", "text": "d"}], ": frame 0: holds no values by name, but the keys"),
    ("json", {"version": 1, "take": "a"}, ": is JSON with the keys 'version', 'take', which is no known recording"),
    ("json", {"blendshapes": [[0.1] * 50] * 3}, ": holds lists of 50 numbers without names, expected 61 in Live Link"),
    ("json", {"blendshapes": [[0.1] * 61] * 3}, ": holds neither the time of its frames nor their rate"),
    ("json", "[[" * 60_000, r": is not JSON \(its nesting is too deep"),
    ("json", '{"weightMat": [[1e400, 2]], "facsNames": ["jawOpen", "a"], "exportFps": 30}', r": holds 1 frame\(s\)"),
    ("json", '{"weightMat": ' + "9" * 5000 + "}", r": is not JSON \(it holds a whole number of 5000 digits\)"),
    ("json", '{"weightMat": [', r": is not JSON \(Expecting value"),
    ("csv", audio2face_csv() + "6,0.2,0.5\n", ":8: 3 columns instead of 54; remove the line"),
    ("csv", audio2face_csv() + audio2face_csv().splitlines()[1] + "x\n", ":8: holds '.*x', expected a number; correct"),
    ("csv", audio2face_csv().replace("0.066667", "0.9"), ":5: time runs backwards, from 0.900 s to 0.100 s; sort the"),
    ("csv", audio2face_csv().replace("timeCode", "clock"), ":1: has no column of time; expected 'timeCode' or 'time'"),
    ("csv", "\n".join(audio2face_csv().splitlines()[:2]), r": holds 1 frame\(s\), at least 2 are needed"),
    ("csv", 'timeCode,blendShapes.JawOpen\n0,"0.5\n', ":2: "),
    ("txt", face_cap().replace("k,66", "q,66"), ":5: starts with 'q'; expected info, bs or k"),
    ("txt", face_cap().replace("-30", "-30,1", 1), ":3: holds 64 values, expected 63: time, position, head, eyes, 52"),
    ("txt", face_cap().replace("k,66,0.1", "k,66,much"), ":5: holds 'much', expected a number"),
    ("txt", face_cap() + "bs,jawOpen\n", ":9: names the blendshapes a second time"),
    ("txt", "k,0,1,2\n" + face_cap(), ":1: is a frame before the names of the blendshapes"),
    ("txt", "info,x\nbs,jawOpen\n", r": holds 0 frame\(s\) of Face Cap, at least 2 are needed"),
    ("txt", ifacialmocap() + "\njawOpen-5|\n", ":7: '.*' is not in every frame; take the incomplete frames out"),
    ("txt", ifacialmocap(head="=head#5.0,11.0|"), ":1: 'head' has 2 angles, expected 3"),
    ("txt", ifacialmocap().replace("|trackingStatus-1", "|jawOpen-1"), ":1: holds 'jawOpen' twice; write one frame"),
    ("txt", ifacialmocap().replace("|trackingStatus-1", "|what"), ":1: holds 'what', expected name-number"),
    ("txt", ifacialmocap().splitlines()[0], r": holds 1 frame\(s\), at least 2 are needed"),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "content", "message"), FAULTS)
def test_faults_are_one_line_with_their_place(tmp_path: Path, ending: str, content: Any, message: str) -> None:
    path = saved(tmp_path, ending, content)
    with pytest.raises(InputError) as caught:
        read_take(path, ZERO)
    assert re.match(re.escape(str(path)) + message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    ending, content, _ = FILES[kind]
    whole = (content if isinstance(content, str) else json.dumps(content)).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    path = tmp_path / f"take.{ending}"
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
    try:
        found: Take | str = read_take(path, ZERO)
    except InputError as error:
        found = str(error)
    if isinstance(found, str):
        assert "\n" not in found
    else:
        assert np.isfinite(found.coefficients).all()
        assert np.abs(found.coefficients).max() <= 1.6
        assert (np.diff(found.seconds) >= 0).all()


def test_frames_without_a_face_are_counted_and_keep_the_time(tmp_path: Path) -> None:
    frames = mediapipe(matrix=[1])
    frames[2]["blendshapes"], frames[3]["blendshapes"] = [], None
    take = read_take(saved(tmp_path, "json", frames), ZERO)
    assert take.lost == 2
    np.testing.assert_allclose(take.seconds, np.array([0, 1, 4, 5]) * 0.033, atol=1e-6)
    assert "keys 'matrix' of the frames are passed over" in take.remarks
    named = [{"blendshapes": shapes} for shapes in (NAMED[0], {}, NAMED[1])]
    take = read_take(saved(tmp_path, "json", {"fps": 10, "frames": named}), ZERO)
    np.testing.assert_allclose(take.seconds, [0, 0.2])


def test_a_stated_rate_is_taken_where_the_file_has_none(tmp_path: Path) -> None:
    options = ReadingOptions(row_fps=50, head="zero", tongue="zero")
    for ending, content in (("json", {"frames": NAMED}), ("txt", ifacialmocap())):
        take = read_take(saved(tmp_path, ending, content), options)
        np.testing.assert_allclose(take.seconds, np.arange(FRAMES) / 50)
        assert "50 frames a second, as stated" in take.remarks


def test_recorded_angles_stay_where_only_others_are_missing(tmp_path: Path) -> None:
    named = [{**face, "headYaw": 0.5, "HeadPitch": -0.25} for face in NAMED]
    take = read_take(saved(tmp_path, "json", {"fps": 30, "frames": named}), ZERO)
    np.testing.assert_allclose(take.coefficients[:, [INDEX["HeadYaw"], INDEX["HeadPitch"]]], [[0.5, -0.25]] * FRAMES)
    assert "angles are taken as radians" in take.remarks


def test_other_units_of_time_are_told_apart(tmp_path: Path) -> None:
    def table(stamp: Callable[[int], float], name: str) -> NDArray[np.float64]:
        rows = [f"{stamp(row)}," + ",".join(map(str, WEIGHTS[row])) for row in range(FRAMES)]
        path = saved(tmp_path, "csv", "\n".join([",".join([name, *BLENDSHAPES]), *rows]))
        return read_take(path, ZERO).seconds

    expected = np.arange(FRAMES) / 20
    np.testing.assert_allclose(table(lambda row: row / 20, "time"), expected, atol=1e-9)
    np.testing.assert_allclose(table(lambda row: row * 50, "timestamp"), expected, atol=1e-9)
    np.testing.assert_allclose(table(lambda row: row * 50, "time_ms"), expected, atol=1e-9)
    with pytest.raises(InputError, match="usually 50000 apart, which are neither seconds nor milliseconds"):
        table(lambda row: row * 50_000, "timestamp")


def test_a_folder_holds_recordings_of_several_kinds(tmp_path: Path) -> None:
    write_take(tmp_path / "phone.csv", np.full((4, len(CHANNELS)), 0.1))
    saved(tmp_path, "json", FILES["NeuroSync"][1], "neurosync")
    saved(tmp_path, "TXT", FILES["iFacialMocap"][1], "ifm")
    saved(tmp_path, "json", {"version": 1, "subject": "a"}, "notes")
    saved(tmp_path, "txt", "Two takes of a smile.\n", "readme")
    (tmp_path / "folder.json").mkdir()
    found = list(Recordings(tmp_path).read())
    assert [each.name for each in found] == ["ifm", "neurosync", "phone"]
    np.testing.assert_allclose(found[1].coefficients, SIXTY_ONE, atol=1e-6)
    saved(tmp_path, "json", FILES["NeuroSync"][1], "phone")
    with pytest.raises(InputError, match=r"phone\.json: has the name of another recording, phone\.csv; rename one"):
        Recordings(tmp_path)
