"""`FaceCapPackets`: frames as the app Face Cap sends them (OSC), for Faceit and others.

`/W index weight` for each blendshape in Face Cap's order, `/HT` and `/HR` position and rotation of the head, `/ELR` and
`/ERR` of the eyes, in degrees and with the axes of `kfzoo.recordings.face_cap`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kfzoo.animation.face_cap import ORDER, degrees_of
from kfzoo.animation.live.osc import bundles, message

LONGEST = 1400


class FaceCapPackets:
    """Frames as Face Cap sends them: one bundle each."""

    port = 9000

    def packets(self, face: NDArray[np.floating], frame: int) -> Sequence[bytes]:
        """Returns the bundle of a frame.

        Args:
            face: (61,) in Live Link order.
            frame: Its number, which the protocol does not send.
        """
        angles = degrees_of(face).tolist()
        messages = [
            message("/HT", 0.0, 0.0, 0.0),
            message("/HR", *angles[:3]),
            message("/ELR", *angles[3:5]),
            message("/ERR", *angles[5:]),
        ]
        messages += [message("/W", index, value) for index, value in enumerate(face[ORDER].tolist())]
        return list(bundles(messages, LONGEST))
