"""Words that a model writes before its values, free but for what would make the answer ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_SPAN = 8  # Tokens in which an ending stands, at most.


class Preface:
    """The words of an answer before its values: they end, and never look like the values.

    They end where the model would close its answer, or write one of the `endings`, and after `limit` tokens at the
    latest; then the joint and the values follow.

    Args:
        tokenizer: Of transformers.
        endings: Texts that the words do not hold: what begins the values, and what a reader takes for something else.
        joint: Text between words and values; what of it the words end with already is not repeated.
        limit: Most tokens.

    Attributes:
        limit: Most tokens.
    """

    def __init__(self, tokenizer: Any, endings: Sequence[str], joint: str, limit: int) -> None:
        self.limit = limit
        self._tokenizer = tokenizer
        self._endings = tuple(endings)
        self._joint = joint
        self._masks: dict[tuple[int, torch.device], Tensor] = {}
        self._joints = lru_cache(maxsize=None)(self._ids)

    def ends(self, written: Sequence[int], token: int, end: int) -> bool:
        """Tells whether a token ends the words.

        Args:
            written: The tokens before it.
            token: What the model would write.
            end: What closes an answer.
        """
        if token == end:
            return True
        text = self._text([*written[-_SPAN:], token])
        return any(ending in text for ending in self._endings)

    def joint(self, written: Sequence[int]) -> tuple[int, ...]:
        """Returns the tokens that join the values to the words."""
        if not written:
            return ()
        text = self._text(written[-_SPAN:])
        held = next(count for count in range(len(self._joint), -1, -1) if text.endswith(self._joint[:count]))
        return self._joints(self._joint[held:])

    def banned(self, vocabulary: int, device: torch.device) -> Tensor:
        """Returns which tokens the words never hold, (vocabulary,) bool: special ones, and ones that spell nothing.

        What closes an answer is not among them: the model may want to.
        """
        mask = self._masks.get((vocabulary, device))
        if mask is None:
            mask = torch.arange(vocabulary) >= len(self._tokenizer)
            special = set(self._tokenizer.all_special_ids) - {self._tokenizer.eos_token_id}
            mask[[token for token in special if token < vocabulary]] = True
            self._masks[vocabulary, device] = mask = mask.to(device)
        return mask

    def _ids(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text
