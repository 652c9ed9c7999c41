"""Images of held-out people, the ground truth, and the answers of each estimator (as in SemanticFace's figure 4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from kfzoo.data.batch import Sample
from kfzoo.data.images import open_image
from kfzoo.data.statistics import coefficients_of
from kfzoo.models.base import KeyframeModule
from kfzoo.rendering.contact_sheet import Row, contact_sheet
from kfzoo.rendering.save_image import save_image
from kfzoo.runs import RunFolder
from kfzoo.training.checkpoint import load_module

SHOWN = {
    "A2": "vlm_estimator-builtin",
    "A0": "vlm_estimator-builtin_a0",
    "regressor": "image_regressor-builtin",
    "SBCA": "sbca-builtin",
    "DeadFace, fixed": "mediapipe_landmarks-builtin",
    "DeadFace": "mediapipe_landmarks-builtin_compat",
}
"""Columns after image and ground truth; missing runs are left out."""

ROWS = 5
SIZE = 136


def draw(runs: Path, out: Path) -> None:
    """Draws the figure; at least the regressor's run must exist."""
    data = RunFolder(runs / SHOWN["regressor"]).data()
    samples = expressive(data.samples("test"), data.train_coefficients)
    columns = {"target": coefficients_of(samples)}
    for label, name in SHOWN.items():
        if (runs / name).is_dir():
            columns[label] = answers(RunFolder(runs / name).checkpoint(), samples)
    rows = []
    for number, sample in enumerate(samples):
        image = ("image", open_image(str(sample.keyframe.image_path), SIZE))
        rows.append(Row("", [image, *((label, faces[number].numpy()) for label, faces in columns.items())]))
    save_image(contact_sheet(rows, size=SIZE), out)
    print(out)


def expressive(samples: Sequence[Sample], train: torch.Tensor) -> list[Sample]:
    """Chooses keyframes, evenly from the middle to the most expressive: by their distance from the mean face."""
    far = (coefficients_of(samples) - train.mean(0)).square().mean(1).numpy()
    order = np.argsort(far, kind="stable")
    places = np.linspace(len(order) // 2, len(order) - 1, ROWS).round().astype(int)
    return [samples[at] for at in order[places]]


def answers(checkpoint: Path, samples: Sequence[Sample]) -> torch.Tensor:
    """Returns a trained model's answers, (N, 61)."""
    model = load_module(checkpoint, KeyframeModule)
    with torch.inference_mode():
        return model.generate(model.collate(samples)).coefficients
