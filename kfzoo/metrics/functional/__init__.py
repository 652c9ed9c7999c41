"""Metrics as pure functions of tensors: float64 inside, the same result for any order of the samples."""

from __future__ import annotations

from kfzoo.metrics.functional.diversity import diversity, diversity_of_pairs
from kfzoo.metrics.functional.errors import SampleErrors, error_statistics, sample_errors
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments
from kfzoo.metrics.functional.wasserstein import channel_wasserstein, wasserstein_distance

__all__ = [
    "Moments",
    "SampleErrors",
    "channel_wasserstein",
    "diversity",
    "diversity_of_pairs",
    "error_statistics",
    "frechet_distance",
    "moments",
    "sample_errors",
    "wasserstein_distance",
]
