"""KeyframeFace's generator: a language model, tuned by LoRA, that writes a keyframe's coefficients as text.

The configurations of the paper's tables are settings of this class: `tune` (Base or Tuned), `language_model`,
`representation` (semantic or non-semantic), and the annotation of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import Adapter, load_weights
from kfzoo.language_models.answer_layout import Layout, Representation
from kfzoo.language_models.answer_trie import Template
from kfzoo.language_models.batched_cache import Prefix
from kfzoo.language_models.chat_format import ChatFormat, Thinking
from kfzoo.language_models.constrained_decoding import Decoded, Mode, decode
from kfzoo.language_models.loading import add_lora, load_language_model, lora_config
from kfzoo.language_models.shared_prefix_loss import Example, plain_loss, tree_loss
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.llm_generator.prompt import parts
from kfzoo.models.llm_generator.reading import read_answers
from kfzoo.training.module import Monitor
from kfzoo.training.optimizers import adamw


class LLMGenerator(KeyframeModule):
    """A causal language model that answers a script, one keyframe after the other (KeyframeFace, section 4.2).

    Checkpoints hold the adapter alone; the language model is loaded by its name again. They are chosen by the loss on
    validation: to generate every keyframe after every epoch would take longer than to train.

    Args:
        language_model: Specification (`kfzoo.language_models.loading`): `smollm2`, or `huggingface:<name or folder>`.
        representation: "semantic" explains the 61 parameters and asks for them by name; "non_semantic" asks for a bare
            vector and explains nothing (section 5.1).
        decimals: Digits of a value, 1 to 3; the released answers have one.
        thinking: "empty" for hybrid models that answer behind an empty thought (Qwen3-14B), else "none".
        tune: Whether LoRA is trained; without it, and without an adapter, the pre-trained model answers as it is
            ("Base").
        adapter: Folder of a PEFT adapter, such as ms-swift writes (`kfzoo.language_models.adapter`), that is
            trained further, or with `tune` false answers as it is. Its own rank, alpha, dropout and layers count, and
            its system message where it names one. A checkpoint needs the folder no more: it has the adapter's settings
            here.
        rank: LoRA's r.
        alpha: LoRA's alpha.
        dropout: LoRA's dropout.
        learning_rate: AdamW's.
        warmup_steps: Steps over which the learning rate rises from 0.
        cosine: Let the learning rate fall to 0 along a cosine; the paper does not say.
        precision: Type of the language model's weights.
        share_prefixes: Train with one prefix tree a batch; else with separate sequences, which gradient checkpointing
            needs.
        gradient_checkpointing: Compute activations twice to hold fewer; for large models.
        decoding: "drafted", "template" or "free" (`kfzoo.language_models.constrained_decoding`).
        values: "likeliest" reads the coefficients from the answer's text, as the paper does; "mean" takes the mean of
            each value under the model's likelihoods, which squared errors reward (`Expectation`).
        lockstep: Keyframes that are decoded together.
    """

    monitor = Monitor("val/loss", "min")

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
        decoding: Mode = "drafted",
        values: Literal["likeliest", "mean"] = "likeliest",
        lockstep: int = 16,
    ) -> None:
        super().__init__()
        if values == "mean" and decoding == "free":
            raise InputError("values", "a free answer has no mean", "set values to likeliest, or decoding to drafted")
        if share_prefixes and gradient_checkpointing:
            raise InputError("share_prefixes", "cannot go with gradient_checkpointing", "set one of them to false")
        self.save_hyperparameters()
        given = Adapter.of(adapter)
        if given:
            self.hparams.update(given.agree(self.hparams))
        self._system = given.system if given else ""
        model, tokenizer = load_language_model(language_model, dtype=getattr(torch, precision))
        self.chat = ChatFormat(tokenizer, thinking)
        self._pad = int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id)
        self.model: Any = model
        if given:
            self.model = given.put_on(model)
            if isinstance(adapter, str):
                load_weights(self.model, adapter)
        elif tune:
            self.model = add_lora(model, lora_config(rank, alpha, dropout))
        if not tune:
            self.model.requires_grad_(False)
        else:
            self.model.train()
            if gradient_checkpointing:
                self.model.enable_input_require_grads()
                self.model.gradient_checkpointing_enable()
        self._prefix: Prefix | None = None

    # Learning -------------------------------------------------------------------------------------------------------

    def example(self, sample: Sample) -> Example:
        """Writes a keyframe as a training sequence: the prompt in its shared parts, and the answer.

        Raises:
            InputError: When its coefficients are not known.
        """
        coefficients = sample.keyframe.coefficients
        if coefficients is None:
            raise InputError(f"keyframe '{sample.id}'", "has no coefficients to learn", "take it out of the data")
        return Example(self._prompt(sample), tuple(self.chat.answer_ids(self._layout(sample).text(coefficients))))

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the mean cross entropy of the answers' tokens; nothing is to be learned where nothing is tuned."""
        if not self.hparams["tune"]:
            return {"loss": torch.zeros((), device=self.device)}
        self._prefix = None  # it was read with other weights
        return {"loss": self._cross_entropy(batch)}

    def _cross_entropy(self, batch: KeyframeBatch) -> Tensor:
        examples = [self.example(sample) for sample in batch.samples]
        if not self.hparams["share_prefixes"]:
            return plain_loss(self.model, examples, self._pad)
        # On a CPU one answer at a time is fastest, and a whole batch of long ones does not fit into the memory.
        rows = 1 if self.device.type == "cpu" else None
        return tree_loss(self.model, examples, self._pad, rows=rows)

    def on_validation_epoch_start(self) -> None:
        """Keeps nothing: the loss is logged as a mean."""

    def validation_step(self, batch: KeyframeBatch, batch_idx: int) -> None:
        """Logs `val/loss`, the "Eval Loss" of KeyframeFace's tables 2 and 5."""
        self.log("val/loss", self._cross_entropy(batch), batch_size=len(batch), prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """AdamW on the adapter, at a constant rate or with a warm-up and a cosine."""
        if not self.hparams["tune"]:
            return None
        learned = [each for each in self.parameters() if each.requires_grad]
        schedule = {"warmup": self.hparams["warmup_steps"], "cosine": self.hparams["cosine"]}
        return adamw(self, learned, self.hparams["learning_rate"], **schedule)

    def stored(self) -> dict[str, Tensor]:
        """The adapter and the training part's statistics."""
        return {name: values for name, values in self.state_dict().items() if not self._is_of_base(name)}

    def _is_of_base(self, name: str) -> bool:
        return name.startswith("model.") and "lora_" not in name

    # Answering ------------------------------------------------------------------------------------------------------

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each keyframe with the whole script in view; keyframes go through the model together."""
        return read_answers(self.answer(batch.samples), self.hparams["values"] == "mean", self.device)

    def answer(self, samples: Sequence[Sample]) -> list[Decoded]:
        """Decodes the answers of keyframes, in their order."""
        prompts = [self._prompt(sample) for sample in samples]
        templates = [Template.of(self._layout(sample), self.chat) for sample in samples]
        found: list[Decoded] = []
        size = self.hparams["lockstep"]
        for start in range(0, len(samples), size):
            whole = [[token for part in prompt for token in part] for prompt in prompts[start : start + size]]
            mode: Mode = self.hparams["decoding"]
            prefix = None if mode == "free" else self._shared_prefix(prompts[start][0])
            found += decode(self.model, templates[start : start + size], whole, mode, prefix=prefix)
        return found

    def _shared_prefix(self, system: tuple[int, ...]) -> Prefix | None:
        """The system message as the model remembers it; it is read once, as long as the weights stay."""
        if self.training or not system:
            return None
        if self._prefix is None or self._prefix.ids != system:
            self._prefix = Prefix.of(self.model, system)
        return self._prefix

    def _prompt(self, sample: Sample) -> tuple[tuple[int, ...], ...]:
        asked = parts(sample, self.hparams["representation"])
        return self.chat.parts_ids(asked._replace(system=self._system or asked.system))

    def _layout(self, sample: Sample) -> Layout:
        return Layout.of(self.hparams["representation"], self.hparams["decimals"], sample.position)
