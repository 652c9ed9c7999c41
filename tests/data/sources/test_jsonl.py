from __future__ import annotations

import json
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kfzoo.arkit.channels import CHANNELS, INDEX, LOWER, MEDIAPIPE, UPPER
from kfzoo.data.script import ANNOTATIONS, PARTS, Keyframe, Script, fingerprint, to_dict
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.errors import InputError

FACE = np.linspace(0, 1, len(CHANNELS), dtype=np.float32)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


def script(name: str = "a", keyframes: int = 2) -> Script:
    frames = tuple(Keyframe(index, index / 2, "a smile", coefficients=FACE) for index in range(keyframes))
    return Script(name, "S1", "A room.", "joy", frames)


WORDS = st.text(max_size=9)


@st.composite
def keyframe_lists(draw: st.DrawFn) -> tuple[Keyframe, ...]:
    times = sorted(draw(st.lists(st.floats(0, 1e4), min_size=1, max_size=3)))
    faces = arrays(np.float32, len(CHANNELS), elements=st.floats(0, 1, width=32))
    return tuple(
        Keyframe(
            index=index,
            time=time,
            **{annotation: draw(WORDS) for annotation in ANNOTATIONS},
            coefficients=None if (face := draw(st.none() | faces)) is None else LOWER + face * (UPPER - LOWER),
            emotions=draw(st.dictionaries(st.text(max_size=5), st.floats(0, 1), max_size=2)),
        )
        for index, time in enumerate(times)
    )


any_script = st.builds(Script, NAMES, WORDS, WORDS, WORDS, keyframe_lists(), st.none() | st.sampled_from(PARTS))
script_lists = st.lists(any_script, min_size=1, max_size=3, unique_by=lambda script: script.id)


@settings(deadline=None, max_examples=60)
@given(script_lists, st.sampled_from(["inside", "beside"]))
def test_what_is_written_is_what_is_read(scripts: list[Script], arrays: Literal["inside", "beside"]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scripts.jsonl")
        assert write_scripts(path, scripts, arrays) == len(scripts)
        source = ScriptsJsonl(path)
        assert fingerprint(source) == fingerprint(scripts)
        assert fingerprint(source) == fingerprint(scripts)  # Each iteration starts again.
        assert len(source) == len(scripts)
        assert [one.part for one in source] == [one.part for one in scripts]


def test_beside_keeps_float32_and_short_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_scripts(path, [script("take/1")], arrays="beside")
    assert json.loads(path.read_text())["keyframes"][0]["coefficients"] == "beside"
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert sorted(archive) == ["take/1/0", "take/1/1"]
        np.testing.assert_array_equal(archive["take/1/0"], FACE)
    [read] = ScriptsJsonl(path)
    np.testing.assert_array_equal(read.keyframes[1].coefficients, FACE)
    first = (tmp_path / "a.npz").read_bytes()
    write_scripts(path, [script("take/1")], arrays="beside")
    assert (tmp_path / "a.npz").read_bytes() == first


def test_coefficients_by_any_spelling_or_in_a_list(tmp_path: Path) -> None:
    values = to_dict(script(keyframes=3))
    by_name = values["keyframes"][0]["coefficients"]
    values["keyframes"][1]["coefficients"] = {name[0].lower() + name[1:]: by_name[name] for name in reversed(CHANNELS)}
    values["keyframes"][2]["coefficients"] = list(by_name.values())
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\r\n" + json.dumps(values).encode() + b"\r\n\r\n")
    [read] = ScriptsJsonl(path)
    for keyframe in read.keyframes:
        assert keyframe.coefficients is not None
        assert float(np.abs(keyframe.coefficients - FACE).max()) <= 5.1e-5


@pytest.mark.parametrize(
    "spell",
    [
        lambda name: name[0].lower() + name[1:],
        lambda name: re.sub(r"(Left|Right)$", lambda side: f"_{side[0][0]}", name[0].lower() + name[1:]),
        lambda name: re.sub(r"(Left|Right)$", lambda side: side[0][0], name[0].lower() + name[1:]),
        lambda name: f"blendShape2.{re.sub(r'(Left|Right)$', lambda side: f'_{side[0][0]}', name)}",
    ],
    ids=["camelCase", "_L and _R", "L and R", "mesh.name_L"],
)
def test_other_spellings_are_the_same_scripts(tmp_path: Path, spell: Callable[[str], str]) -> None:
    values = to_dict(script())
    for keyframe in values["keyframes"]:
        keyframe["coefficients"] = {spell(name): value for name, value in keyframe["coefficients"].items()}
    assert len(values["keyframes"][0]["coefficients"]) == 61
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(values))
    assert fingerprint(ScriptsJsonl(path)) == fingerprint([script()])


def test_a_small_overshoot_is_clamped_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    face = FACE.copy()
    places = [INDEX["JawOpen"], INDEX["MouthClose"], INDEX["HeadYaw"]]
    face[places] = 1.053, -0.02, -1.2
    path = tmp_path / "a.jsonl"
    write_scripts(path, [Script("a", "s", "", "", (Keyframe(0, 0.0, coefficients=face),))])
    [read] = ScriptsJsonl(path)
    assert read.keyframes[0].coefficients is not None
    assert read.keyframes[0].coefficients[places].tolist() == [1, 0, -1]
    source = ScriptsJsonl(path)
    caplog.clear()
    assert len([*source, *source]) == 2
    assert caplog.messages == [
        f"{path}: 3 values of 1 faces are clamped to their channel's range (first: 'JawOpen' is 1.053 in {path}:1)."
    ]


def test_images_move_with_their_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "old" / "img" / "1.png", tmp_path / "elsewhere.png"
    frames = tuple(Keyframe(index, 0.0, image_path=str(path)) for index, path in enumerate((inside, outside)))
    write_scripts(tmp_path / "old" / "a.jsonl", [Script("a", "s", "", "", frames)])
    (tmp_path / "old").rename(tmp_path / "new")
    [read] = ScriptsJsonl(tmp_path / "new" / "a.jsonl")
    assert [frame.image_path for frame in read.keyframes] == [str(tmp_path / "new" / "img" / "1.png"), str(outside)]


def put(*keys: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(values: Any) -> None:
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = value
        if value is ABSENT:
            del values[keys[-1]]

    return change


def drop(*keys: str | int) -> Callable[[dict[str, Any]], None]:
    return put(*keys, value=ABSENT)


ABSENT = object()


FACE_KEY = ("keyframes", 1, "coefficients")
FAULTS = [
    (drop("emotion"), "the line lacks the key 'emotion'; add it"),
    (drop("keyframes", 1, "time"), "key 'keyframes[1]' lacks the key 'time'; add it"),
    (put("emotoin", value=1), "key 'emotoin' is unknown; did you mean 'emotion'?"),
    (put("keyframes", 0, "colour", value=1), "key 'keyframes[0].colour' is unknown; known keys: index, time, original, "
     "arkit, image, image_path, emotions, analysis, coefficients"),
    (put("id", value=7), "key 'id' is 7, expected a text"),
    (put("id", value=""), "key 'id' is \"\", expected printable characters; give the script a name"),
    (put("background", value=None), "key 'background' is null, expected a text"),
    (put("background", value="\ud800"), "key 'background' holds half of a surrogate pair, which is no character; "
     "write it as UTF-8"),
    (put("part", value="dev"), "key 'part' is \"dev\", expected one of train, val, test"),
    (put("part", value=["dev"]), "key 'part' is a list of 1, expected one of train, val, test"),
    (put("keyframes", value=[]), "key 'keyframes' is a list of 0, expected a list with at least one entry"),
    (put("keyframes", 1, value=5), "key 'keyframes[1]' is 5, expected a JSON object"),
    (put("keyframes", 1, "index", value=2), "key 'keyframes[1].index' is 2, expected 1; "
     "number the keyframes from 0 in their order"),
    (put("keyframes", 1, "index", value=True), "key 'keyframes[1].index' is true, expected 1; "
     "number the keyframes from 0 in their order"),
    (put("keyframes", 1, "time", value="1"), "key 'keyframes[1].time' is \"1\", expected a finite number"),
    (put("keyframes", 0, "time", value=-1), "key 'keyframes[0].time' is -1.0, "
     "expected seconds from the start of the clip"),
    (put("keyframes", 0, "time", value=3), "key 'keyframes[1].time' is 0.5, before the keyframe at 3.0; sort them"),
    (put("keyframes", 0, "image_path", value=3), "key 'keyframes[0].image_path' is 3, expected a text"),
    (put("keyframes", 0, "emotions", value=[]), "key 'keyframes[0].emotions' is a list of 0, expected a JSON object"),
    (put("keyframes", 0, "emotions", value={"Joy": "much"}), "key 'keyframes[0].emotions.Joy' is \"much\", "
     "expected a finite number"),
    (put("keyframes", 0, "emotions", value={"Joy": 2}), "key 'keyframes[0].emotions.Joy' is 2.0, "
     "expected a score in [0, 1]"),
    (put(*FACE_KEY, value="none"), "key 'keyframes[1].coefficients' is \"none\", "
     "expected 61 values by name or in a list, or 'beside'"),
    (drop(*FACE_KEY, "JawOpen"), "key 'keyframes[1].coefficients' is not valid: channel 'JawOpen' missing"),
    (put(*FACE_KEY, "JawOpn", value=0), "key 'keyframes[1].coefficients' is not valid: channel 'JawOpn': "
     "is none of the 61 ARKit channels; did you mean 'JawOpen'?"),
    (put(*FACE_KEY, "jaw_open", value=0), "key 'keyframes[1].coefficients' is not valid: "
     "channel 'JawOpen' occurs twice"),
    (put(*FACE_KEY, value=[0] * 60), "key 'keyframes[1].coefficients' is not valid: 60 values, expected 61"),
    (put(*FACE_KEY, "JawOpen", value=float("nan")), "key 'keyframes[1].coefficients' is not valid: "
     "channel 'JawOpen' is NaN, expected a finite number"),
    (put(*FACE_KEY, "JawOpen", value=float("inf")), "key 'keyframes[1].coefficients' is not valid: "
     "channel 'JawOpen' is Infinity, expected a finite number"),
    (put(*FACE_KEY, "JawOpen", value=10**400), f"key 'keyframes[1].coefficients' is not valid: "
     f"channel 'JawOpen' is 1{'0' * 38}…, expected a finite number"),
    (put(*FACE_KEY, "JawOpen", value="0.4"), "key 'keyframes[1].coefficients' is not valid: "
     "channel 'JawOpen' is \"0.4\", expected a finite number"),
    (put(*FACE_KEY, "JawOpen", value=40), "key 'keyframes[1].coefficients.JawOpen' is 40, expected a value in [0, 1]; "
     "correct the value or take it out"),
    (put(*FACE_KEY, value={name: 100 * float(value) for name, value in zip(CHANNELS, FACE, strict=True)}),
     "key 'keyframes[1].coefficients.RightEyeRoll' is 100, expected a value in [-1, 1]; it looks like degrees; "
     "multiply angles by pi / 180, or blendshapes and angles are hundredfold"),
    (put(*FACE_KEY, "HeadYaw", value=-1.7), "key 'keyframes[1].coefficients.HeadYaw' is -1.7, "
     "expected a value in [-1, 1]; radians in [-1, 1] are expected: correct the value or take it out"),
    (put(*FACE_KEY, value=dict.fromkeys(MEDIAPIPE, 0.1)), "key 'keyframes[1].coefficients' is not valid: "
     "channel '_neutral': is none of the 61 ARKit channels; see kfzoo.arkit.CHANNELS for the 61 names; "
     "channels 'TongueOut', 'HeadYaw', 'HeadPitch', 'HeadRoll', 'LeftEyeYaw' and 5 more missing"),
    (put(*FACE_KEY, value=[0.1] * 68), "key 'keyframes[1].coefficients' is not valid: 68 values "
     "(NeuroSync's: the channels and seven emotions), expected 61"),
    (put(*FACE_KEY, value="beside"), "key 'keyframes[1].coefficients' is 'beside', "
     "but there is no a.npz; put it into {}"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_faults_name_line_and_key(tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    values = to_dict(script("b"))
    change(values)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(to_dict(script())) + "\n\n" + json.dumps(values) + "\n")
    with pytest.raises(InputError) as error:
        list(ScriptsJsonl(path))
    assert str(error.value) == f"{path}:3: " + message.replace("{}", str(tmp_path))


LINE = json.dumps(to_dict(script())).encode()
FILES = [
    (b"", ": is empty, expected one JSON object a line; write the file again"),
    (b"\n \n", ": is empty, expected one JSON object a line; write the file again"),
    (b"[1]\n", ":1: the line is a list of 1, expected a JSON object; "
     "numbers alone are read as a recording (.json) or as predictions"),
    (b'{"image": "a.png", "coefficients": {}}\n', ":1: holds image, coefficients, expected a script; "
     "faces of images are read by ImageArkitPairs, predictions by score"),
    (b'{"id": ' + b"9" * 100_000 + b"}\n", ":1: is not JSON (it holds a whole number of 100000 digits)"),
    (b"hello\n", ":1: is not JSON (Expecting value: line 1 column 1 (char 0)); expected one JSON object a line"),
    (LINE + b"\n" + LINE[:101], ":2: is cut off or not JSON "
     "(Unterminated string starting at: line 1 column 100 (char 99)); "
     "the file's end is lost: write it again"),
    (LINE + b"\n" + LINE + b"\n", ":2: key 'id' is 'a', which {}:1 has already; give each script its own"),
    (b'{"id": "a", "id": "b"}\n', ":1: is not JSON (key 'id' occurs twice); expected one JSON object a line"),
    (b'{"id": "\xff"}\n', ":1: is not UTF-8; save the file as UTF-8"),
    (b'{"id": ' + b"[" * 100_000 + b"\n", ":1: is not JSON (its nesting is too deep: maximum recursion depth exceeded"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), FILES)
def test_faults_of_the_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        list(ScriptsJsonl(path))
    assert str(error.value).startswith(f"{path}{message}".replace("{}", str(path)))


def test_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: does not exist; give the path of a JSON Lines file"):
        ScriptsJsonl(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="is a folder, expected a file"):
        ScriptsJsonl(tmp_path)


def test_a_file_that_is_gone_when_it_is_read(tmp_path: Path) -> None:
    write_scripts(tmp_path / "a.jsonl", [script()])
    source = ScriptsJsonl(tmp_path / "a.jsonl")
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(InputError, match=r"a\.jsonl: cannot be read \(No such file or directory\); check the path"):
        list(source)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (None, "is missing"),
        (np.zeros(60, np.float32), "is float32 of shape (60,), expected floats of shape (61,)"),
        (np.zeros(61, np.int64), "is int64 of shape (61,), expected floats of shape (61,)"),
        (np.full(61, np.nan), "holds no finite number at channel 'EyeBlinkLeft'"),
        (np.full(61, None), "cannot be read (Object arrays cannot be loaded when allow_pickle=False)"),
    ],
)
def test_faults_of_the_arrays(tmp_path: Path, array: Any, message: str) -> None:
    path = tmp_path / "a.jsonl"
    write_scripts(path, [script()], arrays="beside")
    np.savez(tmp_path / "a.npz", **({"a/1": FACE} if array is None else {"a/0": array}))
    with pytest.raises(InputError) as error:
        list(ScriptsJsonl(path))
    expected = f"{path}:1: key 'keyframes[0].coefficients' is 'beside', but array 'a/0' of a.npz {message}"
    assert str(error.value) == f"{expected}; write the two files again"


def test_a_cut_off_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_scripts(path, [script()], arrays="beside")
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:300])
    with pytest.raises(InputError, match=r"cannot be read \(File is not a zip file\); write the two files again"):
        list(ScriptsJsonl(path))


def broken(**change: Any) -> Script:
    return Script("b", "s", "", "", (Keyframe(**{"index": 0, "time": 0.0, **change}),))


@pytest.mark.parametrize("arrays", ["inside", "beside"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (broken(coefficients=np.full(61, np.nan, np.float32)), "channel 'EyeBlinkLeft' is NaN, expected a finite"),
        (broken(coefficients=np.zeros(52, np.float32)), r"keyframe 0 of 'b' has coefficients of shape \(52,\)"),
        (broken(time=float("nan")), r"key 'keyframes\[0\].time' is NaN"),
        (broken(index=1), r"key 'keyframes\[0\].index' is 1, expected 0"),
        (script("a"), r"key 'id' is 'a', which .*:1 has already"),
        (Script("b", "s", "", "", ()), "key 'keyframes' is a list of 0"),
    ],
)
def test_what_cannot_be_read_is_not_written(
    tmp_path: Path, bad: Script, message: str, arrays: Literal["inside", "beside"]
) -> None:
    path = tmp_path / "a.jsonl"
    write_scripts(path, [script("old")], arrays="beside")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InputError, match=r"a\.jsonl:2: .*" + message):
        write_scripts(path, iter([script("a"), bad]), arrays)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert zipfile.is_zipfile(tmp_path / "a.npz")


def test_no_scripts_are_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are no scripts to write"):
        write_scripts(tmp_path / "a.jsonl", [])
    assert list(tmp_path.iterdir()) == []
