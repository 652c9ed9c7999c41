"""A layer of the key-value cache that allocates ahead."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer

_AHEAD = 256  # Tokens.


class PreallocatedLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers' __init_subclass__
    """A layer of `DynamicCache` that copies its content only when its allocated memory is full."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._memory: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Appends keys and values, (rows, heads, tokens, width), and returns all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        total = held + key_states.shape[-2]
        if self._memory is None or self._memory[0].shape[-2] < total:
            self._memory = _copied(self.keys, key_states, total), _copied(self.values, value_states, total)
        keys, values = self._memory
        keys[:, :, held:total], values[:, :, held:total] = key_states, value_states
        self.keys, self.values = keys[:, :, :total], values[:, :, :total]
        return self.keys, self.values

    def __copy__(self) -> PreallocatedLayer:
        """Returns a layer with the same content and memory of its own from the next update on."""
        other = PreallocatedLayer()
        other.__dict__.update(self.__dict__)
        other._memory = None
        return other

    def batch_select_indices(self, indices: Tensor) -> None:
        """Selects rows; any may be repeated."""
        super().batch_select_indices(indices)
        self._memory = None


def _copied(held: Tensor | None, new: Tensor, total: int) -> Tensor:
    memory = new.new_empty((*new.shape[:2], total + _AHEAD, new.shape[3]))
    if held is not None and held.numel():
        memory[:, :, : held.shape[2]] = held
    return memory
