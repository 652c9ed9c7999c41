from __future__ import annotations

import math

import pytest
import torch

from kfzoo.encoders.token_readout import TokenReadout


@pytest.fixture
def readout() -> TokenReadout:
    torch.manual_seed(0)
    made = TokenReadout(dim=8, channels=3, queries=2, bins=5)
    with torch.no_grad():
        made.weight.normal_()
        made.bias.normal_()
    return made


def test_the_first_answer_is_zero() -> None:
    fresh = TokenReadout(dim=8, channels=3)
    states = torch.randn(2, 4, 8)
    assert not fresh.values(fresh.features(states, torch.ones(2, 4, dtype=torch.bool))).any()


def test_it_equals_the_formula_computed_channel_by_channel(readout: TokenReadout) -> None:
    states = torch.randn(1, 5, 8)
    found = readout.values(readout.features(states, torch.ones(1, 5, dtype=torch.bool)))
    centred = states[0] - states[0].mean(-1, keepdim=True)
    h = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    for channel in range(3):
        pieces = [h.mean(0)]
        for query in readout.query[2 * channel : 2 * channel + 2]:
            logits = torch.stack([3 * (readout.key.weight @ token) @ query for token in h])
            shares = logits.exp() / logits.exp().sum()
            pieces.append(sum((share * token for share, token in zip(shares, h, strict=True)), torch.zeros(8)))
        expected = 3 / math.sqrt(8) * readout.weight[channel] @ torch.cat(pieces) + readout.bias[channel]
        torch.testing.assert_close(found[0, channel], expected)


def test_padding_changes_nothing(readout: TokenReadout) -> None:
    states = torch.randn(2, 6, 8)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    together = readout.features(states, mask)
    alone = readout.features(states[1:, :4], mask[1:, :4])
    torch.testing.assert_close(together[1:], alone)
    torch.testing.assert_close(readout.distribution(together)[1:], readout.distribution(alone))
    assert readout.distribution(together).shape == (2, 3, 5)


def test_without_queries_it_reads_the_mean() -> None:
    pooled = TokenReadout(dim=8, channels=3, queries=0, bins=5)
    states = torch.randn(2, 4, 8)
    features = pooled.features(states, torch.ones(2, 4, dtype=torch.bool))
    torch.testing.assert_close(features, pooled.norm(states).mean(1, keepdim=True))
    assert pooled.values(features).shape == (2, 3)
    assert pooled.distribution(features).shape == (2, 3, 5)
