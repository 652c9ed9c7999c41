"""A language model on this machine that answers under a JSON Schema: for any logits, the answer fits it and ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.chat_format import ChatFormat, Message
from kfzoo.language_models.loading import load_language_model

MAX_CHARACTERS = 300
"""Most characters of a text: three sentences."""

_SPACE = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_TEXT = {"type": "string", "pattern": rf'^[^"\\{{}}<{_SPACE}][^"\\{{}}<\x00-\x1f\x7f-\x9f]{{0,{MAX_CHARACTERS - 1}}}$'}
"""A text that is not blank and needs no escapes; analyses refuse braces and the tags of a chain of thought."""

_TIME = {"enum": [None, *(half / 2 for half in range(61))]}
"""A number is a time: 0 to 30 s, longer than any clip of KeyframeFace, in the steps that a text gives."""

_LAYOUT: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


class LocalBackend:
    """A causal language model of transformers, decoded so that every answer fits the schema.

    It runs in bfloat16 on a GPU where there is one, else in float32.

    Args:
        specification: As in `kfzoo.language_models.loading`.

    Raises:
        InputError: For a model that cannot be loaded, and a tokenizer without a chat template or of an unknown kind.
    """

    def __init__(self, specification: str) -> None:
        self.name = f"language model '{specification}'"
        device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
        self._model: Any
        self._model, tokenizer = load_language_model(specification, dtype)
        self._model.to(device)
        # Hybrid models (Qwen3) answer at once only after an empty chain of thought.
        hybrid = "enable_thinking" in str(getattr(tokenizer, "chat_template", ""))
        self._chat = ChatFormat(tokenizer, "empty" if hybrid else "none")
        self._decoder = JsonDecoder(tokenizer, self._model.config.get_text_config().vocab_size)

    def close(self) -> None:
        """Does nothing: an answer that is being decoded in this process ends with it."""

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns an answer that fits the schema.

        Raises:
            InputError: When the chat is too long for the model, its template refuses it, or its logits are NaN.
        """
        from transformers import DynamicCache

        prompt = self._chat.prompt_ids(messages)
        config = self._model.config.get_text_config()
        room = getattr(config, "max_position_embeddings", len(prompt) + max_tokens(schema)) - max_tokens(schema)
        if len(prompt) > room:
            problem = f"reads at most {room:,} tokens, and the text comes to {len(prompt):,} with the instruction"
            raise InputError(self.name, problem, "shorten the text, or give it in parts")
        cache = DynamicCache(config=self._model.config)

        def read(tokens: Sequence[int]) -> Tensor:
            ids = torch.tensor([list(tokens)], device=self._model.device)
            output = self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            logits: Tensor = output.logits[0, -1].float().cpu()
            return logits

        with torch.inference_mode():
            return self._decoder.decode(read, prompt, schema)


class JsonDecoder:
    """Decodes answers with one tokenizer, greedily and under a JSON Schema, with llguidance.

    Args:
        tokenizer: A tokenizer of transformers that the package tokenizers implements.
        logits: Size of the model's output, which may be larger than the vocabulary.

    Raises:
        InputError: For another kind of tokenizer.
    """

    def __init__(self, tokenizer: Any, logits: int) -> None:
        from llguidance.hf import from_tokenizer

        self._tokenizer = tokenizer
        try:
            self._vocabulary = from_tokenizer(tokenizer, n_vocab=logits)
        except ValueError as error:
            raise InputError("tokenizer", f"cannot be constrained ({error})", "choose another model") from error

    def decode(self, read: Callable[[Sequence[int]], Tensor], prompt: Sequence[int], schema: Mapping[str, Any]) -> str:
        """Returns the most likely answer, token by token.

        Args:
            read: Appends at least one token to what the model has read, and returns the next one's logits.
            prompt: Token numbers.
            schema: JSON Schema of objects with all their keys, lists with `minItems` and `maxItems`, texts, and numbers
                that may be null.

        Returns:
            JSON that fits the schema; its texts are neither blank nor longer than `MAX_CHARACTERS`, its numbers 0 to
            30 in steps of 0.5.

        Raises:
            InputError: When the model's logits are NaN.
        """
        from llguidance import LLMatcher

        grammar = LLMatcher.grammar_from_json_schema(json.dumps(bounded(schema)), defaults=_LAYOUT)
        matcher = LLMatcher(self._vocabulary, grammar, log_level=0)
        answer = _forced(matcher)
        unread = [*prompt, *answer]
        while not matcher.is_stopped():
            logits = read(unread)
            if logits.isnan().any():
                problem = "its logits are NaN"
                raise InputError("language model", problem, "its weights may be damaged, or too large for 16 bits")
            allowed = torch.from_numpy(np.flatnonzero(np.frombuffer(matcher.compute_logit_bias(), np.uint8)))
            token = int(allowed[logits[allowed].argmax()])
            matcher.consume_token(token)
            unread = [token, *_forced(matcher)]
            answer += unread
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        text: str = self._tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def bounded(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a JSON Schema with the bounds of texts and numbers, which not every server knows."""
    if schema["type"] == "string":
        return _TEXT
    if schema["type"] == ["number", "null"]:
        return _TIME
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {key: bounded(inner) for key, inner in schema["properties"].items()}
    if "items" in schema:
        found["items"] = bounded(schema["items"])
    return found


def max_tokens(schema: Mapping[str, Any]) -> int:
    """Returns the length of the longest answer, at one token a character."""
    if schema["type"] == "object":
        return 2 + sum(len(key) + 6 + max_tokens(inner) for key, inner in schema["properties"].items())
    if schema["type"] == "array":
        return 2 + int(schema["maxItems"]) * (max_tokens(schema["items"]) + 2)
    return 2 + MAX_CHARACTERS if schema["type"] == "string" else 4


def _forced(matcher: Any) -> list[int]:
    """Returns the tokens that only one continuation leaves, such as those of keys; the matcher has consumed them."""
    tokens: list[int] = matcher.compute_ff_tokens()
    matcher.consume_tokens(tokens)
    return tokens
