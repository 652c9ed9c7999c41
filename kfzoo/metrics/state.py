"""State that grows by rows and synchronises between any number of processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class RowMetric(Metric):
    """A metric that keeps rows in lists, one list a state.

    Torchmetrics' own list states break when one process saw no sample: its stand-in is one-dimensional float32,
    whatever the others hold. Here a process without rows contributes an empty tensor of the right shape and type.
    """

    full_state_update = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._empty: dict[str, Tensor] = {}

    def add_rows(self, name: str, *shape: int, dtype: torch.dtype = torch.float64) -> None:
        """Declares a state of rows of one shape and type."""
        self.add_state(name, default=[], dist_reduce_fx="cat")
        self._empty[name] = torch.zeros(0, *shape, dtype=dtype)

    def append(self, name: str, values: Tensor) -> None:
        """Adds rows to a state.

        Args:
            name: Of the state.
            values: (B, …).

        Raises:
            ValueError: When the rows have another shape than declared.
        """
        shape = self._empty[name].shape[1:]
        if values.shape[1:] != shape:
            raise ValueError(f"{name}: expected rows of shape {tuple(shape)}, got {tuple(values.shape[1:])}")
        getattr(self, name).append(values.to(self._empty[name].dtype))

    def rows(self, name: str) -> Tensor:
        """Returns all rows of a state, (N, …); for use in `compute`, before which `sync` was called."""
        return dim_zero_cat(getattr(self, name))

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the rows of all processes; the order is that of the ranks."""
        for name, empty in self._empty.items():
            if len(getattr(self, name)) == 0:
                setattr(self, name, [empty.to(self.device)])
        super().sync(*args, **kwargs)
