"""Metrics as torchmetrics classes: each holds the state of its twin in `kfzoo.metrics.functional`, and no maths."""

from __future__ import annotations

from kfzoo.metrics.diversity import Diversity
from kfzoo.metrics.errors import ErrorStatistics
from kfzoo.metrics.frechet import FrechetDistance
from kfzoo.metrics.wasserstein import WassersteinDistance

__all__ = ["Diversity", "ErrorStatistics", "FrechetDistance", "WassersteinDistance"]
