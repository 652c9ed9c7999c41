"""A cache layer with room to grow."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import DynamicLayer

_ROOM = 256  # Tokens.


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]  # transformers' __init_subclass__
    """A layer of `DynamicCache` that does not copy all that it holds whenever something is added.

    What is added is written behind the rest while there is room.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._room: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Adds keys and values, (rows, heads, tokens, width), and returns all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        held = self.get_seq_length()
        total = held + key_states.shape[-2]
        if self._room is None or self._room[0].shape[-2] < total:
            self._room = _moved(self.keys, key_states, total), _moved(self.values, value_states, total)
        keys, values = self._room
        keys[:, :, held:total], values[:, :, held:total] = key_states, value_states
        self.keys, self.values = keys[:, :, :total], values[:, :, :total]
        return self.keys, self.values

    def __copy__(self) -> RoomyLayer:
        """Returns a layer that holds the same and grows elsewhere."""
        other = RoomyLayer()
        other.__dict__.update(self.__dict__)
        other._room = None
        return other

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps these rows, any of them repeated."""
        super().batch_select_indices(indices)
        self._room = None


def _moved(held: Tensor | None, new: Tensor, total: int) -> Tensor:
    room = new.new_empty((*new.shape[:2], total + _ROOM, new.shape[3]))
    if held is not None and held.numel():
        room[:, :, : held.shape[2]] = held
    return room
