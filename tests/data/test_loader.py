from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kfzoo.data.batch import KeyframeBatch, Sample, collate
from kfzoo.data.keyframe_datamodule import KeyframeDataModule
from kfzoo.data.loader import ResumableLoader, evaluation_loader
from kfzoo.data.script import PARTS, Keyframe, Script, fingerprint
from kfzoo.data.sources.builtin import BuiltinScripts
from kfzoo.data.sources.jsonl import ScriptsJsonl, write_scripts
from kfzoo.errors import InputError
from tests.data.test_split import scripts


def samples(count: int) -> list[Sample]:
    return [Sample(script, 0, "arkit") for script in scripts(count, each=1)]


def ids(batches: Sequence[KeyframeBatch]) -> list[list[str]]:
    return [batch.ids for batch in batches]


@pytest.mark.parametrize("stop", [0, 1, 3, 7])
def test_a_loader_goes_on_with_the_batch_that_was_next(stop: int) -> None:
    def loader() -> ResumableLoader:
        return ResumableLoader(samples(50), collate, batch_size=7, seed=3)

    def epochs(each: ResumableLoader, first: int, last: int) -> list[list[str]]:
        found = []
        for epoch in range(first, last):
            each.epoch_sampler.set_epoch(epoch)
            found += ids(list(each))
        return found

    whole = epochs(loader(), 0, 3)
    interrupted = loader()
    epochs(interrupted, 0, 1)
    interrupted.epoch_sampler.set_epoch(1)
    iterator = iter(interrupted)
    for _ in range(stop):
        next(iterator)
    state = interrupted.state_dict()

    resumed = loader()
    resumed.load_state_dict(state)
    assert epochs(resumed, 1, 3) == whole[8 + stop :]


def test_epochs_differ_and_hold_every_sample_once() -> None:
    loader = ResumableLoader(samples(50), collate, batch_size=7, seed=3)
    epochs = []
    for epoch in range(2):
        loader.epoch_sampler.set_epoch(epoch)
        epochs.append([name for batch in ids(list(loader)) for name in batch])
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(sample.id for sample in samples(50))


@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_shows_each_sample_to_one_process(world: int) -> None:
    seen = [
        name
        for rank in range(world)
        for batch in evaluation_loader(samples(10), collate, batch_size=4, rank=rank, world_size=world)
        for name in batch.ids
    ]
    assert sorted(seen) == sorted(sample.id for sample in samples(10))


def test_statistics_come_from_the_training_part_alone() -> None:
    data = KeyframeDataModule(BuiltinScripts(63))
    train = np.stack([sample.keyframe.coefficients for sample in data.samples("train")])  # type: ignore[misc]
    np.testing.assert_allclose(data.statistics.mean, train.mean(0), atol=1e-6)
    np.testing.assert_allclose(data.statistics.std, train.std(0), atol=1e-6)
    subjects = [{sample.script.subject for sample in data.samples(part)} for part in PARTS]
    assert sum(map(len, subjects)) == len(set().union(*subjects)) == 21


def test_evaluation_takes_batches_of_its_own_size() -> None:
    data = KeyframeDataModule(BuiltinScripts(63), batch_size=1, evaluation_batch_size=7, predict="val")
    assert len(next(iter(data.train_dataloader()))) == 1
    for loader in (data.val_dataloader(), data.test_dataloader(), data.predict_dataloader()):
        assert len(next(iter(loader))) == 7
    assert len(next(iter(KeyframeDataModule(BuiltinScripts(63), batch_size=3).test_dataloader()))) == 3
    with pytest.raises(InputError, match=r"^data.evaluation_batch_size: expected at least 1, found 0$"):
        KeyframeDataModule(BuiltinScripts(63), evaluation_batch_size=0)


def test_the_fingerprint_follows_the_content_not_its_place(tmp_path: Path) -> None:
    made = list(BuiltinScripts(8))
    write_scripts(tmp_path / "a.jsonl", made)
    assert fingerprint(ScriptsJsonl(str(tmp_path / "a.jsonl"))) == fingerprint(made)
    assert fingerprint(made[:-1]) != fingerprint(made)


def test_a_batch_without_truth_says_whose_is_missing() -> None:
    known, unknown = samples(2)
    unknown = Sample(Script("x", "", "", "", (Keyframe(0, 0.0, arkit="A frown."),)), 0, "arkit")
    batch = collate([known, unknown])
    assert batch.coefficients is None
    with pytest.raises(ValueError, match="keyframe 'x#0' has no coefficients"):
        _ = batch.targets
    assert torch.equal(collate([known]).targets, torch.zeros(1, 61))


def test_data_without_truth_is_refused_where_truth_is_needed() -> None:
    class Unlabelled(BuiltinScripts):
        def script(self, number: int) -> Script:
            made = super().script(number)
            return replace(made, keyframes=tuple(replace(k, coefficients=None) for k in made.keyframes))

    data = KeyframeDataModule(Unlabelled(42))
    with pytest.raises(InputError, match="has no coefficients; only `predict` works on data without truth"):
        _ = data.statistics
