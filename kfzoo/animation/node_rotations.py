"""Rotations of glTF's nodes: from the angles of the head and eyes, about the axes of the world, to a node's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def turns_of(angles: NDArray[np.floating]) -> Rotation:
    """Returns rotations about the world's axes.

    Args:
        angles: Yaw, pitch and roll in radians, (T, 3). Positive: to the subject's right, down, to the subject's left
            shoulder; x points to the subject's left, y up, z to where the face looks.
    """
    yaw, pitch, roll = np.asarray(angles, dtype=np.float64).T
    return Rotation.from_euler("YXZ", np.stack([-yaw, pitch, -roll], axis=1))


def local_turns(nodes: list[dict[str, Any]], node: int, angles: NDArray[np.floating]) -> Array:
    """Returns a node's rotations, (T, 4), x, y, z, w, near to each other from one frame to the next.

    Args:
        nodes: The document's.
        node: Place of the node.
        angles: See `turns_of`.
    """
    parent = _above(nodes, node)
    turns = (parent.inv() * turns_of(angles) * parent * _rotation(nodes[node])).as_quat()
    steps = np.sign(np.sum(turns[1:] * turns[:-1], axis=1))
    turns[1:] *= np.cumprod(np.where(steps < 0, -1, 1))[:, None]
    return np.asarray(turns)


def separate_rotation(node: dict[str, Any]) -> None:
    """Replaces a node's matrix by translation, rotation and scale: glTF animates no matrix."""
    if "matrix" not in node:
        return
    matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    rotation = _rotation(node).as_quat().tolist()
    if np.linalg.det(matrix[:3, :3]) < 0:
        scale[0] *= -1
    del node["matrix"]
    node |= {"translation": matrix[:3, 3].tolist(), "rotation": rotation, "scale": scale.tolist()}


def _above(nodes: list[dict[str, Any]], node: int) -> Rotation:
    """Returns the rotation, in the world, of what a node is within."""
    parents = {child: number for number, each in enumerate(nodes) for child in each.get("children", [])}
    found = Rotation.identity()
    for _ in nodes:  # a circle, which glTF forbids, must not last for ever
        if node not in parents:
            break
        node = parents[node]
        found = _rotation(nodes[node]) * found
    return found


def _rotation(node: dict[str, Any]) -> Rotation:
    if "matrix" in node:
        axes = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T[:3, :3]
        axes = axes / np.linalg.norm(axes, axis=0)
        if np.linalg.det(axes) < 0:
            axes[:, 0] *= -1
        return Rotation.from_matrix(axes)
    return Rotation.from_quat(node.get("rotation", [0, 0, 0, 1]))
