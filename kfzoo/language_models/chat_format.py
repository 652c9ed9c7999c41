"""From chat messages to token numbers, by the model's own chat template, and from a token sequence to its labels.

A training sequence is the prompt and then the answer, as ms-swift builds it for these models: the prompt ends with the
words that open the assistant's turn; the answer with what closes it in the template (`<|im_end|>` and a newline in
ChatML), and it alone is learned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from kfzoo.errors import InputError

Thinking = Literal["none", "empty"]
"""What stands before an answer: nothing, or a chain of thought that is closed at once."""

Message = Mapping[str, str]
"""A message of a chat: its "role" and its "content"."""

IGNORED = -100
"""Label of a token that is not learned."""

_OPENED = "<think>\n"
_THOUGHT = "<think>\n\n</think>\n\n"
_REMEMBERED = 512  # Beginnings of prompts: a system message, and the scripts of some batches.


class Parts(NamedTuple):
    """The messages of one request, cut where other requests go on differently.

    Attributes:
        system: The system message, the same for all requests; empty for none.
        script: Beginning of the user's message, the same for all keyframes of a script.
        instruction: The rest of the user's message, a keyframe's own.
    """

    system: str
    script: str
    instruction: str

    def messages(self) -> list[dict[str, str]]:
        """Returns the parts as chat messages."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return [*system, {"role": "user", "content": self.script + self.instruction}]


class ChatFormat:
    """Writes chats in a model's tokens.

    Args:
        tokenizer: A tokenizer of transformers with a chat template.
        thinking: "empty" for hybrid models that answer at once after an empty thought (Qwen3-14B), else "none". A
            thought that the template itself opens (DeepSeek-R1's) is closed or left out accordingly.

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
        self._beginnings: dict[str, list[int]] = {}

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Returns what the model reads before its answer."""
        text = self._rendered(messages, add_generation_prompt=True)
        for opened in (_THOUGHT, _OPENED):
            text = text.removesuffix(opened)
        return text + _THOUGHT if self.thinking == "empty" else text

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """Returns the tokens that the model reads before its answer."""
        return self._ids(self.prompt_text(messages))

    def parts_ids(self, parts: Parts) -> tuple[tuple[int, ...], ...]:
        """Returns the prompt's tokens, cut into those up to the script, those up to the instruction, and the rest.

        Put together they are exactly `prompt_ids(parts.messages())`. A cut stands where the tokens of the whole and
        those of its beginning alone part: at the border of the two texts or, where a token spans it, before that. So
        the first two come out alike for all keyframes of a script, unless a tokeniser looks far ahead; to share them
        only where they are alike is then still right.

        Raises:
            InputError: When the chat template does not hand on the user's words as they are.
        """
        text = self.prompt_text(parts.messages())
        start = text.rfind(parts.script + parts.instruction)
        if start < 0:
            problem = "the chat template changes the user's message"
            raise InputError("tokenizer", problem, "choose a model whose template hands it on as it is")
        whole = self._ids(text)
        first = self._common(text[:start], whole)
        second = max(first, self._common(text[: start + len(parts.script)], whole))
        return tuple(whole[:first]), tuple(whole[first:second]), tuple(whole[second:])

    def answer_ids(self, text: str) -> list[int]:
        """Returns the tokens of an answer and of what closes the assistant's turn: all that is learned."""
        return self._ids(text + self.closing)

    def training_ids(self, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
        """Returns the tokens of prompt and answer, and the labels: `IGNORED` on the prompt, else the token."""
        prompt, learned = self.prompt_ids(messages), self.answer_ids(answer)
        return prompt + learned, [IGNORED] * len(prompt) + learned

    @cached_property
    def closing(self) -> str:
        """What the template writes behind an answer, `<|im_end|>` and a newline in ChatML."""
        answer = "0.0"
        messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}]
        _, found, closing = self._rendered(messages, add_generation_prompt=False).rpartition(answer)
        if not found or not closing.strip():
            problem = "the chat template does not close an answer"
            raise InputError("tokenizer", problem, "choose a model whose template ends each message with a token")
        return closing

    def _common(self, beginning: str, whole: Sequence[int]) -> int:
        """Returns how many tokens the whole prompt shares with a beginning of it, tokenised alone."""
        alone = self._beginnings.get(beginning)
        if alone is None:
            if len(self._beginnings) >= _REMEMBERED:
                self._beginnings.clear()
            alone = self._beginnings[beginning] = self._ids(beginning)
        for count, (token, other) in enumerate(zip(alone, whole, strict=False)):
            if token != other:
                return count
        return min(len(alone), len(whole))

    def _rendered(self, messages: Sequence[Message], **options: bool) -> str:
        from jinja2 import TemplateError

        try:
            rendered: str = self.tokenizer.apply_chat_template(list(messages), tokenize=False, **options)
        except TemplateError as error:
            problem = f"the chat template refuses the messages ({error})"
            raise InputError("tokenizer", problem, "choose a model that takes a system message") from error
        return rendered

    def _ids(self, text: str) -> list[int]:
        # The template has written the special tokens already.
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids
