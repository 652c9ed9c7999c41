"""ICT-FaceKit's head as a GLB: the mean face, 51 sparse morph targets, nodes for the head and both eyes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kfzoo import __version__
from kfzoo.animation.glb_file import FLOAT, SHORT, Glb
from kfzoo.arkit.channels import arkit_name
from kfzoo.rendering.mesh.facekit_files import RANGES, SHAPES, VERTICES, FaceKit, find_folder, read_facekit

Floats = NDArray[np.float32]

METRES = 0.01
"""The meshes are in centimetres, glTF in metres."""

NECK = np.array([0.0, -2.0, 0.0], dtype=np.float32)
"""The head turns about this point, in centimetres, as in `kfzoo.rendering.mesh`."""

MATERIALS = {
    "skin": ((0.80, 0.56, 0.46), ("face", "head")),
    "mouth": ((0.55, 0.20, 0.20), ("mouth", "gums", "sockets")),
    "teeth": ((0.90, 0.88, 0.82), ("teeth",)),
    "lashes": ((0.06, 0.04, 0.03), ("lashes",)),
}
EYE_MATERIALS = {"white": ((0.92, 0.91, 0.90), "eye"), "iris": ((0.22, 0.34, 0.45), "iris")}
"""Linear red, green and blue, and the parts of the mesh; the eyes' glass is left out."""

_ARRAY, _ELEMENTS = 34962, 34963  # glTF's numbers of vertex and index buffers
_SMALLEST = 1e-3  # Centimetres below which a shape does not count as moving a vertex.


def facekit_glb(folder: str) -> Glb:
    """Makes the head.

    Args:
        folder: ICT-FaceKit's folder.

    Raises:
        InputError: For a folder without the meshes, or with damaged ones.
    """
    return glb_of(read_facekit(find_folder(folder)))


def glb_of(facekit: FaceKit) -> Glb:
    """Makes the head of a model in memory."""
    credit = "head: ICT-FaceKit light model, USC Institute for Creative Technologies, MIT licence"
    asset = {"version": "2.0", "generator": f"kfzoo {__version__}", "copyright": credit}
    glb = Glb({"asset": asset, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": []}, bytearray())
    materials = {name: _material(glb, name, colour) for name, (colour, _) in (MATERIALS | EYE_MATERIALS).items()}
    parts = {materials[name]: ranges for name, (_, ranges) in MATERIALS.items()}
    head: dict[str, Any] = {"name": "head", "translation": (NECK * METRES).tolist()}
    glb.add("nodes", head)
    head["mesh"] = _mesh(glb, facekit, "face", NECK, parts, with_shapes=True)
    head["children"] = []
    for side in ("left", "right"):
        first, end = RANGES[f"{side} eye"]
        middle = (facekit.neutral[first:end].min(axis=0) + facekit.neutral[first:end].max(axis=0)) / 2
        parts = {materials[name]: (f"{side} {part}",) for name, (_, part) in EYE_MATERIALS.items()}
        mesh = _mesh(glb, facekit, f"{side}Eye", middle, parts, with_shapes=False)
        at = ((middle - NECK) * METRES).tolist()
        head["children"].append(glb.add("nodes", {"name": f"{side}Eye", "mesh": mesh, "translation": at}))
    return glb


def _material(glb: Glb, name: str, colour: tuple[float, float, float]) -> int:
    shine = {"baseColorFactor": [*colour, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.6}
    return glb.add("materials", {"name": name, "pbrMetallicRoughness": shine, "doubleSided": name != "skin"})


def _mesh(
    glb: Glb,
    facekit: FaceKit,
    name: str,
    middle: Floats,
    parts: dict[int, tuple[str, ...]],
    *,
    with_shapes: bool,
) -> int:
    """Adds the mesh of some parts, around a point, with a primitive for each material."""
    chosen = [part for each in parts.values() for part in each]
    kept = np.concatenate([np.arange(*RANGES[part]) for part in chosen])
    places = np.full(VERTICES, -1)
    places[kept] = np.arange(len(kept))
    attributes = {
        "POSITION": glb.add_floats((facekit.neutral[kept] - middle) * METRES, _ARRAY),
        "NORMAL": glb.add_floats(_normals(facekit)[kept], _ARRAY),
    }
    shapes = facekit.shapes[:, kept] if with_shapes else facekit.shapes[:0, kept]
    targets = [{"POSITION": _sparse(glb, shape)} for shape in shapes]
    primitives = []
    for material, ranges in parts.items():
        first = facekit.triangles[:, 0]
        inside = np.any([(first >= RANGES[part][0]) & (first < RANGES[part][1]) for part in ranges], axis=0)
        inside &= (places[facekit.triangles] >= 0).all(axis=1)
        corners = places[facekit.triangles[inside]].astype("<u2").reshape(-1)
        view = glb.add_view(corners, _ELEMENTS)
        entry = {"bufferView": view, "componentType": SHORT, "count": len(corners), "type": "SCALAR"}
        primitive = {"attributes": attributes, "indices": glb.add("accessors", entry), "material": material}
        primitives.append(primitive | ({"targets": targets} if targets else {}))
    extras = {"extras": {"targetNames": [arkit_name(shape) for shape in SHAPES]}} if targets else {}
    return glb.add("meshes", {"name": name, "primitives": primitives, **extras})


def _sparse(glb: Glb, shape: Floats) -> int:
    """Adds an accessor that holds only the vertices that move; the others are 0."""
    moved = np.flatnonzero(np.abs(shape).max(axis=1) > _SMALLEST)
    if not len(moved):
        moved = np.array([0])  # glTF knows no empty list
    values = np.ascontiguousarray(shape[moved] * METRES, dtype="<f4")
    ends = np.stack([values.min(axis=0), values.max(axis=0)])
    if len(moved) < len(shape):
        ends = np.stack([np.minimum(ends[0], 0), np.maximum(ends[1], 0)])
    sparse = {
        "count": len(moved),
        "indices": {"bufferView": glb.add_view(moved.astype("<u2")), "componentType": SHORT},
        "values": {"bufferView": glb.add_view(values)},
    }
    entry = {"componentType": FLOAT, "count": len(shape), "type": "VEC3", "min": ends[0].tolist()}
    return glb.add("accessors", {**entry, "max": ends[1].tolist(), "sparse": sparse})


def _normals(facekit: FaceKit) -> Floats:
    """Returns the neutral face's normals, (V, 3), of length 1."""
    corners = facekit.neutral[facekit.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    found = np.zeros_like(facekit.neutral)
    for corner in range(3):
        np.add.at(found, facekit.triangles[:, corner], faces)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    upward = np.array([0, 1, 0], np.float32)  # of vertices without a triangle
    return np.where(length > 0, found / np.maximum(length, 1e-20), upward).astype(np.float32)
