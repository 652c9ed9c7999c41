"""`Score`, and what is to be known of each metric to print it. Without torch, for commands that only read results."""

from __future__ import annotations

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
class MetricInfo:
    """How a metric is read and printed.

    Attributes:
        label: Its name in tables.
        better: "low"; or "truth" when the ground truth's own value is the best there is.
        decimals: Digits after the point.
    """

    label: str
    better: Literal["low", "truth"]
    decimals: int

    @property
    def arrow(self) -> str:
        """The direction that is better, as the papers print it."""
        return {"low": "↓", "truth": "→"}[self.better]


METRICS: dict[str, MetricInfo] = {
    "mse": MetricInfo("MSE", "low", 5),
    "mse_median": MetricInfo("MSE median", "low", 5),
    "mse_std": MetricInfo("MSE std", "low", 5),
    "mse_p90": MetricInfo("MSE P90", "low", 5),
    "mae": MetricInfo("MAE", "low", 4),
    "mae_median": MetricInfo("MAE median", "low", 4),
    "mae_std": MetricInfo("MAE std", "low", 4),
    "mae_p90": MetricInfo("MAE P90", "low", 4),
    "rmse": MetricInfo("RMSE", "low", 4),
    "rmse_median": MetricInfo("RMSE median", "low", 4),
    "rmse_std": MetricInfo("RMSE std", "low", 4),
    "rmse_p90": MetricInfo("RMSE P90", "low", 4),
    "fid": MetricInfo("FID", "low", 4),
    "fid_test": MetricInfo("FID (test)", "low", 4),
    "w_dist": MetricInfo("W-Dist", "low", 4),
    "w_dist_test": MetricInfo("W-Dist (test)", "low", 4),
    "diversity": MetricInfo("Diversity", "truth", 3),
}
"""All metrics of the suite, in the order of its report."""

REFERENCES: dict[str, str] = {
    "ground_truth": "ground truth",
    "chance": "chance",
    "mean_face": "mean face",
    "zero_face": "zero face",
}
"""The four reference rows under every table, and how they are printed."""
