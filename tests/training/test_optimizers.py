from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from kfzoo.training.module import ZooModule
from kfzoo.training.optimizers import adamw

STEPS = 20


class Short(ZooModule):
    """A module whose run takes a known number of steps."""

    def total_steps(self) -> int:
        return STEPS


def rates(**settings: Any) -> list[float]:
    """The rate of each step, of 1 at most; nan where no schedule changes it."""
    built = adamw(Short(), [torch.nn.Parameter(torch.zeros(1))], 1.0, **settings)
    if isinstance(built, torch.optim.AdamW):
        return [math.nan]
    assert built["lr_scheduler"]["interval"] == "step"
    found = []
    for _ in range(STEPS):
        found.append(built["optimizer"].param_groups[0]["lr"])
        built["optimizer"].step()
        built["lr_scheduler"]["scheduler"].step()
    return [*found, built["optimizer"].param_groups[0]["lr"]]


def test_rates() -> None:
    assert math.isnan(rates()[0])
    assert rates(warmup=4) == [0.25, 0.5, 0.75, *[1.0] * (STEPS - 2)]
    cosine = [0.5 * (1 + math.cos(math.pi * step / STEPS)) for step in range(STEPS + 1)]
    assert rates(cosine=True) == pytest.approx(cosine)
    both = rates(warmup=4, cosine=True)
    assert both[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert both[12] == pytest.approx(0.5)
    assert both[-1] == pytest.approx(0)


@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_a_restart_runs_the_schedule_twice() -> None:
    found = rates(warmup=2, cosine=True, restart=8)
    assert found[:3] == found[8:11] == [0.5, 1.0, 1.0]
    assert found[5] == found[15] == pytest.approx(0.5)
    assert found[7] < 0.1
    assert found[-1] == pytest.approx(0)


def test_the_other_options_are_the_optimizers() -> None:
    built = adamw(Short(), [torch.nn.Parameter(torch.zeros(1))], 0.1, weight_decay=0.0)
    assert built.param_groups[0] | {"params": ()} == built.param_groups[0] | {
        "params": (),
        "lr": 0.1,
        "weight_decay": 0.0,
    }
