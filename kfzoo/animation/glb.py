"""`HeadGlb`: the curves as a glTF animation on the user's own ARKit head, or on ICT-FaceKit's.

The weights have few keys, with straight lines or cubic pieces between them (`kfzoo.animation.keys`). The head and eye
angles turn nodes by the names `head`, `leftEye` and `rightEye`, in the spellings of common rigs, about the axes of a
head that looks along +z, as glTF wants it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.glb_file import Glb, checking, read_glb
from kfzoo.animation.glb_head import MorphNode, find_morphs, find_turning, missing_channels
from kfzoo.animation.keys import Keys, Kind, keys_of
from kfzoo.arkit.channels import BLENDSHAPES, INDEX
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)


class HeadGlb(Exporter):
    """The curves on a head."""

    ending = "glb"
    reads = ("head", "bake", "cubic")

    def check(self) -> None:
        """Checks that there is a head with ARKit's blendshapes."""
        self._head()

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes the head with the animation, which comes before any that it had."""
        check_curves(animation, path)
        glb, morphs = self._head()
        if lacking := missing_channels(morphs):
            _log.warning("%s: has no morph target for %s", self.options.head, ", ".join(lacking))
        name = path.name.partition(".")[0] or "take"
        with checking(self.options.head):
            made: dict[str, list[object]] = {"channels": [], "samplers": []}
            kind: Kind = "cubic" if self.options.cubic else "linear"
            weights = keys_of(animation.curves[:, : len(BLENDSHAPES)], kind=kind, bake=self.options.bake)
            _add_weights(glb, made, morphs, weights, animation.fps)
            self._add_turns(glb, made, animation)
            glb.document.setdefault("animations", []).insert(0, {"name": name, **made})
            if glb.document.get("asset", {}).get("version") != "2.0":
                raise InputError(self.options.head, "does not say that it is glTF 2.0", "export the head again")
        glb.write(path)

    def _head(self) -> tuple[Glb, list[MorphNode]]:
        head = self.options.head
        if not head:
            remedy = "name your own by --head mine.glb, or ICT-FaceKit's folder"
            raise InputError(f"--formats {self.ending}", "needs a head with ARKit's blendshapes", remedy)
        if Path(head).is_dir():
            from kfzoo.animation.glb_facekit import facekit_glb

            glb = facekit_glb(head)
        else:
            glb = read_glb(head)
        return glb, find_morphs(glb, head)

    def _add_turns(self, glb: Glb, made: dict[str, list[object]], animation: FaceAnimation) -> None:
        """Adds the rotations of the head and eyes where there are nodes for them, and says what is left out."""
        from kfzoo.animation.node_rotations import local_turns, separate_rotation  # late: scipy is heavy

        nodes = find_turning(glb, self.options.head)
        for part in ("Head", "LeftEye", "RightEye"):
            angles = animation.curves[:, [INDEX[f"{part}{axis}"] for axis in ("Yaw", "Pitch", "Roll")]]
            if part not in nodes:
                if angles.any():
                    _log.warning("%s: has no node named %s, whose angles are left out", self.options.head, part)
                continue
            separate_rotation(glb.document["nodes"][nodes[part]])
            turns = local_turns(glb.document["nodes"], nodes[part], angles)
            keys = keys_of(turns, kind="linear", bake=self.options.bake)
            units = keys.values / np.linalg.norm(keys.values, axis=1, keepdims=True)
            _add_channel(glb, made, nodes[part], "rotation", keys, animation.fps, units)


def _add_weights(glb: Glb, made: dict[str, list[object]], morphs: list[MorphNode], keys: Keys, fps: float) -> None:
    for morph in morphs:
        weights = _spread(morph, keys.values, morph.rest)
        if keys.kind == "cubic":
            still = np.zeros_like(morph.rest)
            slopes = [_spread(morph, each * fps, still) for each in (keys.arriving, keys.leaving)]
            weights = np.stack([slopes[0], weights, slopes[1]], axis=1)
        _add_channel(glb, made, morph.node, "weights", keys, fps, weights.reshape(-1))


def _spread(morph: MorphNode, values: NDArray[np.float64], rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Puts channels where a mesh's targets are, (K, 52) → (K, N); other targets rest."""
    found = np.tile(rest, (len(values), 1))
    found[:, morph.targets] = values[:, morph.channels]
    return found


def _add_channel(
    glb: Glb,
    made: dict[str, list[object]],
    node: int,
    path: str,
    keys: Keys,
    fps: float,
    output: NDArray[np.float64],
) -> None:
    kind = "CUBICSPLINE" if keys.kind == "cubic" else "LINEAR"
    sampler = {"input": glb.add_floats(keys.frames / fps), "output": glb.add_floats(output), "interpolation": kind}
    made["samplers"].append(sampler)
    made["channels"].append({"sampler": len(made["samplers"]) - 1, "target": {"node": node, "path": path}})
