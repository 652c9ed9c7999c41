"""`ExportOptions`: what a user may choose for the formats that have a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from kfzoo.errors import InputError

SMALLEST, LARGEST = 64, 4096
"""Range of the side of a video, in pixels."""


@dataclass(frozen=True)
class ExportOptions:
    """What a user may choose for the formats that have a choice.

    Args:
        size: Side of a video in pixels, an even number (mp4, webm; 512 by default).
        sound: WAV, or the video that the face was recorded in, whose sound goes into the video (mp4, webm).
        captions: Whether the keyframes' words are written into the video (mp4, webm).
        head: The head that moves (glb): a GLB file with ARKit morph targets, or ICT-FaceKit's folder. With the
            folder, a video shows three-dimensional faces (mp4, webm).
        bake: Whether there is a key at each frame, where otherwise few keys make the same curves (glb, usda,
            blender.py).
        cubic: Whether the keys of posed faces have tangents (glb): the fewest keys, and what three.js and glTF's own
            viewers play. Blender's importer passes over tangents, so straight lines are the default.

    Raises:
        InputError: For a size out of range.
    """

    size: int | None = None
    sound: str = ""
    captions: bool = False
    head: str = ""
    bake: bool = False
    cubic: bool = False

    def __post_init__(self) -> None:
        """Checks the size."""
        if self.size is not None and (not SMALLEST <= self.size <= LARGEST or self.size % 2):
            problem = f"is {self.size}, expected an even number of pixels from {SMALLEST} to {LARGEST}"
            raise InputError("--size", problem, "512 is the default")
        if self.bake and self.cubic:
            raise InputError("--cubic", "has no meaning with --bake, which sets a key at each frame", "choose one")

    def check_used(self, readers: Mapping[str, Sequence[str]], formats: Sequence[str]) -> None:
        """Refuses a choice that would change nothing.

        Args:
            readers: Names of the options that each known format reads.
            formats: The chosen formats.

        Raises:
            InputError: For an option that is set and that no chosen format reads.
        """
        for field in fields(self):
            users = [ending for ending, read in readers.items() if field.name in read]
            if getattr(self, field.name) != field.default and not set(users) & set(formats):
                problem = f"is not read by the formats {', '.join(formats)}"
                raise InputError(f"--{field.name}", problem, f"it is for {', '.join(users)}")


DEFAULT_OPTIONS = ExportOptions()
