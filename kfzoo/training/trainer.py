"""What callbacks ask of the trainer: whether to write, where the data is, what the other processes hold."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import SIGTERMException

Value = TypeVar("Value")


def is_trial(trainer: Trainer) -> bool:
    """Returns whether this is a `fast_dev_run`, which leaves no files."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def writes_files(trainer: Trainer) -> bool:
    """Returns whether this process writes the files of the run: rank 0 does, except in a trial."""
    return trainer.is_global_zero and not is_trial(trainer)


def data_module(trainer: Trainer) -> Any:
    """Returns the trainer's data module."""
    return trainer.datamodule  # type: ignore[attr-defined]


def gather(own: Value) -> list[Value]:
    """Returns the values of all processes, in the order of their ranks; every process has to call it."""
    if not torch.distributed.is_initialized():
        return [own]
    values: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, own)
    return values


def stop_if_terminated(trainer: Trainer) -> None:
    """Stops after SIGTERM: of Lightning's loops, that of `predict` alone does not check for it.

    Raises:
        SIGTERMException: When the process was asked to end.
    """
    if trainer.received_sigterm:
        raise SIGTERMException
