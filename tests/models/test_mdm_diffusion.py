from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kfzoo.models.mdm.diffusion import Diffusion, Prediction, masked_l2, signal_shares


def cosine_shares() -> np.ndarray:
    """ᾱ by Nichol and Dhariwal's equation 17, each β at most 0.999."""
    moments = np.arange(1001) / 1000
    shares = np.cos((moments + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = np.minimum(1 - shares[1:] / shares[:-1], 0.999)
    kept: np.ndarray = np.cumprod(1 - betas)
    return kept


def motions() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
    motion, noise = torch.randn(2, 3, 6, 61, generator=generator)
    return motion, noise, torch.tensor([3, 500, 998]), mask


class Says:
    """A denoiser that gives one answer, and keeps what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        self.answer = answer
        self.asked = torch.empty(0)

    def __call__(
        self, x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        self.asked = x
        return self.answer


def test_the_schedule_is_the_published_cosine() -> None:
    expected = cosine_shares()
    found = signal_shares().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-7)
    betas = 1 - found / np.append(1, found[:-1])
    np.testing.assert_allclose(betas, 1 - expected / np.append(1, expected[:-1]), atol=1e-6)
    # Where the noise is small, its own digits count: float32 would get no more than three of them right.
    np.testing.assert_allclose((1 - found)[:10], (1 - expected)[:10], rtol=1e-4)
    assert betas[-1] == pytest.approx(0.999)


def test_noise_is_added_by_the_schedule() -> None:
    motion, noise, t, _ = motions()
    shares = torch.tensor(cosine_shares())[t, None, None]
    expected = shares.sqrt() * motion + (1 - shares).sqrt() * noise
    torch.testing.assert_close(Diffusion().noised(motion, t, noise), expected.float(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
def test_the_truth_costs_nothing(prediction: Prediction) -> None:
    motion, noise, t, mask = motions()
    target = motion if prediction == "sample" else noise
    other = noise if prediction == "sample" else motion
    diffusion, text = Diffusion(prediction), torch.zeros(3, 6)
    assert diffusion.loss(Says(target), motion, text, t, noise) == 0
    wrong_in_padding = target.masked_fill(~mask[..., None], 5)
    assert diffusion.loss(Says(wrong_in_padding), motion, text, t, noise, mask) == 0
    assert diffusion.loss(Says(other), motion, text, t, noise, mask) > 1


def test_the_loss_is_a_mean_of_means() -> None:
    """MDM's: per sample over its own frames and all channels, then over the batch."""
    motion, noise, _, mask = motions()
    expected = [
        sum(
            (motion[row, frame, channel] - noise[row, frame, channel]).item() ** 2
            for frame in range(frames)
            for channel in range(61)
        )
        / (frames * 61)
        for row, frames in enumerate(mask.sum(1).tolist())
    ]
    found = masked_l2(motion, noise, mask)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    loss = Diffusion().loss(Says(noise), motion, torch.zeros(3, 6), torch.tensor([1, 2, 3]), noise, mask)
    assert loss.item() == pytest.approx(sum(expected) / 3, rel=1e-5)
    over_all_frames = (motion - noise)[mask].square().mean().item()
    assert abs(loss.item() - over_all_frames) > 1e-4


def test_without_a_mask_all_frames_count() -> None:
    motion, noise, _, mask = motions()
    torch.testing.assert_close(masked_l2(motion, noise), masked_l2(motion, noise, torch.ones_like(mask)))
    assert masked_l2(motion, noise, torch.zeros_like(mask)).tolist() == [0, 0, 0]


def test_the_denoiser_sees_the_noised_motion() -> None:
    motion, noise, t, mask = motions()
    says = Says(motion)
    Diffusion().loss(says, motion, torch.zeros(3, 6), t, noise, mask)
    assert torch.equal(says.asked[mask], Diffusion().noised(motion, t, noise)[mask])


def test_draws_are_even_and_the_generators_own() -> None:
    motion = torch.zeros(20_000, 1, 2)
    t, noise = Diffusion().draw(motion, torch.Generator().manual_seed(3))
    assert t.dtype == torch.int64
    assert (int(t.min()), int(t.max())) == (0, 999)
    assert torch.histc(t.float(), 10, 0, 1000) == pytest.approx([2000] * 10, rel=0.1)
    assert noise.shape == motion.shape
    assert noise.std().item() == pytest.approx(1, rel=0.02)
    again = Diffusion().draw(motion, torch.Generator().manual_seed(3))
    assert torch.equal(again[0], t)
    assert torch.equal(again[1], noise)


def test_it_leaves_no_trace_in_a_checkpoint() -> None:
    assert not Diffusion().state_dict()
    assert not list(Diffusion().parameters())
