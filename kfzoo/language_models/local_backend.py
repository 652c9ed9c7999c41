"""A language model on this machine that answers under a JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.chat_format import ChatFormat, Message
from kfzoo.language_models.json_decoding import JsonDecoder, max_tokens
from kfzoo.language_models.loading import load_language_model


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
