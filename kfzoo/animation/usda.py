"""`UsdAnimation`: the curves as a USD animation in text, without a mesh.

The layer holds one `SkelAnimation` with the 52 blendshapes by ARKit's names, to be bound to a skeleton whose mesh has
blend shapes of these names (`skel:animationSource`). The head and eye angles, in radians, are in the custom attributes
`kfzoo:angleNames` and `kfzoo:angles`: a skeleton's joints are its maker's. Time samples are interpolated linearly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.animation.keys import Keys, keys_of
from kfzoo.arkit.channels import ANGLES, BLENDSHAPES, arkit_name
from kfzoo.files import replacing

DECIMALS = 6


class UsdAnimation(Exporter):
    """The curves as a USD animation in text."""

    ending = "usda"
    reads = ("bake",)

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one layer."""
        check_curves(animation, path)
        count = len(BLENDSHAPES)
        weights, angles = (
            keys_of(part, kind="linear", bake=self.options.bake)
            for part in (animation.curves[:, :count], animation.curves[:, count:])
        )
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(_HEADER.format(end=len(animation.curves) - 1, fps=f"{animation.fps:.10g}"))
            file.write(f"    uniform token[] blendShapes = {_names([arkit_name(name) for name in BLENDSHAPES])}\n")
            file.writelines(_samples("float[] blendShapeWeights", weights))
            file.write(f"    custom uniform token[] kfzoo:angleNames = {_names(ANGLES)}\n")
            file.writelines(_samples("custom float[] kfzoo:angles", angles))
            file.write("}\n")


_HEADER = """#usda 1.0
(
    defaultPrim = "Face"
    startTimeCode = 0
    endTimeCode = {end}
    timeCodesPerSecond = {fps}
    framesPerSecond = {fps}
    upAxis = "Y"
)

def SkelAnimation "Face"
{{
"""


def _names(names: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _samples(attribute: str, keys: Keys) -> Iterator[str]:
    """Yields the lines of an attribute that changes over time."""
    yield f"    {attribute}.timeSamples = {{\n"
    for frame, values in zip(keys.frames.tolist(), keys.values.tolist(), strict=True):
        # + 0.0 turns -0.0 into 0.0.
        numbers = ", ".join(f"{round(value, DECIMALS) + 0.0:g}" for value in values)
        yield f"        {frame}: [{numbers}],\n"
    yield "    }\n"
