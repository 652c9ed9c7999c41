from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kfzoo.arkit.channels import INDEX, LOWER, UPPER
from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.errors import InputError
from kfzoo.models.text_regressor import TextRegressor
from kfzoo.models.text_regressor.distribution import most_likely, places, two_hot
from kfzoo.training.checkpoint import load_module
from tests.commandline import results, run


def batch(count: int = 8) -> KeyframeBatch:
    return collate([Sample(script, 0, "arkit") for script in BuiltinScripts(count)])


@given(st.floats(0, 1), st.integers(2, 30))
@settings(max_examples=50, deadline=None)
def test_two_hot_targets_have_the_value_as_their_mean(value: float, count: int) -> None:
    scale = places(count)
    shares = two_hot(torch.full((1, 61), value), scale)
    torch.testing.assert_close(shares.sum(-1), torch.ones(1, 61))
    torch.testing.assert_close((shares * scale).sum(-1), torch.full((1, 61), value), atol=1e-5, rtol=0)
    assert (shares > 0).sum(-1).max() <= 2


def test_the_scale_spans_each_channels_range() -> None:
    scale = places(21)
    assert scale[:, 0].tolist() == LOWER.tolist()
    assert scale[:, -1].tolist() == UPPER.tolist()


def test_the_most_likely_value_is_no_compromise() -> None:
    scale = places(21)
    shares = 0.45 * two_hot(torch.zeros(1, 61), scale) + 0.55 * two_hot(torch.full((1, 61), 0.8), scale)
    found = most_likely((shares + 1e-9).log(), scale)
    torch.testing.assert_close(found[0, : INDEX["HeadYaw"]], torch.full((52,), 0.8), atol=1e-3, rtol=0)


def test_a_mode_needs_a_distribution(tiny_sentence_encoder: str) -> None:
    with pytest.raises(InputError, match="distribution"):
        TextRegressor(tiny_sentence_encoder, bins=0, answer="mode")


@pytest.mark.parametrize("encoder", ["tiny_sentence_encoder", "tiny_clip"])
def test_it_learns_a_few_keyframes_by_heart(encoder: str, request: pytest.FixtureRequest) -> None:
    torch.manual_seed(0)
    model = TextRegressor(request.getfixturevalue(encoder), rank=4, bins=11)
    given_batch = batch()
    model.train_std += 0.1
    before = (model.generate(given_batch).coefficients - given_batch.targets).square().mean()
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(given_batch)["loss"].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.eval()
    after = (model.generate(given_batch).coefficients - given_batch.targets).square().mean()
    assert after < 0.25 * before
    lora = {name: each for name, each in model.encoder.named_parameters() if "lora_B" in name}
    assert lora
    assert any(each.any() for each in lora.values())


def test_left_and_right_are_told_apart(tiny_sentence_encoder: str) -> None:
    """The sentences hold the same words: a pooled read-out of a frozen encoder cannot tell them apart as well."""
    torch.manual_seed(0)
    model = TextRegressor(tiny_sentence_encoder, rank=4, bins=0)
    texts = ["left brow up, right brow down", "right brow up, left brow down"]
    targets = torch.zeros(2, 61)
    targets[0, INDEX["BrowOuterUpLeft"]] = targets[1, INDEX["BrowOuterUpRight"]] = 1
    model.train_std += 0.3
    optimizer = torch.optim.AdamW([each for each in model.parameters() if each.requires_grad], lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        (model(texts) - targets).square().mean().backward()
        optimizer.step()
    assert (model(texts) - targets).abs().max() < 0.2


def config(folder: Path, encoder: str, **init_args: Any) -> Path:
    values = {
        "seed_everything": 42,
        "run_dir": str(folder / "run"),
        "model": {"class_path": "TextRegressor", "init_args": {"text_encoder": encoder, "rank": 2} | init_args},
        "data": {
            "class_path": "KeyframeDataModule",
            "init_args": {
                "source": {"class_path": "BuiltinScripts", "init_args": {"n": 42}},
                "batch_size": 8,
                "augmentation": {"described": 0.5, "synonyms": 0.2, "mirror": 0.5},
            },
        },
        "trainer": {"max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_progress_bar": False},
    }
    path = folder / "text.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_a_checkpoint_holds_what_was_learnt_and_answers_alike(tmp_path: Path, tiny_sentence_encoder: str) -> None:
    assert run("fit", "--config", config(tmp_path, tiny_sentence_encoder)) == 0
    assert results(tmp_path / "run")["status"] == "complete"
    stored = torch.load(tmp_path / "run" / "best.ckpt", weights_only=True)["state_dict"]
    assert {name.split(".")[0] for name in stored} == {"encoder", "readout", "train_mean", "train_std"}
    assert all("lora_" in name for name in stored if name.startswith("encoder."))
    first, second = (load_module(tmp_path / "run" / "best.ckpt", TextRegressor) for _ in range(2))
    given_batch = batch(3)
    assert torch.equal(first.generate(given_batch).coefficients, second.generate(given_batch).coefficients)
    assert isinstance(first, TextRegressor)
    assert KeyframeDataModule(BuiltinScripts(3)).vary is None
