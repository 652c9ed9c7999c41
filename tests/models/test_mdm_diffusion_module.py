"""What the diffusion models share, without a text encoder: each text is a random direction."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.statistics import Statistics, statistics_of
from kfzoo.errors import InputError
from kfzoo.models.mdm import KeyframeMDM
from kfzoo.models.mdm.diffusion import Prediction
from kfzoo.models.mdm.diffusion_module import SMALLEST_SPREAD, seed_of


class RandomTexts:
    """Stands in for a `FrozenTextEncoder`."""

    dim = 16

    def __init__(self, specification: str, unit: bool = True) -> None:
        self.specification = specification
        self.unit = unit

    def __call__(self, texts: list[str], device: object) -> Tensor:
        drawn = [torch.randn(self.dim, generator=torch.Generator().manual_seed(seed_of(0, text))) for text in texts]
        return normalize(torch.stack(drawn), dim=-1) if self.unit else 3 * torch.stack(drawn)


@pytest.fixture(autouse=True)
def random_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfzoo.models.mdm.diffusion_module.FrozenTextEncoder", RandomTexts)


def tiny(**settings: Any) -> KeyframeMDM:
    torch.manual_seed(0)
    model = KeyframeMDM(**{"width": 16, "layers": 1, "feedforward": 16, "steps": 5} | settings)
    model.set_statistics(statistics_of(keyframes(20).targets))
    return model.eval()


def keyframes(count: int) -> KeyframeBatch:
    samples = [Sample(each, place, "arkit") for each in BuiltinScripts(count) for place in range(len(each.keyframes))]
    return collate(samples[:count])


# The loss ---------------------------------------------------------------------------------------------------------


class Oracle(nn.Module):
    """Knows the ground truth."""

    def __init__(self, model: KeyframeMDM, motion: Tensor) -> None:
        super().__init__()
        self.clean = model.standardized(motion)
        self.diffusion = model.diffusion

    def forward(self, x: Tensor, t: Tensor, text: Tensor, mask: Any = None, dropped: Any = None) -> Tensor:
        if self.diffusion.prediction == "sample":
            return self.clean
        signal, noise = self.diffusion.signal[t, None, None], self.diffusion.noise[t, None, None]
        return (x - signal * self.clean) / noise


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
def test_a_denoiser_that_returns_the_truth_loses_nothing(prediction: Prediction) -> None:
    batch = keyframes(6)
    model = tiny(prediction=prediction)
    assert model.loss(batch)["loss"] > 0.1
    model.denoiser = Oracle(model, batch.targets[:, None])  # type: ignore[assignment]
    assert model.loss(batch)["loss"] == pytest.approx(0, abs=1e-9)


def test_the_draws_of_a_step_depend_on_step_and_sample_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = keyframes(4)
    model = tiny(dropout=0.0).train()
    first = model.loss(batch)["loss"]
    torch.manual_seed(99)
    assert torch.equal(model.loss(batch)["loss"], first)
    other = KeyframeBatch(batch.samples[::-1], batch.targets.flip(0))
    assert not torch.isclose(model.loss(other)["loss"], first)
    still = model.eval().loss(batch)["loss"]
    monkeypatch.setattr(KeyframeMDM, "global_step", 5)
    assert torch.equal(model.loss(batch)["loss"], still)
    assert not torch.isclose(model.train().loss(batch)["loss"], first)


def test_texts_are_left_out_as_often_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny(text_dropout=0.25).train()
    asked: list[Tensor] = []
    whole = model.diffusion.loss

    def loss(*arguments: Any, **named: Any) -> Tensor:
        asked.append(named["dropped"])
        return whole(*arguments, **named)

    monkeypatch.setattr(model.diffusion, "loss", loss)
    names = [str(number) for number in range(4000)]
    model.motion_loss(torch.zeros(4000, 1, 61), ["a"] * 4000, names)
    assert asked[0].float().mean() == pytest.approx(0.25, abs=0.03)
    model.eval().motion_loss(torch.zeros(4000, 1, 61), ["a"] * 4000, names)
    assert asked[1] is None


def test_text_vectors_have_the_length_that_is_asked_for_or_their_own() -> None:
    for norm in (10.0, 1.0):
        torch.testing.assert_close(tiny(text_norm=norm).vectors(["a", "b"]).norm(dim=-1), torch.full((2,), norm))
    assert torch.equal(tiny(text_norm=0.0).vectors(["a"]), RandomTexts("", unit=False)(["a"], "cpu"))


# Standardisation --------------------------------------------------------------------------------------------------


def test_still_channels_do_not_blow_up() -> None:
    model = tiny()
    model.set_statistics(Statistics(mean=torch.full((61,), 0.3), std=torch.zeros(61)))
    assert torch.equal(model.motion_std, torch.full((61,), SMALLEST_SPREAD))
    face = torch.full((2, 1, 61), 0.31)
    torch.testing.assert_close(model.standardized(face), torch.full((2, 1, 61), 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(model.restored(model.standardized(face)), face)


def test_restored_motions_are_in_range() -> None:
    found = tiny().restored(100 * torch.randn(4, 3, 61))
    assert torch.equal(found.amax((0, 1)), torch.tensor(UPPER))
    assert torch.equal(found.amin((0, 1)), torch.tensor(LOWER))


# Answers ----------------------------------------------------------------------------------------------------------


def test_a_face_is_its_own_however_it_is_batched() -> None:
    model, batch = tiny(guidance=2.5), keyframes(7)
    whole = model.generate(batch).coefficients
    assert torch.equal(model.generate(batch).coefficients, whole)
    torch.manual_seed(5)
    alone = [model.generate(KeyframeBatch((sample,))).coefficients for sample in batch.samples]
    torch.testing.assert_close(torch.cat(alone), whole, atol=1e-5, rtol=0)
    back = model.generate(KeyframeBatch(batch.samples[::-1])).coefficients
    torch.testing.assert_close(back.flip(0), whole, atol=1e-5, rtol=0)
    other = tiny(guidance=2.5, seed=1).generate(batch).coefficients
    assert (other - whole).abs().amax(-1).min() > 1e-3  # an untrained denoiser cares little for its noise


def test_motions_end_where_they_should() -> None:
    found = tiny().motions(["a", "b"], [3, 5], [1, 2])
    assert found.shape == (2, 5, 61)
    assert not found[0, 3:].any()
    assert found[1, 3:].any()


def test_drawing_in_the_middle_of_training_leaves_dropout_as_it_was() -> None:
    model, batch = tiny(dropout=0.5), keyframes(3)
    quiet = model.generate(batch).coefficients
    model.train()
    assert torch.equal(model.generate(batch).coefficients, quiet)
    assert model.denoiser.training


def test_eight_keyframes_are_learnt_by_heart() -> None:
    batch = keyframes(8)
    settings = {"width": 32, "layers": 2, "feedforward": 32, "dropout": 0.0, "learning_rate": 5e-3, "guidance": 1.0}
    model = tiny(**settings, ema=0.9, steps=10).train()
    optimizer = model.configure_optimizers()
    motion, texts = batch.targets[:, None].repeat(4, 1, 1), model.prompts(batch.samples) * 4
    for step in range(150):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * (1 - step / 150)
        torch.autograd.backward(model.motion_loss(motion, texts, [str(step)]))
        optimizer.step()
        optimizer.zero_grad()
        model.follow(step)
    found = model.eval().generate(batch).coefficients
    spread = float(batch.targets.var(0).mean())
    assert float((found - batch.targets).square().mean()) < 0.05 * spread


# The moving average -----------------------------------------------------------------------------------------------


def test_the_average_follows_and_answers() -> None:
    model, batch = tiny(ema=0.9), keyframes(3)
    assert model.averaged is not None
    before = model.generate(batch).coefficients
    start = {name: values.clone() for name, values in model.averaged.named_parameters()}
    with torch.no_grad():
        for values in model.denoiser.parameters():
            values.add_(1)
    assert torch.equal(model.generate(batch).coefficients, before)
    model.follow(2)  # (1 + 2) / (10 + 2) = 0.25 is below 0.9
    for name, values in model.averaged.named_parameters():
        torch.testing.assert_close(values, start[name] + 0.75, msg=name)
    model.follow(1000)
    for name, values in model.averaged.named_parameters():
        torch.testing.assert_close(values, start[name] + 0.75 + 0.025, msg=name)
    assert not torch.equal(model.generate(batch).coefficients, before)


def test_only_the_denoiser_is_trained() -> None:
    model = tiny(ema=0.9)
    (group,) = model.configure_optimizers().param_groups
    assert {id(values) for values in group["params"]} == {id(values) for values in model.denoiser.parameters()}
    assert group["weight_decay"] == 0
    assert model.averaged is not None
    assert not any(values.requires_grad for values in model.averaged.parameters())


# Bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {"text_dropout": 0.0},
            "guidance: is 2.5, but no text was ever left out in training (text_dropout 0); set it to 1, or train with "
            "a text_dropout such as 0.1",
        ),
        ({"text_dropout": 0.0, "guidance": 0.0}, "guidance: is 0.0, but no text was ever left out"),
        ({"prediction": "velocity"}, "prediction: is 'velocity'; choose sample or epsilon"),
        ({"ema": 1.0}, "ema: is 1.0, expected at least 0 and less than 1"),
        ({"text_norm": -1.0}, "text_norm: is -1.0; choose 0 for the encoder's own, or a length"),
        ({"scheduler": "ddim", "steps": 7}, "steps: is 7; choose a divisor of 1000"),
    ],
)
def test_settings_that_cannot_be_used_are_reported_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(line)}"):
        tiny(**settings)


def test_without_text_dropout_the_text_is_taken_as_it_is() -> None:
    assert tiny(text_dropout=0.0, guidance=1.0).generate(keyframes(2)).valid.all()


def test_a_seed_is_that_of_its_name() -> None:
    seeds = {seed_of(seed, name) for seed in range(3) for name in ("a#0", "a#1", "b#0")}
    assert len(seeds) == 9
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(0, "a#0") == seed_of(0, "a#0")
