"""Whether a blendshape is on when it should be (counts, accuracy, F1), and the share of values within a tolerance."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kfzoo.metrics.functional._checks import paired_rows


class DetectionCounts(NamedTuple):
    """How often a channel is on in the prediction and in the ground truth, each (D,) int64; they add up over batches.

    Attributes:
        tp: On in both.
        fp: On in the prediction alone.
        fn: On in the ground truth alone.
        tn: On in neither.
    """

    tp: Tensor
    fp: Tensor
    fn: Tensor
    tn: Tensor


def detection_counts(predictions: Tensor, targets: Tensor, threshold: float = 0.5) -> DetectionCounts:
    """Counts, for each channel, the samples in which it is on; on means at least the threshold.

    Source: "thresholded expression detection" of SemanticFace, appendix 0.A.5, which gives no threshold.

    Args:
        predictions: (N, D) coefficients.
        targets: (N, D) true coefficients.
        threshold: In coefficient units (1 = a blendshape fully on).

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    predictions, targets = paired_rows(predictions, targets)
    found, there = predictions >= threshold, targets >= threshold
    pairs = ((found, there), (found, ~there), (~found, there), (~found, ~there))
    return DetectionCounts(*((a & b).sum(dim=0) for a, b in pairs))


def detection_accuracy(counts: DetectionCounts) -> Tensor:
    r"""Share of values that are on or off as in the ground truth, over all samples and channels.

    .. math::
        \frac{TP + TN}{TP + FP + FN + TN}

    Unit: share. Range [0, 1]; higher is better. Source: SemanticFace, table 1 and appendix 0.A.5 ("Acc."). Most
    blendshapes are off most of the time, so that a face at rest scores high: to be read together with `detection_f1`.

    Args:
        counts: Each (D,), or of any shape.

    Returns:
        (), float64.

    Raises:
        ValueError: When nothing was counted.
    """
    tp, fp, fn, tn = _totals(counts)
    return (tp + tn) / (tp + fp + fn + tn)


def detection_f1(counts: DetectionCounts) -> Tensor:
    r"""Harmonic mean of precision and recall of what is on, counted over all channels together (micro).

    .. math::
        \frac{2 TP}{2 TP + FP + FN}

    Unit: share. Range [0, 1]; higher is better. NaN when nothing is on in either. Complements the accuracy of
    SemanticFace, appendix 0.A.5, because a face at rest has accuracy and no F1.

    Args:
        counts: Each (D,), or of any shape.

    Returns:
        (), float64.

    Raises:
        ValueError: When nothing was counted.
    """
    tp, fp, fn, _ = _totals(counts)
    # 0 / 0 is NaN, as it should be.
    return 2 * tp / (2 * tp + fp + fn)


def tolerance_accuracies(predictions: Tensor, targets: Tensor, tolerance: float = 0.25) -> Tensor:
    r"""Share of each sample's channels that are as near to the ground truth as the tolerance, or nearer.

    .. math::
        a_i = \frac{1}{D} \sum_d [|p_{id} - t_{id}| \le \varepsilon]

    Args:
        predictions: (N, D) coefficients.
        targets: (N, D) true coefficients.
        tolerance: In coefficient units.

    Returns:
        (N,) float64 in [0, 1]; higher is better. The metric is the mean: another reading of an accuracy whose
        definition SemanticFace, appendix 0.A.5, leaves open.

    Raises:
        ValueError: For shapes that do not fit, no samples, or values that are not finite.
    """
    predictions, targets = paired_rows(predictions, targets)
    return ((predictions - targets).abs() <= tolerance).double().mean(dim=1)


def _totals(counts: DetectionCounts) -> tuple[Tensor, ...]:
    totals = tuple(count.sum().double() for count in counts)
    if float(torch.stack(totals).sum()) < 1:
        raise ValueError("counts: expected at least one sample, got none")
    return totals
