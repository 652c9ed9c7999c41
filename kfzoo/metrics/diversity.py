"""State of the diversity: the predictions themselves."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from kfzoo.metrics.functional._checks import rows
from kfzoo.metrics.functional.diversity import diversity, diversity_of_pairs
from kfzoo.metrics.state import RowMetric


class Diversity(RowMetric):
    """Mean Euclidean distance between samples; the nearer to the ground truth's own, the better.

    Formula, unit and source: `kfzoo.metrics.functional.diversity`.

    Args:
        channels: Number of channels, D.
        pairs: How many random pairs are compared; None compares all.
        seed: Of the random pairs.
    """

    is_differentiable = False
    higher_is_better = None

    def __init__(self, channels: int = 61, pairs: int | None = None, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pairs = pairs
        self.seed = seed
        self.add_rows("predictions", channels)

    def update(self, predictions: Tensor) -> None:
        """Adds samples.

        Args:
            predictions: (B, D).

        Raises:
            ValueError: For another number of channels, no samples, or values that are not finite.
        """
        self.append("predictions", rows("predictions", predictions))

    def compute(self) -> Tensor:
        """Returns the mean distance, ().

        Raises:
            ValueError: When there were too few samples.
        """
        samples = self.rows("predictions")
        return diversity(samples) if self.pairs is None else diversity_of_pairs(samples, self.pairs, self.seed)
