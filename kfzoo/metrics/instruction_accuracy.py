"""Instruction accuracy: the share of sentences whose face does what the words say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from kfzoo.arkit.channels import CHANNELS

RISE = 0.1
"""How much stronger a face must be for a stronger word."""


class Demand(Protocol):
    """What a sentence asks of a face."""

    @property
    def kind(self) -> str:
        """Kind of the sentence, such as "gaze"."""

    @property
    def weaker(self) -> str:
        """The sentence with a weaker word of intensity, or empty."""

    def follows(self, coefficients: NDArray[np.float64]) -> bool:
        """Whether a face (61,) moves what must move, rests what must rest, and leads with the named side."""

    def strength(self, coefficients: NDArray[np.float64]) -> float:
        """How strongly a face (61,) does what is asked."""


def followed(faces: Tensor, demands: Sequence[Demand], weaker: Tensor | None = None) -> Tensor:
    """Tells which faces follow their sentences.

    A face follows its sentence when everything that must move reaches its least value, everything that must rest does,
    and the named side leads. Where a sentence has a weaker variant, its face must also be stronger than the variant's,
    by `RISE` or more.

    Args:
        faces: (B, 61).
        demands: What each sentence asks for, B.
        weaker: Faces of the weaker variants, (B, 61); rows of sentences without one are not read.

    Returns:
        (B,) bool.

    Raises:
        ValueError: For shapes that do not fit, and weaker faces that are missing.
    """
    if faces.shape != (len(demands), len(CHANNELS)):
        raise ValueError(f"expected faces of shape ({len(demands)}, {len(CHANNELS)}), found {tuple(faces.shape)}")
    if weaker is None and any(each.weaker for each in demands):
        raise ValueError("a sentence has a weaker variant, and its face is missing")
    rows = faces.detach().double().cpu().numpy()
    weak_rows = rows if weaker is None else weaker.detach().double().cpu().numpy()
    found = [
        each.follows(row) and (not each.weaker or each.strength(row) - each.strength(weak_row) >= RISE)
        for row, weak_row, each in zip(rows, weak_rows, demands, strict=True)
    ]
    return torch.tensor(found, dtype=torch.bool)


class InstructionAccuracy(Metric):
    """The share of sentences whose face does what the words say, of all and by kind.

    When a face follows its sentence is defined by `followed`.

    Args:
        kinds: Names of the kinds of sentences.
    """

    full_state_update = False
    is_differentiable = False
    higher_is_better = True
    followed: Tensor
    counted: Tensor

    def __init__(self, kinds: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = tuple(kinds)
        self.add_state("followed", torch.zeros(len(self.kinds), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("counted", torch.zeros(len(self.kinds), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, faces: Tensor, demands: Sequence[Demand], weaker: Tensor | None = None) -> None:
        """Adds faces.

        Args:
            faces: (B, 61).
            demands: What each sentence asks for, B.
            weaker: Faces of the weaker variants, (B, 61); rows of sentences without one are not read.

        Raises:
            ValueError: For shapes that do not fit, an unknown kind, and weaker faces that are missing.
        """
        for good, each in zip(followed(faces, demands, weaker).tolist(), demands, strict=True):
            place = self.kinds.index(each.kind)
            self.counted[place] += 1
            self.followed[place] += int(good)

    def compute(self) -> dict[str, Tensor]:
        """Returns `instruction_accuracy` of all sentences, and `instruction_accuracy/<kind>` of each kind seen."""
        found = {"instruction_accuracy": self.followed.sum().double() / self.counted.sum()}
        for name, followed, counted in zip(self.kinds, self.followed, self.counted, strict=True):
            if counted:
                found[f"instruction_accuracy/{name}"] = followed.double() / counted
        return found
