"""SemanticFace's stage II: a vision-language model that writes a face's coefficients, and an analysis before them.

The rows of the paper's ablation differ in one setting of this class, `semantics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from kfzoo.annotation.analysis import NO_OBJECT
from kfzoo.annotation.rule import words
from kfzoo.arkit.channels import CHANNELS
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.errors import InputError
from kfzoo.language_models.adapter import Adapter, adapted, load_weights
from kfzoo.language_models.answer_trie import AnswerTrie
from kfzoo.language_models.attention import fast_attention
from kfzoo.language_models.chat_format import ChatFormat
from kfzoo.language_models.constrained_decoding import Decoded, Values, current_settings, decode
from kfzoo.language_models.exchange import write_adapter
from kfzoo.language_models.free_text import FreeText
from kfzoo.language_models.image_sizing import FEWEST_TOKENS, image_reader
from kfzoo.language_models.image_tokens import ImageTokenModel
from kfzoo.language_models.labels import Example
from kfzoo.language_models.lora import is_base_weight, set_trainable
from kfzoo.language_models.shared_prefix_loss import plain_loss
from kfzoo.language_models.vision_language import DECODER_LAYERS, check_tower_frozen, load_vision_language_model
from kfzoo.models.base import Generation, KeyframeModule
from kfzoo.models.vlm_estimator.answer import (
    SEPARATOR,
    SYSTEM,
    Annotator,
    Prompt,
    Semantics,
    answer_texts,
    layout,
    messages,
    request_line,
)
from kfzoo.models.vlm_estimator.tiny_model import CLOSED, IMAGE, OPENED, tiny_model, tiny_tokenizer
from kfzoo.training.optimizers import adamw

TINY = "tiny"
_EXPORTED = ("semantics", "decimals", "prompt", "size")


class VLMEstimator(KeyframeModule):
    """A vision-language model that estimates 61 coefficients from an image of a face (SemanticFace, section 3.3).

    A model of the hub is tuned by LoRA on its language decoder; its vision tower and merger are frozen. `tiny` is
    trained completely, from random weights. Checkpoints hold what is trained: the adapter, or all of `tiny`.

    Args:
        vision_language_model: `tiny`, or `huggingface:<name or folder>` of a Qwen3-VL.
        semantics: "A0" writes a vector, "A1" names and values, "A2" an analysis before them (section 5.1).
        decimals: Digits of a value, 1 to 3; the released answers have one.
        prompt: "semanticface" is the paper's text with the image (appendix 0.B.2); "image" is the image alone, enough
            for a model without language.
        annotator: Source of A2's analyses: "rule" derives them from the coefficients, "data" takes the data's own,
            from stage I (`kfzoo.annotation.described.Described`).
        size: Side in pixels, a multiple of 32, of a square into which every image is scaled, with grey bars: 128 pixels
            are 16 tokens. None keeps each image's aspect, with sides that are multiples of 32, as Qwen3-VL does.
        max_image_tokens: Tokens of an image with its own aspect; larger ones are scaled down. 1,024 is ms-swift's.
        tune: Whether anything is trained; without it, and without an adapter, the pre-trained model answers ("Base").
        adapter: Folder of a PEFT adapter, such as ms-swift writes, as in `LLMGenerator`.
        rank: LoRA's r.
        alpha: LoRA's alpha.
        dropout: LoRA's dropout.
        width: Width of `tiny`.
        layers: Layers of `tiny`, in tower and decoder each.
        vocabulary: Words of `tiny`'s tokenizer; by default those of the rule's analyses. A checkpoint contains them.
        tower_steps: First steps, in which only the tower and merger of `tiny` are trained, by the squared error of a
            linear layer on their features. They replace the pre-trained tower of a model of the hub.
        learning_rate: AdamW's learning rate.
        warmup_steps: Steps over which the learning rate rises from 0, in both stages of the training.
        cosine: Let the learning rate fall to 0 along a cosine.
        precision: Type of the frozen weights; `tiny` is float32.
        gradient_checkpointing: Compute activations twice to save memory; for large models.
        decoding: "drafted" or "template" (`kfzoo.language_models.constrained_decoding`): the values are always valid.
        values: "greedy" reads the coefficients from the answer's text, as the paper does; "mean" takes the mean of
            each value under the model's probabilities.
        decode_batch_size: Images that are decoded together.
        max_analysis_tokens: Tokens after which an analysis ends.

    Raises:
        InputError: For settings that exclude each other, and a model or an adapter that cannot be loaded.
    """

    condition = "image"
    batching_settings: ClassVar[Mapping[str, int]] = {"decode_batch_size": 1, "gradient_checkpointing": True}

    def __init__(
        self,
        vision_language_model: str = TINY,
        semantics: Semantics = "A2",
        decimals: int = 1,
        prompt: Prompt = "image",
        annotator: Annotator = "rule",
        size: int | None = 128,
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
        values: Values = "greedy",
        decode_batch_size: int = 32,
        max_analysis_tokens: int = 512,
        max_image_tokens: int = 1024,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.image_size = size
        if max_image_tokens < FEWEST_TOKENS:
            raise InputError("model.max_image_tokens", f"is {max_image_tokens}, expected at least {FEWEST_TOKENS}")
        if tower_steps and size is None:
            raise InputError("model.tower_steps", "needs images of one size", "set model.size, or tower_steps to 0")
        given = Adapter.of(adapter, SYSTEM)
        self._tiny = vision_language_model == TINY
        self.model: Any
        if self._tiny:
            if given or not tune:
                problem = "has random weights: it takes no adapter, and must be tuned"
                raise InputError("model.vision_language_model 'tiny'", problem, "remove adapter and tune")
            vocabulary = list(vocabulary or words())
            self.hparams["vocabulary"] = vocabulary
            tokenizer: Any = tiny_tokenizer(decimals, vocabulary)
            self.model = tiny_model(len(tokenizer), width, layers, tokenizer.convert_tokens_to_ids(IMAGE))
        else:
            if tower_steps:
                raise InputError("model.tower_steps", "is for `tiny`: other models have trained towers", "set it to 0")
            if given:
                self.hparams.update(given.hyperparameters(self.hparams, "vision_language_model"))
            model, tokenizer = load_vision_language_model(vision_language_model, getattr(torch, precision))
            self.model = adapted(model, given, self.hparams, DECODER_LAYERS)
            check_tower_frozen(self.model)
            if given and isinstance(adapter, str):
                load_weights(self.model, adapter)
        set_trainable(self.model, tune, gradient_checkpointing)
        self.chat = ChatFormat(tokenizer)
        self._trie = AnswerTrie.of(layout(semantics, decimals), self.chat)
        self._free_text: FreeText | None = None
        if semantics == "A2":
            self._free_text = FreeText(tokenizer, NO_OBJECT, SEPARATOR, max_analysis_tokens)
        self._before, self._after = self._prompt(given.system if given else "")
        self._images = ImageTokenModel(self.model, size, len(self._before))
        self.reading = nn.Linear(self._images.count * width, len(CHANNELS)) if tower_steps else None
        if self.reading is not None:
            nn.init.zeros_(self.reading.weight)  # It starts as the mean face: random values would mislead the tower.
            nn.init.zeros_(self.reading.bias)

    @classmethod
    def current_settings(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the hyper-parameters of a checkpoint by their names in this version."""
        return current_settings(stored)

    def _prompt(self, system: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the tokens before and after the image."""
        request = messages(self.hparams["semantics"], self.hparams["prompt"], OPENED + IMAGE + CLOSED, system)
        ids = self.chat.prompt_ids(request)
        image = self.chat.tokenizer.convert_tokens_to_ids(IMAGE)
        if ids.count(image) != 1:
            raise InputError("tokenizer", f"has no token {IMAGE}", "choose a Qwen3-VL with its own tokenizer")
        at = ids.index(image)
        return tuple(ids[:at]), tuple(ids[at + 1 :])

    def collate(self, samples: Sequence[Sample]) -> KeyframeBatch:
        """Collects samples into a batch, with images as `size` says.

        Raises:
            InputError: For a keyframe without an image, or a file that is none.
        """
        most = self.hparams["max_image_tokens"]
        return collate(samples, read=image_reader(self.image_size, self._images.piece, most))

    def _request(self, row: int) -> tuple[int, ...]:
        return (*self._before, *self._images.image(row), *self._after)

    # Training -------------------------------------------------------------------------------------------------------

    def answer_ids(self, sample: Sample) -> tuple[int, ...]:
        """Returns the tokens that are learned for a keyframe: analysis, values, and what closes the answer.

        Raises:
            InputError: When its coefficients, or its analysis, are not known.
        """
        settings = self.hparams
        analysis, values = answer_texts(sample, settings["semantics"], settings["decimals"], settings["annotator"])
        # Tokenised apart, as they are decoded: no token spans the two.
        first: list[int] = self.chat.tokenizer(analysis, add_special_tokens=False)["input_ids"] if analysis else []
        return (*first, *self.chat.answer_ids(values))

    def loss(self, batch: KeyframeBatch) -> dict[str, Tensor]:
        """Returns the mean cross entropy of the answers' tokens; 0 where nothing is tuned."""
        if not self.hparams["tune"]:
            return {"loss": torch.zeros((), device=self.device)}
        if self.reading is not None and self._trains_tower:
            self._images.encode(batch.images)
            read = self.train_mean + self.reading(self._images.features(len(batch)))
            return {"loss": (read - batch.targets).square().mean() + self._zero()}
        answers = [self.answer_ids(sample) for sample in batch.samples]
        total = sum(map(len, answers))
        losses = []
        for rows, images in batch.images_by_size():
            own = [answers[row] for row in rows]
            losses.append(self._answer_loss(images, own) * (sum(map(len, own)) / total))
        return {"loss": torch.stack(losses).sum() + self._zero()}

    def _answer_loss(self, images: Tensor, answers: Sequence[tuple[int, ...]]) -> Tensor:
        """Returns the mean cross entropy of the answers to images of one size."""
        self._images.encode(images)
        examples = [Example((self._request(row),), answer) for row, answer in enumerate(answers)]
        model: Any = self._images
        # Checkpointed activations are recomputed after this block, with the model's original attention.
        recomputed = self.hparams["gradient_checkpointing"]
        with nullcontext() if recomputed else fast_attention(model, self.device):
            return plain_loss(model, examples, self.chat.pad_id)

    @property
    def _trains_tower(self) -> bool:
        """Whether this step trains the tower of `tiny`, and not its answers."""
        return self.global_step < int(self.hparams["tower_steps"])

    def _unused(self) -> list[nn.Parameter]:
        """Returns the parameters without a part in this step's loss, where `tower_steps` divide the training."""
        if self.reading is None:
            return []
        if not self._trains_tower:
            return list(self.reading.parameters())
        named = self.model.named_parameters()
        return [each for name, each in named if ".visual." not in name or "deepstack" in name]

    def _zero(self) -> Tensor:
        """Returns 0 as a function of the unused parameters: DDP expects every parameter in every loss."""
        zero = torch.zeros((), device=self.device)
        return sum((0 * each.sum() for each in self._unused()), zero)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Removes the gradients of unused parameters: with a gradient of 0, weight decay would change them."""
        for each in self._unused():
            each.grad = None

    def configure_optimizers(self) -> Any:
        """Returns AdamW on what is trained, with a constant rate or with a warm-up and a cosine."""
        if not self.hparams["tune"]:
            return None
        trained = [each for each in self.parameters() if each.requires_grad]
        settings = self.hparams
        rate, warmup, restart = settings["learning_rate"], settings["warmup_steps"], settings["tower_steps"]
        return adamw(self, trained, rate, warmup=warmup, cosine=settings["cosine"], restart=restart)

    def stored(self) -> dict[str, Tensor]:
        """Returns what is trained, the adapter or all of `tiny`, and the training part's statistics."""
        own = self.state_dict()
        if self._tiny:
            own.pop("model.lm_head.weight", None)  # The same tensor as the embeddings.
            return own
        return {name: values for name, values in own.items() if not is_base_weight(name)}

    # Decoding -------------------------------------------------------------------------------------------------------

    def generate(self, batch: KeyframeBatch) -> Generation:
        """Answers each image; images of one size are decoded together."""
        found: dict[int, Decoded] = {}
        for rows, images in batch.images_by_size():
            found |= zip(rows, self.answer(images), strict=True)
        answers = [found[row] for row in range(len(batch))]
        faces = [each.coefficients(self.hparams["values"]) for each in answers]
        return Generation.of_texts([each.text for each in answers], faces, self.device)

    @torch.no_grad()
    def answer(self, images: Tensor) -> list[Decoded]:
        """Decodes the answers to images (B, 3, H, W) in [0, 1], in their order."""
        answers: list[Decoded] = []
        for part in torch.split(images, self.hparams["decode_batch_size"]):
            self._images.encode(part)
            prompts = [self._request(row) for row in range(len(part))]
            tries = [self._trie] * len(prompts)
            answers += decode(self._images, tries, prompts, self.hparams["decoding"], free_text=self._free_text)
        return answers

    # Export ---------------------------------------------------------------------------------------------------------

    @staticmethod
    def save_adapter(
        folder: str | Path, settings: Mapping[str, Any], stored: Mapping[str, Tensor], annotation: str = ""
    ) -> None:
        """Writes the adapter for PEFT and ms-swift, as `Exchangeable` says; the annotation does not concern it."""
        given = Adapter.of(settings.get("adapter", ""), SYSTEM)
        asks = settings["prompt"] == "semanticface"
        write_adapter(
            folder,
            settings,
            stored,
            language_model=settings["vision_language_model"],
            trained={name: settings[name] for name in _EXPORTED},
            system=((given.system if given else "") or SYSTEM) if asks else None,
            arguments={"freeze_vit": True, "freeze_aligner": True},
            layers=DECODER_LAYERS,
        )

    @staticmethod
    def training_line(sample: Sample, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Returns request and answer as a line that ms-swift trains on and `ChatJsonl` reads.

        Raises:
            InputError: When the image or a part of the answer is not known, or the settings' request has no text.
        """
        if settings["prompt"] != "semanticface":
            raise InputError("model.prompt", "is image: the request has no text", "set it to semanticface")
        texts = answer_texts(sample, settings["semantics"], settings["decimals"], settings["annotator"])
        return request_line(sample, settings["semantics"], "".join(texts))
