"""MediaPipe's face landmarker: images in, points, blendshape scores and the pose of the head out.

It needs the package `mediapipe` (`pip install "kfzoo[landmarks]"`) and its model file `face_landmarker.task`, which is
Google's and not part of this project: give its path, or name it in the environment variable `KFZOO_FACE_LANDMARKER`.
It runs on the CPU.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from kfzoo.arkit.channels import MEDIAPIPE
from kfzoo.encoders.canonical_face import CanonicalFace
from kfzoo.encoders.frozen import read_cached, write_cached
from kfzoo.errors import InputError
from kfzoo.files import cache_folder, computing

VARIABLE = "KFZOO_FACE_LANDMARKER"
"""Environment variable that names the model file."""

POINTS = 478
"""Landmarks of a face: 468 of the skin and lips, then five of each iris."""

_PREPROCESSING = "whole images at their own size"
"""How images reach the landmarker; a part of the names in the cache."""

MOST_FACES = 4
"""Faces that are looked for in an image; the largest counts."""


class Faces(NamedTuple):
    """What the landmarker finds in B images; rows without a face are zeros.

    Attributes:
        shown: (B,) int64, how many faces an image shows (at most `MOST_FACES`); what follows is of the largest.
        points: (B, 478, 3) float32: x and y as shares of the image's width and height, from its upper left corner; z
            in units of the width, smaller towards the camera.
        scores: (B, 52) float32 in [0, 1], in the order of `kfzoo.arkit.channels.MEDIAPIPE`.
        poses: (B, 4, 4) float32, from the face's own axes (to the subject's left, up, out of the face) to the camera's
            (to the image's right, up, towards the camera), in centimetres.
        sizes: (B, 2) int64, height and width of the images in pixels.
    """

    shown: Tensor
    points: Tensor
    scores: Tensor
    poses: Tensor
    sizes: Tensor

    @property
    def found(self) -> Tensor:
        """Whether an image shows a face, (B,) bool."""
        return self.shown > 0


class FaceLandmarker:
    """Finds faces. It is no `nn.Module`: there is nothing in it to train, or to keep in a checkpoint.

    Args:
        model: Path of `face_landmarker.task`; empty for the one that `KFZOO_FACE_LANDMARKER` names.
    """

    def __init__(self, model: str = "") -> None:
        self.model = model
        _ignore_profiler()

    @property
    def path(self) -> Path:
        """The model file.

        Raises:
            InputError: When none is named, or it is not there.
        """
        named = self.model or os.environ.get(VARIABLE, "")
        if not named:
            raise InputError("landmarker", "no model file is named", f"set {VARIABLE} to a face_landmarker.task")
        if not Path(named).is_file():
            where = "landmarker" if self.model else VARIABLE
            raise InputError(where, f"there is no file '{named}'", "give the path of a face_landmarker.task")
        return Path(named)

    @cached_property
    def digest(self) -> str:
        """sha256 of the model file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def canonical_face(self) -> CanonicalFace:
        """The face from which the landmarker measures poses."""
        return CanonicalFace.of_landmarker(self.path)

    def __call__(self, images: Iterable[NDArray[np.uint8]]) -> Faces:
        """Finds the largest face of each image.

        Args:
            images: At least one, (H, W, 3) red, green and blue, each of its own size.

        Returns:
            The faces, on the CPU.

        Raises:
            InputError: Without the package or the model file.
        """
        return _join([self._find(image) for image in images])

    def cached(self, keys: Sequence[str], read: Callable[[int], NDArray[np.uint8]]) -> Faces:
        """Finds the faces of many images, or reads from the cache on disk what was found before.

        Args:
            keys: One an image, which changes with its content.
            read: Gives the image of a number, (H, W, 3); not called when the faces are known.

        Returns:
            The faces, in the order of the keys.
        """
        name = hashlib.sha256("\n".join([_PREPROCESSING, self.digest, *keys]).encode()).hexdigest()
        path = cache_folder() / "landmarks" / f"{name}.safetensors"
        faces = _load(path, len(keys))
        if faces is None:
            with computing(path):
                faces = _load(path, len(keys))
                if faces is None:
                    numbers = tqdm(range(len(keys)), desc="Finding faces", unit=" images", delay=2, leave=False)
                    faces = self(read(number) for number in numbers)
                    write_cached(path, faces._asdict())
        return faces

    def _find(self, pixels: NDArray[np.uint8]) -> Faces:
        """Finds the largest face of one image (H, W, 3); B is 1."""
        task = _task(self.path)
        import mediapipe  # after the check that it is installed

        found = task.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(pixels)))
        faces = [np.array([(p.x, p.y, p.z) for p in face], dtype=np.float32) for face in found.face_landmarks]
        parts: Any = (np.zeros((POINTS, 3)), np.zeros(len(MEDIAPIPE)), np.zeros((4, 4)))
        if faces:
            height, width = pixels.shape[:2]
            largest = int(np.argmax([np.prod(np.ptp(face[:, :2] * (width, height), axis=0)) for face in faces]))
            named = {each.category_name: each.score for each in found.face_blendshapes[largest]}
            pose = found.facial_transformation_matrixes[largest]
            parts = (faces[largest], [named[name] for name in MEDIAPIPE], pose)
        points, scores, poses = (torch.from_numpy(np.asarray(part, dtype=np.float32)[None]) for part in parts)
        return Faces(torch.tensor([len(faces)]), points, scores, poses, torch.tensor([pixels.shape[:2]]))


def _join(parts: Sequence[Faces]) -> Faces:
    return Faces(*(torch.cat(column) for column in zip(*parts, strict=True)))


def _ignore_profiler() -> None:
    """Ignores SIGPROF, and lets Python know it.

    MediaPipe starts profiling timers on its threads and ignores their signal without Python's knowledge. Lightning puts
    every handler back to what Python knew when its trainer started: the next tick would then end the process.
    """
    if hasattr(signal, "SIGPROF") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


@cache
def _task(path: Path) -> Any:
    """Builds MediaPipe's landmarker, once a process and file."""
    try:
        from mediapipe.tasks.python import BaseOptions, vision
    except ImportError as error:
        raise InputError("mediapipe", "is not installed", 'run: pip install "kfzoo[landmarks]"') from error
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        num_faces=MOST_FACES,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    try:
        task = vision.FaceLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        problem = f"cannot be read as a face landmarker ({str(error).splitlines()[0]})"
        raise InputError(path, problem, "get face_landmarker.task again") from error
    # At the interpreter's end its clean-up would find half of its module gone; the system frees what it holds.
    atexit.register(setattr, task, "close", lambda: None)
    return task


def _load(path: Path, count: int) -> Faces | None:
    """Reads cached faces; a file that is damaged or of another length is found again."""
    shapes = {"points": (count, POINTS, 3), "scores": (count, len(MEDIAPIPE)), "poses": (count, 4, 4)}
    counts = {"shown": (torch.int64, (count,)), "sizes": (torch.int64, (count, 2))}
    found = read_cached(path, counts | {name: (torch.float32, shape) for name, shape in shapes.items()})
    return None if found is None else Faces(**found)
