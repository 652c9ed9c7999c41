from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kfzoo.data.batch import Sample
from kfzoo.evaluation.embedding import SampleEmbedder


class Counting:
    """An evaluator that counts the faces that it embeds."""

    annotation = "arkit"
    digest = "0"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        assert coefficients.dtype == torch.float32
        self.asked.append(len(coefficients))
        # The result depends on the place in the batch, as it may with a blocked product.
        return coefficients[:, :4] + 1e-3 * torch.arange(len(coefficients))[:, None]

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        raise AssertionError("is not called here")


def test_equal_faces_are_embedded_once_and_equally() -> None:
    faces = torch.rand(5, 61)[torch.tensor([3, 0, 3, 1, 0, 0])].double()
    faces[1, 5], faces[4, 5], faces[5, 5] = 0.0, -0.0, 0.0
    evaluator = Counting()
    embeddings = SampleEmbedder(evaluator, []).embed_faces(faces)
    assert evaluator.asked == [3]
    assert torch.equal(embeddings[0], embeddings[2])
    assert torch.equal(embeddings[1], embeddings[4])
    assert torch.equal(embeddings[1], embeddings[5])
    assert float((embeddings - faces[:, :4]).abs().max()) <= 2e-3 + 1e-6
