from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from kfzoo.errors import InputError
from kfzoo.models.mdm.denoiser import Denoiser
from kfzoo.models.mdm.diffusion import Prediction, signal_shares
from kfzoo.models.mdm.sampling import Scheduler, sample

SCHEDULERS: tuple[Scheduler, ...] = get_args(Scheduler)
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)


@dataclass
class Linear:
    """A denoiser that is linear in all it sees, and keeps how many rows it was asked for."""

    features: int = 5
    rows: list[int] = field(default_factory=list)

    def __call__(
        self, x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        self.rows.append(len(x))
        said = text if dropped is None else text * ~dropped[:, None]
        mixed = torch.eye(self.features) * 0.8 + 0.02
        return x @ mixed + said[:, None, :1] + t[:, None, None] / 2000


@dataclass
class Ideal:
    """The best denoiser of independent Gaussians: the posterior mean of the motion, or of the noise."""

    mean: Tensor
    spread: Tensor
    prediction: Prediction

    def __call__(
        self, x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None
    ) -> Tensor:
        share = signal_shares()[t, None, None]
        off = (x - share.sqrt() * self.mean) / (self.spread.double() ** 2 * share + 1 - share)
        if self.prediction == "epsilon":
            return ((1 - share).sqrt() * off).float()
        return (self.mean + self.spread.double() ** 2 * share.sqrt() * off).float()


def ancestral(denoiser: Linear, text: Tensor, frames: int, seed: int, prediction: Prediction) -> Tensor:
    """Ho et al. 2020, algorithm 2 with equations 6 and 7, for one sample (1, T, C), in float64."""
    moments = np.arange(1001) / 1000
    shares = np.cos((moments + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = np.minimum(1 - shares[1:] / shares[:-1], 0.999)
    kept = np.concatenate([[1], np.cumprod(1 - betas)])
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, frames, denoiser.features, generator=generator).double()
    for t in reversed(range(1000)):
        beta, now, before = betas[t], kept[t + 1], kept[t]
        found = denoiser(x.float(), torch.tensor([t]), text).double()
        motion = found if prediction == "sample" else (x - math.sqrt(1 - now) * found) / math.sqrt(now)
        mean = math.sqrt(before) * beta / (1 - now) * motion + math.sqrt(1 - beta) * (1 - before) / (1 - now) * x
        noise = torch.randn(1, frames, denoiser.features, generator=generator).double()
        x = mean + math.sqrt((1 - before) / (1 - now) * beta) * noise if t else mean
    return x.float()


def tiny() -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(text=6, width=16, layers=2, feedforward=24).eval()


@pytest.mark.parametrize(
    ("prediction", "said", "frames", "seed", "tolerance"),
    # From noise its numbers are large: nothing holds this denoiser's back, so the tolerance is relative.
    [("sample", 0.3, 4, 11, 1e-5), ("epsilon", 0.0, 2, 5, 1e-4)],
)
def test_ancestral_sampling_is_the_published_recurrence(
    prediction: Prediction, said: float, frames: int, seed: int, tolerance: float
) -> None:
    denoiser, text = Linear(), torch.full((1, 3), said)
    found = sample(denoiser, text, [frames], [seed], guidance=1, prediction=prediction, features=5)
    expected = ancestral(denoiser, text, frames, seed, prediction)
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("scheduler", "steps"), [("ddpm", 1000), ("ddim", 250), ("dpm_solver", 50)])
def test_an_ideal_denoiser_gives_its_gaussian_back(scheduler: Scheduler, steps: int, prediction: Prediction) -> None:
    mean, spread = torch.tensor([-1.0, 0.0, 1.0, 2.0]), torch.tensor([0.5, 0.8, 1.0, 2.0])
    drawn = sample(
        Ideal(mean, spread, prediction), torch.zeros(20, 1), [12] * 20, list(range(20)),
        scheduler=scheduler, steps=steps, guidance=1, prediction=prediction, features=4,
    ).flatten(0, 1)  # fmt: skip
    # 240 independent draws a channel: three standard errors of a mean and of a spread.
    assert ((drawn.mean(0) - mean) / spread).abs().max() < 3 / math.sqrt(240)
    assert (drawn.std(0) / spread - 1).abs().max() < 3 / math.sqrt(2 * 240) + 0.03
    correlation = torch.corrcoef(drawn.T) - torch.eye(4)
    assert correlation.abs().max() < 0.25


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_ten_steps_of_dpm_solver_keep_small_spreads_and_great_ones(prediction: Prediction) -> None:
    """Without a mean an ideal denoiser makes of noise z the motion s·z: what comes of z shows s, element by element."""
    spread = torch.tensor([0.1, 0.2, 0.5, 1.0, 2.0])
    ideal = Ideal(torch.zeros(5), spread, prediction)
    settings = {"scheduler": "dpm_solver", "steps": 10, "guidance": 1, "prediction": prediction, "features": 5}
    found = sample(ideal, torch.zeros(1, 1), [3], [0], **settings)[0]  # type: ignore[arg-type]
    noise = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, spread * noise, rtol=0.05, atol=0)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("scheduler", ["ddim", "dpm_solver"])
def test_few_steps_stand_a_denoiser_that_errs_a_little(scheduler: Scheduler, prediction: Prediction) -> None:
    """At the very last steps 1 / √ᾱ is 20,000, by which an error of predicted noise would be multiplied."""
    mean, spread = torch.zeros(3), torch.tensor([0.5, 1.0, 2.0])
    ideal = Ideal(mean, spread, prediction)

    def errs(x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None) -> Tensor:
        return 1.01 * ideal(x, t, text)

    settings = {"scheduler": scheduler, "steps": 20, "guidance": 1, "prediction": prediction, "features": 3}
    arguments = (torch.zeros(4, 1), [12] * 4, list(range(4)))
    exact, found = (sample(model, *arguments, **settings) for model in (ideal, errs))  # type: ignore[arg-type]
    assert (found - exact).abs().max() < 0.5 * exact.abs().max()


@pytest.mark.parametrize(("scheduler", "steps"), [("ddpm", 20), ("ddim", 10), ("dpm_solver", 7), ("dpm_solver", 1)])
def test_a_sample_is_its_own_seeds_alone(scheduler: Scheduler, steps: int) -> None:
    """The same alone, in any company, in any order: longer batch mates pad it, and their noise is not its own."""
    denoiser, generator = tiny(), torch.Generator().manual_seed(2)
    text, lengths, seeds = torch.randn(4, 6, generator=generator), [3, 9, 1, 5], [8, 2**40, 0, 8]
    whole = sample(denoiser, text, lengths, seeds, scheduler=scheduler, steps=steps)
    assert whole.shape == (4, 9, 61)
    assert whole.isfinite().all()
    assert torch.equal(whole, sample(denoiser, text, lengths, seeds, scheduler=scheduler, steps=steps))
    for row, length in enumerate(lengths):
        alone = sample(denoiser, text[row : row + 1], [length], [seeds[row]], scheduler=scheduler, steps=steps)
        torch.testing.assert_close(whole[row, :length], alone[0], atol=2e-5, rtol=1e-4)
        assert not whole[row, length:].any()
    halves = [
        sample(denoiser, text[rank::2], lengths[rank::2], seeds[rank::2], scheduler=scheduler, steps=steps)
        for rank in range(2)
    ]
    for row, length in enumerate(lengths):
        torch.testing.assert_close(halves[row % 2][row // 2, :length], whole[row, :length], atol=2e-5, rtol=1e-4)


def test_seeds_make_samples_differ_and_torchs_own_generator_counts_for_nothing() -> None:
    denoiser, text = tiny(), torch.zeros(2, 6)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = sample(denoiser, text, [2, 2], [0, 1], scheduler="ddpm", steps=10)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.allclose(first[0], first[1], atol=1e-2)
    torch.manual_seed(2)
    assert torch.equal(first, sample(denoiser, text, [2, 2], [0, 1], scheduler="ddpm", steps=10))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_guidance_goes_past_the_text_in_one_call(scheduler: Scheduler, guidance: float) -> None:
    """A denoiser that says its text whatever it sees is sampled as uncond + s · (cond - uncond), in every scheduler."""
    rows = []

    def says(x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None) -> Tensor:
        rows.append(len(x))
        said = text if dropped is None else torch.where(dropped[:, None], 0.7, text)
        return said[:, None, :1].expand(x.shape)

    text = torch.tensor([[1.0], [-2.0]])
    found = sample(says, text, [2, 3], [0, 1], scheduler=scheduler, steps=10, guidance=guidance, features=4)
    expected = 0.7 + guidance * (text - 0.7)
    torch.testing.assert_close(found[:, :2], expected[:, None].expand(2, 2, 4), atol=1e-5, rtol=1e-5)
    assert rows == [4 if guidance == 2.5 else 2] * 10


def test_guidance_weighs_two_predictions_of_the_denoiser() -> None:
    """One step of DDIM from the last is the prediction itself."""
    denoiser, text = tiny(), torch.randn(3, 6, generator=torch.Generator().manual_seed(4))
    found = sample(denoiser, text, [2, 2, 2], [5, 6, 7], scheduler="ddim", steps=1, guidance=2.5)
    noise = torch.stack([torch.randn(2, 61, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6, 7)])
    with_text = denoiser(noise, torch.full((3,), 999), text)
    without = denoiser(noise, torch.full((3,), 999), torch.zeros_like(text))
    torch.testing.assert_close(found, without + 2.5 * (with_text - without), atol=1e-5, rtol=1e-4)


def test_the_denoiser_is_called_once_a_step_from_the_last_on() -> None:
    asked: list[int] = []

    def asks(x: Tensor, t: Tensor, text: Tensor, mask: Tensor | None = None, dropped: Tensor | None = None) -> Tensor:
        asked.append(int(t[0]))
        return x

    def steps(scheduler: Scheduler, count: int, prediction: Prediction = "sample") -> list[int]:
        asked.clear()
        sample(asks, torch.zeros(1, 1), [1], [0], scheduler=scheduler, steps=count, prediction=prediction)
        return list(asked)

    assert steps("ddpm", 1000) == steps("ddpm", 1000, "epsilon") == list(range(999, -1, -1))
    assert steps("ddim", 5) == [999, 799, 599, 399, 199]
    assert steps("ddim", 5, "epsilon") == [985, 785, 585, 385, 185]
    assert steps("ddim", 100, "epsilon") == list(range(990, -1, -10))
    for count in (1, 2, 10, 60, 986):
        chosen = steps("dpm_solver", count)
        assert (len(set(chosen)), chosen) == (count, sorted(chosen, reverse=True))
        assert (chosen[0], chosen[-1]) == (985, 0 if count > 1 else 985)
    share = signal_shares()[steps("dpm_solver", 10)]
    gaps = (share / (1 - share)).log().diff()
    assert gaps.max() / gaps.min() < 1.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scheduler": "euler"}, "scheduler: is 'euler'; choose one of ddpm, ddim, dpm_solver"),
        ({"steps": 0}, "steps: is 0, expected 1 to 1000"),
        ({"steps": 1001}, "steps: is 1001, expected 1 to 1000"),
        ({"scheduler": "dpm_solver", "steps": 987}, "steps: is 987, expected 1 to 986"),
        ({"scheduler": "ddim", "steps": 7}, "steps: is 7; choose a divisor of 1000, or the scheduler dpm_solver"),
    ],
)
def test_bad_settings_are_reported_in_one_line(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        sample(Linear(), torch.zeros(1, 1), [1], [0], **settings)  # type: ignore[arg-type]
