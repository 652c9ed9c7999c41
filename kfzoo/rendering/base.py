"""What every renderer of faces gives: an image from coefficients, an identity and a scene."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.errors import InputError

SMALLEST = 16
"""Side in pixels below which no expression can be seen."""


class FaceRenderer(ABC):
    """From coefficients to images; chosen in a configuration by its class path.

    An image follows from the renderer's settings, the identity, the scene and the coefficients alone.

    Args:
        size: Side of the square images in pixels.
        seed: Of the identities and scenes.

    Raises:
        InputError: For a size below 16 or a negative seed.
    """

    version: int
    """To be raised when images change: it is part of `key`, so that no cache mixes old and new ones."""

    unseen: tuple[str, ...]
    """Channels that no image shows."""

    def __init__(self, size: int, seed: int) -> None:
        if size < SMALLEST:
            raise InputError("size", f"expected at least {SMALLEST} pixels, got {size}", "128 suits most models")
        if seed < 0:
            raise InputError("seed", f"expected 0 or more, got {seed}", "choose a seed that is not negative")
        self.size = size
        self.seed = seed

    @abstractmethod
    def render(
        self, coefficients: ArrayLike, identity: int | None = None, scene: str | None = None
    ) -> NDArray[np.uint8]:
        """Renders one face.

        Args:
            coefficients: (61,) in Live Link order; values outside a channel's range are clamped.
            identity: Who it is, from 0; None for the plain face, which is the same to the left and to the right.
            scene: Name of the place: images of one name have one light and one background. None for plain light from
                the front on white.

        Returns:
            (size, size, 3), red, green, blue; the subject's left is at the viewer's right.

        Raises:
            InputError: For a wrong shape, values that are no finite numbers, or what the renderer needs and lacks.
        """

    @property
    def settings(self) -> Mapping[str, object]:
        """Everything that an image depends on, but for what `render` is given; plain values."""
        return {"renderer": type(self).__name__, "version": self.version, "size": self.size, "seed": self.seed}

    @property
    def key(self) -> str:
        """sha256 of the settings."""
        return hashlib.sha256(json.dumps(dict(self.settings), sort_keys=True).encode()).hexdigest()
