"""Test samples and faces in the space of a learned evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.data.batch import Sample


class Evaluator(Protocol):
    """What the suite asks of a learned evaluator.

    All tensors are on the CPU, on any device of the evaluator, and keep no gradient. Embeddings
    are float32 and need not have length 1.
    """

    @property
    def annotation(self) -> str:
        """The annotation whose descriptions it reads; the samples' own choice does not matter."""

    @property
    def digest(self) -> str:
        """Content hash, kept with every number that it gave."""

    def embed_samples(self, samples: Sequence[Sample]) -> Tensor:
        """Embeds the conditions of N samples, their words or images; (N, E)."""

    def embed_motion(self, coefficients: Tensor) -> Tensor:
        """Embeds (N, 61) coefficients; (N, E)."""


class SampleEmbedder:
    """Embeds samples by their ids, and faces: what `kfzoo.metrics` needs of an evaluator.

    Args:
        evaluator: A learned one.
        samples: All that will be embedded.
    """

    def __init__(self, evaluator: Evaluator, samples: Sequence[Sample]) -> None:
        self.evaluator = evaluator
        self.samples = {sample.id: sample for sample in samples}

    def embed_conditions(self, ids: NDArray[np.str_]) -> Tensor:
        """Embeds the words or images of N samples; (N, E), as the evaluator gives them.

        Raises:
            ValueError: For an id that is none of the samples.
        """
        missing = [name for name in ids.tolist() if name not in self.samples]
        if missing:
            raise ValueError(f"the evaluator needs the sample of every row; there is none with the id '{missing[0]}'")
        return self.evaluator.embed_samples([self.samples[name] for name in ids.tolist()])

    def embed_faces(self, values: Tensor) -> Tensor:
        """Embeds (N, 61) faces, each different one once, so that equal faces have equal embeddings to the last digit.

        Returns:
            (N, E), as the evaluator gives them.
        """
        # Adding 0 turns -0 into 0: other bytes, the same face.
        faces = np.ascontiguousarray(values.float().numpy() + np.float32(0))
        _, first, members = np.unique(faces.view(f"V{faces.strides[0]}")[:, 0], return_index=True, return_inverse=True)
        return self.evaluator.embed_motion(torch.from_numpy(faces[first]))[torch.from_numpy(members)]
