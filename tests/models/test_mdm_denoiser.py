from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.models.mdm.denoiser import Denoiser

FRAMES = torch.tensor([7, 4, 1])
STEPS = torch.tensor([0, 412, 999])


def tiny(dropout: float = 0.1) -> Denoiser:
    torch.manual_seed(0)
    built = Denoiser(text=6, width=16, layers=3, feedforward=24, dropout=dropout)
    for name, values in built.named_parameters():
        # torch begins with zero biases and equal layers, which would hide mistakes.
        torch.nn.init.normal_(values, mean=float(re.search(r"norm\d\.weight", name) is not None), std=0.3)
    return built


def batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 7, 61, generator=generator)
    text = torch.randn(3, 6, generator=generator)
    return x, text, torch.arange(7) < FRAMES[:, None]


def by_hand(weights: dict[str, Tensor], heads: int, x: Tensor, t: int, text: Tensor) -> Tensor:
    """The published computation of one sample (T, 61), written with sums and products alone."""

    def linear(name: str, values: Tensor) -> Tensor:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, values: Tensor) -> Tensor:
        spread = (values - values.mean(-1, keepdim=True)).square().mean(-1, keepdim=True)
        values = (values - values.mean(-1, keepdim=True)) / (spread + 1e-5).sqrt()
        return values * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    width = weights["embed_text.bias"].shape[0]
    table = torch.empty(1000, width)
    for even in range(0, width, 2):
        angles = torch.arange(1000) / 10_000 ** (even / width)
        table[:, even], table[:, even + 1] = angles.sin(), angles.cos()
    step = linear("embed_timestep.time_embed.0", table[t])
    step = linear("embed_timestep.time_embed.2", step / (1 + (-step).exp()))
    first = step + linear("embed_text", text)
    seen = torch.cat([first[None], linear("input_process.poseEmbedding", x)]) + table[: len(x) + 1]
    layers = {name.split(".")[2] for name in weights if name.startswith("seqTransEncoder")}
    for layer in sorted(layers, key=int):
        name = f"seqTransEncoder.layers.{layer}"
        mixed = seen @ weights[f"{name}.self_attn.in_proj_weight"].T + weights[f"{name}.self_attn.in_proj_bias"]
        query, key, value = (part.view(len(seen), heads, -1).transpose(0, 1) for part in mixed.chunk(3, -1))
        likelihoods = (query @ key.mT / math.sqrt(width / heads)).exp()
        found = (likelihoods / likelihoods.sum(-1, keepdim=True)) @ value
        seen = norm(f"{name}.norm1", seen + linear(f"{name}.self_attn.out_proj", found.transpose(0, 1).flatten(1)))
        inner = linear(f"{name}.linear1", seen)
        inner = inner / 2 * (1 + torch.erf(inner / math.sqrt(2)))
        seen = norm(f"{name}.norm2", seen + linear(f"{name}.linear2", inner))
    return linear("output_process.poseFinal", seen[1:])


def test_weights_have_the_published_names_and_shapes() -> None:
    linears = {"input_process.poseEmbedding": (512, 61), "output_process.poseFinal": (61, 512)}
    linears |= dict.fromkeys(("embed_text", "embed_timestep.time_embed.0", "embed_timestep.time_embed.2"), (512, 512))
    expected: dict[str, tuple[int, ...]] = {}
    for name in ("sequence_pos_encoder.pe", "embed_timestep.sequence_pos_encoder.pe"):
        expected[name] = (5000, 1, 512)
    for layer in range(8):
        name = f"seqTransEncoder.layers.{layer}"
        expected |= {f"{name}.self_attn.in_proj_weight": (1536, 512), f"{name}.self_attn.in_proj_bias": (1536,)}
        linears |= {f"{name}.linear1": (1024, 512), f"{name}.linear2": (512, 1024)}
        linears[f"{name}.self_attn.out_proj"] = (512, 512)
        expected |= {f"{name}.{norm}.{part}": (512,) for norm in ("norm1", "norm2") for part in ("weight", "bias")}
    for name, shape in linears.items():
        expected |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    with torch.device("meta"):
        assert {name: tuple(values.shape) for name, values in Denoiser().state_dict().items()} == expected


@pytest.mark.parametrize("training", [False, True])
def test_it_computes_what_is_published(training: bool) -> None:
    """Each sample of a padded batch, by torch's fused kernel and by its plain path, as if it stood alone."""
    denoiser = tiny(dropout=0.0).train(training)
    x, text, mask = batch()
    with torch.set_grad_enabled(training):
        found = denoiser(x, STEPS, text, mask)
    for row, frames in enumerate(FRAMES.tolist()):
        expected = by_hand(denoiser.state_dict(), 4, x[row, :frames], int(STEPS[row]), text[row])
        torch.testing.assert_close(found[row, :frames].detach(), expected, atol=2e-5, rtol=1e-5)


def test_no_mask_means_that_all_frames_exist() -> None:
    denoiser = tiny().eval()
    x, text, mask = batch()
    torch.testing.assert_close(denoiser(x, STEPS, text), denoiser(x, STEPS, text, torch.ones_like(mask)))


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("training", [False, True])
def test_padding_leaks_nowhere(rubbish: float, training: bool) -> None:
    denoiser = tiny(dropout=0.0).train(training)
    x, text, mask = batch()
    clean = denoiser(x, STEPS, text, mask)[mask]
    denoiser.zero_grad()
    found = denoiser(x.masked_fill(~mask[..., None], rubbish), STEPS, text, mask)[mask]
    assert torch.equal(found, clean)
    found.sum().backward()
    assert all(values.grad is not None and values.grad.isfinite().all() for values in denoiser.parameters())


def test_a_dropped_text_is_a_text_of_zeros() -> None:
    denoiser = tiny().eval()
    x, text, mask = batch()
    dropped = torch.tensor([True, False, True])
    found = denoiser(x, STEPS, text.masked_fill(dropped[:, None], math.nan), mask, dropped)
    assert torch.equal(found[mask], denoiser(x, STEPS, text * ~dropped[:, None], mask)[mask])
    assert not torch.allclose(found[0], denoiser(x, STEPS, text, mask)[0])
    assert torch.equal(found[1, :4], denoiser(x, STEPS, text, mask)[1, :4])


def test_steps_and_frames_are_reported_apart() -> None:
    denoiser = tiny().eval()
    x, text, _ = batch()
    assert not torch.allclose(denoiser(x, STEPS, text), denoiser(x, STEPS.flip(0), text), atol=1e-2)
    assert not torch.allclose(denoiser(x, STEPS, text).flip(1), denoiser(x.flip(1), STEPS, text), atol=1e-2)


def test_dropout_is_on_in_training_alone() -> None:
    x, text, _ = batch()
    denoiser = tiny()
    assert not torch.equal(denoiser(x, STEPS, text), denoiser(x, STEPS, text))
    denoiser.eval()
    assert torch.equal(denoiser(x, STEPS, text), denoiser(x, STEPS, text))
    assert {module.p for module in denoiser.modules() if isinstance(module, torch.nn.Dropout)} == {0.1}
    assert {module.dropout for module in denoiser.modules() if isinstance(module, torch.nn.MultiheadAttention)} == {0.1}


@pytest.mark.parametrize("width", [18, 5])
def test_a_width_that_the_heads_cannot_share_is_refused(width: int) -> None:
    with pytest.raises(InputError, match=re.escape(f"width: is {width}; choose an even multiple of the 4 attention")):
        Denoiser(width=width)
