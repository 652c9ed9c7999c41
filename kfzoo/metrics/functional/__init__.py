"""Metrics as pure functions of tensors: float64 inside, the same result for any order of the samples."""

from __future__ import annotations

from kfzoo.metrics.functional.agreement import (
    ChannelAgreement,
    CrossComparison,
    channel_agreement,
    cross_comparison,
    select_channels,
)
from kfzoo.metrics.functional.detection import (
    DetectionCounts,
    detection_accuracy,
    detection_counts,
    detection_f1,
    tolerance_accuracies,
    tolerance_accuracy,
)
from kfzoo.metrics.functional.diversity import diversity, diversity_of_pairs, mean_distances
from kfzoo.metrics.functional.errors import SampleErrors, error_statistics, sample_errors
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments
from kfzoo.metrics.functional.motion import acceleration, jerk, speed
from kfzoo.metrics.functional.paired import PairedTest, WilcoxonTest, paired_t_test, wilcoxon_test
from kfzoo.metrics.functional.retrieval import (
    ShuffleInterval,
    multimodal_distances,
    pools,
    r_precision,
    r_precision_full,
    shuffle_interval,
)
from kfzoo.metrics.functional.wasserstein import channel_wasserstein, wasserstein_distance

__all__ = [
    "ChannelAgreement",
    "CrossComparison",
    "DetectionCounts",
    "Moments",
    "PairedTest",
    "SampleErrors",
    "ShuffleInterval",
    "WilcoxonTest",
    "acceleration",
    "channel_agreement",
    "channel_wasserstein",
    "cross_comparison",
    "detection_accuracy",
    "detection_counts",
    "detection_f1",
    "diversity",
    "diversity_of_pairs",
    "error_statistics",
    "frechet_distance",
    "jerk",
    "mean_distances",
    "moments",
    "multimodal_distances",
    "paired_t_test",
    "pools",
    "r_precision",
    "r_precision_full",
    "sample_errors",
    "select_channels",
    "shuffle_interval",
    "speed",
    "tolerance_accuracies",
    "tolerance_accuracy",
    "wasserstein_distance",
    "wilcoxon_test",
]
