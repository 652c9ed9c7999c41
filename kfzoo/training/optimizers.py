"""AdamW and its learning-rate schedule, which steps by batch: the same for every model that is trained."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, SequentialLR

if TYPE_CHECKING:
    from kfzoo.training.module import ZooModule


def adamw(
    module: ZooModule,
    parameters: Iterable[Any],
    rate: float,
    *,
    warmup: int = 0,
    cosine: bool = False,
    restart: int = 0,
    **options: Any,
) -> Any:
    """Returns what `configure_optimizers` returns: AdamW, and its schedule unless the rate is constant.

    Args:
        module: Says how many steps the run takes.
        parameters: Parameters, or groups of them.
        rate: The highest learning rate.
        warmup: Steps of a linear rise; 0 for none.
        cosine: Whether the rate falls to 0 along half a cosine; else it is constant after the rise.
        restart: Step at which the schedule is complete and starts again; 0 for none.
        **options: AdamW's others, such as `weight_decay`.
    """
    optimizer = AdamW(parameters, lr=rate, **options)
    if not (warmup or cosine):
        return optimizer
    total = module.total_steps() if cosine else None
    schedule: LRScheduler = warmup_cosine(optimizer, warmup, None if total is None else total - restart)
    if restart:
        first = warmup_cosine(optimizer, warmup, None if total is None else restart)
        schedule = SequentialLR(optimizer, [first, schedule], milestones=[restart])
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def warmup_cosine(optimizer: Optimizer, warmup: int, total: int | None) -> LambdaLR:
    """Raises the rate linearly over `warmup` steps, then lets it fall to 0 along half a cosine.

    Args:
        optimizer: The optimizer whose rate is scaled.
        warmup: Steps of the rise; 0 for none.
        total: Steps of the whole run; None keeps the rate after the rise.
    """

    def scale(step: int) -> float:
        rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
        if total is None or step < warmup:
            return rise
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))

    return LambdaLR(optimizer, scale)
