"""The expected value of each coefficient instead of its most likely digits.

Greedy decoding writes the most likely value, which is best where an answer counts as right or wrong. Under a squared
error the mean under the model's probabilities is best: Lukasik et al. 2024, "Regression Aware Inference with LLMs". It
costs no extra pass, since the logits at a value's choices are computed anyway. The values before it remain those of
the greedy answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from kfzoo.language_models.answer_trie import Choice


class ExpectedValues:
    """Accumulates the means of an answer's values, choice by choice.

    The mean is exact where each token that was not taken leads to one value: with one decimal, for all blendshapes
    that are not written as 1.0. A token that leads to several values, such as the negative ones of a head angle, was
    not decoded further: all its probability is given to the value nearest to the one that was taken, so that the mean
    is never further away than the model's logits imply.

    Attributes:
        values: The means so far.
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self._reached = 1.0
        self._others: list[tuple[float, tuple[float, ...]]] = []

    def take(self, choice: Choice, token: int, probabilities: Sequence[float]) -> None:
        """Adds a choice.

        Args:
            choice: The choice.
            token: The token that was taken.
            probabilities: Those of `choice.tokens`; they sum to 1, and further entries are padding.
        """
        shares = dict(zip(choice.tokens, probabilities, strict=False))
        reached = self._reached
        self._others += [
            (reached * shares[other], branch.values) for other, branch in choice.branches.items() if other != token
        ]
        self._reached = reached * shares[token]
        taken = choice.branches[token]
        if taken.choice is None:
            self._close(taken.values[0])

    def _close(self, value: float) -> None:
        rest = sum(
            share * min(values, key=lambda other: (abs(other - value), abs(other))) for share, values in self._others
        )
        self.values.append(self._reached * value + rest)
        self._reached, self._others = 1.0, []
