"""A language model on this machine that answers under a JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.language_models.backend import Message
from kfzoo.language_models.json_decoding import Walk, longest
from kfzoo.language_models.loading import load_language_model

_THOUGHT = "<think>\n"


class LocalModel:
    """A causal language model of transformers, decoded so that every answer fits (see `walk`).

    It runs in bfloat16 on a GPU where there is one, else in float32.

    Args:
        specification: As in `kfzoo.language_models.loading`.

    Raises:
        InputError: For a model that cannot be loaded, or whose tokenizer has no chat template.
    """

    def __init__(self, specification: str) -> None:
        self.name = f"language model '{specification}'"
        device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
        self._model: Any
        self._model, self._tokenizer = load_language_model(specification, dtype)
        self._model.to(device)
        if not getattr(self._tokenizer, "chat_template", None):
            raise InputError(
                self.name, "has no chat template", "choose an instruction-tuned model, such as a *-Instruct"
            )

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> str:
        """Returns an answer that fits the schema.

        Raises:
            InputError: When the chat is too long for the model, its template refuses it, or its logits are no numbers.
        """
        prompt = self._prompt(messages)
        most = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        room = longest(schema)
        if most is not None and len(prompt) + room > most:
            problem = (
                f"reads at most {most - room:,} tokens, and the text comes to {len(prompt):,} with the instruction"
            )
            raise InputError(self.name, problem, "shorten the text, or give it in parts")
        with torch.inference_mode():
            return Walk(_Reader(self._model), self._tokenizer, prompt).answer(schema)

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        from jinja2 import TemplateError

        try:
            # Templates that know no thinking pass over what is said about it.
            text: str = self._tokenizer.apply_chat_template(  # type: ignore[assignment]
                list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except TemplateError as error:
            problem = f"its chat template refuses the messages ({error})"
            raise InputError(self.name, problem, "choose a model that takes a system message") from error
        # The template has written the special tokens already.
        ids: list[int] = self._tokenizer(text.removesuffix(_THOUGHT), add_special_tokens=False)["input_ids"]
        return ids


class _Reader:
    """A model's memory of one chat."""

    def __init__(self, model: Any) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache = DynamicCache(config=model.config)

    def read(self, tokens: Sequence[int]) -> Tensor:
        ids = torch.tensor([list(tokens)], device=self._model.device)
        out = self._model(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        logits: Tensor = out.logits[0, -1].float().cpu()
        return logits
