"""SemanticFace's stage II: a vision-language model that writes a face's coefficients, and words before them.

The rows of the paper's ablation are one setting of this class, `semantics`; all else is equal.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from kfzoo.annotation.analysis import NO_OBJECT
from kfzoo.annotation.rule import words
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import Adapter, load_weights
from kfzoo.language_models.answer_trie import Template
from kfzoo.language_models.attention import fast_attention
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.constrained_decoding import Decoded, decode
from kfzoo.language_models.free_text import Preface
from kfzoo.language_models.loading import add_lora, lora_config
from kfzoo.language_models.shared_prefix_loss import Example, plain_loss
from kfzoo.language_models.vision_language import DECODER_LAYERS, load_vision_language_model, tower_of
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.llm_generator.reading import read_answers
from kfzoo.models.vlm_estimator.answer import JOINT, Annotator, Prompt, Semantics, answer_texts, layout, messages
from kfzoo.models.vlm_estimator.image_tokens import Seeing
from kfzoo.models.vlm_estimator.tiny_model import CLOSED, IMAGE, OPENED, tiny_model, tiny_tokenizer
from kfzoo.training.optimizers import adamw

TINY = "tiny"


class VLMEstimator(KeyframeModule):
    """A vision-language model that looks at a face and writes 61 coefficients (SemanticFace, section 3.3).

    A model of the hub is tuned by LoRA on its language decoder alone; vision tower and merger stay as they are. `tiny`
    is trained whole, from random weights. Checkpoints hold what is trained: the adapter, or all of `tiny`.

    Args:
        vision_language_model: `tiny`, or `huggingface:<name or folder>` of a Qwen3-VL.
        semantics: "A0" writes a bare vector, "A1" names and values, "A2" the analysis before them (section 5.1).
        decimals: Digits of a value, 1 to 3; the released answers have one.
        prompt: "semanticface" asks in the paper's words (appendix 0.B.2); "image" shows the image alone, enough for
            a model that knows no language.
        annotator: Where A2's analyses come from: "rule" makes them of the coefficients, "data" takes the data's own,
            from stage I (`kfzoo.annotation.described.Described`).
        size: Side of the images in pixels, a multiple of 32: 128 are 16 tokens.
        tune: Whether anything is trained; without it, and without an adapter, the model answers as it is ("Base").
        adapter: Folder of a PEFT adapter, such as ms-swift writes, as in `LLMGenerator`.
        rank: LoRA's r.
        alpha: LoRA's alpha.
        dropout: LoRA's dropout.
        width: Of `tiny`.
        layers: Of `tiny`, in tower and decoder each.
        vocabulary: Words of `tiny`'s tokenizer; by default those of the rule's analyses. A checkpoint has them here.
        tower_steps: Steps in which `tiny` learns to see before it learns to write: its tower and merger alone, by the
            squared error of a linear reading. They stand for the pretrained tower that a model of the hub comes with.
        learning_rate: AdamW's.
        warmup_steps: Steps over which the learning rate rises from 0, to see and again to write.
        cosine: Let the learning rate fall to 0 along a cosine.
        precision: Type of the frozen weights; `tiny` is float32.
        gradient_checkpointing: Compute activations twice to hold fewer; for large models.
        decoding: "drafted" or "template" (`kfzoo.language_models.constrained_decoding`): the values are always valid.
        values: "likeliest" reads the coefficients from the answer's text, as the paper does; "mean" takes the mean of
            each value under the model's likelihoods.
        lockstep: Images that are answered together.
        longest_analysis: Tokens after which an analysis is ended.

    Raises:
        InputError: For settings that do not go together, and a model or an adapter that cannot be loaded.
    """

    condition = "image"

    def __init__(
        self,
        vision_language_model: str = TINY,
        semantics: Semantics = "A2",
        decimals: int = 1,
        prompt: Prompt = "image",
        annotator: Annotator = "rule",
        size: int = 128,
        tune: bool = True,
        adapter: str | dict[str, Any] = "",
        rank: int = 8,
        alpha: int = 32,
        dropout: float = 0.05,
        width: int = 128,
        layers: int = 4,
        vocabulary: list[str] | None = None,
        tower_steps: int = 0,
        learning_rate: float = 1e-4,
        warmup_steps: int = 0,
        cosine: bool = False,
        precision: Literal["float32", "bfloat16"] = "float32",
        gradient_checkpointing: bool = False,
        decoding: Literal["drafted", "template"] = "drafted",
        values: Literal["likeliest", "mean"] = "likeliest",
        lockstep: int = 32,
        longest_analysis: int = 512,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.image_size = size
        given = Adapter.of(adapter)
        self._tiny = vision_language_model == TINY
        if self._tiny:
            if given or not tune:
                problem = "has random weights: it takes no adapter, and cannot go without being tuned"
                raise InputError("model.vision_language_model 'tiny'", problem, "leave adapter and tune as they are")
            vocabulary = list(vocabulary or words())
            self.hparams["vocabulary"] = vocabulary
            tokenizer: Any = tiny_tokenizer(decimals, vocabulary)
            image = tokenizer.convert_tokens_to_ids(IMAGE)
            self.model: Any = tiny_model(len(tokenizer), width, layers, image)
        else:
            if tower_steps:
                problem = "is for `tiny`: a model of the hub has learnt to see"
                raise InputError("model.tower_steps", problem, "set it to 0")
            if given:
                self.hparams.update(given.agree(self.hparams, "vision_language_model"))
            self.model, tokenizer = load_vision_language_model(vision_language_model, getattr(torch, precision))
            self._adapt(given, adapter)
        self.model.train(tune)
        if gradient_checkpointing:
            self.model.enable_input_require_grads()
            self.model.gradient_checkpointing_enable()
        self.chat = ChatFormat(tokenizer)
        self._template = Template.of(layout(semantics, decimals), self.chat)
        self._preface = Preface(tokenizer, NO_OBJECT, JOINT, longest_analysis) if semantics == "A2" else None
        self._before, self._after = self._prompt(tokenizer, given.system if given else "")
        self._seeing = Seeing(self.model, size, len(self._before))
        self.reading = nn.Linear(self._seeing.pieces * width, len(CHANNELS)) if tower_steps else None
        if self.reading is not None:
            nn.init.zeros_(self.reading.weight)  # it begins as the mean face: by chance it would mislead the tower
            nn.init.zeros_(self.reading.bias)

    def _adapt(self, given: Adapter | None, adapter: str | dict[str, Any]) -> None:
        """Puts LoRA beside the decoder's layers, where something is to be tuned or an adapter is given."""
        settings = self.hparams
        if given:
            self.model = given.put_on(self.model)
            adapted = [name for name, _ in tower_of(self.model).named_modules() if name.endswith("lora_A")]
            if adapted:
                problem = f"adapts the vision tower, too ({adapted[0]} and {len(adapted) - 1} more)"
                raise InputError("model.adapter", problem, "SemanticFace's adapters leave it as it is")
            if isinstance(adapter, str):
                load_weights(self.model, adapter)
        elif settings["tune"]:
            lora = lora_config(settings["rank"], settings["alpha"], settings["dropout"], DECODER_LAYERS)
            self.model = add_lora(self.model, lora)
        if not settings["tune"]:
            self.model.requires_grad_(False)

    def _prompt(self, tokenizer: Any, system: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the tokens before and behind the image."""
        asked = messages(self.hparams["semantics"], self.hparams["prompt"], OPENED + IMAGE + CLOSED, system)
        ids = self.chat.prompt_ids(asked)
        image = tokenizer.convert_tokens_to_ids(IMAGE)
        if ids.count(image) != 1:
            raise InputError("tokenizer", f"knows no token {IMAGE}", "choose a Qwen3-VL with its own tokenizer")
        at = ids.index(image)
        return tuple(ids[:at]), tuple(ids[at + 1 :])

    # Learning -------------------------------------------------------------------------------------------------------

    def answer_ids(self, sample: Sample) -> tuple[int, ...]:
        """Returns the tokens that are learned for a keyframe: analysis, values, and what closes the answer.

        Raises:
            InputError: When its coefficients, or its analysis, are not known.
        """
        settings = self.hparams
        told, values = answer_texts(sample, settings["semantics"], settings["decimals"], settings["annotator"])
        # Apart, as they are decoded: no token spans the two.
        first: list[int] = self.chat.tokenizer(told, add_special_tokens=False)["input_ids"] if told else []
        return (*first, *self.chat.answer_ids(values))

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the mean cross entropy of the answers' tokens; nothing is to be learned where nothing is tuned."""
        if not self.hparams["tune"]:
            return {"loss": torch.zeros((), device=self.device)}
        self._seeing.look(batch.images)
        if self.reading is not None and self._sees:
            read = self.train_mean + self.reading(self._seeing.seen(len(batch)))
            return {"loss": (read - batch.targets).square().mean() + self._nothing()}
        examples = [
            Example((self._question(row),), self.answer_ids(sample)) for row, sample in enumerate(batch.samples)
        ]
        model: Any = self._seeing
        # What is computed twice is so after the loss, where the model attends as it came.
        twice = self.hparams["gradient_checkpointing"]
        with nullcontext() if twice else fast_attention(model, self.device):
            return {"loss": plain_loss(model, examples, self._pad) + self._nothing()}

    @property
    def _sees(self) -> bool:
        """Whether `tiny` learns to see in this step, and not to write."""
        return self.global_step < int(self.hparams["tower_steps"])

    def _idle(self) -> list[nn.Parameter]:
        """Returns what has no part in this step's loss, where `tower_steps` divide the training."""
        if self.reading is None:
            return []
        if not self._sees:
            return list(self.reading.parameters())
        named = self.model.named_parameters()
        return [each for name, each in named if ".visual." not in name or "deepstack" in name]

    def _nothing(self) -> Tensor:
        """Returns 0, of all that is idle: several processes want every parameter in every loss."""
        zero = torch.zeros((), device=self.device)
        return sum((0 * each.sum() for each in self._idle()), zero)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Leaves what is idle as it is: a gradient of 0 would let it decay."""
        for each in self._idle():
            each.grad = None

    def _question(self, row: int) -> tuple[int, ...]:
        return (*self._before, *self._seeing.image(row), *self._after)

    @property
    def _pad(self) -> int:
        return cast(int, self.chat.tokenizer.pad_token_id)

    def configure_optimizers(self) -> Any:
        """AdamW on what is trained, at a constant rate or with a warm-up and a cosine."""
        if not self.hparams["tune"]:
            return None
        learned = [each for each in self.parameters() if each.requires_grad]
        schedule = {"warmup": self.hparams["warmup_steps"], "cosine": self.hparams["cosine"]}
        return adamw(self, learned, self.hparams["learning_rate"], restart=self.hparams["tower_steps"], **schedule)

    def stored(self) -> dict[str, Tensor]:
        """What is trained, the adapter or all of `tiny`, and the training part's statistics."""
        own = self.state_dict()
        if self._tiny:
            own.pop("model.lm_head.weight", None)  # the embeddings once more
            return own
        return {name: values for name, values in own.items() if not name.startswith("model.") or "lora_" in name}

    # Answering ------------------------------------------------------------------------------------------------------

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each image; images go through the model together."""
        return read_answers(self.answer(batch.images), self.hparams["values"] == "mean", self.device)

    @torch.no_grad()
    def answer(self, images: Tensor) -> list[Decoded]:
        """Decodes the answers to images (B, 3, size, size) in [0, 1], in their order."""
        found: list[Decoded] = []
        for part in torch.split(images, self.hparams["lockstep"]):
            self._seeing.look(part)
            prompts = [self._question(row) for row in range(len(part))]
            templates = [self._template] * len(prompts)
            found += decode(self._seeing, templates, prompts, self.hparams["decoding"], preface=self._preface)
        return found
