"""The mean of a value instead of its likeliest digits.

Greedy decoding writes the value that is likeliest, which is best where an answer counts as right or wrong. Under a
squared error the mean of the model's likelihoods is best: Lukasik et al. 2024, "Regression Aware Inference with LLMs".
It costs nothing here, since the logits at a value's choices are at hand. The values before it stay those of the greedy
answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from kfzoo.language_models.answer_trie import Choice


class Expectation:
    """Gathers the means of an answer's values, a choice at a time.

    The mean is exact where each token that was not taken leaves one value open: with one decimal, for all blendshapes
    that are not written as 1.0. Of several, such as the negative values of a head angle, the model was not asked which:
    the one nearest to the value that was taken stands for all, so the mean never goes further than what is known.

    Attributes:
        values: The means so far.
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self._reached = 1.0
        self._left: list[tuple[float, tuple[float, ...]]] = []

    def take(self, choice: Choice, token: int, likelihoods: Sequence[float]) -> None:
        """Goes on at a choice.

        Args:
            choice: The choice.
            token: What was taken there.
            likelihoods: Of `choice.tokens`; they sum to 1, and what follows them is not read.
        """
        shares = dict(zip(choice.tokens, likelihoods, strict=False))
        reached = self._reached
        for other, branch in choice.branches.items():
            if other != token:
                self._left.append((reached * shares[other], branch.values))
        self._reached = reached * shares[token]
        taken = choice.branches[token]
        if taken.choice is None:
            self._close(taken.values[0])

    def _close(self, value: float) -> None:
        rest = sum(
            share * min(values, key=lambda other: (abs(other - value), abs(other))) for share, values in self._left
        )
        self.values.append(self._reached * value + rest)
        self._reached, self._left = 1.0, []
