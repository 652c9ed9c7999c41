"""Rendering of faces: images per second by one core, and how fast they are written and read."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.page import prose
from benchmarks.timing import clocked, in_turn, speeds
from kfzoo.data.images import read_image
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.rendering.mesh.facekit_files import VARIABLE

TITLE = "Rendering faces"
PEOPLE = 12


def measure(sizes: tuple[int, ...] = (128, 512), count: int = 40, rounds: int = 5) -> str:
    """Renders keyframes of built-in scripts and returns the table.

    Args:
        sizes: Sides of the images in pixels.
        count: Number of images.
        rounds: That count; one more is not counted.
    """
    every = (keyframe.coefficients for script in BuiltinScripts(count) for keyframe in script.keyframes)
    faces = [face for face in islice(every, count) if face is not None]
    jobs: dict[str, Callable[[], object]] = {}
    with TemporaryDirectory() as folder:
        for size in sizes:
            for name, renderer in renderers(size).items():
                images = [Image.fromarray(image) for image in _render(renderer, faces)]
                paths = [Path(folder) / f"{name}-{size}-{number}.png" for number in range(len(images))]
                jobs[f"`{name}`, {size}²"] = partial(_render, renderer, faces)
                jobs[f"writing PNG of `{name}`, {size}²"] = partial(_write, images, paths)
                jobs[f"reading PNG of `{name}`, {size}²"] = partial(_read, paths, size)
        seconds = in_turn({name: clocked(work) for name, work in jobs.items()}, rounds)
    missing = "" if os.environ.get(VARIABLE) else f" `MeshFaces` was not measured: {VARIABLE} names no folder."
    text = (
        f"{len(faces)} keyframes of built-in scripts, {PEOPLE} people, one process, {rounds} rounds in turn.{missing}"
    )
    return f"{prose(text)}\n\n{speeds(seconds, len(faces), 'image')}"


def renderers(size: int) -> dict[str, FaceRenderer]:
    """Returns the renderers that can run here."""
    found: dict[str, FaceRenderer] = {"DrawnFaces": DrawnFaces(size)}
    if os.environ.get(VARIABLE):
        from kfzoo.rendering.mesh.mesh_faces import MeshFaces

        found["MeshFaces"] = MeshFaces(size=size)
    return found


def _render(renderer: FaceRenderer, faces: list[np.ndarray]) -> list[np.ndarray]:
    return [renderer.render(face, number % PEOPLE, f"{number}") for number, face in enumerate(faces)]


def _write(images: list[Image.Image], paths: list[Path]) -> None:
    for image, path in zip(images, paths, strict=True):
        image.save(path, compress_level=1)


def _read(paths: list[Path], size: int) -> None:
    for path in paths:
        read_image(path, size)
