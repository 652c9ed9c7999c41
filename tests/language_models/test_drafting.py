"""The mean of a value, on tries small enough to compute by hand."""

from __future__ import annotations

import pytest

from kfzoo.language_models.answer_trie import Choice, grow
from kfzoo.language_models.drafting import ExpectedValues

ZERO, ONE, MINUS, HALF = 10, 11, 12, 5
TEXTS = {0.0: (ZERO, 0), 0.5: (ZERO, HALF), 1.0: (ONE,), -0.5: (MINUS, HALF), -1.0: (MINUS, ONE)}


def choices(*values: float) -> tuple[Choice, Choice]:
    """The first choice of a value, and the choice after a zero."""
    first = grow([(TEXTS[value], value) for value in values]).choice
    assert first is not None
    second = first.branches[ZERO].choice
    assert second is not None
    return first, second


def test_every_branch_counts_by_its_probability() -> None:
    first, second = choices(0.0, 0.5, 1.0)
    found = ExpectedValues()
    found.take(first, ZERO, [0.6, 0.4])  # tokens ascending: 10, 11
    assert found.values == []
    found.take(second, 0, [0.75, 0.25])  # tokens 0, 5
    assert found.values == [pytest.approx(0.6 * 0.25 * 0.5 + 0.4 * 1.0)]
    found.take(first, ONE, [0.1, 0.9])  # the next value: what begins with 0 counts as the value nearest to 1, 0.5
    assert found.values[1] == pytest.approx(0.1 * 0.5 + 0.9)


def test_another_sign_counts_as_its_nearest_value() -> None:
    first, second = choices(0.0, 0.5, -0.5, 1.0, -1.0)
    found = ExpectedValues()
    found.take(first, ZERO, [0.5, 0.2, 0.3, 0.0])  # 10, 11, 12, and padding
    found.take(second, HALF, [0.1, 0.9])
    assert found.values == [pytest.approx(0.5 * 0.9 * 0.5 + 0.2 * 1.0 - 0.3 * 0.5)]
