"""What `generate` and `estimate` share: checks of their arguments, a model's answers, and the files of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kfzoo.errors import InputError

if TYPE_CHECKING:
    from kfzoo.animation.face_animation import FaceAnimation
    from kfzoo.animation.options import ExportOptions
    from kfzoo.data.batch import Sample
    from kfzoo.models.base import Generation, KeyframeModule

BATCH_SIZE = 32
"""Keyframes that go through the model together."""


def check_arguments(checkpoint: str, formats: str, options: ExportOptions, **positive: float) -> None:
    """Checks what is known before a model is loaded.

    Raises:
        InputError: For a missing checkpoint, unknown formats, and a number that is not positive.
    """
    from kfzoo.animation.exporters import check_formats

    if not checkpoint:
        raise InputError("--checkpoint", "is missing", "give a file that `fit` wrote, such as runs/<name>/best.ckpt")
    check_formats(formats, options)
    for name, value in positive.items():
        if not 0 < value < float("inf"):
            raise InputError(f"--{name}", f"expected more than 0, found {value}")


def answer(model: KeyframeModule, samples: Sequence[Sample]) -> Generation:
    """Returns the model's answers to all samples."""
    import torch
    from tqdm.auto import tqdm

    from kfzoo.models.base import Generation

    batches = [samples[first : first + BATCH_SIZE] for first in range(0, len(samples), BATCH_SIZE)]
    with torch.inference_mode():
        answers = [
            model.generate(model.collate(batch))
            for batch in tqdm(batches, desc="Answering", unit=f" × {BATCH_SIZE} keyframes", delay=2, leave=False)
        ]
    return Generation(torch.cat([each.coefficients for each in answers]), torch.cat([each.valid for each in answers]))


def write(animation: FaceAnimation, out: str, formats: str, options: ExportOptions) -> None:
    """Writes the files of an animation and prints their paths."""
    from kfzoo.animation.exporters import export
    from kfzoo.terminal import say

    for path in export(animation, out, formats, options):
        say(path)
