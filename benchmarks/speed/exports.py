"""Writing an animation in each format: seconds and bytes, and the packets of the live protocols."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.page import prose, table
from benchmarks.speed.livelink import faces
from kfzoo.animation.exporters import EXPORTERS, export
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.live.face_cap import FaceCapPackets
from kfzoo.animation.live.live_link import LiveLinkPackets
from kfzoo.animation.live.sender import Packets
from kfzoo.animation.live.vmc import VmcPackets
from kfzoo.animation.options import ExportOptions
from kfzoo.rendering.mesh.facekit_files import VARIABLE

TITLE = "Exports"

VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "usda": {"": {}, "`--bake`": {"bake": True}},
    "blender.py": {"": {}, "`--bake`": {"bake": True}},
    "glb": {"": {}, "`--cubic`": {"cubic": True}, "`--bake`": {"bake": True}},
}
"""Options of formats that are measured, too."""


def measure(seconds: float = 10, fps: float = 30, rounds: int = 3, head: str = "") -> str:
    """Writes two animations in each format and returns the tables.

    Args:
        seconds: Length of the animations.
        fps: Frames a second.
        rounds: Of which the fastest counts.
        head: A GLB head, or ICT-FaceKit's folder, for glb; by default what `KFZOO_ICT_FACEKIT` names.
    """
    head = head or os.environ.get(VARIABLE, "")
    frames = round(seconds * fps)
    recorded, few = faces(frames), faces(60 * 60)[:: 60 * 60 // 4][:4]
    moving = FaceAnimation(np.zeros(1), recorded[:1].astype(np.float64), recorded, fps, "restless", ("restless",))
    times = np.linspace(0.5, seconds - 1, 4)
    posed = FaceAnimation.of_keyframes(times, few, fps=fps, texts=["a", "b", "c", "d"])
    rows = [row for ending in EXPORTERS for row in _rows(ending, head, (moving, posed), rounds)]
    lacking = [ending for ending in EXPORTERS if not _possible(ending, head)]
    text = f"""{seconds:g} s at {fps:g} frames a second, the fastest of {rounds} writings: motion of all
        channels in every frame, as a recording has it, and four posed keyframes with what lies between. Processor time,
        of all processes that draw, stands beside wall time, as other work may run. Videos have 512² pixels."""
    if lacking:
        text += f" Not measured, as a package or a head is missing: {', '.join(lacking)}."
    header = ["format", "all channels move, s", "processor, s", "kB", "posed, s", "processor, s", "kB"]
    return "\n\n".join([prose(text), table(header, rows), "## Live", _live(moving)])


def _possible(ending: str, head: str) -> bool:
    return bool(head) if ending == "glb" else ending not in ("mp4", "webm") or find_spec("av") is not None


def _rows(ending: str, head: str, animations: tuple[FaceAnimation, ...], rounds: int) -> Iterator[list[str]]:
    """Yields the rows of a format: one for each of its variants."""
    for name, chosen in VARIANTS.get(ending, {"": {}}).items() if _possible(ending, head) else ():
        options = ExportOptions(head=head if ending == "glb" else "", **chosen)
        row = [f"`{ending}` {name}".strip()]
        for animation in animations:
            wall, processor, size = _fastest(animation, ending, options, rounds)
            row += [f"{wall:.2f}", f"{processor:.2f}", f"{size / 1000:,.0f}"]
        yield row


def _fastest(animation: FaceAnimation, ending: str, options: ExportOptions, rounds: int) -> tuple[float, float, int]:
    """Returns wall and processor time of the fastest writing, and bytes."""
    found = []
    with TemporaryDirectory() as folder:
        for _ in range(rounds):
            start = time.perf_counter(), _processor()
            (path,) = export(animation, Path(folder) / "take", ending, options)
            found.append((time.perf_counter() - start[0], _processor() - start[1], path.stat().st_size))
    return min(found)


def _processor() -> float:
    """Returns the processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def _live(animation: FaceAnimation) -> str:
    """Returns the table of the live protocols."""
    protocols: dict[str, Packets] = {
        "live-link": LiveLinkPackets(animation.fps),
        "vmc": VmcPackets(animation.fps),
        "face-cap": FaceCapPackets(),
    }
    rows = []
    for name, protocol in protocols.items():
        start = time.process_time()
        sent = [protocol.packets(face, frame) for frame, face in enumerate(animation.curves)]
        each = (time.process_time() - start) / len(sent)
        sizes = [len(packet) for packet in sent[0]]
        rows.append([f"`{name}`", str(len(sizes)), f"{sum(sizes):,}", f"{max(sizes):,}", f"{1e6 * each:.0f}"])
    return table(["protocol", "packets a frame", "bytes a frame", "longest packet", "processor a frame, µs"], rows)
