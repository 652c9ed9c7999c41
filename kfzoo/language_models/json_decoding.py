"""Greedy decoding under a JSON Schema: whatever the model's logits are, the answer fits, and it ends.

Braces, keys and quotes are forced; a text goes on until a token closes it, or to a limit; where the schema leaves a
choice (another entry or the end, a number or null), the model takes it between the pieces that are allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from kfzoo.errors import InputError

LIMIT = 80
"""Most tokens of a text: three sentences."""

NUMBERS = tuple(f"{half / 2:.1f}" for half in range(61))
"""Numbers that may be written: 0 to 30 s, which is longer than any clip of KeyframeFace, in steps that a text tells.

None begins another, so that nothing needs to be written to end one.
"""

_BROKEN = "\ufffd"  # What bytes that are no character are decoded to, such as half of one.
_LIKELY = 32  # Tokens that are tried before the whole vocabulary is put into order.


class Model(Protocol):
    """A causal language model that has read something."""

    def read(self, tokens: Sequence[int]) -> Tensor:
        """Reads on, at least one token, and returns the logits of the next one, (vocabulary,)."""


class Walk:
    """One answer on its way.

    Args:
        model: It has read nothing.
        tokenizer: Its tokenizer, of transformers.
        prompt: Token numbers, at least one.
        limit: Most tokens of a text.
    """

    def __init__(self, model: Model, tokenizer: Any, prompt: Sequence[int], limit: int = LIMIT) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._limit = limit
        self._written: list[str] = []
        self._tokens = list(prompt)  # Known, and not yet read.
        self._text = ""  # What follows them, not yet in tokens: a token may span pieces that are forced together.
        self._logits = torch.zeros(0)  # Of the token after the last that was read.

    def answer(self, schema: Mapping[str, Any]) -> str:
        """Writes an answer.

        Numbers rise from one entry of a list to the next; behind a null, they are above 0.

        Args:
            schema: JSON Schema out of objects with all their keys, lists with `minItems` and `maxItems`, texts, and
                numbers that may be null.

        Returns:
            JSON that fits the schema; its texts are not blank.

        Raises:
            InputError: When the model's logits are no numbers.
        """
        self._value(schema, "", {})
        return "".join(self._written)

    def _value(self, schema: Mapping[str, Any], lead: str, last: dict[str, float], key: str = "") -> None:
        """Writes a value behind a space or nothing; `last` holds the numbers of the list's entry before, by key."""
        kind = schema["type"]
        if kind == "object":
            for number, (name, inner) in enumerate(schema["properties"].items()):
                self._say(f"{', ' if number else lead + '{'}{json.dumps(name)}:")
                self._value(inner, " ", last, name)
            self._say("}")
        elif kind == "array":
            self._list(schema, lead)
        elif kind == "string":
            self._say(f'{lead}"')
            self._string()
        elif set(kind) == {"number", "null"}:
            rising = [number for number in NUMBERS if float(number) > last.get(key, -1.0)]
            chosen = self._choose([f"{lead}{option}" for option in ("null", *rising)]).strip()
            last[key] = last.get(key, 0.0) if chosen == "null" else float(chosen)
        else:
            raise ValueError(f"a schema of type {kind} is not known")

    def _list(self, schema: Mapping[str, Any], lead: str) -> None:
        last: dict[str, float] = {}
        self._say(f"{lead}[")
        for count in range(1, schema["maxItems"] + 1):
            self._value(schema["items"], " " if count > 1 else "", last)
            if count < schema["minItems"]:
                self._say(",")
            elif count == schema["maxItems"]:
                self._say("]")
            elif self._choose((",", "]")) == "]":
                break

    def _say(self, text: str) -> None:
        self._written.append(text)
        self._text += text

    def _unread(self, more: str = "") -> list[int]:
        """Returns what is known and not yet read, and more text behind it, in tokens."""
        text = self._text + more
        return self._tokens + (self._tokenizer(text, add_special_tokens=False)["input_ids"] if text else [])

    def _read(self, tokens: Sequence[int]) -> Tensor:
        """Lets the model read on, and returns the logits of the token after that."""
        if tokens:
            self._logits = self._model.read(tokens)
            if self._logits.isnan().any():
                problem = "its logits are no numbers"
                raise InputError("language model", problem, "its weights may be damaged, or too large for 16 bits")
        return self._logits

    def _choose(self, options: Sequence[str]) -> str:
        """Writes one of several texts, none of which begins another, by the likeliest token wherever they part."""
        paths = {option: self._unread(option) for option in options}
        read = depth = 0  # Tokens of the paths that the model has read, and that they are known to share.
        while len(paths) > 1:
            tokens = {path[depth] for path in paths.values()}
            if len(tokens) > 1:
                logits = self._read(next(iter(paths.values()))[read:depth])
                read = depth
                best = max(sorted(tokens), key=lambda token: float(logits[token]))
                paths = {option: path for option, path in paths.items() if path[depth] == best}
            depth += 1
        ((option, path),) = paths.items()
        self._written.append(option)
        self._tokens, self._text = path[read:], ""
        return option

    def _string(self) -> None:
        """Writes a text and the quote behind it, greedily."""
        ids: list[int] = []
        text = ""
        logits = self._read(self._unread())
        while True:
            token, longer = self._continued(logits, ids)
            longer, quote, _ = longer.partition('"')
            if quote:  # What a token holds behind its quote is forced anyway.
                self._tokens, self._text = [], longer[len(text) :] + quote
                break
            ids.append(token)
            text = longer
            if len(ids) >= self._limit and text.strip():
                self._tokens, self._text = [token], '"'
                break
            logits = self._read([token])
        self._written.append(longer + '"')

    def _continued(self, logits: Tensor, ids: Sequence[int]) -> tuple[int, str]:
        """Returns the likeliest token that may stand next in a text, and the text with it.

        A text holds no line breaks, no other control characters and no backslashes, so that nothing in it needs to be
        escaped; it begins with something to be seen, and so never ends blank.
        """
        known = len(self._tokenizer)
        for count in (_LIKELY, known):
            for token in logits[:known].topk(min(count, known)).indices.tolist():
                if token in self._special:
                    continue
                raw = self._tokenizer.decode([*ids, token], clean_up_tokenization_spaces=False)
                text: str = raw.replace(_BROKEN, "")
                seen = bool(text.partition('"')[0].strip())
                begun = not text and raw.endswith(_BROKEN) and len(ids) < self._limit  # the first character's bytes
                if (seen or begun) and "\\" not in text and all(character >= " " for character in text):
                    return token, text
        raise InputError("language model", "its tokenizer has no token that a text may go on with", "choose another")


def longest(schema: Mapping[str, Any]) -> int:
    """Returns a number of tokens that no answer under a schema is longer than."""
    kind = schema["type"]
    if kind == "object":
        return 2 + sum(len(name) + 6 + longest(inner) for name, inner in schema["properties"].items())
    if kind == "array":
        return 2 + int(schema["maxItems"]) * (longest(schema["items"]) + 2)
    return LIMIT + 8
