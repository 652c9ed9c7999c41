"""Chat messages as token numbers, by the language model's own chat template.

A training sequence is a prompt and an answer, as ms-swift builds it for these models. The prompt ends with what opens
the assistant's turn. The answer ends with what closes the turn in the template (`<|im_end|>` and a newline in ChatML).
`kfzoo.language_models.labels` says which of the tokens are learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from kfzoo.errors import InputError

Message = dict[str, str]
"""A message of a chat: its "role" and its "content"."""

Thinking = Literal["none", "empty"]
"""What precedes an answer: nothing, or a chain of thought that is closed at once."""

EMPTY_THOUGHT = "<think>\n\n</think>\n\n"
_OPEN_THOUGHT = "<think>\n"
_CACHED = 512  # Prompt prefixes: a system message, and the scripts of some batches.


class PromptParts(NamedTuple):
    """The messages of one request, cut where other requests differ from it.

    Attributes:
        system: The system message, the same for all requests; empty for none.
        script: Beginning of the user's message, the same for all keyframes of a script.
        instruction: The rest of the user's message, of one keyframe.
    """

    system: str
    script: str
    instruction: str

    def messages(self) -> list[Message]:
        """Returns the parts as chat messages."""
        system = [message("system", self.system)] if self.system else []
        return [*system, message("user", self.script + self.instruction)]


def message(role: str, content: str) -> Message:
    """Returns one message of a chat."""
    return {"role": role, "content": content}


def prompt_text(tokenizer: Any, messages: Sequence[Message], thinking: Thinking | None = None) -> str:
    """Returns what the model reads before its answer, by the tokenizer's chat template.

    Args:
        tokenizer: A tokenizer of transformers with a chat template.
        messages: The chat.
        thinking: "empty" ends the prompt with an empty thought, "none" with no thought. None keeps what the template
            writes where thinking is turned off: an empty thought, for some hybrid models, or nothing. A thought that
            the template opens and leaves open (as that of DeepSeek-R1 does) is removed in any case.

    Raises:
        InputError: When the template refuses the messages.
    """
    options = {"enable_thinking": False} if thinking is None else {}
    text = _render(tokenizer, messages, add_generation_prompt=True, **options)
    if thinking is None:
        return text.removesuffix(_OPEN_THOUGHT)
    text = text.removesuffix(EMPTY_THOUGHT).removesuffix(_OPEN_THOUGHT)
    return text + EMPTY_THOUGHT if thinking == "empty" else text


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Returns the tokens of a text that a chat template wrote: it holds the special tokens already."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


class ChatFormat:
    """Writes prompts and answers in a model's tokens.

    Args:
        tokenizer: A tokenizer of transformers with a chat template.
        thinking: "empty" for hybrid models that answer at once after an empty thought (Qwen3-14B), else "none".

    Raises:
        InputError: When the tokenizer has no chat template, or `thinking` is none of the two.
    """

    def __init__(self, tokenizer: Any, thinking: Thinking = "none") -> None:
        if thinking not in ("none", "empty"):
            raise InputError("thinking", f"is '{thinking}', expected none or empty")
        if not getattr(tokenizer, "chat_template", None):
            name = getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__
            raise InputError(
                f"tokenizer '{name}'", "has no chat template", "choose an instruction-tuned model, such as a *-Instruct"
            )
        self.tokenizer = tokenizer
        self.thinking: Thinking = thinking
        self._prefixes: dict[str, list[int]] = {}

    @property
    def pad_id(self) -> int:
        """The token that fills up the rows of a batch."""
        pad = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if pad is None else pad)

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """Returns the tokens that the model reads before its answer."""
        return token_ids(self.tokenizer, prompt_text(self.tokenizer, messages, self.thinking))

    def parts_ids(self, parts: PromptParts) -> tuple[tuple[int, ...], ...]:
        """Returns the prompt's tokens in three parts: up to the script, up to the instruction, and the rest.

        Concatenated, they are exactly `prompt_ids(parts.messages())`. A cut is where the tokens of the whole prompt
        and those of the shorter text differ: at the border of the two texts or, where a token spans it, before that.
        So the first two parts are equal for all keyframes of a script, unless a tokeniser looks far ahead.

        Raises:
            InputError: When the chat template changes the user's words.
        """
        text = prompt_text(self.tokenizer, parts.messages(), self.thinking)
        start = text.rfind(parts.script + parts.instruction)
        if start < 0:
            problem = "the chat template changes the user's message"
            raise InputError("tokenizer", problem, "choose a model whose template keeps it as it is")
        whole = token_ids(self.tokenizer, text)
        first = self._shared(text[:start], whole)
        second = max(first, self._shared(text[: start + len(parts.script)], whole))
        return tuple(whole[:first]), tuple(whole[first:second]), tuple(whole[second:])

    def answer_ids(self, text: str) -> list[int]:
        """Returns the tokens of an answer and of what closes the assistant's turn: all that is learned."""
        return token_ids(self.tokenizer, text + self.closing)

    @cached_property
    def closing(self) -> str:
        """What the template writes after an answer, `<|im_end|>` and a newline in ChatML."""
        answer = "0.0"
        chat = [message("user", "?"), message("assistant", answer)]
        _, found, closing = _render(self.tokenizer, chat, add_generation_prompt=False).rpartition(answer)
        if not found or not closing.strip():
            problem = "the chat template does not close an answer"
            raise InputError("tokenizer", problem, "choose a model whose template ends each message with a token")
        return closing

    def _shared(self, prefix: str, whole: Sequence[int]) -> int:
        """Returns how many tokens the whole prompt shares with a prefix of it that is tokenised alone."""
        alone = self._prefixes.get(prefix)
        if alone is None:
            if len(self._prefixes) >= _CACHED:
                self._prefixes.clear()
            alone = self._prefixes[prefix] = token_ids(self.tokenizer, prefix)
        pairs = enumerate(zip(alone, whole, strict=False))
        return next((at for at, (token, other) in pairs if token != other), min(len(alone), len(whole)))


def _render(tokenizer: Any, messages: Sequence[Message], **options: bool) -> str:
    from jinja2 import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, **options)
    except TemplateError as error:
        problem = f"the chat template refuses the messages ({error})"
        raise InputError("tokenizer", problem, "choose a model that takes a system message") from error
    return text
