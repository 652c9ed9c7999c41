"""`RenderedFaces`: a source whose every keyframe gets an image of its true face.

Images are files: each is rendered once, under a name that its content follows from, and from then on is read like any
photograph. So there is one way for images, `Keyframe.image_path`, from any source; every model reads them at
its own size; the loader's workers need no renderer; and a second run, or another model, renders nothing.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from kfzoo.arkit.channels import INDEX
from kfzoo.data.script import Keyframe, Script
from kfzoo.data.sources.base import Source
from kfzoo.errors import InputError
from kfzoo.files import cache_folder
from kfzoo.rendering.base import FaceRenderer
from kfzoo.rendering.drawing.drawn_faces import DrawnFaces
from kfzoo.rendering.save_image import save_image

_log = logging.getLogger(__name__)

NOTICEABLE = 0.1
"""From this value on, a channel that the images cannot show is worth a word."""


class RenderedFaces(Source):
    """Another source's scripts, performed by rendered people.

    Subjects become the identities, "I000" and so on, so that a split by subject holds people out. All scripts of one
    recording are performed by one identity, recordings in turn: then people held out are also recordings held out.
    Scenes (light, background, camera) change from script to script. Parts that the source assigns are dropped: they
    hold out its own subjects, whom nobody sees.

    The images are kept in the cache (`KFZOO_CACHE`), in a folder of the renderer's settings.

    Args:
        source: Scripts whose keyframes all have coefficients, such as the built-in ones or real takes.
        renderer: By class path, `kfzoo.rendering.drawing.drawn_faces.DrawnFaces` (the default) or
            `kfzoo.rendering.mesh.mesh_faces.MeshFaces`, with size and seed.
        identities: Number of people.
        scenes: Whether each script has its own light, background and camera; without, all are seen in plain light from
            the front on white, from which small models learn in minutes.

    Raises:
        InputError: For identities below 1; on reading, for a keyframe without coefficients, or a cache that cannot be
            written.
    """

    def __init__(
        self, source: Source, renderer: FaceRenderer | None = None, identities: int = 21, scenes: bool = True
    ) -> None:
        if identities < 1:
            raise InputError("data.source.identities", f"expected at least 1, found {identities}")
        self.source = source
        self.renderer = renderer or DrawnFaces()
        self.identities = identities
        self.scenes = scenes
        self.folder = cache_folder() / "faces" / self.renderer.key[:16]

    def __iter__(self) -> Iterator[Script]:
        """Yields the scripts, rendering what was never rendered before."""
        identities: dict[str, int] = {}
        hidden: Counter[str] = Counter()
        count = 0
        for script in self.source:
            identity = identities.setdefault(script.recording, len(identities) % self.identities)
            for keyframe in script.keyframes:
                count += 1
                hidden.update(self._hidden(keyframe))
            keyframes = tuple(self._with_image(script, keyframe, identity) for keyframe in script.keyframes)
            yield replace(script, subject=f"I{identity:03d}", part=None, keyframes=keyframes)
        for channel, times in hidden.items():
            text = "%s shows no %s: it is above %g in the labels of %d of %d keyframes, and in none of their images."
            _log.warning(text, type(self.renderer).__name__, channel, NOTICEABLE, times, count)

    def __len__(self) -> int:
        """Number of scripts."""
        return len(self.source)

    def _hidden(self, keyframe: Keyframe) -> list[str]:
        """Channels of a keyframe that no image shows."""
        values = keyframe.coefficients
        if values is None:
            return []
        return [name for name in self.renderer.unseen if abs(values[INDEX[name]]) > NOTICEABLE]

    def _with_image(self, script: Script, keyframe: Keyframe, identity: int) -> Keyframe:
        if keyframe.coefficients is None:
            where = f"keyframe '{script.id}#{keyframe.index}'"
            raise InputError(where, "has no coefficients to render", "give a source whose ground truth is known")
        coefficients = np.asarray(keyframe.coefficients, dtype="<f4")
        scene = script.id if self.scenes else None
        content = f"{self.renderer.key}\0{identity}\0{scene or ''}\0".encode() + coefficients.tobytes()
        path = self.folder / f"{hashlib.sha256(content).hexdigest()[:32]}.png"
        if not path.is_file():
            image = self.renderer.render(keyframe.coefficients, identity, scene)
            save_image(Image.fromarray(image), path, fast=True)
        return replace(keyframe, image_path=str(path))
