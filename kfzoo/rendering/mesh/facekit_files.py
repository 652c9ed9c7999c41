"""Reads the ICT-FaceKit light face model from the folder where its user put it.

The meshes (USC Institute for Creative Technologies, MIT licence) do not come with the zoo.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from kfzoo.arkit.channels import BLENDSHAPES, arkit_name
from kfzoo.errors import InputError
from kfzoo.files import cache_folder, replacing

VARIABLE = "KFZOO_ICT_FACEKIT"
"""Environment variable that names the folder where no argument does."""

SOURCE = "https://github.com/ICT-VGL/ICT-FaceKit"
NEUTRAL = "generic_neutral_mesh.obj"
IDENTITIES = 20
VERTICES = 26719

SHAPES: tuple[str, ...] = tuple(name for name in BLENDSHAPES if name != "TongueOut")
"""The ARKit blendshapes that the model has: it has no tongue to put out."""

RANGES: Mapping[str, tuple[int, int]] = {
    "face": (0, 9409), "head": (9409, 11248), "mouth": (11248, 13294), "sockets": (13294, 14062),
    "gums": (14062, 17039), "teeth": (17039, 21451), "left eye": (21451, 22221), "left iris": (22221, 23021),
    "right eye": (23021, 23791), "right iris": (23791, 24591), "fluid": (24591, 25351), "lashes": (25351, 26719),
}  # fmt: skip
"""First vertex of each part and the one after its last, as ICT-FaceKit's documentation lists them."""


@dataclass(frozen=True, eq=False)
class FaceKit:
    """The face model of its files; centimetres, x to the subject's left, y up, z forward.

    Attributes:
        neutral: The mean face at rest, (V, 3).
        triangles: (T, 3), counter-clockwise from outside.
        shapes: What each of `SHAPES` moves at 1, (51, V, 3).
        identities: What each identity shape moves at 1, (20, V, 3).
        landmarks: The 68 usual landmarks' vertices, (68,).
    """

    neutral: NDArray[np.float32]
    triangles: NDArray[np.int32]
    shapes: NDArray[np.float32]
    identities: NDArray[np.float32]
    landmarks: NDArray[np.int64]


def find_folder(folder: str | None) -> Path:
    """Finds the folder of the meshes.

    Args:
        folder: ICT-FaceKit's folder or its `FaceXModel`; None for what `KFZOO_ICT_FACEKIT` names.

    Raises:
        InputError: When none is named or it holds no meshes; says where they can be had.
    """
    given = folder or os.environ.get(VARIABLE)
    remedy = f"get FaceXModel of ICT-FaceKit (light model, MIT) from {SOURCE} and name its folder or set {VARIABLE}"
    if not given:
        raise InputError("ICT-FaceKit", "the folder of its meshes is not given", remedy)
    for found in (Path(given), Path(given) / "FaceXModel", *Path(given).glob("*/FaceXModel")):
        if (found / NEUTRAL).is_file():
            return found
    raise InputError(given, f"holds no FaceXModel with {NEUTRAL}", remedy)


@lru_cache(maxsize=1)
def read_facekit(folder: Path) -> FaceKit:
    """Reads the model: some seconds the first time, then from one file in the cache.

    `browInnerUp` and `cheekPuff` are ICT-FaceKit's left and right parts, summed.

    Args:
        folder: As from `find_folder`.

    Raises:
        InputError: For a file that is missing, damaged or of another model.
    """
    kept = cache_folder() / "faces" / f"facekit-{_state(folder)}.npz"
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            return FaceKit(**arrays)
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile):
        read = _read_files(folder)
    with replacing(kept) as temporary:
        np.savez(temporary, **vars(read))
    return read


def _read_files(folder: Path) -> FaceKit:
    neutral = _vertices(folder / NEUTRAL)
    progress = tqdm(SHAPES, desc="Reading ICT-FaceKit", unit=" shapes", delay=2, leave=False)
    shapes = [np.sum([_vertices(folder / file) - neutral for file in shape_files(name)], axis=0) for name in progress]
    identities = [_vertices(folder / f"identity{number:03d}.obj") - neutral for number in range(IDENTITIES)]
    try:
        indices = json.loads((folder / "vertex_indices.json").read_text(encoding="utf-8"))
        landmarks = np.array(indices["idx_to_landmark_verts"], dtype=np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(folder / "vertex_indices.json", f"cannot be read ({error})", "fetch it again") from error
    return FaceKit(neutral, _triangles(folder / NEUTRAL), np.stack(shapes), np.stack(identities), landmarks)


def _state(folder: Path) -> str:
    """Changes when a file of the folder does."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".obj", ".json"))
    lines = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def shape_files(blendshape: str) -> list[str]:
    """Returns the files that a blendshape is the sum of."""
    name = arkit_name(blendshape)
    if name in ("browInnerUp", "cheekPuff"):
        return [f"{name}_L.obj", f"{name}_R.obj"]
    if name in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
        return [f"{name}.obj"]
    for side in ("Left", "Right"):
        if name.endswith(side):
            return [f"{name.removesuffix(side)}_{side[0]}.obj"]
    return [f"{name}.obj"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", f"fetch it again from {SOURCE}") from error


def _vertices(path: Path) -> NDArray[np.float32]:
    """Reads the `v x y z` lines of an OBJ file, which are together."""
    data = _read(path)
    start, last = data.find(b"\nv "), data.rfind(b"\nv ")
    end = data.find(b"\n", last + 1)
    text = data[start : end if end > 0 else len(data)].replace(b"\nv ", b" ") if start >= 0 else b""
    with warnings.catch_warnings():  # what is no number ends the array early, which its length shows
        warnings.simplefilter("ignore", DeprecationWarning)
        values = np.fromstring(text, dtype=np.float64, sep=" ")
    if len(values) != 3 * VERTICES or not np.isfinite(values).all():
        problem = f"has {len(values) / 3:g} readable vertices, expected {VERTICES}"
        raise InputError(path, problem, f"take the light model of {SOURCE}")
    return values.reshape(-1, 3).astype(np.float32)


def _triangles(path: Path) -> NDArray[np.int32]:
    """Reads the faces and cuts those of four corners in two."""
    corners: list[tuple[int, int, int]] = []
    for line in _read(path).split(b"\n"):
        if line.startswith(b"f "):
            face = [int(corner.split(b"/", 1)[0]) - 1 for corner in line.split()[1:]]
            corners += [(face[0], second, third) for second, third in pairwise(face[1:])]
    return np.array(corners, dtype=np.int32)
