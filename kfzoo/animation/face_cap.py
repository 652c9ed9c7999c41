"""`FaceCapTxt`: the curves as a text recording of Face Cap, for tools that read only these.

The lines are described in `kfzoo.recordings.face_cap`, which reads them, with the same axes. Time is in whole
milliseconds, the head's position is 0, and the format has no roll of the eyes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import INDEX, canonical
from kfzoo.files import replacing
from kfzoo.recordings.face_cap import EYES, HEAD

NAMES = (
    "browInnerUp", "browDown_L", "browDown_R", "browOuterUp_L", "browOuterUp_R", "eyeLookUp_L", "eyeLookUp_R",
    "eyeLookDown_L", "eyeLookDown_R", "eyeLookIn_L", "eyeLookIn_R", "eyeLookOut_L", "eyeLookOut_R", "eyeBlink_L",
    "eyeBlink_R", "eyeSquint_L", "eyeSquint_R", "eyeWide_L", "eyeWide_R", "cheekPuff", "cheekSquint_L",
    "cheekSquint_R", "noseSneer_L", "noseSneer_R", "jawOpen", "jawForward", "jawLeft", "jawRight", "mouthFunnel",
    "mouthPucker", "mouthLeft", "mouthRight", "mouthRollUpper", "mouthRollLower", "mouthShrugUpper",
    "mouthShrugLower", "mouthClose", "mouthSmile_L", "mouthSmile_R", "mouthFrown_L", "mouthFrown_R", "mouthDimple_L",
    "mouthDimple_R", "mouthUpperUp_L", "mouthUpperUp_R", "mouthLowerDown_L", "mouthLowerDown_R", "mouthPress_L",
    "mouthPress_R", "mouthStretch_L", "mouthStretch_R", "tongueOut",
)  # fmt: skip
"""The blendshapes by Face Cap's names, in its order."""

ORDER = np.array([INDEX[canonical(name)] for name in NAMES])
"""Positions of `NAMES` in a coefficient vector."""

_HEAD = np.array([INDEX[channel] for channel, _ in HEAD])
_SIGNS = np.array([sign for _, sign in HEAD])
_EYES = np.array([INDEX[channel] for channel in EYES])


def degrees_of(coefficients: ArrayLike) -> NDArray[np.float64]:
    """Returns Face Cap's angles.

    Args:
        coefficients: (…, 61).

    Returns:
        Degrees, (…, 7): the head about x, y and z, the left eye about x and y, the right eye.
    """
    faces = np.asarray(coefficients, dtype=np.float64)
    return np.asarray(np.degrees(np.concatenate([faces[..., _HEAD] * _SIGNS, faces[..., _EYES]], axis=-1)))


class FaceCapTxt(Exporter):
    """The curves as a text recording of Face Cap."""

    ending = "txt"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one line a frame."""
        check_curves(animation, path)
        curves = animation.curves.astype(np.float64)
        # + 0.0 turns -0.0 into 0.0.
        values = np.round(np.concatenate([degrees_of(curves), curves[:, ORDER]], axis=1), 6) + 0.0
        with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
            file.write("info,written by kfzoo\nbs," + ",".join(NAMES) + "\n")
            for index, row in enumerate(values.tolist()):
                numbers = ",".join(f"{value:g}" for value in row)
                file.write(f"k,{round(1000 * index / animation.fps)},0,0,0,{numbers}\n")
