"""Free text that a model writes before its values, without what would make the answer ambiguous."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_SPAN = 8  # Tokens that an ending may span.


class FreeText:
    """The text of an answer before its values: it is unconstrained, except that it ends before it looks like values.

    It ends where the model would close its answer, or write one of the `endings`, and after `limit` tokens at the
    latest; then the separator and the values follow.

    Args:
        tokenizer: A tokenizer of transformers.
        endings: Texts that it does not contain: what begins the values, and what a parser would misread.
        separator: Text between it and the values; a part of it that is already written is not repeated.
        limit: Maximum number of tokens.

    Attributes:
        limit: Maximum number of tokens.
    """

    def __init__(self, tokenizer: Any, endings: Sequence[str], separator: str, limit: int) -> None:
        self.limit = limit
        self._tokenizer = tokenizer
        self._endings = tuple(endings)
        self._separator = separator
        self._masks: dict[tuple[int, torch.device], Tensor] = {}
        self._encode = lru_cache(maxsize=None)(self._ids)

    def ends(self, written: Sequence[int], token: int, end: int) -> bool:
        """Returns whether a token after what is written ends the text; `end` is the token that closes an answer."""
        if token == end:
            return True
        text = self._text([*written[-_SPAN:], token])
        return any(ending in text for ending in self._endings)

    def separator(self, written: Sequence[int]) -> tuple[int, ...]:
        """Returns the tokens between what is written and the values."""
        if not written:
            return ()
        text = self._text(written[-_SPAN:])
        counts = range(len(self._separator), -1, -1)
        present = next(count for count in counts if text.endswith(self._separator[:count]))
        return self._encode(self._separator[present:])

    def forbidden(self, vocabulary: int, device: torch.device) -> Tensor:
        """Returns the mask of forbidden tokens, (vocabulary,) bool: special ones, and numbers without a token.

        The token that closes an answer is allowed: it ends the text.
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
