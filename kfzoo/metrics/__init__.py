"""Metrics as torchmetrics classes: each holds the state of its twin in `kfzoo.metrics.functional`, and no maths."""

from __future__ import annotations

from kfzoo.metrics.agreement import CrossComparison, HeadPose, PerCoefficient
from kfzoo.metrics.detection import Detection, ToleranceAccuracy
from kfzoo.metrics.diversity import Diversity
from kfzoo.metrics.errors import ErrorStatistics
from kfzoo.metrics.frechet import FrechetDistance
from kfzoo.metrics.paired import PairedComparison
from kfzoo.metrics.retrieval import MultimodalDistance, RPrecision, RPrecisionFull
from kfzoo.metrics.wasserstein import WassersteinDistance

__all__ = [
    "CrossComparison",
    "Detection",
    "Diversity",
    "ErrorStatistics",
    "FrechetDistance",
    "HeadPose",
    "MultimodalDistance",
    "PairedComparison",
    "PerCoefficient",
    "RPrecision",
    "RPrecisionFull",
    "ToleranceAccuracy",
    "WassersteinDistance",
]
