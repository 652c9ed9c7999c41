from __future__ import annotations

import numpy as np
import pytest
import torch

from kfzoo.metrics.functional.errors import SampleErrors, error_statistics, sample_errors


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("samples", [1, 2, 37])
def test_errors_equal_numpy(scale: float, samples: int) -> None:
    generator = np.random.default_rng(samples)
    predictions, targets = generator.normal(size=(2, samples, 61)) * scale
    statistics = error_statistics(sample_errors(torch.from_numpy(predictions), torch.from_numpy(targets)))
    mse = np.array([np.mean((p - t) ** 2) for p, t in zip(predictions, targets, strict=True)])
    mae = np.array([np.mean(np.abs(p - t)) for p, t in zip(predictions, targets, strict=True)])
    for name, values in {"mse": mse, "mae": mae, "rmse": np.sqrt(mse)}.items():
        expected = [np.mean(values), np.median(values), np.std(values), np.percentile(values, 90)]
        measured = [float(statistics[name + end]) for end in ("", "_median", "_std", "_p90")]
        # A standard deviation of 0 (one sample) leaves rounding of the size of the values.
        np.testing.assert_allclose(measured, expected, rtol=1e-6, atol=1e-12 * float(values.max()))
    assert len(statistics) == 12


def test_identity_gives_zero_everywhere() -> None:
    faces = torch.rand(5, 61)
    assert all(float(value) == 0 for value in error_statistics(sample_errors(faces, faces)).values())


def test_one_error_by_hand() -> None:
    errors = sample_errors(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.6, 0.8]]))
    assert errors.mse.tolist() == pytest.approx([0.5, 0.5])
    assert errors.mae.tolist() == pytest.approx([0.5, 0.7])
    assert errors.rmse.tolist() == pytest.approx([0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (torch.zeros(2, 61), torch.zeros(2, 52), r"expected one shape, got \(2, 61\) and \(2, 52\)"),
        (torch.tensor([[0.0], [torch.nan]]), torch.zeros(2, 1), "predictions: row 1 holds NaN or infinity"),
        (torch.zeros(2, 1), torch.tensor([[0.0], [torch.inf]]), "targets: row 1 holds NaN or infinity"),
        (torch.zeros(61), torch.zeros(61), r"expected \(samples, channels\)"),
        (torch.zeros(2, 3, 61), torch.zeros(2, 3, 61), r"expected \(samples, channels\)"),
        (torch.zeros(0, 61), torch.zeros(0, 61), "expected at least one sample"),
    ],
)
def test_what_does_not_fit_is_named(predictions: torch.Tensor, targets: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_errors(predictions, targets)


def test_no_sample_has_no_statistics() -> None:
    with pytest.raises(ValueError, match="mse: expected at least one sample, got none"):
        error_statistics(SampleErrors(*torch.zeros(3, 0)))
