"""Rows of samples, and the metric state that keeps them and gathers them from all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class Rows(NamedTuple):
    """N samples with their predictions, each id once; gathered rows are in the order of the ids.

    Attributes:
        ids: (N,) text, `<script id>#<keyframe index>`.
        predictions: (N, D) float32; any value where a row is not valid.
        targets: (N, D) float32, or None when the ground truth is not known.
        valid: (N,) bool.
    """

    ids: NDArray[np.str_]
    predictions: NDArray[np.float32]
    targets: NDArray[np.float32] | None
    valid: NDArray[np.bool_]

    def at(self, places: NDArray[Any]) -> Rows:
        """Returns the samples at some positions, or those that a mask keeps."""
        targets = None if self.targets is None else self.targets[places]
        return Rows(self.ids[places], self.predictions[places], targets, self.valid[places])

    def in_order(self) -> Rows:
        """Returns the same samples in the order of their ids."""
        return self if bool((self.ids[:-1] <= self.ids[1:]).all()) else self.at(np.argsort(self.ids, kind="stable"))


def scripts_of(ids: NDArray[np.str_]) -> NDArray[np.str_]:
    """Returns the script of each sample: its id before the last `#`, or the whole id where there is none; (N,)."""
    return np.array([name.rpartition("#")[0] or name for name in ids.tolist()], dtype=np.str_)


class RowState(Metric):
    """A metric whose state is the rows themselves.

    Samples that several processes saw (samplers repeat some to give every process equally many) count once. Gathered
    rows are in the order of the ids, so they do not depend on the number of processes, the batch size or the order.

    Torchmetrics' own list states break when one process saw no sample: it gathers a one-dimensional float32 tensor,
    which fits no other type and shape. Here such a process gives an empty tensor that fits.

    Args:
        channels: Number of channels, D.
    """

    full_state_update = False
    is_differentiable = False

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._empty = {
            # Text has to travel as numbers: all ids in one line of bytes, and the length of each.
            "id_bytes": torch.zeros(0, dtype=torch.uint8),
            "id_lengths": torch.zeros(0, dtype=torch.int64),
            "predictions": torch.zeros(0, channels),
            "targets": torch.zeros(0, channels),
            "valid": torch.zeros(0, dtype=torch.uint8),
        }
        for name in self._empty:
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def update(self, ids: Sequence[str], predictions: Tensor, targets: Tensor, valid: Tensor | None = None) -> None:
        """Adds samples.

        Args:
            ids: B names, `<script id>#<keyframe index>`; one that comes again is counted once.
            predictions: (B, D).
            targets: (B, D), finite.
            valid: (B,) bool, False where the model gave no usable answer; by default all are valid.

        Raises:
            ValueError: For shapes that do not fit, or a target that is not finite.
        """
        valid = torch.ones(len(predictions), dtype=torch.bool) if valid is None else valid
        sizes = [len(values) for values in (ids, predictions, targets, valid)]
        if len(set(sizes)) > 1 or valid.ndim != 1:
            sizes_found = ", ".join(map(str, sizes))
            raise ValueError(f"expected as many ids as predictions, targets and marks of validity, got {sizes_found}")
        shape = self._empty["predictions"].shape[1:]
        for name, values in (("predictions", predictions), ("targets", targets)):
            if values.shape[1:] != shape:
                raise ValueError(f"{name}: expected rows of shape {tuple(shape)}, got {tuple(values.shape[1:])}")
        wrong = (~targets.isfinite().all(dim=-1)).nonzero()
        if len(wrong):
            raise ValueError(f"target of '{ids[int(wrong[0, 0])]}' holds NaN or infinity")
        encoded = [name.encode() for name in ids]
        added = {
            "id_bytes": torch.tensor(list(b"".join(encoded)), dtype=torch.uint8),
            "id_lengths": torch.tensor([len(name) for name in encoded]),
            "predictions": predictions.detach(),
            "targets": targets.detach(),
            "valid": valid,
        }
        for name, values in added.items():
            getattr(self, name).append(values.to(predictions.device, self._empty[name].dtype))

    def gather(self) -> Rows:
        """Returns the rows of all processes; every process has to call it.

        Raises:
            ValueError: When there is none, or one id has two different targets.
        """
        with self.sync_context():
            return self._rows()

    def sync(self, *args: Any, **kwargs: Any) -> None:
        """Gathers the state of all processes; the order is that of the ranks."""
        for name, empty in self._empty.items():
            if len(getattr(self, name)) == 0:
                setattr(self, name, [empty.to(self.device)])
        super().sync(*args, **kwargs)

    def _rows(self) -> Rows:
        """Rows of the state as it is, which `sync` has made that of all processes."""
        state = {name: dim_zero_cat(getattr(self, name)).cpu().numpy() for name in self._empty}
        ends = np.cumsum(state["id_lengths"]).tolist()
        text = state["id_bytes"].tobytes()
        names = [text[start:end].decode() for start, end in zip([0, *ends[:-1]], ends, strict=False)]
        if not names:
            raise ValueError("no sample was scored; expected at least one")
        targets = state["targets"]
        ids, first, members = np.unique(np.array(names, dtype=np.str_), return_index=True, return_inverse=True)
        conflicts = np.flatnonzero((targets != targets[first][members]).any(axis=1))
        if len(conflicts):
            raise ValueError(f"'{names[conflicts[0]]}' has two different targets; sample ids must be unique")
        return Rows(ids, state["predictions"][first], targets[first], state["valid"][first].astype(bool))
