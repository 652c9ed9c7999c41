"""`Audio2FaceJson`: the blendshapes as Audio2Face's application exports them, for tools that read only these.

The file holds `exportFps`, `numPoses`, `numFrames`, `facsNames` and `weightMat` (frames × names). The format has no
head and eye angles. `kfzoo.recordings.json_recording` reads it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from kfzoo.animation.exporter import Exporter, check_curves
from kfzoo.animation.face_animation import FaceAnimation
from kfzoo.arkit.channels import BLENDSHAPES, arkit_name
from kfzoo.files import replacing

DECIMALS = 6


class Audio2FaceJson(Exporter):
    """The blendshapes as Audio2Face exports them."""

    ending = "a2f.json"

    def write(self, animation: FaceAnimation, path: Path) -> None:
        """Writes one document."""
        check_curves(animation, path)
        # + 0.0 turns -0.0 into 0.0.
        weights = np.round(animation.curves[:, : len(BLENDSHAPES)].astype(np.float64), DECIMALS) + 0.0
        document = {
            "exportFps": animation.fps,
            "trackPath": "",
            "numPoses": len(BLENDSHAPES),
            "numFrames": len(weights),
            "facsNames": [arkit_name(name) for name in BLENDSHAPES],
            "weightMat": weights.tolist(),
        }
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(document) + "\n", encoding="utf-8")
