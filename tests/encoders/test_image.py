from __future__ import annotations

import pytest
import torch

from kfzoo.encoders.image import HuggingFaceEncoder, TimmEncoder, build_image_encoder
from kfzoo.errors import InputError


@pytest.mark.parametrize("name", ["timm:mobilenetv3_small_050", "timm:test_vit2"])
def test_a_timm_backbone_gives_one_vector_an_image(name: str) -> None:
    encoder = build_image_encoder(name)
    assert isinstance(encoder, TimmEncoder)
    side = 64
    found = encoder.eval()(torch.rand(3, 3, side, side))
    assert found.shape == (3, encoder.dim)
    assert found.dtype == torch.float32
    assert all(parameter.requires_grad for parameter in encoder.parameters())


def test_a_backbone_of_transformers(tiny_vision: str) -> None:
    encoder = build_image_encoder(tiny_vision)
    assert isinstance(encoder, HuggingFaceEncoder)
    assert encoder.eval()(torch.rand(2, 3, 224, 224)).shape == (2, encoder.dim) == (2, 16)
    # 0.5 is the processor's mean: a grey image is all zeros to the backbone.
    seen = []
    encoder.backbone.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["pixel_values"]), with_kwargs=True
    )
    encoder(torch.full((1, 3, 224, 224), 0.5))
    assert torch.equal(seen[0], torch.zeros(1, 3, 224, 224))


def test_without_a_pooler_the_patches_are_averaged(tiny_vision: str) -> None:
    encoder = build_image_encoder(tiny_vision).eval()
    assert isinstance(encoder, HuggingFaceEncoder)
    encoder.backbone.pooler = None
    image = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        hidden = encoder.backbone(pixel_values=(image - 0.5) / 0.5).last_hidden_state
        torch.testing.assert_close(encoder(image), hidden.mean(1))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet18", "expected 'timm:<model>'"),
        ("timm:", "expected 'timm:<model>'"),
        ("timm:resnet18@imagenet", "expected 'timm:<model>'"),
        ("timm:resnt18", "cannot be loaded"),
        ("huggingface:/nowhere/at/all", "cannot be loaded"),
    ],
)
def test_missing_weights_are_refused_in_one_line(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        build_image_encoder(name)
    assert "\n" not in str(caught.value)
