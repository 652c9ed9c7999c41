"""A training that diverges: found before a checkpoint is written, and stopped in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from kfzoo.errors import InputError


def first_not_finite(weights: Mapping[str, Tensor]) -> str | None:
    """Returns the name of the first tensor that holds NaN or an infinite number, or None."""
    named = [(name, values) for name, values in weights.items() if values.is_floating_point() or values.is_complex()]
    found = [torch.isfinite(values).all() for _, values in named]
    # One answer for all: each that is asked of a graphics card costs a wait.
    if not found or bool(torch.stack([each.to(found[0].device) for each in found]).all()):
        return None
    return next(name for (name, _), finite in zip(named, found, strict=True) if not finite)


class StopWhenDiverged(Callback):
    """Stops `fit` at a loss, a weight or a validation score that is not finite; no such weights are saved.

    Args:
        last: The checkpoint that keeps the newest finite state.
    """

    def __init__(self, last: Path) -> None:
        self.last = last

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Checks the loss; if one process finds it wrong, all stop."""
        own = everywhere = bool(torch.isfinite(loss).all())
        if trainer.world_size > 1:
            everywhere = trainer.strategy.reduce_boolean_decision(own, all=True)
        if not everywhere:
            value = f"{loss.item():g}" if loss.numel() == 1 else "not finite"
            raise self._stop(trainer, "the loss of another process is not finite" if own else f"the loss is {value}")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Checks what checkpoints are chosen by; this callback runs before those that save them."""
        module: Any = pl_module
        name = module.monitor.name
        score = trainer.callback_metrics.get(name)
        if score is not None and trainer.state.fn == "fit" and not torch.isfinite(score).all():
            raise self._stop(trainer, f"{name} is {score.item():g}")

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Checks the weights that are about to be written."""
        module: Any = pl_module
        if (name := first_not_finite(module.stored())) is not None:
            raise self._stop(trainer, f"the weight {name} is not finite")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Checks what a resumed optimizer remembers of each weight.

        Raises:
            InputError: When it is of another shape than the weight.
        """
        for optimizer in trainer.optimizers:
            for weight, state in optimizer.state.items():
                for name, value in state.items():
                    if isinstance(value, Tensor) and value.numel() > 1 and value.shape != weight.shape:
                        problem = f"the optimizer's {name} is {tuple(value.shape)}, expected {tuple(weight.shape)}"
                        raise InputError("checkpoint", problem, "resume from another one, or remove it to start again")

    def _stop(self, trainer: Trainer, problem: str) -> InputError:
        rates = [group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups]
        rate = f" at learning rate {max(map(float, rates)):g}" if rates else ""
        kept = f"{self.last} keeps the last finite state" if self.last.is_file() else "no checkpoint was saved before"
        remedy = (
            "lower the model's learning rate, in another --run_dir, or limit the gradients with "
            f"--trainer.gradient_clip_val 1; {kept}"
        )
        return InputError(f"step {trainer.global_step}", f"{problem}{rate}: the training diverged", remedy)
