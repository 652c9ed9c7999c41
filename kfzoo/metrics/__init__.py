"""The metrics of the suite as torchmetrics classes, all with one state: rows of ids, predictions and targets."""

from __future__ import annotations

from kfzoo.metrics.agreement import CrossComparison
from kfzoo.metrics.detection import Detection
from kfzoo.metrics.distances import Diversity, FrechetDistance, WassersteinDistance
from kfzoo.metrics.errors import ErrorStatistics
from kfzoo.metrics.retrieval import MultimodalDistance, RPrecision, RPrecisionFull
from kfzoo.metrics.row_metric import RowMetric

__all__ = [
    "CrossComparison",
    "Detection",
    "Diversity",
    "ErrorStatistics",
    "FrechetDistance",
    "MultimodalDistance",
    "RPrecision",
    "RPrecisionFull",
    "RowMetric",
    "WassersteinDistance",
]
