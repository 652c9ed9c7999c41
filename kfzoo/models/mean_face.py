"""The mean face of the training part: what any model must beat."""

from __future__ import annotations

from torch import Tensor

from kfzoo.data.batch import KeyframeBatch
from kfzoo.models.base import Generation, KeyframeModule


class MeanFace(KeyframeModule):
    """Answers every text with the mean of the training part's coefficients."""

    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters()

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error of the mean, for the curves; nothing is learnt from it."""
        return {"loss": (self.train_mean - batch.targets).square().mean()}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Returns the mean face, once a row."""
        return Generation.of(self.train_mean.expand(len(batch), -1))
