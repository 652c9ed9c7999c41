"""`VmcPackets`: frames by the VMC protocol (OSC), for avatars in VRM: VSeeFace, Warudo, VMagicMirror and others.

Blendshapes have ARKit's names with a capital letter ("perfect sync"). Rotations are in Unity's axes, which are
left-handed: x to the avatar's right, y up, z to where it looks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.live.osc import bundles, message
from kfzoo.arkit.channels import BLENDSHAPES, INDEX

LONGEST = 1400
"""Bytes of a bundle: with all headers below the 1,500 of an Ethernet packet."""


class VmcPackets:
    """Frames by the VMC protocol: some bundles each, as an assistant sends them to a performer.

    Args:
        fps: Frames a second.
        bones: Whether the bones `Head`, `LeftEye` and `RightEye` are turned, too. Their positions are sent as 0: only
            for receivers that take rotations alone.
    """

    port = 39540

    def __init__(self, fps: float, bones: bool = False) -> None:
        self._fps, self._bones = fps, bones

    def packets(self, face: NDArray[np.floating], frame: int) -> Sequence[bytes]:
        """Returns the bundles of a frame.

        Args:
            face: (61,) in Live Link order.
            frame: Its number.
        """
        values = zip(BLENDSHAPES, face[: len(BLENDSHAPES)].tolist(), strict=True)
        messages = [message("/VMC/Ext/OK", 1), message("/VMC/Ext/T", frame / self._fps)]
        if self._bones:
            messages += [self._bone(part, face) for part in ("Head", "LeftEye", "RightEye")]
        messages += [message("/VMC/Ext/Blend/Val", name, value) for name, value in values]
        return list(bundles([*messages, message("/VMC/Ext/Blend/Apply")], LONGEST))

    def _bone(self, part: str, face: NDArray[np.floating]) -> bytes:
        angles = [float(face[INDEX[f"{part}{axis}"]]) for axis in ("Yaw", "Pitch", "Roll")]
        return message("/VMC/Ext/Bone/Pos", part, 0.0, 0.0, 0.0, *unity_quaternion(*angles))


def unity_quaternion(yaw: float, pitch: float, roll: float) -> tuple[float, float, float, float]:
    """Returns x, y, z, w of roll, then pitch, then yaw; in Unity's axes all three turn as Live Link's do."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([pitch / 2, yaw / 2, roll / 2]), np.sin([pitch / 2, yaw / 2, roll / 2])
    return (
        float(cy * sx * cz + sy * cx * sz),
        float(sy * cx * cz - cy * sx * sz),
        float(cy * cx * sz - sy * sx * cz),
        float(cy * cx * cz + sy * sx * sz),
    )
