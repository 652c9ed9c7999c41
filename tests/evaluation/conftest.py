"""Fixtures of the evaluation's tests."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.evaluation.suite_samples import COUNT


@pytest.fixture
def train() -> Tensor:
    return torch.rand(70, 61, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def predictions() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def wanted() -> Tensor:
    return torch.rand(COUNT, 61, generator=torch.Generator().manual_seed(3))
