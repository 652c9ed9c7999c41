"""What moves in a GLB file: the morph targets that are ARKit blendshapes, and the nodes of the head and the eyes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.glb_file import Glb, checking
from kfzoo.arkit.channels import BLENDSHAPES, INDEX, canonical, is_channel
from kfzoo.errors import InputError

FEWEST = 26
"""Blendshapes that a head must have, of 52: half of a face would be still without anybody having chosen it."""

TURNING: Mapping[str, frozenset[str]] = {
    "Head": frozenset({"head", "headbone"}),
    "LeftEye": frozenset({"lefteye", "eyeleft", "eyel", "leye", "lfaceeye"}),
    "RightEye": frozenset({"righteye", "eyeright", "eyer", "reye", "rfaceeye"}),
}
"""Names of nodes, without case, marks and a rig's prefix, by what they turn: `…Yaw`, `…Pitch` and `…Roll`."""

_PREFIX = re.compile(r"^(mixamorig\d*|ccbase|def|bip\d+|jbipc?|jadj)")


@dataclass(frozen=True, eq=False)
class MorphNode:
    """A node whose mesh has morph targets.

    Attributes:
        node: Its place in the document.
        rest: Weight of each target at rest, (N,).
        targets: Places of the targets that are blendshapes.
        channels: Channel of each of these.
    """

    node: int
    rest: NDArray[np.float64]
    targets: NDArray[np.int64]
    channels: NDArray[np.int64]


def find_morphs(glb: Glb, path: str | os.PathLike[str]) -> list[MorphNode]:
    """Finds the nodes whose morph targets are ARKit blendshapes, in any spelling that `canonical` knows.

    Raises:
        InputError: For a file without morph targets, without names, with other names, or with few blendshapes.
    """
    with checking(path):
        found, others, seen = [], 0, False
        for number, node in enumerate(glb.document.get("nodes", [])):
            if "mesh" not in node:
                continue
            mesh = glb.document["meshes"][node["mesh"]]
            count = len(mesh["primitives"][0].get("targets", []))
            seen = seen or count > 0
            names = _names(mesh, count, path) if count else []
            pairs = _blendshapes(names, path)
            others += len(names) - len(pairs)
            if pairs:
                rest = np.array(node.get("weights", mesh.get("weights", [0.0] * count)), dtype=np.float64)
                targets, channels = np.array(pairs).T
                found.append(MorphNode(number, rest.reshape(count), targets, channels))
    if not seen:
        raise InputError(path, "has no morph targets", "export the head with its shape keys")
    have = {int(channel) for each in found for channel in each.channels}
    if not have:
        problem = f"has {others} morph targets, none by the name of an ARKit blendshape"
        raise InputError(path, problem, "name them as ARKit does, such as eyeBlinkLeft or eyeBlink_L")
    if len(have) < FEWEST:
        problem = f"has {len(have)} of {len(BLENDSHAPES)} ARKit blendshapes, at least {FEWEST} are needed"
        raise InputError(path, problem, "give a head with ARKit's blendshapes")
    return found


def missing_channels(morphs: Sequence[MorphNode]) -> list[str]:
    """Returns the blendshapes that no node has."""
    have = {int(channel) for each in morphs for channel in each.channels}
    return [name for name in BLENDSHAPES if INDEX[name] not in have]


def find_turning(glb: Glb, path: str | os.PathLike[str]) -> dict[str, int]:
    """Finds the nodes that the head and eye angles turn; a joint before any other node of the name."""
    with checking(path):
        nodes = glb.document.get("nodes", [])
        joints = {joint for skin in glb.document.get("skins", []) for joint in skin["joints"]}
        found: dict[str, int] = {}
        for part, names in TURNING.items():
            named = [number for number, node in enumerate(nodes) if _key(node.get("name", "")) in names]
            # A skinned mesh stays where its joints are, whatever its node does.
            usable = [number for number in named if number in joints or "skin" not in nodes[number]]
            if usable:
                found[part] = min(usable, key=lambda number: (number not in joints, number))
        return found


def _names(mesh: Mapping[str, Any], count: int, path: str | os.PathLike[str]) -> list[str]:
    """Returns the targets' names: of the mesh, or of its first primitive that has any (as UniGLTF writes them)."""
    places = [mesh, *mesh["primitives"]]
    found = next((n for place in places if (n := (place.get("extras") or {}).get("targetNames"))), None)
    name = mesh.get("name", "a mesh")
    if found is None:
        raise InputError(path, f"has no names for the {count} morph targets of '{name}'", "export them with names")
    if len(found) != count or not all(isinstance(each, str) for each in found):
        problem = f"has {len(found)} names for the {count} morph targets of '{name}'"
        raise InputError(path, problem, "export the head again")
    return list(found)


def _blendshapes(names: Sequence[str], path: str | os.PathLike[str]) -> list[tuple[int, int]]:
    """Returns the place of each target that is a blendshape, and its channel."""
    found: dict[int, int] = {}
    for place, name in enumerate(names):
        channel = INDEX[canonical(name)] if is_channel(name) else len(BLENDSHAPES)
        if channel < len(BLENDSHAPES):
            if channel in found:
                problem = f"has two morph targets for {BLENDSHAPES[channel]}: '{names[found[channel]]}' and '{name}'"
                raise InputError(path, problem, "keep one of them")
            found[channel] = place
    return [(place, channel) for channel, place in found.items()]


def _key(name: str) -> str:
    return _PREFIX.sub("", "".join(letter for letter in name.lower() if letter.isalnum()))
