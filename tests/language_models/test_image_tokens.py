from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from kfzoo.errors import InputError
from kfzoo.language_models.batched_cache import BatchedCache, evaluation_mode
from kfzoo.language_models.image_tokens import ImageTokenModel, patches
from kfzoo.language_models.labels import Example
from kfzoo.language_models.shared_prefix_loss import plain_loss
from kfzoo.language_models.vision_language import load_vision_language_model

START, SIZE = 3, 64


@pytest.fixture(scope="module")
def qwen(tiny_qwen3_vl: str) -> Any:
    return load_vision_language_model(tiny_qwen3_vl)[0]


def images(count: int, size: int = SIZE, width: int | None = None) -> torch.Tensor:
    return torch.rand(count, 3, size, width or size, generator=torch.Generator().manual_seed(1))


def theirs(qwen: Any, pixels: torch.Tensor, texts: list[list[int]]) -> torch.Tensor:
    """Logits as transformers computes them, (B, N, vocabulary)."""
    pad = qwen.config.image_token_id
    height, width = (side // 16 for side in pixels.shape[-2:])
    ids = torch.tensor([[5, 6, 7, *[pad] * (height * width // 4), *text] for text in texts])
    grid = torch.tensor([[1, height, width]] * len(pixels))
    image = {"pixel_values": patches(pixels, 16, 2, 2), "image_grid_thw": grid, "mm_token_type_ids": (ids == pad).int()}
    qwen.model.rope_deltas = None
    found: torch.Tensor = qwen(input_ids=ids, attention_mask=torch.ones_like(ids), **image).logits
    return found


@pytest.mark.parametrize("width", [96, 64, 160])
def test_images_are_cut_as_qwens_processor_does(width: int) -> None:
    from transformers import Qwen2VLImageProcessor

    pixels = (images(2, 96, width) * 255).round() / 255
    processor = Qwen2VLImageProcessor(
        patch_size=16, merge_size=2, temporal_patch_size=2, do_resize=False, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    expected = processor(images=list((pixels * 255).byte()), return_tensors="pt", input_data_format="channels_first")
    torch.testing.assert_close(patches(pixels, 16, 2, 2), expected["pixel_values"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(96, 160), (160, 96)])
def test_positions_around_images_with_their_own_aspect_are_qwens(qwen: Any, shape: tuple[int, int]) -> None:
    model = ImageTokenModel(qwen, None, START)
    with torch.no_grad():
        model.encode(images(1, *shape))
    assert model.count == 15
    pad = qwen.config.image_token_id
    ids = torch.tensor([[5, 6, 7, *[pad] * 15, 8, 9, 10, 11]])
    grid = torch.tensor([[1, shape[0] // 16, shape[1] // 16]])
    expected, _ = qwen.model.get_rope_index(ids, (ids == pad).int(), grid)
    assert torch.equal(model.positions(torch.arange(ids.shape[1])[None]), expected)


def test_positions_are_qwens_own(qwen: Any) -> None:
    model = ImageTokenModel(qwen, 96, START)
    pad = qwen.config.image_token_id
    ids = torch.tensor([[5, 6, 7, *[pad] * 9, 8, 9, 10, 11]])
    expected, _ = qwen.model.get_rope_index(ids, (ids == pad).int(), torch.tensor([[1, 6, 6]]))
    found = model.positions(torch.arange(ids.shape[1])[None])
    assert torch.equal(found, expected)


@pytest.mark.parametrize("width", [64, 128])
def test_logits_are_those_of_transformers(qwen: Any, width: int) -> None:
    model = ImageTokenModel(qwen, None, START)
    pixels = images(2, SIZE, width)
    texts = [[8, 9, 10], [11, 12, 13]]
    with torch.no_grad():
        expected = theirs(qwen, pixels, texts)
        model.encode(pixels)
        ids = torch.tensor([[5, 6, 7, *model.image(row), *text] for row, text in enumerate(texts)])
        places = torch.arange(ids.shape[1]).expand_as(ids)
        found = model(ids, torch.ones_like(ids, dtype=torch.bool), places).logits
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(expected[0, 6], expected[1, 6], atol=1e-2)  # The images matter.


def test_a_cache_continues_after_images(qwen: Any) -> None:
    model = ImageTokenModel(qwen, SIZE, START)
    pixels = images(2)
    texts = [[8, 9, 10, 14], [11, 12, 13, 15]]
    with evaluation_mode(model):
        expected = theirs(qwen, pixels, texts)[:, -1]
        model.encode(pixels)
        cache = BatchedCache(model, 2)
        cache.feed([[5, 6, 7, *model.image(row)] for row in range(2)], [0])
        cache.keep([7, 7])
        cache.feed([text[:2] for text in texts], [0])
        cache.keep([2, 2])
        found = cache.feed([text[2:] for text in texts], [1])[:, 0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_the_loss_and_its_gradient_are_those_of_transformers(qwen: Any) -> None:
    model: Any = ImageTokenModel(qwen, SIZE, START)
    pixels = images(2)
    answers = [[8, 9, 10, 14], [11, 12, 13, 15]]
    logits = theirs(qwen, pixels, answers)[:, 6:-1]
    expected = cross_entropy(logits.flatten(0, 1), torch.tensor(answers).flatten())
    wanted = [qwen.model.visual.patch_embed.proj.weight, qwen.model.language_model.layers[0].mlp.up_proj.weight]
    gradients = torch.autograd.grad(expected, wanted)
    model.encode(pixels)
    examples = [Example(((5, 6, 7, *model.image(row)),), tuple(answer)) for row, answer in enumerate(answers)]
    found = plain_loss(model, examples, 0)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    for own, other in zip(torch.autograd.grad(found, wanted), gradients, strict=True):
        torch.testing.assert_close(own, other, atol=1e-4, rtol=1e-3)


def test_a_size_that_is_no_multiple_is_refused(qwen: Any) -> None:
    with pytest.raises(InputError, match=r"model\.size: is 100, expected a multiple of 32; such as 128"):
        ImageTokenModel(qwen, 100, START)
