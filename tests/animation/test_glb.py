from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.glb_facekit import glb_of
from kfzoo.animation.glb_file import read_glb
from kfzoo.animation.options import ExportOptions
from kfzoo.arkit.channels import BLENDSHAPES, INDEX, canonical
from kfzoo.errors import InputError
from tests.animation.animations import of_curves, sided, spoken
from tests.animation.heads import NAMES, NODES, Player, short, write_head
from tests.commandline import Capture, refusal
from tests.rendering.mesh.made_up_facekit import make_facekit

HEAD, LEFT_EYE, RIGHT_EYE, MESH = 1, 2, 3, 4


KEYS: dict[str, dict[str, Any]] = {"few": {}, "baked": {"bake": True}, "cubic": {"cubic": True}}


def exported(animation: FaceAnimation, folder: Path, keys: str = "few", place: str = "mesh") -> Path:
    head = write_head(folder / "head.glb", place=place)
    (path,) = export(animation, folder / "face", "glb", ExportOptions(head=str(head), **KEYS[keys]))
    return path


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("place", ["mesh", "primitive"])
@pytest.mark.parametrize("animation", [sided(60), spoken()], ids=["posed", "restless"])
def test_the_head_plays_the_curves(animation: FaceAnimation, place: str, keys: str, tmp_path: Path) -> None:
    player = Player(exported(animation, tmp_path, keys, place))
    seconds = np.arange(len(animation.curves)) / animation.fps
    weights = player.weights(MESH, seconds)
    for column, name in enumerate(NAMES):
        expected = np.full(len(seconds), 0.25 if column == 0 else 0.0)  # other targets rest
        if name not in ("smirk", "puff"):
            expected = animation.curves[:, INDEX[canonical(name)]]
        np.testing.assert_allclose(weights[:, column], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("keys", "kind", "fewest", "most"),
    [("few", "LINEAR", 8, 60), ("cubic", "CUBICSPLINE", 4, 8), ("baked", "LINEAR", 85, 85)],
)
def test_posed_keyframes_are_few_keys(keys: str, kind: str, fewest: int, most: int, tmp_path: Path) -> None:
    player = Player(exported(sided(60), tmp_path, keys))
    sampler = player.channel(MESH, "weights")
    assert sampler["interpolation"] == kind
    assert fewest <= player.document["accessors"][sampler["input"]]["count"] <= most


@pytest.mark.parametrize(
    ("channel", "toward"),
    [("Yaw", (-1, 0, 0)), ("Pitch", (0, -1, 0)), ("Roll", (1, 0, 0))],
    ids=["right", "down", "left shoulder"],
)
@pytest.mark.parametrize("part", ["Head", "LeftEye", "RightEye"])
def test_angles_turn_nodes_about_the_axes_of_the_world(
    part: str, channel: str, toward: tuple[int, int, int], tmp_path: Path
) -> None:
    curves = np.zeros((11, 61))
    curves[:, INDEX[f"{part}{channel}"]] = np.linspace(0, 0.5, 11)
    player = Player(exported(of_curves(curves, 10), tmp_path))
    node = {"Head": HEAD, "LeftEye": LEFT_EYE, "RightEye": RIGHT_EYE}[part]
    turn = player.world(node, 1.0) * player.world(node, 0.0).inv()
    watched = (0, 1, 0) if channel == "Roll" else (0, 0, 1)  # the top of the head, or where it looks
    moved = turn.apply(watched)
    np.testing.assert_allclose(moved, np.cos(0.5) * np.array(watched) + np.sin(0.5) * np.array(toward), atol=1e-3)
    for other in {HEAD, LEFT_EYE, RIGHT_EYE} - {node}:
        still = player.world(other, 1.0) * player.world(other, 0.0).inv()
        follows = part == "Head"
        assert still.magnitude() == pytest.approx(0.5 if follows else 0, abs=1e-3)


def test_a_matrix_becomes_translation_rotation_and_scale(tmp_path: Path) -> None:
    node = Player(exported(sided(), tmp_path)).document["nodes"][RIGHT_EYE]
    assert "matrix" not in node
    turn = Rotation.from_quat(node["rotation"]).as_matrix() * np.array(node["scale"])
    given = np.array(NODES[RIGHT_EYE]["matrix"]).reshape(4, 4).T
    np.testing.assert_allclose(turn, given[:3, :3], atol=1e-6)
    assert node["translation"] == [-0.1, 0, 0]


REFUSED = {
    "no morph targets": (None, 0, "has no morph targets"),
    "no names": (None, 52, "has no names for the 52 morph targets of 'face'"),
    "other names": (["smile", "frown"], None, "has 2 morph targets, none by the name of an ARKit blendshape"),
    "3 of 52": (["jawOpen", "eyeBlink_L", "eyeBlink_R"], None, "has 3 of 52 ARKit blendshapes, at least 26 are needed"),
    "too few names": (list(BLENDSHAPES), 53, "has 52 names for the 53 morph targets of 'face'"),
    "twice": ([*BLENDSHAPES, "jaw_open"], None, "has two morph targets for JawOpen: 'JawOpen' and 'jaw_open'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_heads_that_are_no_arkit_head_are_refused(kind: str, tmp_path: Path, capsys: Capture) -> None:
    names, count, message = REFUSED[kind]
    head = write_head(tmp_path / "head.glb", names, count)
    problem = refusal(capsys, "generate", "A smile.", "--formats", "glb", "--head", head, "--out", tmp_path / "face")
    assert problem.startswith(f"{head}: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["head.glb"]


def test_files_that_are_no_glb_are_refused(tmp_path: Path) -> None:
    whole = write_head(tmp_path / "head.glb").read_bytes()
    size = struct.unpack("<I", whole[12:16])[0]
    broken = {
        "is cut off: it holds": whole[:-1],
        "is cut off within a chunk": whole[:8] + struct.pack("<I", len(whole) - 4) + whole[12:-4],
        "is no GLB file": b"{}",
        "is glTF 1, expected 2": whole[:4] + struct.pack("<I", 1) + whole[8:],
        "holds no readable document": whole[:20] + b"x" * size + whole[20 + size :],
        "is no valid glTF": whole.replace(b'"mesh": 0', b'"mesh": 7'),
    }
    for message, data in broken.items():
        (tmp_path / "bad.glb").write_bytes(data)
        with pytest.raises(InputError, match=message):
            export(sided(), tmp_path / "face", "glb", ExportOptions(head=str(tmp_path / "bad.glb")))
    for length in range(0, len(whole), 97):
        (tmp_path / "bad.glb").write_bytes(whole[:length])
        with pytest.raises(InputError):
            read_glb(tmp_path / "bad.glb")
    with pytest.raises(InputError, match="needs a head with ARKit's blendshapes"):
        export(sided(), tmp_path / "face", "glb")
    assert not (tmp_path / "face.glb").exists()


def test_a_head_without_a_tongue_or_eyes_is_used_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = write_head(tmp_path / "head.glb", [short(name) for name in BLENDSHAPES if name != "TongueOut"])
    export(sided(), tmp_path / "face", "glb", ExportOptions(head=str(head)))
    assert "has no morph target for TongueOut" in caplog.text


def test_facekit_becomes_a_head_that_moves(tmp_path: Path) -> None:
    facekit = make_facekit()
    glb_of(facekit).write(tmp_path / "head.glb")
    (path,) = export(sided(), tmp_path / "face", "glb", ExportOptions(head=str(tmp_path / "head.glb")))
    player = Player(path)
    names = player.document["meshes"][0]["extras"]["targetNames"]
    assert len(names) == 51
    weights = player.weights(0, np.arange(len(sided().curves)) / 30)
    for column, name in enumerate(names):
        np.testing.assert_allclose(weights[:, column], sided().curves[:, INDEX[canonical(name)]], atol=1e-3)
    assert [node["name"] for node in player.document["nodes"]] == ["head", "leftEye", "rightEye"]
    assert player.document["nodes"][1]["translation"][0] > 0  # the subject's left is at +x
    # A sparse target moves its vertices by the shape.
    target = player.document["meshes"][0]["primitives"][0]["targets"][names.index("jawOpen")]["POSITION"]
    sparse = player.document["accessors"][target]["sparse"]
    view = player.document["bufferViews"][sparse["values"]["bufferView"]]
    moved = np.frombuffer(player.binary, "<f4", 3 * sparse["count"], view["byteOffset"])
    assert moved.reshape(-1, 3).min() == pytest.approx(0.01 * facekit.shapes[17].min(), rel=1e-3)


def find_validator() -> str:
    """Folder of the npm package gltf-validator, where it is installed."""
    folder = Path(os.environ.get("GLTF_VALIDATOR", "node_modules/gltf-validator"))
    return str(folder.resolve()) if shutil.which("node") and (folder / "package.json").is_file() else ""


VALIDATE = """
const validator = require(process.argv[1]), fs = require("fs");
validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[2])))
    .then(report => console.log(JSON.stringify(report.issues)));
"""


@pytest.mark.skipif(not find_validator(), reason="needs npm's gltf-validator; GLTF_VALIDATOR names its folder")
@pytest.mark.parametrize("kind", ["own", "facekit"])
@pytest.mark.parametrize("keys", KEYS)
def test_the_validator_finds_no_error(kind: str, keys: str, tmp_path: Path) -> None:
    head = write_head(tmp_path / "head.glb")
    if kind == "facekit":
        glb_of(make_facekit()).write(head)
    (path,) = export(sided(), tmp_path / "face", "glb", ExportOptions(head=str(head), **KEYS[keys]))
    done = subprocess.run(["node", "-e", VALIDATE, find_validator(), str(path)], capture_output=True, check=True)
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:5]


IN_BLENDER = """
import bpy, json, sys
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = 30
bpy.ops.import_scene.gltf(filepath=sys.argv[1])
(keys,) = bpy.data.shape_keys
found = []
for frame in (3, 15, 27):
    scene.frame_set(frame)
    found.append({block.name: block.value for block in keys.key_blocks})
print("FOUND " + json.dumps(found))
"""


@pytest.mark.skipif(find_spec("bpy") is None, reason="needs Blender: pip install bpy")
@pytest.mark.parametrize("keys", ["few", "baked"])  # its importer passes over the tangents of cubic keys
def test_blender_plays_the_curves(keys: str, tmp_path: Path) -> None:
    path = exported(sided(30), tmp_path, keys)
    done = subprocess.run([sys.executable, "-c", IN_BLENDER, str(path)], capture_output=True, text=True, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")] or [done.stdout + done.stderr]
    for frame, values in zip((3, 15, 27), json.loads(line.removeprefix("FOUND ")), strict=True):
        for name in BLENDSHAPES:
            assert values[short(name)] == pytest.approx(float(sided(30).curves[frame, INDEX[name]]), abs=1e-3), name
