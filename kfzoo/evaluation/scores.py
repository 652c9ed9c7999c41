"""`Score`, and how each metric is printed. Without torch, for commands that only read results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Score:
    """One number of a report.

    Attributes:
        value: Finite.
        interval: Ends of its 95 % interval, or None where none was computed.
    """

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Table:
    """Numbers of a report that have a second dimension, such as one row a channel.

    Attributes:
        columns: Names of the values.
        rows: Values by the row's name; None where a value is not defined, such as the correlation of a constant.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class MetricInfo:
    """How a metric is read and printed.

    Attributes:
        label: Its name in tables.
        better: "low", "high", or "target" when the ground truth's own value is the best there is.
        decimals: Digits after the point.
    """

    label: str
    better: Literal["low", "high", "target"]
    decimals: int

    @property
    def arrow(self) -> str:
        """The direction that is better, as the papers print it."""
        return {"low": "↓", "high": "↑", "target": "→"}[self.better]


def _cross_comparison(key: str, label: str) -> dict[str, MetricInfo]:
    high = {f"{key}_{name}": f"{name.title()} ({label})" for name in ("pearson", "spearman", "accuracy")}
    low = {f"{key}_msd": f"MSD ({label})", f"{key}_deviation": f"Deviation ({label})"}
    metrics = {name: MetricInfo(text, "high", 4) for name, text in high.items()}
    return metrics | {name: MetricInfo(text, "low", 4) for name, text in low.items()}


def _error(key: str, decimals: int) -> dict[str, MetricInfo]:
    statistics = {key: "", f"{key}_median": " median", f"{key}_std": " std", f"{key}_p90": " P90"}
    return {name: MetricInfo(key.upper() + text, "low", decimals) for name, text in statistics.items()}


def _r_precision(key: str, label: str) -> dict[str, MetricInfo]:
    return {f"{key}_{k}": MetricInfo(f"{label}@{k}", "high", 4) for k in (1, 2, 3)}


METRICS: dict[str, MetricInfo] = {
    **_error("mse", 5),
    **_error("mae", 4),
    **_error("rmse", 4),
    "fid": MetricInfo("FID", "low", 4),
    "fid_test": MetricInfo("FID (test)", "low", 4),
    "w_dist": MetricInfo("W-Dist", "low", 4),
    "w_dist_test": MetricInfo("W-Dist (test)", "low", 4),
    "diversity": MetricInfo("Diversity", "target", 3),
    "detection_accuracy": MetricInfo("Detection", "high", 4),
    "detection_f1": MetricInfo("F1", "high", 4),
    "tolerance_accuracy": MetricInfo("Within 0.25", "high", 4),
    **_cross_comparison("sf13", "13"),
    **_cross_comparison("sf14", "SF table 1"),
    **_cross_comparison("all61", "61"),
    **_r_precision("r_precision", "R"),
    **_r_precision("r_precision_reverse", "R reverse"),
    **_r_precision("r_precision_distinct", "R distinct scripts"),
    **_r_precision("r_precision_full", "R full set"),
    "mmd": MetricInfo("MMD", "low", 3),
    "mmd_unnormalised": MetricInfo("MMD unnormalised", "low", 3),
    "fid_embedding": MetricInfo("FID (embedding)", "low", 4),
}
"""All metrics of the suite, in the order of its report.

A report lacks those that its data cannot give: without the ground truth there are no errors, without a learned
evaluator no R-Precision, MMD and embedding FID, with fewer samples than a pool holds no R-Precision.
"""

MOTION_METRICS: dict[str, MetricInfo] = {
    "fid_frames": MetricInfo("Frame FID", "low", 4),
    "speed_ratio": MetricInfo("Speed ratio", "target", 3),
    "jerk_ratio": MetricInfo("Jerk ratio", "target", 3),
    "static_share": MetricInfo("Static", "target", 3),
    "speed": MetricInfo("Speed 1/s", "target", 4),
    "acceleration": MetricInfo("Acceleration 1/s²", "target", 3),
    "jerk": MetricInfo("Jerk 1/s³", "target", 2),
}
"""What `motion_scores` computes of clips; a learned evaluator adds metrics of `METRICS`, such as R-Precision."""

ALL_METRICS: dict[str, MetricInfo] = {**METRICS, **MOTION_METRICS}
"""Metrics of keyframes and of clips; no key has two meanings."""

REFERENCES: dict[str, str] = {
    "ground_truth": "ground truth",
    "chance": "chance",
    "mean_face": "mean face",
    "zero_face": "zero face",
}
"""The four reference rows under every table, and how they are printed."""
