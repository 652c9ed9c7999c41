"""`Exporter`: what every format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.options import DEFAULT_OPTIONS, ExportOptions
from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError


class Exporter(ABC):
    """Writes files of one format.

    Args:
        options: What the user chose.

    Attributes:
        ending: Of the file, without a dot.
        reads: Names of the fields of `ExportOptions` that change the file.
    """

    ending: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: ExportOptions = DEFAULT_OPTIONS) -> None:
        self.options = options

    def given(self, options: ExportOptions) -> Self:
        """Returns the exporter with these options."""
        return type(self)(options)

    def check(self) -> None:
        """Checks what can be known before there is an animation: packages, and files that the options name.

        Raises:
            InputError: For whatever is missing or cannot be used.
        """
        return

    @abstractmethod
    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one file, replaced as a whole.

        Raises:
            InputError: For an animation that the format cannot hold, or a folder that cannot be written.
        """


def check_curves(animation: FaceAnimation, path: Path) -> None:
    """Refuses what no format of motion can hold.

    Raises:
        InputError: For another shape, fewer than two frames, and values that are no finite numbers.
    """
    if animation.curves.ndim != 2 or animation.curves.shape[1] != len(CHANNELS):
        raise InputError(path, f"expected curves (T, {len(CHANNELS)}), found {animation.curves.shape}")
    if len(animation.curves) < 2:
        problem = f"holds {len(animation.curves)} frame, at least 2 are needed for an animation"
        raise InputError(path, problem, "raise fps or give more keyframes")
    bad = np.argwhere(~np.isfinite(animation.curves))
    if len(bad):
        frame, channel = bad[0].tolist()
        raise InputError(path, f"{CHANNELS[channel]} of frame {frame} is not a finite number", "leave such frames out")
