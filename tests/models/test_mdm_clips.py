from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from kfzoo.arkit.channels import LOWER, UPPER
from kfzoo.arkit.mirror import mirror_text
from kfzoo.data.clip import Clip
from kfzoo.data.clip_batch import ClipBatch, collate_clips
from kfzoo.data.clip_datamodule import ClipDataModule
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.sources.base import ClipSource
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.split import Split
from kfzoo.data.statistics import Statistics
from kfzoo.errors import InputError
from kfzoo.metrics.functional.motion import speed
from kfzoo.models.mdm import ClipMDM

TINY = {"width": 16, "layers": 1, "heads": 2, "feedforward": 32, "dropout": 0.0}


def clip(number: int, frames: int) -> Clip:
    """Smooth motion of an expression of its own, with words of its own."""
    generator = np.random.default_rng(number)
    rates, phases = generator.uniform(0.2, 0.8, (2, 61))
    waves = np.sin(2 * np.pi * (rates * np.arange(frames)[:, None] / 20 + phases))
    motion = (0.5 + 0.4 * waves).astype(np.float32)
    caption = ("The left eye blinks.", "The jaw is open.", "A broad smile.", "The right brow rises.")[number % 4]
    return Clip(f"take{number}/000", motion, (caption,), "one", f"take{number}")


class Made(ClipSource):
    def __iter__(self) -> Iterator[Clip]:
        for number in range(10):
            yield clip(number, 24 + 2 * number)


def data(**arguments: Any) -> ClipDataModule:
    return ClipDataModule(Made(), Split(by="recording", val=0.2, test=0.2), **({"batch_size": 3} | arguments))


def batch_of(*frames: int) -> ClipBatch:
    return collate_clips([clip(number, count) for number, count in enumerate(frames)])


@pytest.fixture
def make(tiny_sentence_encoder: str) -> Callable[..., ClipMDM]:
    """Makes a tiny model of random weights, which knows some statistics."""

    def build(**settings: Any) -> ClipMDM:
        torch.manual_seed(1)
        model = ClipMDM(**({"text_encoder": tiny_sentence_encoder} | TINY | settings))
        model.set_statistics(Statistics(torch.full((61,), 0.5), torch.full((61,), 0.3)))
        return model

    return build


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Trainer]:
    def build(**settings: Any) -> Trainer:
        switches = ("logger", "use_distributed_sampler")
        shown = ("enable_progress_bar", "enable_model_summary", "enable_checkpointing")
        quiet: dict[str, Any] = dict.fromkeys((*switches, *shown), False)
        return Trainer(default_root_dir=tmp_path, accelerator="cpu", num_sanity_val_steps=0, **(quiet | settings))

    return build


# Learning ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", ["sample", "epsilon"])
@pytest.mark.parametrize("rubbish", [0.0, 7.0, float("nan"), float("inf")])
def test_padding_changes_neither_loss_nor_gradient(
    make: Callable[..., ClipMDM], rubbish: float, prediction: str
) -> None:
    plain = batch_of(30, 24, 41)
    frames = torch.cat([plain.motion, torch.zeros(3, 13, 61)], dim=1)
    mask = torch.cat([plain.mask, torch.zeros(3, 13, dtype=torch.bool)], dim=1)
    padded = replace(plain, motion=frames.masked_fill(~mask[..., None], rubbish), mask=mask)
    found = []
    for batch in (plain, padded):
        model = make(prediction=prediction)
        loss = model.loss(batch)["loss"]
        loss.backward()  # type: ignore[no-untyped-call]
        grown = torch.cat([each.grad.flatten() for each in model.denoiser.parameters() if each.grad is not None])
        found.append((loss.detach(), grown))
    assert found[0][0] > 0.1
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_a_batchs_loss_is_the_mean_of_its_clips(make: Callable[..., ClipMDM]) -> None:
    model, batch = make(), batch_of(30, 24, 41)
    alone = [model.loss(collate_clips([each]))["loss"] for each in batch.clips]
    torch.testing.assert_close(model.loss(batch)["loss"], torch.stack(alone).mean(), rtol=1e-5, atol=1e-6)


def test_the_text_is_left_out_by_chance(make: Callable[..., ClipMDM]) -> None:
    other = replace(batch := batch_of(30, 24), captions=("Surprise.", "The cheeks are puffed."))
    always, never = make(text_dropout=0.1), make(text_dropout=0.0, guidance=1.0)
    assert never.loss(batch)["loss"] != never.loss(other)["loss"]
    always.hparams["text_dropout"] = 1.0
    assert always.loss(batch)["loss"] == always.loss(other)["loss"]


def test_validation_measures_what_answers_the_same_whatever_the_batches(
    make: Callable[..., ClipMDM], trainer: Callable[..., Trainer]
) -> None:
    found = []
    for size in (1, 2, 7):
        model = make(ema=0.5)
        assert model.averaged is not None
        with torch.no_grad():
            dict(model.averaged.named_parameters())["output_process.poseFinal.bias"].add_(1)
        [scores] = trainer().validate(model, datamodule=data(batch_size=size), verbose=False)
        found.append(scores["val/loss"])
    assert found == pytest.approx([found[0]] * 3, rel=1e-5)
    [plain] = trainer().validate(make(), datamodule=data(), verbose=False)
    assert found[0] > plain["val/loss"] + 0.5


def test_training_prepares_what_it_needs(make: Callable[..., ClipMDM], trainer: Callable[..., Trainer]) -> None:
    model, module = make(), data(mirror=0.5)
    trainer(max_epochs=1, limit_val_batches=0).fit(model, datamodule=module)
    train = module.samples("train")
    assert int(model.longest) == max(map(len, train))
    torch.testing.assert_close(model.motion_mean, module.statistics.mean)
    torch.testing.assert_close(model.motion_std, module.statistics.std)
    captions = {caption for each in train for caption in each.captions}
    assert captions | {mirror_text(caption) for caption in captions} <= model.text._rows.keys()
    assert any(mirror_text(caption) != caption for caption in captions)
    assert model.provenance["annotation"] == "caption"
    assert model.provenance["split"] == module.split_digest


def test_a_resumed_run_is_the_same_run(
    make: Callable[..., ClipMDM], trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    settings = {"ema": 0.9, "learning_rate": 1e-2, "dropout": 0.0}
    whole = make(**settings)
    trainer(max_epochs=3).fit(whole, datamodule=data(mirror=0.5, latest_start=3))
    first = trainer(max_epochs=1)
    first.fit(make(**settings), datamodule=data(mirror=0.5, latest_start=3))
    first.save_checkpoint(tmp_path / "first.ckpt")
    again = make(**settings)
    trainer(max_epochs=3).fit(
        again, datamodule=data(mirror=0.5, latest_start=3), ckpt_path=tmp_path / "first.ckpt", weights_only=True
    )
    for name, values in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], values), name


def test_two_clips_are_learnt_and_samples_of_them_move(
    make: Callable[..., ClipMDM], trainer: Callable[..., Trainer]
) -> None:
    class Two(ClipSource):
        def __iter__(self) -> Iterator[Clip]:
            for number in range(2):
                for part in ("train", "val", "test"):
                    yield replace(clip(number, 30 + 10 * number), id=f"{part}{number}", part=part)

    sizes = {"text_encoder": "minilm", "width": 64, "layers": 2, "feedforward": 64}
    model = make(**sizes, learning_rate=3e-3, guidance=1.0, warmup_steps=20, cosine=True)
    module = ClipDataModule(Two(), Split(by="source"), batch_size=2)
    trainer(max_epochs=500, limit_val_batches=0).fit(model, datamodule=module)
    target = collate_clips(module.samples("test"))
    answer = model.generate(target)
    assert torch.equal(answer.mask, target.mask)
    for made, clip_ in zip(answer.motion.numpy(), target.clips, strict=True):
        made = made[: len(clip_)]
        given, wanted = (float(speed(torch.from_numpy(each), 20)) for each in (made, clip_.motion))
        assert given == pytest.approx(wanted, rel=0.5)
        assert np.square(made - clip_.motion).mean() < 0.25 * np.square(clip_.motion - clip_.motion.mean(0)).mean()


# Answering -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("scheduler", ["dpm_solver", "ddim"])
def test_a_sample_depends_on_its_own_words_length_and_seed_alone(
    make: Callable[..., ClipMDM], whole: bool, scheduler: str
) -> None:
    model = make(whole=whole, scheduler=scheduler)
    batch = batch_of(30, 24, 41, 20)
    together = model.generate(batch)
    assert torch.equal(model.generate(batch).motion, together.motion)
    assert torch.equal(together.mask, batch.mask)
    assert not together.motion[~together.mask].any()
    for place, each in enumerate(batch.clips):
        alone = model.generate(collate_clips([each])).motion[0]
        torch.testing.assert_close(together.motion[place, : len(each)], alone, rtol=0, atol=1e-5)
    backwards = model.generate(collate_clips(batch.clips[::-1]))
    torch.testing.assert_close(backwards.motion.flip(0), together.motion, rtol=0, atol=1e-5)
    other = make(whole=whole, scheduler=scheduler, seed=1).generate(batch)
    assert (other.motion - together.motion)[batch.mask].abs().mean() > 1e-3


def test_a_short_clip_is_the_beginning_of_a_whole_one(make: Callable[..., ClipMDM]) -> None:
    model = make(whole=True)
    model.longest.fill_(60)
    short, long = (model.sample(["A smile."], [length], [5]) for length in (25, 60))
    assert short.shape == (1, 25, 61)
    assert torch.equal(short, long[:, :25])
    cut = make(whole=False).sample(["A smile."], [25], [5])
    assert (cut - short).abs().max() > 1e-3


def test_values_keep_to_their_ranges(make: Callable[..., ClipMDM]) -> None:
    model = make()
    model.motion_std.fill_(5)
    found = model.sample(["A smile."], [40], [0])[0]
    assert ((found >= torch.tensor(LOWER)) & (found <= torch.tensor(UPPER))).all()
    assert (found[:, 0] == 0).any()
    assert (found[:, 60] == -1).any()


def test_no_clip_is_longer_than_those_of_training(make: Callable[..., ClipMDM]) -> None:
    model = make()
    model.longest.fill_(35)
    with pytest.raises(InputError) as caught:
        model.sample(["A smile."], [36], [0])
    assert str(caught.value) == (
        "length of a clip: 36 frames (1.8 s) are asked for, expected 1 to 35; "
        "the longest clip that the model was trained on is the limit"
    )
    answer = model.generate(batch_of(30, 41))
    assert answer.lengths.tolist() == [30, 35]
    assert answer.motion.shape == (2, 35, 61)


def test_what_cannot_be_answered_is_reported(make: Callable[..., ClipMDM]) -> None:
    model = make()
    with pytest.raises(InputError, match=r"^text 2 of 2: is empty; say what the face does$"):
        model.sample(["A smile.", " "], [20, 20], [0, 1])
    with torch.no_grad():
        model.denoiser.embed_text.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"^model: generated values that are no finite numbers"):
        model.sample(["A smile."], [20], [0])


def test_keyframes_are_refused(make: Callable[..., ClipMDM], trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(InputError) as caught:
        trainer(max_epochs=1).fit(make(), datamodule=KeyframeDataModule(BuiltinScripts(30)))
    assert str(caught.value) == (
        "data: ClipMDM reads clips, which KeyframeDataModule does not give; choose ClipDataModule"
    )
