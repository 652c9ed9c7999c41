"""Motions from noise: the published ancestral sampling, and two solvers that need a few steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from kfzoo.arkit.channels import CHANNELS
from kfzoo.errors import InputError
from kfzoo.models.mdm.diffusion import SCHEDULE, STEPS, Denoises, Prediction, signal_shares

Scheduler = Literal["ddpm", "ddim", "dpm_solver"]

LATE = 985
"""Where few steps may begin: ᾱ is 0.0005, so that pure noise replaces a noised motion.

A motion from predicted noise is divided by √ᾱ, which is 1 / 46 here and 1 / 20,000 at the very last step: begun there,
an error of 1 % in predicted noise comes out of ten steps as 26 times the motion.
"""


@torch.no_grad()
def sample(
    denoiser: Denoises,
    text: Tensor,
    lengths: Sequence[int],
    seeds: Sequence[int],
    *,
    scheduler: Scheduler = "ddpm",
    steps: int = STEPS,
    guidance: float = 2.5,
    prediction: Prediction = "sample",
    features: int = len(CHANNELS),
) -> Tensor:
    """Draws a motion for each text.

    A sample depends on its own text, length and seed, and neither on the others of its batch nor on how many there are
    (but for the rounding of a matrix product of another size).

    Args:
        denoiser: A trained denoiser, in evaluation mode.
        text: (B, D) encoded texts; encoded once for all steps.
        lengths: Frames of each sample, at least 1.
        seeds: One integer a sample.
        scheduler: `ddpm`, ancestral sampling, in 1,000 steps as published (fixed small variance, nothing clipped);
            `ddim`, its deterministic limit (arXiv 2010.02502), "trailing"; `dpm_solver`, DPM-Solver++ of second order
            (arXiv 2211.01095).
        steps: Calls of the denoiser: for `ddpm` and `ddim` a divisor of 1,000, for `dpm_solver` 986 at most.
        guidance: How far to go from the prediction without text towards, and past, the one with it (arXiv 2207.12598);
            1 takes the text as it is, 0 leaves it out.
        prediction: What the denoiser was taught to predict.
        features: Numbers a frame, C.

    Returns:
        (B, T, C) float32, T being the greatest length; 0 after a sample's own end.

    Raises:
        InputError: For a scheduler or a number of steps that there is none of.
    """
    solver = build_solver(scheduler, steps, prediction)
    mask = None
    if min(lengths) < max(lengths):
        mask = (torch.arange(max(lengths)) < torch.tensor(list(lengths))[:, None]).to(text.device)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw() -> Tensor:
        """Returns noise (B, T, C): each sample's from its own generator on the CPU, and 0 after its own end."""
        each = zip(lengths, generators, strict=True)
        drawn = [torch.randn(length, features, generator=generator) for length, generator in each]
        return pad_sequence(drawn, batch_first=True).to(text.device)

    x = draw()
    for t in solver.timesteps.tolist():
        found = _guided(denoiser, x, t, text, mask, guidance)
        # With η = 1 DDIM's step is the ancestral one, variance β̃ included (arXiv 2010.02502, section 4.1), and takes
        # its noise from outside, as DDPMScheduler does not.
        how = {"eta": 1.0, "variance_noise": draw()} if scheduler == "ddpm" else {}
        x = solver.step(found, t, x, **how, return_dict=False)[0]
    return x if mask is None else x.masked_fill(~mask[..., None], 0)


def build_solver(name: str, steps: int, prediction: Prediction) -> Any:
    """Builds one of diffusers' schedulers, its steps chosen.

    Raises:
        InputError: For a scheduler or a number of steps that there is none of.
    """
    import diffusers

    untyped: Any = diffusers
    if name not in get_args(Scheduler):
        raise InputError("scheduler", f"is {name!r}", f"choose one of {', '.join(get_args(Scheduler))}")
    most = LATE + 1 if name == "dpm_solver" else STEPS
    if not 1 <= steps <= most:
        raise InputError("steps", f"is {steps}, expected 1 to {most}")
    settings = {"num_train_timesteps": STEPS, "beta_schedule": SCHEDULE, "prediction_type": prediction}
    if name == "dpm_solver":
        solver = untyped.DPMSolverMultistepScheduler(**settings)
        solver.alphas_cumprod = signal_shares()
        solver.set_timesteps(timesteps=_evenly(steps))
        return solver
    if STEPS % steps:
        # diffusers would step by the rounded quotient, and give the denoiser another noise level than there is.
        raise InputError("steps", f"is {steps}", f"choose a divisor of {STEPS}, or the scheduler dpm_solver")
    solver = untyped.DDIMScheduler(**settings, timestep_spacing="trailing", clip_sample=False)
    solver.alphas_cumprod = signal_shares()
    solver.set_timesteps(steps)
    if prediction == "epsilon":
        solver.timesteps -= min(STEPS - 1 - LATE, STEPS // steps - 1)
    return solver


def _evenly(steps: int) -> list[int]:
    """Returns steps from `LATE` down to 0, as evenly as they can be in the logarithm of signal to noise.

    Even steps of time leap over the last of the noise: ten of them give back half of a spread of 0.1 and 0.95 of one of
    0.5, these give back both to 4 %.
    """
    share = signal_shares().numpy()
    ratio = np.log(share / (1 - share)) / 2  # λ of DPM-Solver; it falls with t
    even = np.linspace(ratio[LATE], ratio[0], steps)[::-1]
    wanted = np.interp(-even, -ratio, np.arange(STEPS)).round()
    order = np.arange(steps)
    apart = np.maximum.accumulate(wanted - order) + order
    chosen: list[int] = np.minimum(apart, LATE + 1 - steps + order).astype(int)[::-1].tolist()
    return chosen


def _guided(denoiser: Denoises, x: Tensor, t: int, text: Tensor, mask: Tensor | None, guidance: float) -> Tensor:
    """Predicts for x (B, T, C) at step t under classifier-free guidance, both predictions in one call."""
    dropped = torch.full((len(text),), guidance == 0, device=x.device)
    twice = guidance not in (0, 1)
    if twice:
        x, text, dropped = x.repeat(2, 1, 1), text.repeat(2, 1), torch.cat([dropped, ~dropped])
        mask = None if mask is None else mask.repeat(2, 1)
    found = denoiser(x, torch.full((len(x),), t, device=x.device), text, mask, dropped).float()
    if not twice:
        return found
    conditional, unconditional = found.chunk(2)
    return unconditional + guidance * (conditional - unconditional)
