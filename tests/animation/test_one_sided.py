"""Left and right: one pose that is not the same on both sides, through every writer and back by another reader."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from kfzoo.animation.exporters import EXPORTERS, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.live.face_cap import FaceCapPackets
from kfzoo.animation.live.live_link import LiveLinkPackets
from kfzoo.animation.live.vmc import VmcPackets
from kfzoo.animation.options import ExportOptions
from kfzoo.arkit.channels import CHANNELS
from tests.animation.animations import SIDED, sided
from tests.animation.heads import Player, write_head
from tests.animation.live.decoders import live_link, osc
from tests.animation.test_text_formats import read_usda

Values = Mapping[str, float]

FRAME = 15
"""A frame in which the pose is held."""

NEARLY_MIRRORED = ("EyeBlinkRight", "MouthRight", "JawLeft")


def of_csv(path: Path) -> Values:
    header, *rows = path.read_text(encoding="ascii").splitlines()
    return dict(zip(header.split(",")[2:], map(float, rows[FRAME].split(",")[2:]), strict=True))


def of_json(path: Path) -> Values:
    found: Values = json.loads(path.read_text(encoding="utf-8"))["keyframes"][0]["coefficients"]
    return found


def of_usda(path: Path) -> Values:
    return dict(zip(CHANNELS, read_usda(path)[1][FRAME].tolist(), strict=True))


def of_audio2face(path: Path) -> Values:
    document = json.loads(path.read_text(encoding="utf-8"))
    names = [name[0].upper() + name[1:] for name in document["facsNames"]]
    return dict(zip(names, document["weightMat"][FRAME], strict=True))


def of_face_cap(path: Path) -> Values:
    lines = path.read_text(encoding="ascii").splitlines()
    cells = list(map(float, lines[2 + FRAME].split(",")[1:]))
    long = {"_L": "Left", "_R": "Right"}
    names = [name[:-2] + long[name[-2:]] if name[-2:] in long else name for name in lines[1].split(",")[1:]]
    values = dict(zip([name[0].upper() + name[1:] for name in names], cells[11:], strict=True))
    return values | {"HeadRoll": -np.radians(cells[6])}  # the head about z; Faceit's signs


def of_blender(path: Path) -> Values:
    take = runpy.run_path(str(path))["TAKE"]
    channels = take["shapes"] | take["angles"]
    at = take["frames"].index(min(take["frames"], key=lambda frame: abs(frame - FRAME)))
    return {name: channel["values"][min(at, len(channel["values"]) - 1)] for name, channel in channels.items()}


def of_glb(path: Path) -> Values:
    player = Player(path)
    names = player.document["meshes"][0]["extras"]["targetNames"]
    weights = player.weights(4, np.array([FRAME / 30]))[0]
    long = {"_L": "Left", "_R": "Right"}
    full = [name[:-2] + long[name[-2:]] if name[-2:] in long else name for name in names]
    turn = player.world(1, FRAME / 30) * player.world(1, 0.0).inv()
    top = turn.apply((0, 1, 0))  # a positive roll tilts it to the subject's left, at +x
    return dict(zip([n[0].upper() + n[1:] for n in full], weights, strict=True)) | {"HeadRoll": np.arcsin(top[0])}


READERS: Mapping[str, Callable[[Path], Values]] = {
    "csv": of_csv,
    "json": of_json,
    "usda": of_usda,
    "a2f.json": of_audio2face,
    "txt": of_face_cap,
    "blender.py": of_blender,
    "glb": of_glb,
}
PICTURES = {"png", "html", "mp4", "webm"}
"""Formats that show the face; that a drawing's left is the subject's is tested with the drawing and the video."""


def check(values: Values, *, head: bool = True) -> None:
    for name, expected in SIDED.items():
        if head or name != "HeadRoll":
            assert values[name] == pytest.approx(expected, abs=1e-3), name
    for name in NEARLY_MIRRORED:
        assert values[name] == pytest.approx(0, abs=1e-3), name


def animation() -> FaceAnimation:
    made = sided(30)
    assert made.curves[FRAME, 0] == np.float32(SIDED["EyeBlinkLeft"])
    return made


def test_every_format_is_here() -> None:
    assert set(EXPORTERS) - PICTURES == set(READERS)


@pytest.mark.parametrize("ending", READERS)
def test_files_keep_left_and_right(ending: str, tmp_path: Path) -> None:
    head = str(write_head(tmp_path / "head.glb")) if ending == "glb" else ""
    (path,) = export(animation(), tmp_path / "face", ending, ExportOptions(head=head))
    check(READERS[ending](path), head=ending != "a2f.json")  # which has no angles


def test_live_link_keeps_left_and_right() -> None:
    (packet,) = LiveLinkPackets(30).packets(animation().curves[FRAME], 0)
    check(live_link(packet)["values"])


def test_vmc_keeps_left_and_right() -> None:
    messages = [
        each for bundle in VmcPackets(30, bones=True).packets(animation().curves[FRAME], 0) for each in osc(bundle)
    ]
    values = dict(each for address, each in messages if address == "/VMC/Ext/Blend/Val")
    (head,) = (each for address, each in messages if address == "/VMC/Ext/Bone/Pos" and each[0] == "Head")
    # In Unity's axes a rotation about +z takes +x, the avatar's right, up: it tilts to the left shoulder.
    check(values | {"HeadRoll": 2 * np.arcsin(head[6])})


def test_face_cap_keeps_left_and_right() -> None:
    (bundle,) = FaceCapPackets().packets(animation().curves[FRAME], 0)
    messages = list(osc(bundle))
    weights = dict(values for address, values in messages if address == "/W")
    # Of Face Cap's list of indices.
    places = {"EyeBlinkLeft": 13, "EyeBlinkRight": 14, "JawLeft": 26, "JawRight": 27, "MouthLeft": 30, "MouthRight": 31}
    (turn,) = (values for address, values in messages if address == "/HR")
    check({name: weights[index] for name, index in places.items()} | {"HeadRoll": -np.radians(turn[2])})
