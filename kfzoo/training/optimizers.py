"""Learning-rate schedules that several models share; all step by batch."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


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
