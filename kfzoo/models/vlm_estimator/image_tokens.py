"""A vision-language model as a model of token sequences, so that all that trains and decodes language models serves it.

Each piece that the merger makes of an image becomes a token of its own, with a negative number that no other piece of
the batch has. A prompt with an image is then a plain sequence of numbers: two prompts share what they really share,
and caches, prefixes and drafts need to know nothing of images. Here the numbers are turned into embeddings, and
places into Qwen3-VL's positions in time, height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from kfzoo.errors import InputError
from kfzoo.language_models.vision_language import inner


class Seeing:
    """A Qwen3-VL whose images are all of one size and stand at one place in the prompt.

    `rope_deltas`, which transformers keeps on the model between calls, is neither read nor written: rows with and
    without an image in a pass go together.

    Args:
        model: `Qwen3VLForConditionalGeneration`, or PEFT's wrapper of it.
        size: Side of the images in pixels.
        start: How many tokens stand before the image.

    Attributes:
        config: Of the language decoder.
        pieces: How many tokens an image is.

    Raises:
        InputError: For a size that is no multiple of a piece's side.
    """

    def __init__(self, model: Any, size: int, start: int) -> None:
        self._model = inner(model)
        vision = self._model.config.vision_config
        self._patch, self._merge, self._frames = (
            vision.patch_size,
            vision.spatial_merge_size,
            vision.temporal_patch_size,
        )
        piece = self._patch * self._merge
        if size < piece or size % piece:
            raise InputError("model.size", f"is {size}, expected a multiple of {piece}", f"such as {4 * piece}")
        self.config: Any = self._model.config.text_config
        self._side = size // piece
        self.pieces = self._side**2
        self._start = start
        self._seen = torch.zeros(0)
        self._deep: list[Tensor] = []

    def look(self, images: Tensor) -> None:
        """Looks at the images that the next calls speak of.

        Args:
            images: (B, 3, size, size) in [0, 1].
        """
        tower = self._model.model.visual
        grid = torch.tensor([[1, self._side * self._merge, self._side * self._merge]], device=images.device)
        # A frozen tower keeps no activations.
        with torch.set_grad_enabled(torch.is_grad_enabled() and any(each.requires_grad for each in tower.parameters())):
            pixels = patches(images, self._patch, self._merge, self._frames).to(tower.dtype)
            found = tower(pixels, grid_thw=grid.expand(len(images), 3), return_dict=True)
        self._seen, self._deep = found.pooler_output, list(found.deepstack_features)

    def seen(self, count: int) -> Tensor:
        """Returns what the merger made of the images, (count, pieces · width), for as many as `look` was given."""
        return self._seen.view(count, -1).float()

    def image(self, number: int) -> tuple[int, ...]:
        """Returns the tokens of an image, by its row in what `look` was given."""
        first = number * self.pieces
        return tuple(-1 - piece for piece in range(first, first + self.pieces))

    def __call__(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        position_ids: Tensor,
        past_key_values: Any = None,
        use_cache: bool = False,
        logits_to_keep: Tensor | int = 0,
    ) -> Any:
        """Answers as a causal language model of transformers does, also to tokens of images.

        Args:
            input_ids: (B, N).
            attention_mask: (B, P + N) bool.
            position_ids: (B, N), each token's place among its row's tokens.
            past_key_values: A cache of P places.
            use_cache: Whether it is filled.
            logits_to_keep: Columns, or (B, N) bool, of which the logits are wanted.
        """
        from transformers.modeling_outputs import CausalLMOutputWithPast

        decoder = self._model.model.language_model
        embedded = decoder.embed_tokens(input_ids.clamp_min(0))
        seen = input_ids < 0
        deep = None
        if seen.any():
            pieces = -1 - input_ids[seen]
            embedded = embedded.masked_scatter(seen[..., None], self._seen[pieces].to(embedded.dtype))
            deep = [each[pieces] for each in self._deep]
        states = decoder(
            inputs_embeds=embedded,
            attention_mask=attention_mask,
            position_ids=self.positions(position_ids),
            past_key_values=past_key_values,
            use_cache=use_cache,
            visual_pos_masks=None if deep is None else seen,
            deepstack_visual_embeds=deep,
        ).last_hidden_state
        logits = self._model.lm_head(_kept(states, logits_to_keep))
        return CausalLMOutputWithPast(logits=logits, past_key_values=past_key_values)

    def positions(self, places: Tensor) -> Tensor:
        """Returns the positions in time, height and width of places, (3, B, N) of (B, N).

        Text goes on in all three; an image stands still in time, its pieces are counted in rows and columns, and the
        text behind it goes on after its longer side.
        """
        within = places - self._start
        text = torch.where(within < self.pieces, places, places - self.pieces + self._side)
        inside = (within >= 0) & (within < self.pieces)
        time = torch.where(inside, self._start, text)
        height = torch.where(inside, self._start + within // self._side, text)
        width = torch.where(inside, self._start + within % self._side, text)
        return torch.stack([time, height, width])

    # What a model's users ask of it beside calling it.

    @property
    def training(self) -> bool:
        """Whether the model is in training mode."""
        return cast(bool, self._model.training)

    def train(self, mode: bool = True) -> Seeing:
        """Puts the model into training mode, or out of it."""
        self._model.train(mode)
        return self

    def eval(self) -> Seeing:
        """Puts the model out of training mode."""
        return self.train(False)

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yields the model's parameters."""
        return cast(Iterator[nn.Parameter], self._model.parameters())


def patches(images: Tensor, patch: int, merge: int, frames: int) -> Tensor:
    """Cuts images as Qwen's image processor does: by merged piece, in it by patch, in it by colour and frame.

    Args:
        images: (B, 3, S, S) in [0, 1]; S is a multiple of `patch * merge`.
        patch: Side of a patch in pixels.
        merge: Patches along a side of a piece.
        frames: How often a still image is repeated.

    Returns:
        (B · (S / patch)², 3 · frames · patch²), in [-1, 1].
    """
    rows, colours, size, _ = images.shape
    side = size // (patch * merge)
    cut = (images * 2 - 1).view(rows, colours, side, merge, patch, side, merge, patch)
    cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)
    shape = (rows, side, side, merge, merge, colours, frames, patch, patch)
    return cut.unsqueeze(6).expand(shape).reshape(rows * (side * merge) ** 2, -1)


def _kept(states: Tensor, kept: Tensor | int) -> Tensor:
    if isinstance(kept, int):
        return states[:, -kept:] if kept else states
    return states[kept] if kept.dtype == torch.bool else states[:, kept]
