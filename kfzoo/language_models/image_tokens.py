"""Images as tokens, so that a vision-language model is trained and decoded like any language model.

Each patch that the merger returns becomes a token with a negative number of its own in the batch. A prompt with an
image is then a sequence of numbers: two prompts are equal as far as their images are, and caches, prefixes and drafts
do not depend on images. This module maps the numbers to embeddings, and places in the sequence to Qwen3-VL's positions
in time, height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from kfzoo.errors import InputError
from kfzoo.language_models.vision_language import inner


class ImageTokenModel:
    """A Qwen3-VL with image tokens; the images that are encoded together have one size and one place in the prompt.

    `rope_deltas`, which transformers keeps on the model between calls, is neither read nor written, so that rows with
    and without an image can be in one pass.

    Args:
        model: `Qwen3VLForConditionalGeneration`, or PEFT's wrapper of it.
        size: Side in pixels of square images; None where each has its own size.
        start: Number of tokens before the image.

    Attributes:
        config: Configuration of the language decoder.
        piece: Side in pixels of a merged patch, which becomes one token.

    Raises:
        InputError: For a size that is no multiple of `piece`.
    """

    def __init__(self, model: Any, size: int | None, start: int) -> None:
        self._model = inner(model)
        vision = self._model.config.vision_config
        self._patch, self._merge = vision.patch_size, vision.spatial_merge_size
        self._frames = vision.temporal_patch_size
        self.piece: int = self._patch * self._merge
        if size is not None and (size < self.piece or size % self.piece):
            problem = f"is {size}, expected a multiple of {self.piece}"
            raise InputError("model.size", problem, f"such as {4 * self.piece}")
        self.config: Any = self._model.config.text_config
        side = 0 if size is None else size // self.piece
        self._rows, self._columns = side, side
        self._start = start
        self._features = torch.zeros(0)
        self._deep: list[Tensor] = []

    @property
    def count(self) -> int:
        """Number of tokens of each image of those that are encoded."""
        return self._rows * self._columns

    def encode(self, images: Tensor) -> None:
        """Encodes the images to which the next calls refer.

        Args:
            images: (B, 3, H, W) in [0, 1]; H and W are multiples of `piece`.
        """
        tower = self._model.model.visual
        self._rows, self._columns = (side // self.piece for side in images.shape[-2:])
        sides = [1, self._rows * self._merge, self._columns * self._merge]
        grid = torch.tensor([sides], device=images.device)
        # A frozen tower keeps no activations.
        with torch.set_grad_enabled(torch.is_grad_enabled() and any(each.requires_grad for each in tower.parameters())):
            pixels = patches(images, self._patch, self._merge, self._frames).to(tower.dtype)
            found = tower(pixels, grid_thw=grid.expand(len(images), 3), return_dict=True)
        self._features, self._deep = found.pooler_output, list(found.deepstack_features)

    def features(self, count: int) -> Tensor:
        """Returns the merger's features of the `count` encoded images, (count, tokens · width)."""
        return self._features.view(count, -1).float()

    def image(self, row: int) -> tuple[int, ...]:
        """Returns the tokens of an image, by its row in the encoded images."""
        first = row * self.count
        return tuple(-1 - token for token in range(first, first + self.count))

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: Any = None,
        use_cache: bool = False,
        logits_to_keep: Tensor | int = 0,
    ) -> Any:
        """Runs the model with the interface of transformers' causal language models, image tokens included.

        Args:
            input_ids: (B, N).
            attention_mask: (B, P + N) bool.
            position_ids: (B, N), place of each token in its row.
            past_key_values: A cache of P places.
            use_cache: Whether the new keys and values are added to it.
            logits_to_keep: Columns, or a mask (B, N) bool, whose logits are wanted.
        """
        from transformers.modeling_outputs import CausalLMOutputWithPast

        decoder = self._model.model.language_model
        embedded = decoder.embed_tokens(input_ids.clamp_min(0))
        image = input_ids < 0
        deep = None
        if image.any():
            tokens = -1 - input_ids[image]
            embedded = embedded.masked_scatter(image[..., None], self._features[tokens].to(embedded.dtype))
            deep = [each[tokens] for each in self._deep]
        states = decoder(
            inputs_embeds=embedded,
            attention_mask=attention_mask,
            position_ids=self.positions(position_ids),
            past_key_values=past_key_values,
            use_cache=use_cache,
            visual_pos_masks=None if deep is None else image,
            deepstack_visual_embeds=deep,
        ).last_hidden_state
        logits = self._model.lm_head(_kept(states, logits_to_keep))
        return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    def positions(self, places: Tensor) -> Tensor:
        """Returns the positions in time, height and width, (3, B, N), of places (B, N).

        Text advances in all three. The tokens of an image have one time, and their rows and columns as height and
        width; the text after it continues after its longer side.
        """
        if not self.count:
            raise ValueError("no image is encoded")
        within = places - self._start
        text = torch.where(within < self.count, places, places - self.count + max(self._rows, self._columns))
        inside = (within >= 0) & (within < self.count)
        time = torch.where(inside, self._start, text)
        height = torch.where(inside, self._start + within // self._columns, text)
        width = torch.where(inside, self._start + within % self._columns, text)
        return torch.stack([time, height, width])

    # The rest of the interface that training and decoding use.

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return cast(bool, self._model.training)

    def train(self, mode: bool = True) -> ImageTokenModel:
        """Puts the model into training mode, or out of it."""
        self._model.train(mode)
        return self

    def eval(self) -> ImageTokenModel:
        """Puts the model out of training mode."""
        return self.train(False)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yields the model's parameters."""
        return cast(Iterator[nn.Parameter], self._model.parameters())


def patches(images: Tensor, patch: int, merge: int, frames: int) -> Tensor:
    """Cuts images as Qwen's image processor does: by merged patch, patch, colour and frame.

    Args:
        images: (B, 3, H, W) in [0, 1]; H and W are multiples of `patch * merge`.
        patch: Side of a patch in pixels.
        merge: Patches along a side of a merged patch.
        frames: Number of repetitions of a still image.

    Returns:
        (B · (H / patch) · (W / patch), 3 · frames · patch²), in [-1, 1].
    """
    count, colours, height, width = images.shape
    rows, columns = height // (patch * merge), width // (patch * merge)
    cut = (images * 2 - 1).view(count, colours, rows, merge, patch, columns, merge, patch)
    cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)
    shape = (count, rows, columns, merge, merge, colours, frames, patch, patch)
    return cut.unsqueeze(6).expand(shape).reshape(count * rows * columns * merge**2, -1)


def _kept(states: Tensor, kept: Tensor | int) -> Tensor:
    if isinstance(kept, int):
        return states[:, -kept:] if kept else states
    return states[kept] if kept.dtype == torch.bool else states[:, kept]
