"""The mean of a value, on tries small enough to do by hand."""

from __future__ import annotations

import pytest

from kfzoo.language_models.answer_trie import grow
from kfzoo.language_models.expected_value import Expectation

ZERO, ONE, MINUS, HALF = 10, 11, 12, 5
TEXTS = {0.0: (ZERO, 0), 0.5: (ZERO, HALF), 1.0: (ONE,), -0.5: (MINUS, HALF), -1.0: (MINUS, ONE)}


def test_the_values_of_every_branch_count_by_their_likelihood() -> None:
    root = grow([(TEXTS[value], value) for value in (0.0, 0.5, 1.0)])
    assert root.choice is not None
    found = Expectation()
    found.take(root.choice, ZERO, [0.6, 0.4])  # tokens ascending: 10, 11
    digits = root.choice.branches[ZERO].choice
    assert digits is not None
    assert found.values == []
    found.take(digits, 0, [0.75, 0.25])  # tokens 0, 5
    assert found.values == [pytest.approx(0.6 * 0.25 * 0.5 + 0.4 * 1.0)]
    found.take(
        root.choice, ONE, [0.1, 0.9]
    )  # the next value: 0 stands for what begins with it, being nearest to 1: 0.5
    assert found.values[1] == pytest.approx(0.1 * 0.5 + 0.9)


def test_of_a_sign_not_taken_the_nearest_value_stands_for_all() -> None:
    root = grow([(TEXTS[value], value) for value in (0.0, 0.5, -0.5, 1.0, -1.0)])
    assert root.choice is not None
    found = Expectation()
    found.take(root.choice, ZERO, [0.5, 0.2, 0.3, 0.0])  # 10, 11, 12; what is behind them is filling
    digits = root.choice.branches[ZERO].choice
    assert digits is not None
    found.take(digits, HALF, [0.1, 0.9])
    assert found.values == [pytest.approx(0.5 * 0.9 * 0.5 + 0.2 * 1.0 - 0.3 * 0.5)]
