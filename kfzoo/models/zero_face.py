"""The zero face: every muscle at rest."""

from __future__ import annotations

import torch
from torch import Tensor

from kfzoo.data.batch import KeyframeBatch
from kfzoo.models.base import Generation, KeyframeModule


class ZeroFace(KeyframeModule):
    """Answers every text with the neutral face, all coefficients 0."""

    def __init__(self) -> None:
        super().__init__()
        self.save_hyperparameters()

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error of the neutral face, for the curves; nothing is learnt from it."""
        return {"loss": batch.targets.square().mean()}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Returns the neutral face, once a row."""
        return Generation.of(torch.zeros(len(batch), len(self.train_mean), device=self.device))
