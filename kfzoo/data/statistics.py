"""What is known of the training part's coefficients, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.errors import InputError


@dataclass(frozen=True, eq=False)
class Statistics:
    """Moments of the training part.

    Attributes:
        mean: (61,) float32.
        std: (61,) float32, population standard deviation, 0 for a constant channel.
    """

    mean: Tensor
    std: Tensor


def coefficients_of(samples: Sequence[Sample]) -> Tensor:
    """Stacks the coefficients of samples.

    Args:
        samples: N keyframes of which the ground truth is known.

    Returns:
        (N, 61) float32.

    Raises:
        InputError: Naming the first keyframe without coefficients.
    """
    rows = []
    for sample in samples:
        if sample.keyframe.coefficients is None:
            raise InputError(
                f"keyframe '{sample.id}'", "has no coefficients", "only `predict` works on data without truth"
            )
        rows.append(torch.from_numpy(sample.keyframe.coefficients))
    return torch.stack(rows)


def statistics_of(coefficients: Tensor) -> Statistics:
    """Computes the moments of coefficients (N, 61), in float64."""
    wide = coefficients.double()
    return Statistics(mean=wide.mean(0).float(), std=wide.std(0, correction=0).float())
