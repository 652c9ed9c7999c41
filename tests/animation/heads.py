"""GLB heads as users have them, written and read with nothing of the zoo's own."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline
from scipy.spatial.transform import Rotation

from kfzoo.arkit.channels import BLENDSHAPES

Array = NDArray[np.float64]


def short(name: str) -> str:
    """As many heads have it: `eyeBlink_L`, `jawLeft`."""
    camel = name[0].lower() + name[1:]
    for side in ("Left", "Right"):
        if name.endswith(side) and not name.startswith(("Jaw", f"Mouth{side}")):
            return f"{camel.removesuffix(side)}_{side[0]}"
    return camel


NAMES = ["smirk", *map(short, reversed(BLENDSHAPES)), "puff"]
"""Morph targets of a head: ARKit's in another order, among others."""

NODES: list[dict[str, Any]] = [
    {"name": "Armature", "children": [1], "rotation": [0.7071068, 0, 0, 0.7071068]},
    {"name": "mixamorig:Head", "children": [2, 3], "rotation": [0, 0.6, 0, 0.8]},
    {"name": "mixamorig:LeftEye", "translation": [0.1, 0, 0]},
    {"name": "eye_R", "matrix": [0, 2, 0, 0, -2, 0, 0, 0, 0, 0, 2, 0, -0.1, 0, 0, 1]},
    {"name": "Head", "mesh": 0, "skin": 0},
]
"""A rig that is turned at rest, with a mesh that is named as a joint is."""


def write_head(path: Path, names: Sequence[str] | None = NAMES, count: int | None = None, place: str = "mesh") -> Path:
    """Writes a skinned triangle with morph targets.

    Args:
        path: The file.
        names: Of the targets; None for none.
        count: Targets; by default one for each name.
        place: Where the names are: `mesh` or `primitive`.
    """
    targets = len(names or []) if count is None else count
    floats = np.arange(9, dtype="<f4").tobytes()  # POSITION, and each target's
    joints = bytes([0] * 12) + np.tile(np.array([1, 0, 0, 0], "<f4"), 3).tobytes()
    accessor = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 1, 2], "max": [6, 7, 8]}
    primitive: dict[str, Any] = {"attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2}}
    if targets:
        primitive["targets"] = [{"POSITION": 0}] * targets
    mesh: dict[str, Any] = {"name": "face", "primitives": [primitive]}
    if targets:
        mesh["weights"] = [0.25, *[0.0] * (targets - 1)]
    if names is not None:
        (mesh if place == "mesh" else primitive)["extras"] = {"targetNames": list(names)}
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0, 4]}],
        "nodes": NODES,
        "skins": [{"joints": [1, 2, 3]}],
        "meshes": [mesh],
        "buffers": [{"byteLength": len(floats) + len(joints)}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36, "target": 34962},
            {"buffer": 0, "byteOffset": 36, "byteLength": 12, "target": 34962},
            {"buffer": 0, "byteOffset": 48, "byteLength": 48, "target": 34962},
        ],
        "accessors": [
            accessor,
            {"bufferView": 1, "componentType": 5121, "count": 3, "type": "VEC4"},
            {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC4"},
        ],
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary = floats + joints
    parts = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(parts)) + parts)
    return path


class Player:
    """Plays the first animation of a GLB file as glTF 2.0 describes it (sections 3.6, 3.11, appendix C)."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        assert size % 4 == 0
        self.document = json.loads(data[20 : 20 + size])
        self.binary = data[28 + size :]
        assert len(self.binary) == self.document["buffers"][0]["byteLength"]
        self.animation = self.document["animations"][0]

    def floats(self, accessor: int) -> Array:
        entry = self.document["accessors"][accessor]
        view = self.document["bufferViews"][entry["bufferView"]]
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[entry["type"]]
        assert view["byteOffset"] % 4 == 0
        values = np.frombuffer(self.binary, "<f4", entry["count"] * width, view["byteOffset"])
        return values.astype(np.float64).reshape(entry["count"], width)

    def channel(self, node: int, path: str) -> dict[str, Any]:
        (found,) = (c for c in self.animation["channels"] if c["target"] == {"node": node, "path": path})
        sampler: dict[str, Any] = self.animation["samplers"][found["sampler"]]
        return sampler

    def weights(self, node: int, seconds: Array) -> Array:
        """Weights of a node's mesh, (T, targets)."""
        sampler = self.channel(node, "weights")
        times, output = self.floats(sampler["input"])[:, 0], self.floats(sampler["output"])
        if sampler["interpolation"] == "LINEAR":
            table = output.reshape(len(times), -1)
            return np.stack([np.interp(seconds, times, column) for column in table.T], axis=1)
        arriving, values, leaving = output.reshape(len(times), 3, -1).transpose(1, 0, 2)
        found = np.empty((len(seconds), values.shape[1]))
        for at in range(len(times) - 1):
            inside = (seconds >= times[at] - 1e-6) & (seconds <= times[at + 1] + 1e-6)
            piece = CubicHermiteSpline(times[at : at + 2], values[at : at + 2], [leaving[at], arriving[at + 1]])
            found[inside] = piece(seconds[inside])
        return found

    def world(self, node: int, seconds: float) -> Rotation:
        """How a node is turned in the world."""
        nodes = self.document["nodes"]
        parents = [number for number, each in enumerate(nodes) if node in each.get("children", [])]
        rest = nodes[node].get("rotation", [0, 0, 0, 1])
        if any(c["target"] == {"node": node, "path": "rotation"} for c in self.animation["channels"]):
            sampler = self.channel(node, "rotation")
            times, output = self.floats(sampler["input"])[:, 0], self.floats(sampler["output"])
            rest = [np.interp(seconds, times, column) for column in output.T]
        own = Rotation.from_quat(rest)
        return self.world(parents[0], seconds) * own if parents else own
