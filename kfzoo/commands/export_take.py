"""`export take`, `export blender`: a recorded or generated take in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kfzoo.animation.options import ExportOptions
from kfzoo.errors import InputError


def take(take: str, out: str, formats: str, fps: float | None = None, **options: Any) -> None:
    """Writes a take, a file of any kind that the zoo reads, in other formats.

    Args:
        take: The recording: Live Link Face CSV, as `generate` writes it, or another kind.
        out: Path of the files, without an ending.
        formats: What is written, separated by commas: csv (Live Link Face), json (all frames by name), png (some
            frames, drawn), html (a page that plays it), mp4 or webm (video), glb (a head that moves), usda (USD
            animation), blender.py (a script that keys shape keys), a2f.json (Audio2Face), txt (Face Cap).
        fps: Frames a second; by default the take's own.
        **options: See `ExportOptions`.

    Raises:
        InputError: For a take that cannot be read, an unknown format, and what the formats cannot hold.
    """
    from kfzoo.animation.exporters import check_formats, export
    from kfzoo.animation.read_animation import read_animation
    from kfzoo.terminal import say

    chosen = ExportOptions(**options)
    check_formats(formats, chosen)
    for path in export(read_animation(take, fps), out, formats, chosen):
        say(path)


def blender(take: str, out: str, fps: float | None = None, bake: bool = False) -> None:
    """Writes one script that keys a take onto the shape keys of the mesh that is selected in Blender 3.6 to 5.

    Args:
        take: The recording: Live Link Face CSV, as `generate` writes it, or another kind.
        out: The script, with the ending .py.
        fps: Frames a second; by default the take's own.
        bake: Whether there is a key at each frame, where otherwise few keys make the same curves.

    Raises:
        InputError: For a take that cannot be read, or another ending.
    """
    from kfzoo.animation.blender_script import BlenderScript
    from kfzoo.animation.read_animation import read_animation
    from kfzoo.terminal import say

    if not out.endswith(".py"):
        raise InputError("--out", f"is '{out}', expected a path with the ending .py", "name the script, not the take")
    BlenderScript(ExportOptions(bake=bake)).write(read_animation(take, fps), Path(out))
    say(out)
