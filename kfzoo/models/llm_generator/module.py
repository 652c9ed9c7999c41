"""KeyframeFace's generator: a language model, tuned by LoRA, that writes a keyframe's coefficients as text.

The configurations of the paper's tables are settings of this class: `tune` (Base or Tuned), `language_model`,
`representation` (semantic or non-semantic), and the annotation of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import Adapter, adapted, load_weights
from kfzoo.language_models.answer_layout import AnswerLayout, Representation
from kfzoo.language_models.answer_trie import AnswerTrie
from kfzoo.language_models.batched_cache import CachedPrefix
from kfzoo.language_models.chat_format import EMPTY_THOUGHT, ChatFormat, Thinking, message
from kfzoo.language_models.constrained_decoding import Decoded, DecodingMode, Values, current_settings, decode
from kfzoo.language_models.exchange import write_adapter
from kfzoo.language_models.labels import Example
from kfzoo.language_models.loading import load_language_model
from kfzoo.language_models.lora import is_base_weight, set_trainable
from kfzoo.language_models.shared_prefix_loss import plain_loss, tree_loss
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.llm_generator.prompt import prompt_parts, system_text
from kfzoo.training.module import Monitor
from kfzoo.training.optimizers import adamw

_EXPORTED = ("representation", "decimals", "thinking")


class LLMGenerator(KeyframeModule):
    """A causal language model that answers a script, keyframe by keyframe (KeyframeFace, section 4.2).

    Checkpoints hold the adapter only; the language model is loaded again by its name. They are chosen by the loss on
    validation: to generate every keyframe after every epoch would take longer than to train.

    Args:
        language_model: Specification (`kfzoo.language_models.loading`): `smollm2`, or `huggingface:<name or folder>`.
        representation: "semantic" explains the 61 parameters and asks for them by name; "non_semantic" asks for a
            vector and explains nothing (section 5.1).
        decimals: Digits of a value, 1 to 3; the released answers have one.
        thinking: "empty" for hybrid models that answer after an empty thought (Qwen3-14B), else "none".
        tune: Whether LoRA is trained; without it, and without an adapter, the pre-trained model answers ("Base").
        adapter: Folder of a PEFT adapter, such as ms-swift writes (`kfzoo.language_models.adapter`). It is trained
            further, or with `tune` false used as it is. Its own rank, alpha, dropout, layers and system message are
            used. A checkpoint contains the adapter's settings and does not need the folder.
        rank: LoRA's r.
        alpha: LoRA's alpha.
        dropout: LoRA's dropout.
        learning_rate: AdamW's learning rate.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine; the paper does not say.
        precision: Type of the language model's weights.
        share_prefixes: Train with one prefix tree a batch; else with separate sequences, which gradient checkpointing
            needs.
        gradient_checkpointing: Compute activations twice to save memory; for large models.
        decoding: "drafted", "template" or "free" (`kfzoo.language_models.constrained_decoding`).
        values: "greedy" reads the coefficients from the answer's text, as the paper does; "mean" takes the mean of
            each value under the model's probabilities, which is better under squared errors (`ExpectedValues`).
        decode_batch_size: Keyframes that are decoded together.

    Raises:
        InputError: For settings that exclude each other, and a language model or an adapter that cannot be loaded.
    """

    monitor = Monitor("val/loss", "min")
    batching_settings: ClassVar[Mapping[str, int]] = {
        "decode_batch_size": 1, "gradient_checkpointing": True, "share_prefixes": False
    }  # fmt: skip

    def __init__(
        self,
        language_model: str = "smollm2",
        representation: Representation = "semantic",
        decimals: int = 1,
        thinking: Thinking = "none",
        tune: bool = True,
        adapter: str | dict[str, Any] = "",
        rank: int = 8,
        alpha: int = 32,
        dropout: float = 0.05,
        learning_rate: float = 1e-4,
        warmup_steps: int = 0,
        cosine: bool = False,
        precision: Literal["float32", "bfloat16"] = "float32",
        share_prefixes: bool = True,
        gradient_checkpointing: bool = False,
        decoding: DecodingMode = "drafted",
        values: Values = "greedy",
        decode_batch_size: int = 16,
    ) -> None:
        super().__init__()
        if values == "mean" and decoding == "free":
            raise InputError("values", "a free answer has no mean", "set values to greedy, or decoding to drafted")
        if share_prefixes and gradient_checkpointing:
            raise InputError("share_prefixes", "excludes gradient_checkpointing", "set one of them to false")
        self.save_hyperparameters()
        given = Adapter.of(adapter, system_text())
        if given:
            self.hparams.update(given.hyperparameters(self.hparams, "language_model"))
        self._system = given.system if given else ""
        model, tokenizer = load_language_model(language_model, dtype=getattr(torch, precision))
        self.chat = ChatFormat(tokenizer, thinking)
        self.model: Any = adapted(model, given, self.hparams)
        if given and isinstance(adapter, str):
            load_weights(self.model, adapter)
        set_trainable(self.model, tune, gradient_checkpointing)
        self._prefix: CachedPrefix | None = None

    @classmethod
    def current_settings(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the hyper-parameters of a checkpoint by their names in this version."""
        return current_settings(stored)

    @property
    def context(self) -> frozenset[str]:
        """The prompt holds the whole script (`prompt.py`)."""
        return frozenset({"background", "emotion"})

    # Training -------------------------------------------------------------------------------------------------------

    def example(self, sample: Sample) -> Example:
        """Returns a keyframe as a training sequence: the prompt in its shared parts, and the answer.

        Raises:
            InputError: When its coefficients are not known.
        """
        return Example(self._prompt(sample), tuple(self.chat.answer_ids(_answer(sample, self.hparams))))

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the mean cross entropy of the answers' tokens; 0 where nothing is tuned."""
        if not self.hparams["tune"]:
            return {"loss": torch.zeros((), device=self.device)}
        self._prefix = None  # It was computed with other weights.
        return {"loss": self._cross_entropy(batch)}

    def _cross_entropy(self, batch: KeyframeBatch) -> Tensor:
        examples = [self.example(sample) for sample in batch.samples]
        if not self.hparams["share_prefixes"]:
            return plain_loss(self.model, examples, self.chat.pad_id)
        # On a CPU one answer at a time is fastest, and a whole batch of long answers exceeds the memory.
        rows = 1 if self.device.type == "cpu" else None
        return tree_loss(self.model, examples, self.chat.pad_id, rows=rows)

    def on_validation_epoch_start(self) -> None:
        """Does nothing: the loss is logged as a mean, without a metric to reset."""

    def validation_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Logs `val/loss`, the "Eval Loss" of KeyframeFace's tables 2 and 5."""
        self.log("val/loss", self._cross_entropy(batch), batch_size=len(batch), prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Returns AdamW on the adapter, with a constant rate or with a warm-up and a cosine."""
        if not self.hparams["tune"]:
            return None
        trained = [each for each in self.parameters() if each.requires_grad]
        settings = self.hparams
        rate, warmup = settings["learning_rate"], settings["warmup_steps"]
        return adamw(self, trained, rate, warmup=warmup, cosine=settings["cosine"])

    def stored(self) -> dict[str, Tensor]:
        """Returns the adapter and the training part's statistics."""
        return {name: values for name, values in self.state_dict().items() if not is_base_weight(name)}

    # Decoding -------------------------------------------------------------------------------------------------------

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each keyframe with the whole script in the prompt; keyframes are decoded together."""
        answers = self.answer(batch.samples)
        faces = [each.coefficients(self.hparams["values"]) for each in answers]
        return Generation.of_texts([each.text for each in answers], faces, self.device)

    def answer(self, samples: Sequence[Sample]) -> list[Decoded]:
        """Decodes the answers to keyframes, in their order."""
        mode: DecodingMode = self.hparams["decoding"]
        size = self.hparams["decode_batch_size"]
        answers: list[Decoded] = []
        for start in range(0, len(samples), size):
            part = samples[start : start + size]
            tries = [AnswerTrie.of(_layout(sample, self.hparams), self.chat) for sample in part]
            prompts = [self._prompt(sample) for sample in part]
            prefix = None if mode == "free" else self._cached_prefix(prompts[0][0])
            whole = [[token for piece in prompt for token in piece] for prompt in prompts]
            answers += decode(self.model, tries, whole, mode, prefix=prefix)
        return answers

    def _cached_prefix(self, system: tuple[int, ...]) -> CachedPrefix | None:
        """Returns the cache of the system message, which is computed once, as long as the weights do not change."""
        if self.training or not system:
            return None
        if self._prefix is None or self._prefix.ids != system:
            self._prefix = CachedPrefix.of(self.model, system)
        return self._prefix

    def _prompt(self, sample: Sample) -> tuple[tuple[int, ...], ...]:
        parts = prompt_parts(sample, self.hparams["representation"])
        return self.chat.parts_ids(parts._replace(system=self._system or parts.system))

    # Export ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def save_adapter(
        folder: str | Path, settings: Mapping[str, Any], stored: Mapping[str, Tensor], annotation: str = ""
    ) -> None:
        """Writes the adapter for PEFT and ms-swift, as `Exchangeable` says."""
        given = Adapter.of(settings.get("adapter", ""), system_text())
        own = system_text() if settings["representation"] == "semantic" else None
        write_adapter(
            folder,
            settings,
            stored,
            language_model=settings["language_model"],
            trained={name: settings[name] for name in _EXPORTED} | ({"annotation": annotation} if annotation else {}),
            system=(given.system if given else "") or own,
            arguments={"response_prefix": EMPTY_THOUGHT if settings["thinking"] == "empty" else ""},
        )

    @staticmethod
    def training_line(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns request and answer as a line that ms-swift trains on and `ChatJsonl` reads."""
        request = prompt_parts(sample, settings["representation"]).messages()
        return {"messages": [*request, message("assistant", _answer(sample, settings))]}


def _layout(sample: Sample, settings: Mapping[str, Any]) -> AnswerLayout:
    return AnswerLayout.of(settings["representation"], settings["decimals"], sample.position)


def _answer(sample: Sample, settings: Mapping[str, Any]) -> str:
    coefficients = sample.keyframe.coefficients
    if coefficients is None:
        raise InputError(f"keyframe '{sample.id}'", "has no coefficients to learn", "take it out of the training data")
    return _layout(sample, settings).text(coefficients)
