"""The metrics of moving clips and how they are printed. Without torch, for commands that only read results."""

from __future__ import annotations

from kfzoo.evaluation.scores import METRICS, MetricInfo

MOTION_METRICS: dict[str, MetricInfo] = {
    "fid_frames": MetricInfo("Frame FID", "low", 4),
    "speed_ratio": MetricInfo("Speed ratio", "target", 3),
    "jerk_ratio": MetricInfo("Jerk ratio", "target", 3),
    "static_share": MetricInfo("Static", "target", 3),
    "speed": MetricInfo("Speed 1/s", "target", 4),
    "acceleration": MetricInfo("Acceleration 1/s²", "target", 3),
    "jerk": MetricInfo("Jerk 1/s³", "target", 2),
}
"""What `motion_scores` computes; a learned evaluator adds metrics of `METRICS`, such as R-Precision."""

ALL_METRICS: dict[str, MetricInfo] = {**METRICS, **MOTION_METRICS}
"""Metrics of keyframes and of clips; no key has two meanings."""
