from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, multilabel_confusion_matrix

from kfzoo.metrics.functional.detection import (
    DetectionCounts,
    detection_accuracy,
    detection_counts,
    detection_f1,
    tolerance_accuracies,
)


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("decimals", [1, 15])
def test_equals_sklearn(scale: float, decimals: int) -> None:
    predictions, targets = np.round(np.random.default_rng(0).random((2, 50, 61)), decimals) * scale
    threshold = 0.5 * scale
    counts = detection_counts(torch.from_numpy(predictions), torch.from_numpy(targets), threshold)
    found, there = (values >= threshold for values in (predictions, targets))
    for d, matrix in enumerate(multilabel_confusion_matrix(there, found)):
        assert matrix.ravel().tolist() == [int(count[d]) for count in (counts.tn, counts.fp, counts.fn, counts.tp)]
    assert float(detection_accuracy(counts)) == pytest.approx(accuracy_score(there.ravel(), found.ravel()), rel=1e-12)
    assert float(detection_f1(counts)) == pytest.approx(f1_score(there, found, average="micro"), rel=1e-12)


def test_the_threshold_itself_is_on() -> None:
    counts = detection_counts(torch.tensor([[0.5], [0.49]]), torch.tensor([[0.5], [0.5]]))
    assert [int(count) for count in counts] == [1, 0, 1, 0]


def test_identity_and_its_opposite() -> None:
    faces = torch.rand(9, 61)
    same, opposite = detection_counts(faces, faces), detection_counts((faces < 0.5).float(), faces)
    assert (float(detection_accuracy(same)), float(detection_f1(same))) == (1, 1)
    assert (float(detection_accuracy(opposite)), float(detection_f1(opposite))) == (0, 0)


def test_a_face_at_rest_is_accurate_and_has_no_f1() -> None:
    rest, targets = torch.zeros(40, 61), torch.zeros(40, 61)
    assert float(detection_accuracy(detection_counts(rest, targets))) == 1
    assert detection_f1(detection_counts(rest, targets)).isnan()
    targets[0, 0] = 1
    assert float(detection_accuracy(detection_counts(rest, targets))) > 0.999
    assert float(detection_f1(detection_counts(rest, targets))) == 0


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
def test_tolerance_equals_numpy(scale: float) -> None:
    predictions, targets = np.random.default_rng(0).random((2, 20, 61)) * scale
    found = tolerance_accuracies(torch.from_numpy(predictions), torch.from_numpy(targets), 0.25 * scale)
    np.testing.assert_allclose(found, (np.abs(predictions - targets) <= 0.25 * scale).mean(axis=1), rtol=1e-12)


def test_tolerance_by_hand() -> None:
    # The tolerance itself is near enough.
    assert tolerance_accuracies(torch.tensor([[0.5, 0.0]]), torch.tensor([[0.25, 0.2501]])).tolist() == [0.5]
    faces = torch.rand(4, 61)
    assert tolerance_accuracies(faces, faces, 0).tolist() == [1] * 4
    assert tolerance_accuracies(faces, faces + 1).tolist() == [0] * 4


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected one shape, got \(2, 61\) and \(2, 52\)"):
        detection_counts(torch.zeros(2, 61), torch.zeros(2, 52))
    with pytest.raises(ValueError, match="predictions: row 0 holds NaN or infinity"):
        tolerance_accuracies(torch.full((1, 2), torch.inf), torch.zeros(1, 2))
    nothing = DetectionCounts(*torch.zeros(4, 61, dtype=torch.int64))
    for metric in (detection_accuracy, detection_f1):
        with pytest.raises(ValueError, match="counts: expected at least one sample, got none"):
            metric(nothing)
