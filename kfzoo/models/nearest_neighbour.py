"""Nearest neighbour: the training face whose description is most alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.data.statistics import Statistics, coefficients_of
from kfzoo.encoders.frozen import FrozenTextEncoder
from kfzoo.models.base import Generation, KeyframeModule


class NearestNeighbour(KeyframeModule):
    """Retrieval over the training texts: no learning, and an honest floor for every model that learns.

    Args:
        text_encoder: Specification of the frozen text encoder (`kfzoo.encoders.text`).
        neighbours: How many of the nearest faces are averaged.
    """

    vectors: Tensor
    faces: Tensor

    def __init__(self, text_encoder: str = "minilm", neighbours: int = 1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.neighbours = neighbours
        self.encoder = FrozenTextEncoder(text_encoder)
        self.register_buffer("vectors", torch.empty(0, 0))
        self.register_buffer("faces", torch.empty(0, 0))

    def prepare(self, samples: Sequence[Sample], statistics: Statistics) -> None:
        """Stores the training texts' vectors (N, D) and faces (N, 61)."""
        texts = [sample.description for sample in samples]
        self.encoder.remember(texts, self.trainer.strategy.root_device)
        self.vectors = self.encoder(texts)
        self.faces = coefficients_of(samples)

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the squared error on the batch, for the curves; nothing is learnt from it."""
        return {"loss": (self.generate(batch).coefficients - batch.targets).square().mean()}

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Returns the mean of the faces whose texts have the highest cosine with each description."""
        queries = self.encoder(batch.descriptions, self.device)
        nearest = (queries @ self.vectors.T).topk(min(self.neighbours, len(self.faces)), dim=-1).indices
        return Generation.of(self.faces[nearest].mean(1))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Makes room for as many faces as were stored."""
        for name in ("vectors", "faces"):
            if name in checkpoint["state_dict"]:
                setattr(self, name, torch.empty_like(checkpoint["state_dict"][name]))
        super().on_load_checkpoint(checkpoint)
