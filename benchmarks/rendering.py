"""How many images of faces a core renders in a second, and how many it writes and reads."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.report import table, verdict
from kfzoo.data.images import read_image
from kfzoo.data.script import Keyframe, Script
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.rendering.mesh.facekit_files import VARIABLE

TITLE = "Rendering faces"
SIZES = (128, 512)
TARGET = 200
"""Images a second at 128 pixels, both renderers: four thousand take 20 seconds."""


def measure(sizes: tuple[int, ...] = SIZES, scripts: int = 40, runs: int = 5) -> str:
    """Renders the keyframes of built-in scripts on one core and returns the table.

    Args:
        sizes: Sides of the images.
        scripts: How many.
        runs: Counted runs over all of them, of which the median is told.
    """
    faces = [(script, keyframe) for script in BuiltinScripts(scripts) for keyframe in script.keyframes]
    rows, reached = [], {}
    for size in sizes:
        for name, renderer in _renderers(size).items():
            rendering = _rate(renderer, faces, runs)
            writing, reading, kilobytes = _files(renderer, faces[:40])
            rows.append([f"{name}, {size}²", *(f"{rate:,.0f}" for rate in (rendering, writing, reading, kilobytes))])
            reached[name, size] = rendering
    lines = [
        f"{len(faces)} keyframes of built-in scripts, twelve people, one process. Processor time: other work on the "
        "machine counts little, though it shares caches and cores' threads. People, and what numba compiles, are made "
        "ready before.",
        "",
        table(["renderer", "rendered/s", "written/s (PNG)", "read/s", "kB an image"], rows),
        "",
    ]
    if not os.environ.get(VARIABLE):
        lines += [f"`MeshFaces` was not measured: {VARIABLE} names no folder.", ""]
    for (name, size), rate in reached.items():
        if size == 128:
            target = f"{TARGET} images a second and core of {name} at 128²"
            lines.append(verdict(target, f"{rate:,.0f}", rate >= TARGET))
    return "\n".join(lines)


def _renderers(size: int) -> dict[str, FaceRenderer]:
    found: dict[str, FaceRenderer] = {"`DrawnFaces`": DrawnFaces(size)}
    if os.environ.get(VARIABLE):
        from kfzoo.rendering.mesh.mesh_faces import MeshFaces

        found["`MeshFaces`"] = MeshFaces(size=size)
    return found


def _rate(renderer: FaceRenderer, faces: list[tuple[Script, Keyframe]], runs: int) -> float:
    """Images a second, the median of the runs."""
    for person in range(12):
        renderer.render(np.zeros(61), person, "ready")
    rates = []
    for _ in range(runs):
        start = time.process_time()
        for number, (script, keyframe) in enumerate(faces):
            assert keyframe.coefficients is not None
            renderer.render(keyframe.coefficients, number % 12, script.id)
        rates.append(len(faces) / (time.process_time() - start))
    return median(rates)


def _files(renderer: FaceRenderer, faces: list[tuple[Script, Keyframe]]) -> tuple[float, float, float]:
    """Images written and read in a second, and their kilobytes."""
    images = [
        Image.fromarray(renderer.render(keyframe.coefficients, number % 12, script.id))
        for number, (script, keyframe) in enumerate(faces)
        if keyframe.coefficients is not None
    ]
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(len(images))]
        start = time.process_time()
        for image, path in zip(images, paths, strict=True):
            image.save(path, compress_level=1)
        written = time.process_time()
        for path in paths:
            read_image(path, renderer.size)
        read = time.process_time()
        size = sum(path.stat().st_size for path in paths) / 1000 / len(paths)
    return len(paths) / (written - start), len(paths) / (read - written), size
