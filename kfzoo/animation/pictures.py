"""Pictures of an animation's frames, by one process for each core: drawing takes most of a video's time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kfzoo.arkit.channels import CHANNELS
from kfzoo.rendering.base import FaceRenderer

Pixels = NDArray[np.uint8]

MOST_PROCESSES = 8

_WORTH = 50 * 512 * 512
"""Pixels below which a process would take longer to start than to draw."""


def make_renderer(size: int, head: str = "") -> FaceRenderer:
    """Returns the renderer of a video.

    Args:
        size: Side of the pictures in pixels.
        head: ICT-FaceKit's folder for three-dimensional faces; by default they are drawn.

    Raises:
        InputError: For a folder without the meshes, and without the package that renders them.
    """
    if head:
        from kfzoo.rendering.mesh.mesh_faces import MeshFaces

        return MeshFaces(head, size)
    from kfzoo.rendering.drawing.drawn_faces import DrawnFaces

    return DrawnFaces(size)


def pictures(curves: NDArray[np.float32], size: int, head: str = "", processes: int | None = None) -> Iterator[Pixels]:
    """Yields the picture of each frame, (size, size, 3); a held face is drawn once.

    Args:
        curves: (T, 61).
        size: Side of the pictures in pixels.
        head: See `make_renderer`.
        processes: How many draw; by default as many as there are cores, where that is worth it.
    """
    changes = np.append(True, (np.diff(curves, axis=0) != 0).any(axis=1))
    drawn = np.ascontiguousarray(curves[changes], dtype=np.float32)
    if processes is None:
        processes = min(_cores(), MOST_PROCESSES) if len(drawn) * size * size >= _WORTH else 1
    renderer = make_renderer(size, head)
    with ExitStack() as stack:
        count = processes if processes > 1 else 0
        pipes = [stack.enter_context(_worker(drawn[first::count], size, head)) for first in range(count)]
        place, picture = -1, np.zeros((size, size, 3), np.uint8)
        for new in changes.tolist():
            if new:
                place += 1
                data = pipes[place % count].read(picture.nbytes) if count else b""
                whole = len(data) == picture.nbytes  # else there is no process, or it has ended
                picture = (
                    np.frombuffer(data, np.uint8).reshape(size, size, 3) if whole else renderer.render(drawn[place])
                )
            yield picture


@contextmanager
def _worker(faces: NDArray[np.float32], size: int, head: str) -> Iterator[IO[bytes]]:
    """Starts a process that draws faces, and yields where it writes them."""
    call = f"from {__name__} import draw; draw({size}, {head!r})"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", call],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        try:
            process.stdin.write(faces.tobytes())
            process.stdin.close()
        except OSError:  # it has ended: its pictures are drawn by the caller
            pass
        yield process.stdout
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def draw(size: int, head: str) -> None:
    """Draws the faces that come from standard input, (N, 61) float32, onto standard output; run by `pictures`."""
    faces = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(-1, len(CHANNELS))
    renderer = make_renderer(size, head)
    for face in faces:
        sys.stdout.buffer.write(renderer.render(face).tobytes())
    sys.stdout.buffer.flush()


def _cores() -> int:
    """Returns how many cores this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
