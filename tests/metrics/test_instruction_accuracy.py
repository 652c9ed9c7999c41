from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike

from kfzoo.metrics.instruction_accuracy import InstructionAccuracy


@dataclass(frozen=True)
class JawDrop:
    """Asks for an open mouth: `JawOpen` is channel 17."""

    kind: str = "movement"
    weaker: str = ""

    def follows(self, coefficients: ArrayLike) -> bool:
        return self.strength(coefficients) >= 0.5

    def strength(self, coefficients: ArrayLike) -> float:
        return float(np.asarray(coefficients)[17])


def faces(*values: float) -> torch.Tensor:
    rows = torch.zeros(len(values), 61)
    rows[:, 17] = torch.tensor(values)
    return rows


def test_it_counts_what_is_followed_by_kind_over_several_updates() -> None:
    metric = InstructionAccuracy(("movement", "gaze", "idiom"))
    metric.update(faces(0.6, 0.4), [JawDrop(), JawDrop("gaze")])
    metric.update(faces(0.7), [JawDrop("gaze")])
    found = {name: value.item() for name, value in metric.compute().items()}
    assert found == {
        "instruction_accuracy": pytest.approx(2 / 3),
        "instruction_accuracy/movement": 1.0,
        "instruction_accuracy/gaze": 0.5,
    }


def test_a_stronger_word_must_give_a_stronger_face() -> None:
    metric = InstructionAccuracy(("intensity",))
    demand = JawDrop("intensity", weaker="The jaw drops a little.")
    metric.update(faces(0.9, 0.9, 0.55), [demand] * 3, faces(0.5, 0.85, 0.1))
    assert metric.compute()["instruction_accuracy"] == pytest.approx(2 / 3)


def test_what_does_not_fit_is_refused() -> None:
    metric = InstructionAccuracy(("movement",))
    with pytest.raises(ValueError, match="shape"):
        metric.update(faces(0.1, 0.2), [JawDrop()])
    with pytest.raises(ValueError, match="weaker"):
        metric.update(faces(0.1), [JawDrop(weaker="less")])
    assert torch.isnan(metric.compute()["instruction_accuracy"])
