"""The forward process and the training loss of MDM (arXiv 2209.14916, section 3)."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

STEPS = 1000
"""Steps of the diffusion process."""

SCHEDULE = "squaredcos_cap_v2"
"""diffusers' name of the cosine schedule of Nichol and Dhariwal 2021 (arXiv 2102.09672, equation 17)."""

Prediction = Literal["sample", "epsilon"]
"""What a denoiser predicts: the motion itself, as MDM's code does, or the noise in it, as KeyframeFace says."""


class Denoises(Protocol):
    """Whatever can be called as `Denoiser` can."""

    def __call__(
        self, x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        """Denoises x (B, T, C) at steps t (B,), given texts (B, D)."""


@cache
def signal_shares() -> Tensor:
    """Returns ᾱ, (1000,) float64: the share of a motion's variance that is left after each step.

    Float32, in which diffusers multiplies, leaves three digits of 1 - ᾱ at the first steps; MDM multiplies in float64.
    """
    import diffusers

    untyped: Any = diffusers
    betas: Tensor = untyped.DDPMScheduler(num_train_timesteps=STEPS, beta_schedule=SCHEDULE).betas
    return (1 - betas.double()).cumprod(0)


class Diffusion(nn.Module):
    """The cosine process over 1,000 steps, without parameters and without a trace in a checkpoint.

    Args:
        prediction: What the denoiser is taught to predict.
    """

    signal: Tensor
    noise: Tensor

    def __init__(self, prediction: Prediction = "sample") -> None:
        super().__init__()
        self.prediction = prediction
        shares = signal_shares()
        self.register_buffer("signal", shares.sqrt().float(), persistent=False)
        self.register_buffer("noise", (1 - shares).sqrt().float(), persistent=False)

    def draw(self, motion: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draws what a training step needs, on the CPU, so that it is the same on every device.

        Args:
            motion: (B, T, C); its shape and device count.
            generator: On the CPU; None for torch's own.

        Returns:
            Steps (B,) int64, evenly from [0, 1000), and Gaussian noise (B, T, C).
        """
        t = torch.randint(STEPS, motion.shape[:1], generator=generator)
        noise = torch.randn(motion.shape, generator=generator)
        return t.to(motion.device), noise.to(motion.device)

    def noised(self, motion: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Draws from q(x_t | x_0) = N(√ᾱ_t x_0, 1 - ᾱ_t) by the given noise; all but t (B,) are (B, T, C)."""
        return self.signal[t, None, None] * motion + self.noise[t, None, None] * noise

    def loss(
        self,
        denoiser: Denoises,
        motion: Tensor,
        text: Tensor,
        t: Tensor,
        noise: Tensor,
        mask: Tensor | None = None,
        dropped: Tensor | None = None,
    ) -> Tensor:
        """Computes the loss of a batch.

        Args:
            denoiser: What is trained.
            motion: (B, T, C) standardised motions, x_0.
            text: (B, D).
            t: (B,) steps, as `draw` gives them.
            noise: (B, T, C), as `draw` gives it.
            mask: (B, T) bool, True for frames that exist; None for all.
            dropped: (B,) bool, True where the text is left out.

        Returns:
            A scalar: `masked_l2` of the prediction, averaged over the batch.
        """
        if mask is not None:
            motion = motion.masked_fill(~mask[..., None], 0)
        found = denoiser(self.noised(motion, t, noise), t, text, mask, dropped)
        return masked_l2(found, motion if self.prediction == "sample" else noise, mask).mean()


def masked_l2(found: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Returns MDM's loss of each sample, the squared error averaged over its frames that exist and their channels.

    So a short clip weighs as much as a long one, where an average over all frames of a batch would favour the long.

    Args:
        found: (B, T, C).
        target: (B, T, C).
        mask: (B, T) bool, True for frames that exist; None for all. The values of the others count for nothing,
            NaN included, in the loss and in its gradient.

    Returns:
        (B,); 0 for a sample without frames.
    """
    difference = found - target
    if mask is None:
        return difference.square().mean((1, 2))
    squares = difference.masked_fill(~mask[..., None], 0).square().mean(2)
    return squares.sum(1) / mask.sum(1).clamp_min(1)
