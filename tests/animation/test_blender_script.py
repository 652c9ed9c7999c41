from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kfzoo.animation.exporters import export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.options import ExportOptions
from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, CHANNELS, arkit_name
from kfzoo.recordings.live_link import write_take
from tests.animation.animations import SIDED, sided, spoken
from tests.commandline import Capture, refusal, run

needs_bpy = pytest.mark.skipif(find_spec("bpy") is None, reason="needs Blender: pip install bpy")

SPELLINGS = ("{0}", "{1}", "blendShape.{0}", "mesh.eyes.{1}")


def short(name: str) -> str:
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("JawLeft", "JawRight", "MouthLeft", "MouthRight"):
            return f"{arkit_name(name).removesuffix(side)}_{side[0]}"
    return arkit_name(name)


def spelled(number: int) -> str:
    """A blendshape's name as some head has it."""
    name = BLENDSHAPES[number]
    return SPELLINGS[number % len(SPELLINGS)].format(name, short(name))


class Points:
    """Takes keys as Blender's `fcurve.keyframe_points` does."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def add(self, count: int) -> None:
        self.given["count"] = count

    def foreach_set(self, name: str, values: Any) -> None:
        assert len(values) == self.given["count"] * (1 if "type" in name or name == "interpolation" else 2)
        self.given[name] = np.array(values)

    def handles_recalc(self) -> None:
        return


class Curve:
    """An F-curve, evaluated as Blender's manual describes it."""

    def __init__(self) -> None:
        self.keyframe_points = Points()

    def update(self) -> None:
        return

    def at(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        given = self.keyframe_points.given
        keys = given["co"].reshape(-1, 2)
        if given["interpolation"][0] == 1:  # straight lines
            return np.asarray(np.interp(frames, keys[:, 0], keys[:, 1]))
        found = np.full(len(frames), keys[-1, 1])
        for index in range(len(keys) - 1):
            inside = (frames >= keys[index, 0]) & (frames <= keys[index + 1, 0])
            ends = (
                keys[index],
                given["handle_right"].reshape(-1, 2)[index],
                given["handle_left"].reshape(-1, 2)[index + 1],
                keys[index + 1],
            )
            t = (frames[inside] - keys[index, 0]) / (keys[index + 1, 0] - keys[index, 0])
            for axis, out in ((0, np.empty(len(t))), (1, np.empty(len(t)))):
                p = [end[axis] for end in ends]
                out = (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]
                if axis == 0:  # handles at thirds: time is not bent
                    np.testing.assert_allclose(out, frames[inside], atol=1e-6)
                else:
                    found[inside] = out
        return found


@pytest.mark.parametrize("bake", [False, True])
@pytest.mark.parametrize("animation", [sided(60), spoken()], ids=["posed", "restless"])
def test_the_script_sets_the_curves_in_the_rate_of_the_scene(
    animation: FaceAnimation, bake: bool, tmp_path: Path
) -> None:
    (path,) = export(animation, tmp_path / "face", "blender.py", ExportOptions(bake=bake))
    script = runpy.run_path(str(path))
    take, per_frame = script["TAKE"], 24 / animation.fps
    assert list(take["shapes"] | take["angles"]) == list(CHANNELS)
    frames = 1 + np.arange(len(animation.curves), dtype=np.float64) * per_frame
    curves = animation.curves.astype(np.float64)
    for column, channel in enumerate((take["shapes"] | take["angles"]).values()):
        curve = Curve()
        script["set_keys"](curve, channel, script["Timing"](1, per_frame))
        np.testing.assert_allclose(curve.at(frames), curves[:, column], atol=1e-3)


def test_few_keys_are_few(tmp_path: Path) -> None:
    sizes = [
        export(sided(60), tmp_path / "face", "blender.py", ExportOptions(bake=bake))[0].stat().st_size
        for bake in (False, True)
    ]
    assert sizes[0] < sizes[1]


def test_the_script_stands_alone(tmp_path: Path) -> None:
    (path,) = export(sided(), tmp_path / "face", "blender.py")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    imports = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
        for node in ast.walk(ast.parse(text, feature_version=(3, 10)))  # Blender 3.6 has Python 3.10
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imports == {"__future__", "re", "typing", "bpy"}


def test_shape_keys_are_found_in_any_spelling(tmp_path: Path) -> None:
    (path,) = export(sided(), tmp_path / "face", "blender.py")
    channel_of = runpy.run_path(str(path))["channel_of"]
    for name in BLENDSHAPES:
        for spelling in SPELLINGS:
            for each in (name, arkit_name(name), name.upper()):
                assert channel_of(spelling.format(each, short(name))) == name
    assert channel_of("Basis") == "Basis"


def test_the_command_writes_one_script(tmp_path: Path, capsys: Capture) -> None:
    write_take(tmp_path / "take.csv", sided().curves, fps=30)
    assert run("export", "blender", tmp_path / "take.csv", "--out", tmp_path / "key_take.py") == 0
    take = runpy.run_path(str(tmp_path / "key_take.py"))["TAKE"]
    assert take["fps"] == 30
    assert max(take["shapes"]["EyeBlinkLeft"]["values"]) == pytest.approx(SIDED["EyeBlinkLeft"])
    problem = refusal(capsys, "export", "blender", tmp_path / "take.csv", "--out", tmp_path / "face.blend")
    assert "expected a path with the ending .py" in problem
    assert "no such file" in refusal(capsys, "export", "blender", "no.csv", "--out", "x.py").lower()


IN_BLENDER = """
import bpy, json, runpy, sys
script, rate, names, angles = sys.argv[1], float(sys.argv[2]), *map(json.loads, sys.argv[3:])
bpy.ops.wm.read_factory_settings(use_empty=True)
mesh = bpy.data.meshes.new("head")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
head = bpy.data.objects.new("head", mesh)
scene = bpy.context.scene
scene.collection.objects.link(head)
for name in ["Basis", *names, "other"]:
    head.shape_key_add(name=name)
scene.render.fps = round(rate)
bpy.context.view_layer.objects.active = head
runpy.run_path(script, run_name="__main__")
found = []
for second in (0.1, 0.5, 0.9):
    frame = scene.frame_start + second * rate
    scene.frame_set(int(frame), subframe=frame % 1)
    found.append([head.data.shape_keys.key_blocks[name].value for name in names] + list(map(head.get, angles)))
print("FOUND " + json.dumps({"found": found, "end": scene.frame_end, "version": bpy.app.version_string}))
"""


@needs_bpy
@pytest.mark.parametrize("rate", [24, 60])
@pytest.mark.parametrize("bake", [False, True])
def test_blender_shows_the_values(rate: int, bake: bool, tmp_path: Path) -> None:
    animation = sided(30)
    (path,) = export(animation, tmp_path / "face", "blender.py", ExportOptions(bake=bake))
    names = [spelled(number) for number in range(len(BLENDSHAPES))]
    command = [sys.executable, "-c", IN_BLENDER, str(path), str(rate), json.dumps(names), json.dumps(ANGLES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")] or [done.stdout + done.stderr]
    found = json.loads(line.removeprefix("FOUND "))
    frames = [round(second * 30) for second in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(found["found"], animation.curves[frames], atol=1e-3)
