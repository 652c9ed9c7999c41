"""The rows that are scored, gathered from all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kfzoo.metrics.state import RowMetric


class Rows(NamedTuple):
    """N samples with their answers, each id once; gathered ones are in the order of the ids.

    Attributes:
        ids: (N,) text.
        predictions: (N, D) float32; whatever stands in rows that are not valid.
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


class RowGatherer(RowMetric):
    """Keeps rows on every process and hands all of them to each.

    Samples that several processes saw (samplers repeat some to give every process equally many) count once. The result
    is in the order of the ids, so it does not depend on the number of processes, the batch size or the order.

    Args:
        channels: Number of channels, D.
    """

    is_differentiable = False

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Text has to travel as numbers: all ids in one line of bytes, and how long each is.
        self.add_rows("id_bytes", dtype=torch.uint8)
        self.add_rows("id_lengths", dtype=torch.int64)
        self.add_rows("predictions", channels, dtype=torch.float32)
        self.add_rows("targets", channels, dtype=torch.float32)
        self.add_rows("valid", dtype=torch.uint8)

    def update(self, ids: Sequence[str], predictions: Tensor, targets: Tensor, valid: Tensor) -> None:
        """Adds samples.

        Args:
            ids: B unique names.
            predictions: (B, D).
            targets: (B, D), finite.
            valid: (B,) bool.

        Raises:
            ValueError: For shapes that do not fit, or a target that is not finite.
        """
        sizes = [len(values) for values in (ids, predictions, targets, valid)]
        if len(set(sizes)) > 1 or valid.ndim != 1:
            raise ValueError(
                f"expected as many ids as predictions, targets and marks of validity (B,), "
                f"got {', '.join(map(str, sizes))}"
            )
        wrong = (~targets.isfinite().all(dim=-1)).nonzero()
        if len(wrong):
            raise ValueError(f"target of '{ids[int(wrong[0, 0])]}' holds NaN or infinity")
        device = predictions.device
        encoded = [name.encode() for name in ids]
        self.append("predictions", predictions.detach())
        self.append("targets", targets.detach().to(device))
        self.append("valid", valid.to(device))
        self.append("id_lengths", torch.tensor([len(name) for name in encoded], device=device))
        self.append("id_bytes", torch.tensor(list(b"".join(encoded)), dtype=torch.uint8, device=device))

    def compute(self) -> Rows:
        """Returns the rows of all processes.

        Raises:
            ValueError: When there is none, or one id stands for two different targets.
        """
        ends = np.cumsum(self.rows("id_lengths").cpu().numpy())
        text = self.rows("id_bytes").cpu().numpy().tobytes()
        names = [text[start:end].decode() for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False)]
        if not names:
            raise ValueError("no sample was scored; expected at least one")
        targets = self.rows("targets").cpu().numpy()
        ids, first, members = np.unique(np.array(names, dtype=np.str_), return_index=True, return_inverse=True)
        conflicts = np.flatnonzero((targets != targets[first][members]).any(axis=1))
        if len(conflicts):
            raise ValueError(f"'{names[conflicts[0]]}' stands for two different targets; sample ids must be unique")
        return Rows(
            ids=ids,
            predictions=self.rows("predictions").cpu().numpy()[first],
            targets=targets[first],
            valid=self.rows("valid").cpu().numpy()[first].astype(bool),
        )
