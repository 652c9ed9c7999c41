"""`SBCA`: statistical blendshape calculation from landmarks, fitted on any images with known coefficients."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from kfzoo.arkit.channels import INDEX
from kfzoo.data.batch import Sample
from kfzoo.data.statistics import Statistics, coefficients_of
from kfzoo.encoders.face_geometry import frontal, head_angles
from kfzoo.encoders.landmarks import POINTS, Faces
from kfzoo.errors import InputError
from kfzoo.models.landmark_estimator import LandmarkEstimator
from kfzoo.models.sbca.fitting import RESTS, Regressions, Settings, fit_all

_log = logging.getLogger(__name__)

BUFFERS = tuple(field.name for field in fields(Regressions))
HEAD = slice(INDEX["HeadYaw"], INDEX["HeadYaw"] + 3)
FEWEST = 20
"""Training images with a face below which nothing is fitted."""


class SBCA(LandmarkEstimator):
    """Statistical blendshape calculation and analysis (arXiv 2601.08234), SemanticFace's second geometric baseline.

    The paper's chain is f = F(R(T_d(S(T_a(X))))); it has no public code and leaves much open. Here, for MediaPipe's 478
    landmarks X:

    - T_a puts the eyes and the tip of the nose in fixed places by an affine map, which takes out the pose;
    - S chooses the landmarks that depend most on a channel (10 of 478, as the paper keeps about 2 %), by correlation,
      F-regression or support vector regression on subjects that are held out;
    - T_d standardises their coordinates and keeps their principal components;
    - R is ridge regression on the components and their products, or support vector regression;
    - F smooths over time (`smoothing`), and limits to each channel's range.

    The head's angles are lost in T_a, and are measured as `MediapipeLandmarks` does. A channel that does not move in
    the training part is its mean there.

    Args:
        landmarker: See `LandmarkEstimator`.
        points: Landmarks a channel reads.
        selection: "correlation", "f_regression" or "svr".
        components: Principal components of their coordinates that are kept.
        regression: "ridge" or "svr".
        neutral: See `LandmarkEstimator`.
        smoothing: See `LandmarkEstimator`.

    Raises:
        InputError: For an unknown word or a number out of range; in `fit`, when fewer than `FEWEST` images show a
            face.
    """

    chosen: Tensor
    weights: Tensor
    head_moves: Tensor

    def __init__(
        self,
        landmarker: str = "",
        points: int = 10,
        selection: Literal["correlation", "f_regression", "svr"] = "svr",
        components: int = 8,
        regression: Literal["ridge", "svr"] = "ridge",
        neutral: str = "",
        smoothing: float = 0.0,
    ) -> None:
        super().__init__(landmarker, neutral, smoothing)
        if not 1 <= points <= POINTS // 3:
            raise InputError("model.points", f"is {points}, expected 1 to {POINTS // 3}")
        if not 1 <= components <= min(2 * points, FEWEST):
            raise InputError("model.components", f"is {components}, expected 1 to {min(2 * points, FEWEST)}")
        if selection not in ("correlation", "f_regression", "svr"):
            problem = f"expected 'correlation', 'f_regression' or 'svr', found '{selection}'"
            raise InputError("model.selection", problem)
        if regression not in ("ridge", "svr"):
            raise InputError("model.regression", f"expected 'ridge' or 'svr', found '{regression}'")
        self.save_hyperparameters()
        self.settings = Settings(points, selection, components, regression)
        for name in BUFFERS:
            self.register_buffer(name, torch.empty(0, dtype=torch.int64 if name == "chosen" else torch.float64))
        self.register_buffer("head_moves", torch.ones(3, dtype=torch.bool))

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Finds the faces of the training part, once, and fits every channel."""
        self.fit(samples, self.faces_of(samples))

    def fit(self, samples: Sequence[Sample], faces: Faces) -> None:
        """Fits every channel to the faces in the samples' images."""
        found = faces.found.numpy()
        if found.sum() < FEWEST:
            problem = f"{found.sum()} of {len(found)} training images show a face, expected at least {FEWEST}"
            raise InputError("data", problem, "use larger images, or more of them")
        if not found.all():
            _log.warning("%d of %d training images show no face and are left out", (~found).sum(), len(found))
        targets = coefficients_of(samples).double().numpy()[found]
        subjects = np.array([sample.script.subject for sample in samples])[found]
        points = frontal(faces.points[faces.found]).numpy()
        head = targets[:, HEAD].std(0) >= RESTS
        self.head_moves = torch.from_numpy(head)
        learnt = targets.copy()
        learnt[:, HEAD] = targets[:, HEAD].mean(0)  # measured, not learnt
        self._keep(fit_all(points, learnt, _every_other(subjects), self.settings))

    def measure(self, faces: Faces) -> Tensor:
        """Predicts the channels from the landmarks, and measures the head, (B, 61)."""
        if not self.chosen.numel():
            raise InputError("SBCA", "is not fitted", "run `python -m kfzoo fit` first, or load a checkpoint")
        fitted = Regressions(**{name: getattr(self, name).cpu() for name in BUFFERS})
        values = fitted(frontal(faces.points)).float()
        moves = self.head_moves.cpu()
        values[:, HEAD] = torch.where(moves, head_angles(faces.poses), values[:, HEAD])
        return values

    def _keep(self, fitted: Regressions) -> None:
        for name in BUFFERS:
            setattr(self, name, getattr(fitted, name).to(self.device))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Makes room for what was fitted."""
        for name in BUFFERS:
            if name in checkpoint["state_dict"]:
                setattr(self, name, torch.empty_like(checkpoint["state_dict"][name]))
        super().on_load_checkpoint(checkpoint)


def _every_other(subjects: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Marks every other subject's rows, or every other row when there is one subject alone."""
    names, numbers = np.unique(subjects, return_inverse=True)
    held: np.ndarray[Any, Any] = (np.arange(len(subjects)) if len(names) == 1 else numbers) % 2 == 1
    return held
