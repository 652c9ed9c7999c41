"""MediaPipe's own answer to an image, as DeadFace writes it and as it should be written."""

from __future__ import annotations

import logging
from typing import Literal

import torch
from torch import Tensor

from kfzoo.arkit.channels import BLENDSHAPES, INDEX, MEDIAPIPE, canonical
from kfzoo.encoders.canonical_face import CanonicalFace
from kfzoo.encoders.face_geometry import LEFT, RIGHT, eye_angles, head_angles
from kfzoo.encoders.landmarks import Faces
from kfzoo.errors import InputError
from kfzoo.models.landmark_estimator import LandmarkEstimator

_log = logging.getLogger(__name__)

SCORED = [number for number, name in enumerate(MEDIAPIPE) if name != "_neutral"]
PLACES = [INDEX[canonical(MEDIAPIPE[number])] for number in SCORED]
"""Places of MediaPipe's 51 scores among the 61 channels."""

SEEN = len(BLENDSHAPES)
"""Where the angles begin."""


class MediapipeLandmarks(LandmarkEstimator):
    """MediaPipe's face landmarker as an estimator: SemanticFace's baseline "DeadFace" (section 4.2.2).

    Its 51 blendshape scores become 51 channels by name. It sees no tongue, so `TongueOut` is 0; that is logged once.
    Nothing is learnt: `fit` only remembers the training part's mean, for images without a face.

    With `fixed`, the head's angles are measured from the landmarker's transformation matrix and the eyes' from the
    iris, in the units and senses of Live Link Face (`kfzoo.encoders.face_geometry`).

    With `compat`, the nine angles are what DeadFace (github.com/Qaanaaq/DeadFace, video mode, 2025) writes into its
    CSV files. Its faults, each of them reproduced:

    1. The head's angles are in the order pitch, yaw, roll under the names yaw, pitch, roll.
    2. They are the Euler angles of the pose about its fixed x, y and z axes, the first negated: a positive yaw turns
       to the subject's left, a positive pitch up, a positive roll to the subject's right, each against the channel's.
       DeadFace measures the pose itself, for a lens as long as the image is wide.
    3. An eye's yaw and pitch are where its iris is in the image, as shares of width and height from the upper
       left corner, and no angles.
    4. The left eye's columns hold the right iris and the other way round.

    A fifth, that frames without a face are dropped and rows no longer match, cannot occur here: such an image is
    marked not valid. DeadFace follows a face through a video and smooths its landmarks; here every image is read by
    itself, as DeadFace reads the first of a video. `fixed` takes the landmarker's own matrix, whose lens sees 63° from
    top to bottom.

    Args:
        landmarker: See `LandmarkEstimator`.
        mode: "fixed", or "compat" for DeadFace's own columns, which know neither a neutral face nor smoothing.
        neutral: See `LandmarkEstimator`.
        smoothing: See `LandmarkEstimator`.

    Raises:
        InputError: For an unknown mode, and for `compat` with a neutral face or smoothing.
    """

    def __init__(
        self,
        landmarker: str = "",
        mode: Literal["fixed", "compat"] = "fixed",
        neutral: str = "",
        smoothing: float = 0.0,
    ) -> None:
        super().__init__(landmarker, neutral, smoothing)
        if mode not in ("fixed", "compat"):
            raise InputError("model.mode", f"expected 'fixed' or 'compat', found '{mode}'")
        if mode == "compat" and (neutral or smoothing):
            problem = "DeadFace's files know neither a neutral face nor smoothing"
            raise InputError("model.mode", problem, "set mode: fixed, or leave them out")
        self.save_hyperparameters()
        self.mode = mode
        self._told = False

    def measure(self, faces: Faces) -> Tensor:
        """Returns MediaPipe's scores and the nine angles, (B, 61)."""
        if not self._told:
            _log.warning("MediaPipe sees no tongue: TongueOut is 0 in every answer")
            self._told = True
        values = torch.zeros(len(faces.shown), len(INDEX))
        values[:, PLACES] = faces.scores[:, SCORED]
        if self.mode == "compat":
            values[:, SEEN:] = deadface_angles(faces, self.landmarker.canonical_face)
        else:
            eyes = eye_angles(faces.points, faces.poses, faces.sizes)
            values[:, SEEN:] = torch.cat([head_angles(faces.poses), eyes], dim=1)
        return values


def deadface_angles(faces: Faces, canonical: CanonicalFace) -> Tensor:
    """Returns DeadFace's columns from `HeadYaw` to `RightEyeRoll`, (B, 9); see `MediapipeLandmarks`."""
    axes = torch.eye(3).repeat(len(faces.shown), 1, 1)
    found = faces.found
    if found.any():
        axes[found] = canonical.rotations(faces.points[found], faces.sizes[found], focal=faces.sizes[found, 1])
    across = torch.hypot(axes[:, 0, 0], axes[:, 1, 0])
    pitch = -torch.atan2(axes[:, 2, 1], axes[:, 2, 2])
    yaw = torch.atan2(-axes[:, 2, 0], across)
    roll = torch.atan2(axes[:, 1, 0], axes[:, 0, 0])
    nothing = torch.zeros_like(roll)
    irises = [(*faces.points[:, eye.iris, :2].unbind(1), nothing) for eye in (RIGHT, LEFT)]
    return torch.stack([pitch, yaw, roll, *irises[0], *irises[1]], dim=1)
