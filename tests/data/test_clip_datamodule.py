from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray

from kfzoo.arkit.mirror import mirror
from kfzoo.data.clip import Clip
from kfzoo.data.clip_batch import ClipBatch
from kfzoo.data.clip_datamodule import ClipDataModule
from kfzoo.data.script import PARTS
from kfzoo.data.sources.base import ClipSource
from kfzoo.data.split import Split
from kfzoo.errors import InputError


class Made(ClipSource):
    """Clips of random motion: three a recording, recordings of two each by one subject."""

    def __init__(self, recordings: int = 12) -> None:
        self.recordings = recordings

    def __iter__(self) -> Iterator[Clip]:
        for number in range(3 * self.recordings):
            generator = np.random.default_rng(number)
            motion = generator.uniform(0, 1, (20 + number, 61)).astype(np.float32)
            motion[:, 5] = 0.25  # A constant channel.
            recording = number // 3
            captions = (f"The left eye, {number}.", f"The right brow, {number}.")
            yield Clip(f"r{recording}/{number % 3:03d}", motion, captions, f"S{recording // 2}", f"r{recording}")


def data(**arguments: Any) -> ClipDataModule:
    return ClipDataModule(Made(), Split(by="recording", val=0.2, test=0.2), **({"batch_size": 4} | arguments))


def epoch_of(module: ClipDataModule, epoch: int) -> list[ClipBatch]:
    loader = module.train_dataloader()
    loader.epoch_sampler.set_epoch(epoch)
    return list(loader)


def seen(batches: list[ClipBatch]) -> list[tuple[str, str, float]]:
    return [
        (each.id, caption, float(each.motion.sum()))
        for batch in batches
        for each, caption in zip(batch.clips, batch.captions, strict=True)
    ]


@pytest.mark.parametrize("by", ["recording", "subject"])
def test_a_recording_or_a_subject_is_in_one_part(by: Any) -> None:
    module = ClipDataModule(Made(), Split(by=by, val=0.2, test=0.2))
    groups = [{getattr(each, by) for each in module.samples(part)} for part in PARTS]
    assert all(groups)
    assert sum(map(len, groups)) == len(set().union(*groups)) == (12 if by == "recording" else 6)
    assert sum(len(module.samples(part)) for part in PARTS) == 36
    record = module.split_record()
    assert record["digest"] == module.split_digest
    assert set(record["test"]) == groups[2]


def test_statistics_come_from_the_frames_of_the_training_part_alone() -> None:
    module = data()
    frames = np.concatenate([each.motion for each in module.samples("train")]).astype(np.float64)
    np.testing.assert_allclose(module.statistics.mean, frames.mean(0), atol=1e-6)
    np.testing.assert_allclose(module.statistics.std, np.maximum(frames.std(0), 0.02), atol=1e-6)
    assert module.statistics.std[5] == pytest.approx(0.02)
    assert module.train_coefficients.shape == (len(frames), 61)
    everything = np.concatenate([each.motion for each in module.items])
    assert np.abs(everything.mean(0) - module.statistics.mean.numpy()).max() > 1e-4


def test_training_shows_each_clip_once_an_epoch_in_an_order_of_seed_and_epoch() -> None:
    module = data()
    first, second = epoch_of(module, 0), epoch_of(module, 1)
    assert sorted(each[0] for each in seen(first)) == sorted(each.id for each in module.samples("train"))
    assert [each[0] for each in seen(first)] != [each[0] for each in seen(second)]
    assert seen(first) == seen(epoch_of(data(), 0))
    assert seen(first) != seen(epoch_of(data(seed=1), 0))
    assert {tuple(batch.motion.shape[2:]) for batch in first} == {(61,)}


def test_changes_depend_on_seed_and_epoch_and_keep_to_training() -> None:
    module = data(mirror=0.5, latest_start=5)
    kinds: set[tuple[str, bool]] = set()
    for epoch in range(3):
        batches = epoch_of(module, epoch)
        assert seen(batches) == seen(epoch_of(data(mirror=0.5, latest_start=5), epoch))
        for batch in batches:
            for each, caption in zip(batch.clips, batch.captions, strict=True):
                kinds.add((caption.split(",")[0], is_mirrored(each, module)))
    plain, mirrored = {"The left eye", "The right brow"}, {"The right eye", "The left brow"}
    assert kinds == {(words, False) for words in plain} | {(words, True) for words in mirrored}
    for loader in (module.val_dataloader(), module.test_dataloader(), module.predict_dataloader()):
        for batch in loader:
            for each, caption in zip(batch.clips, batch.captions, strict=True):
                assert each in module.items
                assert caption == each.captions[0]


def is_mirrored(found: Clip, module: ClipDataModule) -> bool:
    """Whether a version shows the other side; fails when it is neither the clip nor its mirror image."""
    [whole] = [each for each in module.samples("train") if each.id == found.id]
    plain: NDArray[np.float32] = whole.motion[len(whole) - len(found) :]
    if np.array_equal(found.motion, plain):
        return False
    np.testing.assert_array_equal(found.motion, mirror(plain))
    return True


def test_a_version_of_an_epoch_is_the_same_from_loading_processes() -> None:
    plain, workers = data(mirror=0.5), data(mirror=0.5, num_workers=1)
    loader = workers.train_dataloader()
    for epoch in range(2):  # They live on from epoch to epoch.
        loader.epoch_sampler.set_epoch(epoch)
        assert seen(list(loader)) == seen(epoch_of(plain, epoch))


def test_training_goes_on_with_the_batch_that_was_next() -> None:
    module = data(mirror=0.5, latest_start=5)
    whole = epoch_of(module, 1)
    interrupted = module.train_dataloader()
    interrupted.epoch_sampler.set_epoch(1)
    iterator = iter(interrupted)
    begun = [next(iterator), next(iterator)]
    resumed = module.train_dataloader()
    resumed.load_state_dict(interrupted.state_dict())
    resumed.epoch_sampler.set_epoch(1)
    assert seen(begun) + seen(list(resumed)) == seen(whole)


def test_predict_takes_a_part_or_all_without_a_split() -> None:
    module = ClipDataModule(Made(1), predict="all")
    assert [name for batch in module.predict_dataloader() for name in batch.ids] == ["r0/000", "r0/001", "r0/002"]
    module = data(predict="val", evaluation_batch_size=100)
    [batch] = list(module.predict_dataloader())
    assert batch.ids == [each.id for each in module.samples("val")]


def test_fingerprints_follow_the_clips_and_their_parts() -> None:
    assert data().fingerprint == data(seed=3).fingerprint
    assert data().fingerprint != ClipDataModule(Made(5)).fingerprint
    assert data().split_digest == data().split_digest
    assert data().split_digest != ClipDataModule(Made(), Split(by="recording", seed=1)).split_digest


class _Sums(LightningModule):
    """Adds up what it is shown, to see that a Trainer hands the batches through."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.shown: list[list[str]] = []

    def training_step(self, batch: ClipBatch, batch_idx: int) -> torch.Tensor:
        self.shown.append(list(batch.captions))
        return self.weight * (batch.motion * batch.mask[..., None]).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_a_trainer_sets_the_epoch_of_the_changes(tmp_path: Any) -> None:
    module, sums = data(mirror=0.5), _Sums()
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    settings: dict[str, Any] = {"use_distributed_sampler": False, "limit_val_batches": 0, **quiet}
    Trainer(accelerator="cpu", max_epochs=2, default_root_dir=tmp_path, **settings).fit(sums, datamodule=module)
    expected = [list(batch.captions) for epoch in range(2) for batch in epoch_of(data(mirror=0.5), epoch)]
    assert sums.shown == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "data.batch_size: expected at least 1, found 0"),
        ({"evaluation_batch_size": 0}, "data.evaluation_batch_size: expected at least 1, found 0"),
        ({"mirror": 1.5}, "data.mirror: expected a probability between 0 and 1, found 1.5"),
        ({"latest_start": -1}, "data.latest_start: expected 0 or more frames, found -1"),
        ({"smallest_std": 0.0}, "data.smallest_std: expected more than 0, found 0.0"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        data(**arguments)
    assert str(caught.value) == message


def test_data_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        ClipDataModule(Made()).samples("train")
    assert str(caught.value) == (
        "data.split.by: 'source' needs parts that the source assigns, and clip 'r0/000' has none; "
        "choose 'subject' or 'recording'"
    )
    with pytest.raises(InputError, match=r"^data\.split: the val part is empty \(6 clips in 2 groups by recording\)"):
        ClipDataModule(Made(2), Split(by="recording")).samples("train")
    with pytest.raises(InputError, match=r"^data\.source: holds no clips$"):
        ClipDataModule(Made(0)).samples("train")
