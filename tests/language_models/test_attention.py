"""Attention by matrix products against torch's own."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from kfzoo.language_models.attention import fast_attention, matrix_attention
from kfzoo.language_models.loading import load_language_model


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_are_those_of_torch(groups: int, masked: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 6, 5, 8), (2, groups, 9, 8), (2, groups, 9, 8)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    causal = torch.ones(5, 9, dtype=torch.bool).tril(4)
    mask = causal & (torch.rand(2, 1, 5, 9, generator=generator) < 0.7) | torch.eye(5, 9, dtype=torch.bool)
    query, key, value = inputs
    found, _ = matrix_attention(None, query, key, value, mask if masked else None)
    expected = scaled_dot_product_attention(query, key, value, mask if masked else causal, enable_gqa=True)
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-12)
    weights = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    own = torch.autograd.grad((found * weights).sum(), inputs)
    theirs = torch.autograd.grad((expected.transpose(1, 2) * weights).sum(), inputs)
    for one, other in zip(own, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_a_model_uses_it_only_inside_the_context(tiny_qwen3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Mock(wraps=matrix_attention)
    monkeypatch.setattr("kfzoo.language_models.attention.matrix_attention", counted)
    model: Any = load_language_model(tiny_qwen3)[0]
    ids = torch.arange(12)[None] + 5
    held = torch.ones(1, 12, dtype=torch.bool)
    held[0, 3] = False
    with torch.no_grad():
        before = [model(ids).logits, model(ids, attention_mask=held).logits]
        counted.assert_not_called()
        with fast_attention(model, torch.device("cpu")):
            inside = [model(ids).logits, model(ids, attention_mask=held).logits]
        with fast_attention(model, torch.device("cuda")):
            assert torch.equal(model(ids).logits, before[0])
        assert torch.equal(model(ids).logits, before[0])
    assert counted.call_count == 2 * model.config.num_hidden_layers
    assert torch.allclose(inside[0], before[0], atol=1e-5)
    seen = [place for place in range(12) if place != 3]
    assert torch.allclose(inside[1][:, seen], before[1][:, seen], atol=1e-5)
