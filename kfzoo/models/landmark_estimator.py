"""What the estimators that measure a face by its landmarks have in common."""

from __future__ import annotations

import hashlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.batch import IMAGE_REMEDY, KeyframeBatch, Sample
from kfzoo.data.calibration import HIGHEST_REST, calibrate
from kfzoo.data.images import read_pixels
from kfzoo.data.script import Keyframe, Script
from kfzoo.encoders.landmarks import FaceLandmarker, Faces
from kfzoo.errors import InputError
from kfzoo.models.base import Generation, KeyframeModule

_log = logging.getLogger(__name__)


class LandmarkEstimator(KeyframeModule, ABC):
    """Answers images by the landmarks of the largest face in each.

    The landmarker sees images whole and at their own size; `generate` reads them from their files, one after the other,
    and batches hold no pixels. An image without a face gets the mean of the training part and is not valid; of several
    faces the largest counts; both are logged. Neighbours in time and the face at rest come from the files that
    keyframes and `neutral` name, so an answer never depends on what else is in a batch.

    Args:
        landmarker: Path of MediaPipe's model file; empty for the one that `KFZOO_FACE_LANDMARKER` names.
        neutral: What is taken out of an answer as the face at rest (`kfzoo.data.calibration`): nothing when empty;
            "script" for the median of what the images of the same script show; or a folder with one image a
            subject, called `<subject>.png` or `.jpg`. A rest above `HIGHEST_REST` counts as that much.
        smoothing: Standard deviation in seconds of a Gaussian over the keyframes of the same script; 0 for none.

    Raises:
        InputError: For a folder that is not there, a negative smoothing.
    """

    condition = "image"

    def __init__(self, landmarker: str, neutral: str, smoothing: float) -> None:
        super().__init__()
        if neutral not in ("", "script") and not Path(neutral).is_dir():
            raise InputError("model.neutral", f"there is no folder '{neutral}'", "expected '', 'script' or a folder")
        if not 0 <= smoothing < float("inf"):
            raise InputError("model.smoothing", f"is {smoothing}, expected seconds, at least 0")
        self.landmarker = FaceLandmarker(landmarker)
        self.neutral, self.smoothing = neutral, smoothing
        self._scripts: dict[str, tuple[Tensor, Tensor]] = {}
        self._rests: dict[str, NDArray[np.float32]] = {}

    @classmethod
    def current_settings(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the hyper-parameters of a checkpoint, without the `size` of versions that cut squares."""
        return {name: value for name, value in stored.items() if name != "size"}

    @abstractmethod
    def measure(self, faces: Faces) -> Tensor:
        """Reads coefficients off landmarks.

        Args:
            faces: What was found in B images; rows without a face may get anything finite.

        Returns:
            (B, 61) on the CPU, before calibration, smoothing and limits.
        """

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error on the batch, for the curves; nothing is learnt from it."""
        return {"loss": (self.generate(batch).coefficients - batch.targets).square().mean()}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Finds the faces and measures them."""
        if self.neutral == "script" or self.smoothing:
            rows = [[part[sample.position] for part in self._script(sample.script)] for sample in batch.samples]
            values, found = (torch.stack(column) for column in zip(*rows, strict=True))
        else:
            paths = [path_of(sample.keyframe, sample.id) for sample in batch.samples]
            faces = self.landmarker(map(read_pixels, paths))
            _tell(paths, faces)
            values, found = self.measure(faces).float(), faces.found
        values = torch.stack(
            [self._rested(row, sample.script.subject) for row, sample in zip(values, batch.samples, strict=True)]
        )
        answers = torch.where(found[:, None], values, self.train_mean.cpu()).to(self.device)
        return replace(Generation.of(answers), valid=found.to(self.device))

    def faces_of(self, samples: Sequence[Sample]) -> Faces:
        """Finds the faces in the images of many keyframes, once: the cache on disk knows them afterwards."""
        paths = [path_of(sample.keyframe, sample.id) for sample in samples]
        return self.landmarker.cached(list(map(_content_key, paths)), lambda number: read_pixels(paths[number]))

    def _script(self, script: Script) -> tuple[Tensor, Tensor]:
        """Returns what all images of a script show, (K, 61), smoothed and without the rest, and where, (K,) bool."""
        if script.id not in self._scripts:
            ids = [f"{script.id}#{keyframe.index}" for keyframe in script.keyframes]
            paths = [path_of(keyframe, name) for keyframe, name in zip(script.keyframes, ids, strict=True)]
            faces = self.landmarker(map(read_pixels, paths))
            _tell(paths, faces)
            values, found = self.measure(faces).float(), faces.found
            if self.smoothing:
                values = smooth(values, found, [keyframe.time for keyframe in script.keyframes], self.smoothing)
            if self.neutral == "script" and found.any():
                values = take_out(values, np.median(values[found].numpy(), axis=0))
            if len(self._scripts) >= 64:  # a batch seldom spans more
                self._scripts.pop(next(iter(self._scripts)))
            self._scripts[script.id] = values, found
        return self._scripts[script.id]

    def _rested(self, values: Tensor, subject: str) -> Tensor:
        """Takes a subject's face at rest out of one answer (61,), when there is a folder of such faces."""
        if self.neutral in ("", "script"):
            return values
        if subject not in self._rests:
            path = _neutral_of(Path(self.neutral), subject)
            faces = self.landmarker([read_pixels(path)])
            if not faces.found[0]:
                raise InputError(path, "shows no face", "give an image of the subject's face at rest")
            self._rests[subject] = self.measure(faces)[0].float().numpy()
        return take_out(values[None], self._rests[subject])[0]


def path_of(keyframe: Keyframe, name: str) -> str:
    """Returns the image of a keyframe.

    Raises:
        InputError: When it has none.
    """
    if keyframe.image_path is None:
        raise InputError(f"keyframe '{name}'", "has no image", IMAGE_REMEDY)
    return keyframe.image_path


def take_out(values: Tensor, rest: NDArray[np.float32]) -> Tensor:
    """Calibrates answers (N, 61) by a measured face at rest (61,), as recordings are."""
    limited = np.minimum(rest, np.float32(HIGHEST_REST))
    return torch.from_numpy(calibrate(values.numpy(), limited))


def smooth(values: Tensor, found: Tensor, times: Sequence[float], seconds: float) -> Tensor:
    """Averages answers over time, with the weights of a Gaussian; images without a face do not count.

    Args:
        values: (K, 61).
        found: (K,) bool.
        times: Of the keyframes, in seconds.
        seconds: Standard deviation.

    Returns:
        (K, 61); rows without a face as they were.
    """
    moments = torch.tensor(times, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((moments[:, None] - moments) / seconds) ** 2) * found
    mean = (weights @ values.double()) / weights.sum(1, keepdim=True).clamp_min(1e-300)
    return torch.where(found[:, None], mean.to(values.dtype), values)


def _tell(images: Sequence[str], faces: Faces) -> None:
    for image, count in zip(images, faces.shown.tolist(), strict=True):
        if count == 0:
            _log.warning("%s: shows no face; the answer is marked not valid", image)
        elif count > 1:
            _log.warning("%s: shows %d faces; the largest counts", image, count)


def _content_key(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "check the path of the image") from error


def _neutral_of(folder: Path, subject: str) -> Path:
    for ending in (".png", ".jpg", ".jpeg"):
        path = folder / f"{subject}{ending}"
        if path.is_file():
            return path
    raise InputError(folder, f"has no image '{subject}.png' or '.jpg'", "add the subject's face at rest")
