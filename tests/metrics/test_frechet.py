from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import linalg

from kfzoo.metrics.functional.errors import sample_errors
from kfzoo.metrics.functional.frechet import Moments, frechet_distance, moments


def by_scipy(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The textbook way, with a matrix square root."""
    difference = first.mean(0) - second.mean(0)
    a, b = (np.cov(x, rowvar=False, bias=True) for x in (first, second))
    return float(difference @ difference + np.trace(a + b - 2 * np.real(linalg.sqrtm(a @ b))))


def of(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(frechet_distance(moments(torch.from_numpy(first)), moments(torch.from_numpy(second))))


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-6, 0.0), (1e6, 1e8)])
def test_equals_the_matrix_square_root(scale: float, offset: float) -> None:
    generator = np.random.default_rng(0)
    first = generator.normal(size=(300, 61)) * scale + offset
    second = (generator.normal(size=(200, 61)) @ generator.normal(size=(61, 61))) * scale + offset
    assert of(first, second) == pytest.approx(by_scipy(first, second), rel=1e-6)


def test_of_normal_distributions_by_hand() -> None:
    first = Moments(torch.zeros(2).double(), torch.diag(torch.tensor([4.0, 9.0])).double())
    second = Moments(torch.tensor([3.0, 4.0]).double(), torch.diag(torch.tensor([1.0, 1.0])).double())
    assert float(frechet_distance(first, second)) == pytest.approx(25 + (2 - 1) ** 2 + (3 - 1) ** 2)


def test_leading_dimensions_are_kept() -> None:
    samples = torch.rand(3, 40, 5, dtype=torch.float64)
    each = [moments(part) for part in samples]
    stacked = Moments(torch.stack([m.mean for m in each]), torch.stack([m.covariance for m in each]))
    one_by_one = [float(frechet_distance(m, each[0])) for m in each]
    assert frechet_distance(stacked, each[0]).tolist() == pytest.approx(one_by_one, abs=1e-12)


@pytest.mark.parametrize("samples", [1, 2, 30, 500])
def test_identity_gives_zero_even_with_fewer_samples_than_channels(samples: int) -> None:
    faces = np.random.default_rng(1).random((samples, 61))
    faces[:, 7] = 0.25
    assert of(faces, faces) == pytest.approx(0, abs=1e-12)


def test_constant_sets_are_as_far_apart_as_their_faces() -> None:
    assert of(np.full((4, 61), 0.5), np.full((9, 61), 0.25)) == pytest.approx(61 * 0.25**2)


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(1, 100), seed=st.integers(0, 1000))
def test_never_above_the_squared_error_of_paired_sets(samples: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    predictions, targets = torch.rand(2, samples, 61, generator=generator)
    bound = 61 * float(sample_errors(predictions, targets).mse.mean())
    assert float(frechet_distance(moments(predictions), moments(targets))) <= bound * (1 + 1e-9)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match="expected the same channels, got 61 and 52"):
        frechet_distance(moments(torch.rand(4, 61)), moments(torch.rand(4, 52)))


def test_far_from_zero_it_is_as_exact() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(200, 61, generator=generator, dtype=torch.float64).numpy()
    predictions = 0.5 * torch.rand(100, 61, generator=generator, dtype=torch.float64).numpy()
    assert of(predictions + 1e6, reference + 1e6) == pytest.approx(of(predictions, reference), rel=1e-6)
